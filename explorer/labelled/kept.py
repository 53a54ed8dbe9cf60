"""A data set that was brought: kept, told who uses it, packed to be taken along, removed."""

from __future__ import annotations

import io

import numpy as np

from explorer.data import own
from explorer.data.card import DataCard
from explorer.data.datasets import load
from explorer.labelled.fit import Fit
from explorer.labelled.found import Found
from explorer.runs import service


def keep(found: Found, fit: Fit = "whole", *, title: str, source: str) -> DataCard:
    """Keeps what was found by ``fit`` as a data set and returns its card. ``source`` names the files. Raises DataError
    with fault and remedy."""
    source = f"Brought here as {source}"
    return own.keep(found.train, found.test, found.classes, title=title, source=source, marks=fit == "mark")


def learners(card: DataCard) -> list[str]:
    """The names of the runs here that learn or learned from it."""
    runs = service.local().store.list()
    return [f"{run.name} · {run.id[:4]}" for run in runs if run.spec.data.dataset == card.name]


def remove(card: DataCard) -> None:
    """Removes an own data set. Raises DataError while networks are here that learned from it, or the disk refuses."""
    own.delete(card, users=lambda: learners(card))


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
