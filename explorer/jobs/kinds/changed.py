"""The answers of a network and of its edited copy to all test images."""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer.analysis import change
from explorer.edits import from_json
from explorer.jobs.context import Context
from explorer.jobs.progress import Progress

SIDES = ("before", "after")
PARTS = ("predictions", "probabilities", "losses")


def compute(context: Context, params: dict[str, Any], progress: Progress) -> dict[str, np.ndarray]:
    """``params``: ``edits`` as JSON. Arrays ``before_…`` and ``after_…``, see :class:`explorer.analysis.Evaluation`."""
    test, card = context.data.test, context.data.card
    pair = (context.network, change.changed(context.network, from_json(params["edits"])))
    arrays: dict[str, np.ndarray] = {}
    for number, (side, network) in enumerate(zip(SIDES, pair, strict=True)):

        def tell(share: float, number: int = number) -> None:
            progress((number + share) / len(SIDES))

        found = change.answers(network, test.labels, pixels=test.pixels, card=card, progress=tell)
        arrays |= {f"{side}_{part}": getattr(found, part) for part in PARTS}
    return arrays
