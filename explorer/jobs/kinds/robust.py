"""Right answers of a network while its test images get harder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from explorer.jobs.context import Context
    from explorer.jobs.progress import Progress


def compute(context: Context, params: dict[str, Any], progress: Progress) -> dict[str, np.ndarray]:
    """``params``: ``trial``, and ``images``, how many of the test images, each class in its share (None: all). See
    :func:`explorer.analysis.robust.robustness`."""
    from explorer.analysis.robust import robustness, trial
    from explorer.data.splits import stratified_sample

    test = context.data.test
    count = len(test) if params["images"] is None else int(params["images"])
    numbers = stratified_sample(test.labels, count)
    progress(0.0, trial(params["trial"]).title)
    return robustness(
        context.network,
        test.pixels[numbers],
        test.labels[numbers],
        context.data.card,
        params["trial"],
        numbers=numbers,
        progress=progress,
    )
