"""A data set that was brought: kept, told who uses it, packed to be taken along, removed."""

from __future__ import annotations

import io

import numpy as np

from explorer import networks
from explorer.data import own
from explorer.data.card import DataCard
from explorer.data.datasets import load
from explorer.errors import DataError
from explorer.labelled.found import Found


def keep(found: Found, *, title: str, source: str) -> DataCard:
    """Keeps what was found as a data set and returns its card. ``source`` names the files. Raises DataError with fault
    and remedy."""
    if (found.train.pixels == found.train.pixels[:1]).all():
        raise DataError("all of these images are the same: look at the files, and at what of each picture is taken")
    return own.keep(found.train, found.test, found.classes, title=title, source=f"Brought here as {source}")


def learners(card: DataCard) -> list[str]:
    """The titles of the networks here that learned from it."""
    return [known.label for known in networks.known() if known.spec.data.dataset == card.name]


def remove(card: DataCard) -> None:
    """Removes an own data set. Raises DataError while networks are here that learned from it, or the disk refuses."""
    there = learners(card)
    if there:
        more = f" and {len(there) - 3} more" if len(there) > 3 else ""
        raise DataError(
            f"{', '.join(there[:3])}{more} learned from {card.title}, and can't be looked into without it: delete "
            "these runs first"
        )
    own.delete(card)


def as_npz(card: DataCard) -> bytes:
    """All images as a compressed ``.npz``: ``train_images`` (N, H, W) uint8, ``train_labels`` (N,), the same for
    ``test``, and the names of the ``classes``. Brought in again it is the same data set."""
    data = load(card.name)
    file = io.BytesIO()
    np.savez_compressed(
        file,
        train_images=np.asarray(data.train.pixels)[:, 0],
        train_labels=np.asarray(data.train.labels),
        test_images=np.asarray(data.test.pixels)[:, 0],
        test_labels=np.asarray(data.test.labels),
        classes=np.array(card.classes),
    )
    return file.getvalue()
