"""Every test image's nearest training images, as the network sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from explorer.jobs.context import Context
    from explorer.jobs.progress import Progress

MOST = 1024
"""Numbers an image: 60,000 of them take 245 MB."""


def compute(context: Context, params: dict[str, Any], progress: Progress) -> dict[str, np.ndarray]:
    """``params``: ``count``, how many neighbours. Gives ``numbers`` int32 (N, k) of training images and ``distances``
    float32 (N, k) in the last layer before the logits, the nearest first."""
    from explorer.analysis.features import features, penultimate
    from explorer.analysis.neighbours import nearest
    from explorer.jobs.progress import part

    network, data = context.network, context.data
    layer = penultimate(network)
    shares = (("reading the training images", 0.05, 0.6), ("reading the test images", 0.6, 0.7))
    rows = [
        features(network, images.pixels, data.card, layer, most=MOST, progress=part(progress, first, last, phase))
        for images, (phase, first, last) in zip((data.train, data.test), shares, strict=True)
    ]
    numbers, distances = nearest(rows[0], rows[1], params["count"], progress=part(progress, 0.7, 1.0, "comparing"))
    return {"numbers": numbers, "distances": distances}
