"""Test images whose label is likely wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from explorer.jobs.context import Context
    from explorer.jobs.progress import Progress


def compute(context: Context, params: dict[str, Any], progress: Progress) -> dict[str, np.ndarray]:
    """``params``: ``networks``, pairs of id and version. See :func:`explorer.analysis.label_errors.suspects`."""
    import numpy as np

    from explorer.analysis import evaluate
    from explorer.analysis.label_errors import suspects
    from explorer.jobs.progress import part

    test, pairs = context.data.test, params["networks"]
    probabilities = []
    for place, (network, version) in enumerate(pairs):
        model = context.load(network, version)
        share = part(progress, place / len(pairs), (place + 1) / len(pairs), f"asking {network}")
        probabilities.append(evaluate(model, test.pixels, test.labels, context.data.card, progress=share).probabilities)
    found = suspects(test.labels, np.stack(probabilities))
    return {
        "numbers": found.numbers,
        "suggested": found.suggested,
        "confidence": found.confidence,
        "margin": found.margin,
        "agreeing": found.agreeing,
        "confident": found.confident,
    }
