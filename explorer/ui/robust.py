"""How robust is it: accuracy of several networks while the test images get harder, as jobs that fill a chart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st

from explorer.analysis.robust import TRIALS, Trial
from explorer.data.cards import DataCard
from explorer.figures import harder
from explorer.jobs import service
from explorer.networks import Known
from explorer.ui import cache, html, jobs, shell, sidebar, state, text
from explorer.ui import robust_counts as counts
from explorer.ui.components import chart, wall
from explorer.ui.robust_counts import Curve

POLL_SECONDS = 0.7


def show(network: Known, card: DataCard) -> None:
    """The tab."""
    listed = {one.id: one for one in cache.known_networks() if one.usable and one.spec.data.dataset == card.name}
    listed[network.id] = network
    beside = [listed[one] for one in st.session_state.get("robust-with", ()) if one in listed and one != network.id]
    busy = any(
        curve.look is not None and curve.look.active
        for name in TRIALS
        for curve in (counts.curve(one, card, name) for one in [network, *beside])
    )
    shell.fragment(key="robust", run_every=POLL_SECONDS if busy else None)(_bench)(network, card, listed, busy)
    counts.at_a_glance(card)


def _bench(network: Known, card: DataCard, listed: dict[str, Known], busy: bool) -> None:
    options = [one for one in listed if one != network.id]
    before = st.session_state.get("robust-with", [])
    if not set(before) <= set(options):  # the current network is another one, or a run was deleted
        st.session_state["robust-with"] = [one for one in before if one in options]
    others = st.multiselect(
        "Compare with",
        options,
        format_func=lambda one: listed[one].label,
        key="robust-with",
        persist_state="session",
        placeholder="Other networks",
        help=f"{html.escape_markdown(network.title)}, the current network, is always shown.",
    )
    name = st.pills(
        "What makes the images harder",
        list(TRIALS),
        default=next(iter(TRIALS)),
        required=True,
        format_func=lambda one: TRIALS[one].title,
        key="robust-trial",
        persist_state="session",
    )
    trial = TRIALS[name or next(iter(TRIALS))]
    chosen = [network, *(listed[one] for one in others)]
    everything = {one: [counts.curve(known, card, one) for known in chosen] for one in TRIALS}
    if busy and not any(curve.look and curve.look.active for curves in everything.values() for curve in curves):
        st.rerun()
    images = "1,000 test images, each class in its share" if trial.attack else "all test images"
    st.caption(f"{trial.about} Counted on {images}; the thin upright lines are 95% intervals.")
    curves = everything[trial.name]
    counted = [curve for curve in curves if curve.correct is not None]
    _chart(trial, counted)
    _jobs(everything, trial)
    _examples(network, card, trial)
    if counted:
        _table(trial, counted, everything)


def _chart(trial: Trial, counted: Sequence[Curve]) -> None:
    if not counted:
        st.info(
            "The accuracy at each amount appears here, one line a network, once it is counted.",
            icon=":material/show_chart:",
        )
        return
    chart(
        harder.accuracy([curve.accuracy() for curve in counted], unit=trial.unit, neutral=trial.neutral),
        key="robust-chart",
        height=380,
        alt=f"Accuracy against {trial.title.lower()}: "
        + "; ".join(
            f"{curve.title} from {max(curve.correct) / curve.images:.1%} to {min(curve.correct) / curve.images:.1%}"
            for curve in counted
            if curve.correct is not None
        ),
    )


def _jobs(everything: dict[str, list[Curve]], trial: Trial) -> None:
    """What is missing, with a button; what is under way, with its progress; what failed, with its sentence."""
    missing = [curve for curve in everything[trial.name] if curve.look and not curve.look.active]
    rest = [curve for curves in everything.values() for curve in curves if curve.look and not curve.look.active]
    for curve in missing:
        if curve.look and curve.look.error:
            st.error(f"{html.escape_markdown(curve.title)}: {curve.look.error}", icon=":material/error:")
    with st.container(horizontal=True, gap="small", key="robust-jobs"):
        if missing:
            names = ", ".join(curve.title for curve in missing)
            st.button(
                f"Count {trial.title} for {html.escape_markdown(names)}"
                if len(names) < 40
                else f"Count {trial.title} for {len(missing)} networks"
                if len(missing) > 1
                else f"Count {trial.title}",
                key="robust-count",
                type="primary",
                icon=":material/play_arrow:",
                on_click=partial(_start, missing),
            )
        if len(rest) > len(missing):
            about = "Under every change, for the networks that are compared: " + ", ".join(
                f"{html.escape_markdown(curve.title)}, {curve.trial.title}" for curve in rest
            )
            label = f"Count all {len(rest)} missing curves"
            st.button(label, key="robust-count-all", help=about, on_click=partial(_start, rest))
    active = [curve for curves in everything.values() for curve in curves if curve.look and curve.look.active]
    working = [curve for curve in active if curve.look and curve.look.state != "waiting"]
    if not active:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="robust-progress"):
        first = (working or active)[0]
        assert first.look is not None  # noqa: S101
        waiting = f" · {len(active) - 1} more to come" if len(active) > 1 else ""
        named = html.escape_markdown(first.title)
        st.progress(first.look.share, text=f"{named}, {first.trial.title}: {jobs.words(first.look)}{waiting}")
        st.button("Cancel", key="robust-cancel", icon=":material/close:", on_click=partial(_cancel, active))


def _start(curves: Sequence[Curve]) -> None:
    for curve in curves:
        service.local().start(curve.request)
    st.rerun()


def _cancel(curves: Sequence[Curve]) -> None:
    for curve in reversed(curves):  # the waiting ones first, or each would begin when the one before is gone
        service.local().cancel(curve.request.key)
    st.rerun()


# --- the current digit ---


def _examples(network: Known, card: DataCard, trial: Trial) -> None:
    pixels, label = sidebar.current_digit(network)
    shares = cache.probabilities(network.id, network.version, card.name, pixels.tobytes())
    aim = int(shares.argmax()) if label is None else label
    images, answers = cache.harder(
        network.id, network.version, card.name, pixels.tobytes(), aim, trial.name, state.digit_number() or 0
    )
    read = answers.argmax(1)
    st.header(f"The current {card.thing} at each amount", anchor=False)
    wall(
        np.ascontiguousarray(images.mean(1), np.float32),
        key="robust-wall",
        scale="brightness",
        limits=(0, 1),
        bar=False,
        captions=[f"{level:g}: {card.classes[one]}" for level, one in zip(trial.levels, read, strict=True)],
        details=[
            f"{trial.title} {level:g}: {network.title} reads {card.classes[one]}, {text.sure(share[one])}"
            for level, one, share in zip(trial.levels, read, answers, strict=True)
        ],
        marks=None if label is None else ["right" if one == label else "wrong" for one in read],
        tile=84,
        label=f"The current {card.thing}, {trial.title.lower()} growing",
    )
    st.caption(f"Amount and what {html.escape_markdown(network.title)} reads.")


# --- tables ---


def _table(trial: Trial, counted: Sequence[Curve], everything: dict[str, list[Curve]]) -> None:
    lines = harder.table([curve.accuracy() for curve in counted])
    rows = [(f"{line['amount']:g}", *(f"{line[curve.title]:.2%}" for curve in counted)) for line in lines]
    with st.expander("As a table", key="robust-table"):
        st.html(
            html.table(
                (trial.unit, *(curve.title for curve in counted)),
                rows,
                caption=f"Accuracy, {trial.title}; {counted[0].images:,} test images",
                numeric=range(len(counted) + 1),
            )
        )
    st.download_button(
        "Download all counts as CSV",
        counts.as_csv([curve for curves in everything.values() for curve in curves if curve.correct is not None]),
        file_name="robustness.csv",
        mime="text/csv",
        key="robust-csv",
        icon=":material/download:",
        on_click="ignore",
    )
