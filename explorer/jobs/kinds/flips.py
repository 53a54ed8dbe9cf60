"""The smallest changes that turn a network's answer to one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from explorer.jobs.context import Context
    from explorer.jobs.progress import Progress


def compute(context: Context, params: dict[str, Any], progress: Progress) -> dict[str, np.ndarray]:
    """``params``: ``pixels``, a picture as :func:`explorer.digits.link.to_text` writes it, and ``wanted``, the class
    that the answer is to be (None: any other). Gives :func:`explorer.analysis.flips.pack` of all kinds of change."""
    from explorer.analysis.flips import CHANGES, pack, smallest
    from explorer.digits.link import from_text

    card = context.data.card
    pixels = from_text(params["pixels"], card.shape)
    arrays: dict[str, np.ndarray] = {}
    for place, (name, change) in enumerate(CHANGES.items()):
        progress(place / len(CHANGES), change.title)
        arrays |= pack(smallest(context.network, pixels, params["wanted"], card, name))
    return arrays
