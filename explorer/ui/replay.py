"""A run's snapshots: its first kernels, probe images and the confusion matrix, while it trains and afterwards."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.data.cards import find_card
from explorer.errors import ExplorerError
from explorer.figures import theme
from explorer.figures.matrix import matrix
from explorer.figures.probes import probes
from explorer.runs.records import RunRecord
from explorer.ui import cache
from explorer.ui.components import chart, wall
from explorer.ui.text import probability


def show(run: RunRecord) -> None:
    """The latest snapshot, or of a run that has ended the one that the reader chooses."""
    steps = cache.snapshot_steps(run.id)
    if not steps:
        st.caption("Kernels and probe images appear with the first snapshot.")
        return
    step = steps[-1]
    if not run.active and len(steps) > 1:
        step = st.select_slider(
            "Replay training: step",
            steps,
            value=steps[-1],
            key=f"replay-{run.id}",
            format_func=lambda value: f"{value:,}",
            help="Moves kernels, probe images and confusion matrix to an earlier moment of training.",
        )
    try:
        snapshot = cache.snapshot(run.id, step)
    except ExplorerError as error:
        st.caption(str(error))
        return
    card = find_card(run.spec.data.dataset)
    st.caption(
        f"Step {step:,}, epoch {snapshot.epoch:.2f}, on {snapshot.images:,} validation images: "
        f"loss {theme.significant(snapshot.loss, 3)}, accuracy {snapshot.accuracy:.1%}"
    )
    view = st.segmented_control(
        "Snapshot",
        ["Kernels and probes", "Confusion"],
        default="Kernels and probes",
        required=True,
        key=f"snapshot-view-{run.id}",
        label_visibility="collapsed",
    )
    if view == "Confusion":
        seen = cache.drawn_once((run.id, step, view), lambda: {view: matrix(snapshot.confusion, card.classes)})
        chart(
            seen[view],
            key=f"live-confusion-{run.id}",
            height=420,
            grows=True,
            alt="Confusion matrix of validation images",
        )
        return
    if snapshot.kernels is not None:
        st.subheader("First layer's kernels", anchor=False)
        wall(
            snapshot.kernels, key=f"live-kernels-{run.id}", scale="signed", tile=30, label="Kernels of the first layer"
        )
    st.subheader(
        "Probe images",
        anchor=False,
        help="Ten validation images, of as many classes; rows are the images, columns what the network takes them for.",
    )
    seen = cache.drawn_once(
        (run.id, step, view), lambda: {view: probes(snapshot.probabilities, snapshot.labels, card.classes)}
    )
    chart(
        seen[view],
        key=f"live-probes-{run.id}",
        height=330,
        grows=True,
        alt=_probe_alt(snapshot.labels, snapshot.probabilities, card.classes),
    )


def _probe_alt(labels: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]) -> str:
    pairs = (
        f"{classes[label]} read as {classes[int(row.argmax())]} with {probability(float(row.max()))}"
        for label, row in zip(labels, probabilities, strict=True)
    )
    return "Probe images: " + ", ".join(pairs)
