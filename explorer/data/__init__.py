"""Data sets: their cards, their images, fixed splits, and what turns them into a network's input.

What needs torch is imported on first use, so that a page can show a card, and a process open cached images, without
it. :func:`explorer.data.augment.augment` is not repeated here, because it has its module's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.data.cards import CARDS, DataCard, find_card
from explorer.data.datasets import Dataset, Images, load
from explorer.data.splits import Splits, split

if TYPE_CHECKING:
    from explorer.data.tensors import as_tensor, black, normalise

__all__ = [
    "CARDS",
    "DataCard",
    "Dataset",
    "Images",
    "Splits",
    "as_tensor",
    "black",
    "find_card",
    "load",
    "normalise",
    "split",
]


def __getattr__(name: str) -> object:
    if name in ("as_tensor", "black", "normalise"):
        from explorer.data import tensors

        return getattr(tensors, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
