"""The data set itself: which images a network finds hard or odd, and which are there twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer.analysis.collection import oddness
from explorer.analysis.duplicates import exact_pairs, near_pairs
from explorer.analysis.evaluate import evaluate
from explorer.analysis.features import features, penultimate
from explorer.data import split
from explorer.jobs.context import Context
from explorer.jobs.progress import Progress, part
from explorer.spec import DataSpec

NUMBERS = 512
"""How many numbers of the penultimate layer are compared at most; a wider layer is projected."""
MOST_APART = 12.0
"""Grey levels, of 255, by which near-duplicates differ at most in the root mean square: half of MNIST's test digits
have no training digit within 40."""
TRAIN, VALIDATION, TEST = range(3)


def ranks(context: Context, params: dict[str, Any], progress: Progress) -> dict[str, np.ndarray]:
    """Of all images of ``images``, 'train' or 'test': ``losses``, ``predictions`` and ``oddness``, (N,) each."""
    images = context.data.train if params["images"] == "train" else context.data.test
    network, card = context.network, context.data.card
    answers = evaluate(
        network, images.pixels, images.labels, card, progress=part(progress, 0.0, 0.45, "reading the images")
    )
    tell = part(progress, 0.45, 0.85, "comparing the images")
    rows = features(network, images.pixels, card, penultimate(network), most=NUMBERS, progress=tell)
    return {
        "losses": answers.losses,
        "predictions": answers.predictions,
        "oddness": oddness(rows, images.labels),
    }


def duplicates(context: Context, params: dict[str, Any], progress: Progress) -> dict[str, np.ndarray]:
    """Pairs of images in different splits, of ``validation_share`` and ``split_seed``: ``exact`` (P, 2), ``near``
    (Q, 2) and by how many grey levels those differ, ``apart`` (Q,). Images are numbered through, the training images
    first; ``splits`` (N,) says where each is: 0 learned from, 1 validation, 2 test."""
    data = context.data
    chosen = DataSpec(
        dataset=data.card.name, validation_share=params["validation_share"], split_seed=params["split_seed"]
    )
    splits = np.full(len(data.train) + len(data.test), TRAIN, np.int8)
    splits[split(data, chosen).validation] = VALIDATION
    splits[len(data.train) :] = TEST
    pixels = np.concatenate([data.train.pixels, data.test.pixels])
    progress(0.02, "looking for equals")
    exact = exact_pairs(pixels, splits)
    near, apart = near_pairs(
        pixels,
        splits,
        MOST_APART,
        searched=np.flatnonzero(splits != TRAIN),
        progress=part(progress, 0.1, 1.0, "looking for near ones"),
    )
    return {"exact": exact, "near": near[apart > 0], "apart": apart[apart > 0], "splits": splits}
