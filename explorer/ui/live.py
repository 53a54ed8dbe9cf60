"""The current run while it trains, and its replay afterwards: progress, curves, kernels, probe images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from explorer import edited, imported
from explorer.draft import Draft
from explorer.figures import curves, theme
from explorer.runs import service
from explorer.runs.follower import Curve
from explorer.runs.records import RunRecord
from explorer.training.choice import on_threads
from explorer.ui import cache, html, replay, shell, sidebar, state
from explorer.ui.components import chart
from explorer.ui.components.into_view import into_view
from explorer.ui.redraw import edit
from explorer.ui.text import duration

STATE_TITLES = {
    "queued": "Waiting for a free core",
    "running": "Training",
    "paused": "Paused",
    "finished": "Trained",
    "stopped": "Stopped early",
    "failed": "Failed",
}
REFRESH = 0.8
"""Seconds between two looks at a run: with what one takes on a busy server, each viewer has at least one a second."""


def show() -> None:
    """The live view; refreshes itself as long as the run is active."""
    network = sidebar.current_network()
    # Whoever presses Train wants to see it learn.
    state = STATE_TITLES[cache.run_record(network.id).state] if network.kind == "run" else ""
    into_view(
        ".st-key-run-header",
        network.id if network.busy else "",
        said=state and f"{network.title}: {state}",
        key="bring-run",
    )
    if network.kind == "zoo":
        _empty()
        return
    active = network.busy
    shell.fragment(key="live", run_every=REFRESH if active else None)(_view)(network.id, active)


def _empty() -> None:
    own = any(network.kind == "run" for network in cache.known_networks())
    st.info(
        "Press Train: here the loss falls, the kernels take shape, and one image of each class shows what the "
        "network thinks of it. Until then every page shows a bundled network that is trained already."
        + (" Your own runs are in the sidebar's list, before the bundled ones." if own else ""),
        icon=":material/show_chart:",
    )


def _view(run_id: str, was_active: bool) -> None:
    run = cache.run_record(run_id)
    if was_active and not run.active:
        cache.known_networks.clear()
        cache.run_record.clear()
        st.rerun()
    # Each part has a place of its own, also where it is empty: a part that appears must not move the charts to another
    # place, because there the browser would draw them anew and forget the zoom.
    origin, file = edited.origin(run), imported.origin(run)
    with st.container():
        _header(run, "Edited" if origin else "Imported" if file else STATE_TITLES[run.state])
    if origin:
        _edited(origin)
        return
    if file:
        _imported(run, file)
        return
    with st.container():
        _progress(run)
    with st.container():
        _outcome(run)
    left, right = st.columns([1.15, 1], gap="medium")
    with left:
        _curves(run)
    with right:
        replay.show(run)


def _header(run: RunRecord, title: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="run-header"):
        st.header(html.escape_markdown(run.name), anchor=False, width="content")
        st.badge(title, color=_colour(run.state))
        if run.active:
            _action("Pause", "pause", ":material/pause:", lambda: service.pause(run.id), run.state == "running")
            _action("Stop", "stop", ":material/stop:", lambda: service.stop(run.id))
        elif run.state in ("paused", "stopped", "failed"):
            _action("Resume", "resume", ":material/play_arrow:", lambda: service.resume(run.id))
    with st.container(horizontal=True, gap="small", key="run-actions"):
        _rebuild(run)
        if st.button("Compare", key="run-compare", icon=":material/compare_arrows:", help="Beside other networks."):
            st.switch_page(shell.path_of("compare"))
        with st.popover("Delete", icon=":material/delete:", key="delete-popover"):
            st.markdown(
                f"Delete {html.bold(run.name)} · {run.id[:4]} with its curves and weights? It can't be brought back."
            )
            _action("Delete it", "delete", ":material/delete:", lambda: _delete(run.id))


def _rebuild(run: RunRecord) -> None:
    """The way from a run to the next one: its network and recipe in the builder."""

    def taken(draft: Draft) -> Draft:
        shown = draft.run_spec()
        same = (shown.model, shown.data, shown.train) == (run.spec.model, run.spec.data, run.spec.train)
        return draft if same else Draft.from_run(run.spec)

    st.button(
        "Build from it",
        key="run-rebuild",
        icon=":material/design_services:",
        help="Brings its network and its recipe into the builder, to be changed. Undo brings back what is there now.",
        on_click=edit,
        args=(taken,),
    )


def _action(label: str, key: str, icon: str, act: Callable[[], object], enabled: bool = True) -> None:
    if st.button(label, key=f"run-{key}", icon=icon, disabled=not enabled):
        act()
        cache.run_record.clear()
        cache.known_networks.clear()
        st.rerun()


def _delete(run_id: str) -> None:
    service.delete(run_id)
    state.select_network(state.DEFAULT_NETWORK)


def _colour(run_state: str) -> Literal["blue", "green", "red", "gray"]:
    match run_state:
        case "running":
            return "blue"
        case "finished":
            return "green"
        case "failed":
            return "red"
        case _:
            return "gray"


def _edited(origin: Mapping[str, Any]) -> None:
    """A run that was not trained: what it was made from and how, in the place of its curves."""
    moment = "" if origin["snapshot"] is None else f", as it was after step {origin['snapshot']:,} of its training"
    st.markdown(
        f"Not trained but edited by hand, in Look inside, from **{html.escape_markdown(origin['title'])}** "
        f"({origin['from']}){moment}."
    )
    st.markdown("\n".join(f"- {html.escape_markdown(told)}" for told in origin["words"]))


def _imported(run: RunRecord, origin: Mapping[str, Any]) -> None:
    """A run that was not trained here: the file that it is from, and which of its tensors became which."""
    st.markdown(f"Not trained here but imported from **{html.escape_markdown(origin['file'])}**.")
    result = run.result or {}
    if "test_accuracy" in result:
        st.markdown(
            f"Test accuracy **{result['test_accuracy']:.2%}**: {result['test_correct']:,} of "
            f"{result['test_images']:,} images. What it has learned from is not known here."
        )
    st.markdown(imported.in_words(origin["by"], origin["converted"]))
    names = ("In the file", "In this network")
    st.html(html.table(names, origin["pairs"], caption="Which tensor became which"))


def _progress(run: RunRecord) -> None:
    at, epochs = run.progress, run.spec.train.epochs
    share = min(1.0, at.step / at.steps_total) if at.steps_total else 0.0
    parts = [f"epoch {at.epoch:.1f} of {epochs}"]
    if at.steps_total:
        parts.append(f"step {at.step:,} of {at.steps_total:,}")
    speed = (run.result or {}).get("images_per_second", at.images_per_second)  # at the end that of the whole run
    if speed:
        parts.append(f"{theme.compact(speed)} images/s")
    if at.elapsed:
        parts.append(f"{duration(at.elapsed)} {'so far' if run.active else 'in all'}")
    if run.active and at.eta is not None:
        parts.append(f"{duration(at.eta)} left")
    if at.device:
        parts.append(at.device)
    if run.state == "running" and not at.step:
        parts = ["starting: loading PyTorch and the images"]
    with st.container(key="run-progress"):
        st.progress(1.0 if run.state == "finished" else share, text=" · ".join(parts))
        choice = cache.run_choice(run.id)
        if choice is not None:
            layout = f", {choice.memory_format.replace('_', ' ')}," if run.spec.model.convolves else ""
            st.caption(f"Computed in {choice.precision}{layout} {on_threads(choice.threads)}; {choice.why}.")


def _outcome(run: RunRecord) -> None:
    if run.state == "failed":
        _failure(run)
    if run.result and "test_accuracy" in run.result:
        result = run.result
        st.markdown(
            f"Test accuracy **{result['test_accuracy']:.2%}**: {result['test_correct']:,} of "
            f"{result['test_images']:,} images that it never learned from."
        )
    elif not run.active and sidebar.current_network().usable:
        label = "Not tested: count what its latest weights read right"
        st.page_link(shell.path_of("mistakes"), label=label, icon=":material/rule:")


def _failure(run: RunRecord) -> None:
    st.error(run.error or "The run failed without a word; its log may tell more.", icon=":material/error:")
    with st.expander("The end of its log", key="run-log"):
        st.code(service.read_log(run.id) or "The log is empty.", language=None)


def _curves(run: RunRecord) -> None:
    found = cache.follower(run.id).curves()
    if not found:
        st.caption("Curves appear with the first step.")
        return
    view = st.segmented_control(
        "Curves",
        ["Loss and accuracy", "Learning rate and gradients"],
        default="Loss and accuracy",
        required=True,
        key=f"curves-{run.id}",
        label_visibility="collapsed",
    )

    # Many may watch: what the curves show now is drawn for the first who asks.
    reached = tuple((key, len(curve.values), float(curve.values[-1])) for key, curve in found.items())
    for name, figure in cache.drawn_once((run.id, view, *reached), lambda: _figures(view, found)).items():
        chart(figure, key=f"{name.replace(' ', '-')}-{run.id}", height=280, alt=_curve_alt(name, found))


def _figures(view: str, found: Mapping[str, Curve]) -> dict[str, go.Figure]:
    """The charts of a view, by name."""

    def line(key: str, name: str) -> curves.Series:
        curve = found.get(key)
        empty = np.empty(0)
        return curves.Series(name, empty, empty) if curve is None else curves.Series(name, curve.epochs, curve.values)

    if view == "Loss and accuracy":
        return {
            "loss": curves.loss(line("loss/train", "train"), line("loss/validation", "validation")),
            "accuracy": curves.accuracy(line("accuracy/train", "train"), line("accuracy/validation", "validation")),
        }
    prefix = "gradient_norm/"
    norms = [line(key, key.removeprefix(prefix)) for key in found if key.startswith(prefix)]
    return {
        "learning rate": curves.learning_rate(line("learning_rate", "learning rate")),
        "gradient norm": curves.gradient_norms(norms),
    }


def _curve_alt(name: str, found: Mapping[str, Curve]) -> str:
    prefix = name.replace(" ", "_")
    latest = [f"{key} {curve.values[-1]:.4g}" for key, curve in found.items() if key.startswith(prefix)]
    return f"Curve of the {name} over the epochs. Latest: {', '.join(latest) or 'none yet'}"
