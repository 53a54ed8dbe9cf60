"""How networks learned: their curves in one chart each, followed as long as one of them trains."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import streamlit as st

from explorer.figures import curves
from explorer.figures.curves import Axis, Quantity
from explorer.networks import Known
from explorer.runs.follower import Curve
from explorer.ui import cache, shell
from explorer.ui.components import chart
from explorer.ui.live import REFRESH
from explorer.ui.text import cell

Chosen = TypeVar("Chosen", bound=str)

AXES: dict[Axis, str] = {"epoch": "Against epochs", "step": "Against steps"}
OF = {"validation": "Validation", "train": "Training"}
QUANTITIES: tuple[Quantity, ...] = ("accuracy", "loss")
STRETCHES = 60
"""Means that a training curve is shown as."""


def show(trained: Sequence[Known], compared: int) -> None:
    """The charts of those that were trained here, and one sentence on the others of so many that are ``compared``."""
    st.header("How they learned", anchor=False)
    if not trained:
        st.caption("None of these was trained by you: curves are there for your own runs.")
        return
    busy = any(one.busy for one in trained)
    shell.fragment(key="compare-curves", run_every=REFRESH if busy else None)(_charts)(trained)
    if len(trained) < compared:
        st.caption("Bundled, edited and imported networks have no curves.")
    st.download_button(
        "Download curves as CSV",
        lambda: as_csv(trained),
        file_name="curves.csv",
        mime="text/csv",
        key="compare-curves-csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _charts(trained: Sequence[Known]) -> None:
    with st.container(horizontal=True, gap="medium", key="compare-curve-options"):
        of = _choice("Images", OF)
        axis = _choice("Axis", AXES)
    found = {one.id: cache.follower(one.id).curves() for one in trained}
    sides = st.columns(2, gap="medium")
    for side, quantity in zip(sides, QUANTITIES, strict=True):
        # Also those that have none yet: a network keeps its colour.
        lines = [(one, found[one.id].get(f"{quantity}/{of}")) for one in trained]
        with side:
            _chart(lines, quantity, axis, of)


def _choice(name: str, options: Mapping[Chosen, str]) -> Chosen:
    """One of the options, at first the first."""
    return st.segmented_control(
        name,
        list(options),
        default=next(iter(options)),
        required=True,
        format_func=options.__getitem__,
        key=f"compare-{name.lower()}",
        persist_state="session",
        label_visibility="collapsed",
    )


def _chart(lines: Sequence[tuple[Known, Curve | None]], quantity: Quantity, axis: Axis, of: str) -> None:
    st.markdown(f"{OF[of]} {quantity}")
    there = [(one, curve) for one, curve in lines if curve is not None]
    if not there:
        st.caption(f"The {quantity} appears with the first steps.")
        return
    series = [_series(one, curve, axis, of) for one, curve in lines]
    reached = tuple((one.label, 0 if curve is None else len(curve.values)) for one, curve in lines)
    latest = "; ".join(f"{one.label} {curve.values[-1]:.4g}" for one, curve in there)
    drawn = cache.drawn_once(
        ("compare", quantity, axis, of, latest, *reached),
        lambda: {quantity: curves.side_by_side(series, quantity, axis=axis)},
    )
    alt = f"{OF[of]} {quantity} against {axis}s. Latest: {latest}"
    chart(drawn[quantity], key=f"compare-{quantity}", height=320, alt=alt)
    begins = curves.begins(series) if quantity == "accuracy" else 0.0
    if any((one.y < begins).any() for one in series):
        st.caption(f"The axis begins at {begins:.1%}, above the first points: drag it down to see them.")


def _series(network: Known, curve: Curve | None, axis: Axis, of: str) -> curves.Series:
    if curve is None:
        return curves.Series(network.label, np.empty(0), np.empty(0))
    x, y = np.asarray(curve.epochs if axis == "epoch" else curve.steps, np.float64), curve.values
    # Of a step's few images accuracy and loss jump: the means of even stretches show where they go.
    return curves.Series(network.label, *(curves.means(x, y, STRETCHES) if of == "train" else (x, y)))


def as_csv(trained: Sequence[Known]) -> str:
    """Every number that was written down while they trained, one a line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["network", "run", "metric", "step", "epoch", "value"])
    for one in trained:
        for key, curve in cache.follower(one.id).curves().items():
            rows = zip(curve.steps.tolist(), curve.epochs.tolist(), curve.values.tolist(), strict=True)
            writer.writerows([cell(one.title), one.id, key, *row] for row in rows)
    return buffer.getvalue()
