"""Where classes separate: maps of a sample of the test images after a layer, and the probes along the depth."""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer.analysis.probes import probe_curve
from explorer.analysis.separation import pca_points, tsne_points
from explorer.data import split
from explorer.data.splits import stratified_sample
from explorer.jobs.context import Context
from explorer.jobs.progress import Progress, part

METHODS = {"pca": pca_points, "tsne": tsne_points}
MOST_LEARN, MOST_SCORE = 5_000, 2_000


def points(context: Context, params: dict[str, Any], progress: Progress) -> dict[str, np.ndarray]:
    """A map by ``method``, 'pca' or 'tsne', after ``layer``, of ``count`` test images; on the axes of the network's
    version ``reference``, where one is named."""
    test, card = context.data.test, context.data.card
    chosen = stratified_sample(test.labels, int(params["count"]))
    method = METHODS[params["method"]]
    version = params.get("reference")
    reference = None if version is None else context.load(context.known.id, version)
    tell = part(progress, 0.0, 1.0, "mapping")
    return method(
        context.network,
        test.pixels[chosen],
        test.labels[chosen],
        card,
        params["layer"],
        reference=reference,
        progress=tell,
    )


def probes(context: Context, params: dict[str, Any], progress: Progress) -> dict[str, np.ndarray]:
    """The curve of :func:`~explorer.analysis.probes.probe_curve`, fitted on images that the network learned from and
    scored on its validation images, at most 5,000 and 2,000, or ``learn`` and ``score`` of them."""
    train = context.data.train
    splits = split(context.data, context.known.spec.data)
    learn = splits.train[: int(params.get("learn", MOST_LEARN))]
    score = splits.validation[: int(params.get("score", MOST_SCORE))]
    found = probe_curve(
        context.network,
        context.data.card,
        (train.pixels[learn], train.labels[learn]),
        (train.pixels[score], train.labels[score]),
        progress=part(progress, 0.0, 1.0, "reading layers"),
    )
    return {
        "layers": np.array(found.layers),
        "linear": found.linear,
        "neighbours": found.neighbours,
        "numbers": found.numbers,
        "kept": found.kept,
        "variance": found.variance,
        "learned": np.array(len(learn)),
        "scored": np.array(len(score)),
    }
