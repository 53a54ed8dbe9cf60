"""What is counted of networks while their test images get harder: on cards, by jobs, as a file, at a glance."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from explorer.analysis import wilson
from explorer.analysis.robust import TRIALS, Trial
from explorer.data.cards import DataCard
from explorer.errors import ExplorerError
from explorer.figures import harder
from explorer.jobs import service
from explorer.jobs.request import Request, ask
from explorer.jobs.service import Look
from explorer.networks import Known
from explorer.ui import cache, html, text

ATTACKED = 1_000
"""Test images that an attack is tried on: each takes as long as dozens of answers."""
AT_A_GLANCE = (
    ("plain", "shift", (0.0,)),
    ("shift 4 px", "shift", (4.0,)),
    ("turned ±30°", "rotation", (-30.0, 30.0)),
    ("size × 0.7", "scale", (0.7,)),
    ("size × 1.3", "scale", (1.3,)),
    ("noise 0.4", "noise", (0.4,)),
    ("blur 1.5 px", "blur", (1.5,)),
    ("contrast −80 %", "contrast", (0.8,)),
    ("inverted", "inversion", (1.0,)),
)


@dataclass(frozen=True, eq=False)
class Curve:
    """What is known of a network in a trial: its counts, or how far the job is that ``request`` asks for."""

    network: Known
    trial: Trial
    request: Request
    look: Look | None = None
    correct: np.ndarray | None = None
    images: int = 0

    @property
    def title(self) -> str:
        return self.network.label

    def accuracy(self) -> harder.Accuracy:
        """Only where it is counted."""
        assert self.correct is not None  # noqa: S101
        ends = np.array([wilson(int(correct), self.images) for correct in self.correct])
        return harder.Accuracy(self.title, np.array(self.trial.levels), self.correct / self.images, ends)


def curve(network: Known, card: DataCard, name: str) -> Curve:
    """A bundled network's card has its corruptions counted, on the very same images or on none."""
    data, trial = cache.dataset(card.name), TRIALS[name]
    images = min(ATTACKED, len(data.test)) if trial.attack else None
    request = ask("robustness", network=network, data=data, trial=name, images=images)
    known = (
        cache.corrupted_card(network.id, network.version)
        if network.kind == "zoo" and network.snapshot is None
        else None
    )
    if known is not None and known.fingerprint == data.fingerprint:
        for curve in known.curves:
            if curve.name == name and curve.levels == tuple(map(float, trial.levels)):
                return Curve(network, trial, request, correct=np.array(curve.correct), images=known.images)
    look = service.local().look(request.key)
    if look.state == "done":
        try:
            found = cache.job_result(request.key)
        except ExplorerError:  # not kept any more, or damaged and removed: it can be counted again
            return Curve(network, trial, request, look=Look("none"))
        return Curve(network, trial, request, correct=found["correct"], images=int(found["images"]))
    return Curve(network, trial, request, look=look)


def as_csv(counted: Sequence[Curve]) -> str:
    """One row for each network, trial and amount."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["network", "id", "trial", "amount", "unit", "images", "correct", "accuracy", "low", "high"])
    for curve in counted:
        for level, correct in zip(curve.trial.levels, curve.correct if curve.correct is not None else (), strict=True):
            low, high = wilson(int(correct), curve.images)
            which = (text.cell(curve.title), curve.network.id, curve.trial.name, level, curve.trial.unit)
            writer.writerow([*which, curve.images, int(correct), correct / curve.images, low, high])
    return file.getvalue()


def at_a_glance(card: DataCard) -> None:
    """What the cards of the bundled networks say, at one amount each."""
    rows = []
    for network in cache.known_networks():
        known = cache.corrupted_card(network.id, network.version) if network.kind == "zoo" else None
        if known is None or network.spec.data.dataset != card.name:
            continue
        counts = {
            (curve.name, level): n
            for curve in known.curves
            for level, n in zip(curve.levels, curve.correct, strict=True)
        }
        cells = []
        for _, name, levels in AT_A_GLANCE:
            found = [counts[name, level] for level in levels if (name, level) in counts]
            cells.append(f"{sum(found) / len(found) / known.images:.1%}" if found else "–")
        rows.append((network.title, *cells))
    if rows:
        st.header(
            "The bundled networks at a glance",
            anchor=False,
            help="From their cards: counted on all of the complete test set.",
        )
        head = ("Network", *(title for title, _, _ in AT_A_GLANCE))
        st.html(html.table(head, rows, caption="Accuracy under each corruption", numeric=range(1, len(head))))
