"""How networks learned: their curves in one chart each, followed as long as one of them trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from explorer.figures import curves
from explorer.figures.curves import Axis, Quantity
from explorer.networks import Known
from explorer.runs.follower import Curve
from explorer.ui import cache, shell
from explorer.ui.components import chart
from explorer.ui.live import REFRESH

AXES: dict[Axis, str] = {"epoch": "Against epochs", "step": "Against steps"}
OF = {"validation": "Validation", "train": "Training"}
QUANTITIES: tuple[Quantity, ...] = ("accuracy", "loss")


def show(chosen: Sequence[Known]) -> None:
    """The charts, and one sentence on networks that have no curves."""
    trained = [one for one in chosen if one.kind == "run" and not one.edited and not one.imported]
    st.markdown("**How they learned**")
    if not trained:
        st.caption("None of these was trained by you: curves are there for your own runs.")
        return
    busy = tuple(one.id for one in trained if cache.run_record(one.id).active)
    shell.fragment(key="compare-curves", run_every=REFRESH if busy else None)(_charts)(trained, busy)
    if len(trained) < len(chosen):
        st.caption("Bundled, edited and imported networks have no curves.")


def _charts(trained: Sequence[Known], busy: Sequence[str]) -> None:
    if any(not cache.run_record(one).active for one in busy):  # one has ended: all of the page says more now
        cache.known_networks.clear()
        cache.run_record.clear()
        st.rerun()
    with st.container(horizontal=True, gap="medium", key="compare-curve-options"):
        of = st.segmented_control(
            "Images",
            list(OF),
            default="validation",
            required=True,
            format_func=OF.__getitem__,
            key="compare-images",
            persist_state="session",
            label_visibility="collapsed",
        )
        axis = st.segmented_control(
            "Axis",
            list(AXES),
            default="epoch",
            required=True,
            format_func=AXES.__getitem__,
            key="compare-axis",
            persist_state="session",
            label_visibility="collapsed",
        )
    found = {one.label: cache.follower(one.id).curves() for one in trained}
    sides = st.columns(2, gap="medium")
    for side, quantity in zip(sides, QUANTITIES, strict=True):
        lines = {label: all_of[key] for label, all_of in found.items() if (key := f"{quantity}/{of}") in all_of}
        with side:
            _chart(lines, quantity, axis, OF[of])


def _chart(lines: Mapping[str, Curve], quantity: Quantity, axis: Axis, of: str) -> None:
    if not lines:
        st.caption(f"The {quantity} appears with the first steps.")
        return
    reached = tuple((label, len(curve.values), float(curve.values[-1])) for label, curve in lines.items())
    drawn = cache.drawn_once(
        ("compare", quantity, axis, of, *reached), lambda: {quantity: _figure(lines, quantity, axis)}
    )
    st.markdown(f"{of} {quantity}")
    latest = "; ".join(f"{label} {curve.values[-1]:.4g}" for label, curve in lines.items())
    alt = f"{of} {quantity} against {axis}s. Latest: {latest}"
    chart(drawn[quantity], key=f"compare-{quantity}", height=320, alt=alt)


def _figure(lines: Mapping[str, Curve], quantity: Quantity, axis: Axis) -> go.Figure:
    series = [
        curves.Series(label, np.asarray(curve.epochs if axis == "epoch" else curve.steps), curve.values)
        for label, curve in lines.items()
    ]
    return curves.side_by_side(series, quantity, axis=axis)
