"""How robust is it: accuracy of several networks while the test digits get harder, as jobs that fill a chart."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

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
from explorer.ui import cache, html, jobs, shell, sidebar, state
from explorer.ui.components import chart, wall

ATTACKED = 1_000
"""Test digits that an attack is tried on: each takes as long as dozens of answers."""
POLL_SECONDS = 0.7


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
        title = self.network.title if self.network.kind == "zoo" else f"{self.network.title} · {self.network.id[:4]}"
        return title if self.network.snapshot is None else f"{title}, step {self.network.snapshot:,}"

    def accuracy(self) -> harder.Accuracy:
        """Only where it is counted."""
        assert self.correct is not None  # noqa: S101
        ends = np.array([wilson(int(correct), self.images) for correct in self.correct])
        return harder.Accuracy(self.title, np.array(self.trial.levels), self.correct / self.images, ends)


def show(network: Known, card: DataCard) -> None:
    """The tab."""
    listed = {one.id: one for one in cache.known_networks() if one.usable and one.spec.data.dataset == card.name}
    listed[network.id] = network
    beside = [listed[one] for one in st.session_state.get("robust-with", ()) if one in listed and one != network.id]
    busy = any(
        curve.look is not None and curve.look.active
        for name in TRIALS
        for curve in (_curve(one, card, name) for one in [network, *beside])
    )
    shell.fragment(key="robust", run_every=POLL_SECONDS if busy else None)(_bench)(network, card, listed, busy)
    _bundled(card)


def _bench(network: Known, card: DataCard, listed: dict[str, Known], busy: bool) -> None:
    with st.container(horizontal=True, gap="medium", key="robust-options"):
        others = st.multiselect(
            "Compare with",
            [one for one in listed if one != network.id],
            format_func=lambda one: listed[one].title + ("" if listed[one].kind == "zoo" else f" · {one[:4]}"),
            key="robust-with",
            persist_state="session",
            placeholder="Other networks",
            help=f"{network.title}, the current network, is always shown.",
        )
    name = st.pills(
        "What makes the digits harder",
        list(TRIALS),
        default=next(iter(TRIALS)),
        required=True,
        format_func=lambda one: TRIALS[one].title,
        key="robust-trial",
        persist_state="session",
    )
    trial = TRIALS[name or next(iter(TRIALS))]
    chosen = [network, *(listed[one] for one in others if one != network.id)]
    everything = {one: [_curve(known, card, one) for known in chosen] for one in TRIALS}
    if busy and not any(curve.look and curve.look.active for curves in everything.values() for curve in curves):
        st.rerun()
    digits = "1,000 test digits, each class in its share" if trial.attack else "all test digits"
    st.caption(f"{trial.about} Counted on {digits}; the thin upright lines are 95% intervals.")
    curves = everything[trial.name]
    counted = [curve for curve in curves if curve.correct is not None]
    _chart(trial, counted)
    _jobs(everything, trial)
    _examples(network, card, trial)
    if counted:
        _table(trial, counted, everything)


def _curve(network: Known, card: DataCard, name: str) -> Curve:
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
                f"Count {trial.title} for {names}"
                if len(names) < 40
                else f"Count {trial.title} for {len(missing)} networks",
                key="robust-count",
                type="primary",
                icon=":material/play_arrow:",
                on_click=partial(_start, missing),
            )
        if len(rest) > len(missing):
            st.button(f"Count all {len(rest)} missing curves", key="robust-count-all", on_click=partial(_start, rest))
    active = [curve for curves in everything.values() for curve in curves if curve.look and curve.look.active]
    working = [curve for curve in active if curve.look and curve.look.state != "waiting"]
    if not active:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="robust-progress"):
        first = (working or active)[0]
        assert first.look is not None  # noqa: S101
        waiting = f" · {len(active) - 1} more to come" if len(active) > 1 else ""
        st.progress(first.look.share, text=f"{first.title}, {first.trial.title}: {jobs.words(first.look)}{waiting}")
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
    st.markdown("**The current digit at each amount**")
    wall(
        np.ascontiguousarray(images.mean(1), np.float32),
        key="robust-wall",
        scale="brightness",
        limits=(0, 1),
        bar=False,
        captions=[f"{level:g}: {card.classes[one]}" for level, one in zip(trial.levels, read, strict=True)],
        details=[
            f"{trial.title} {level:g}: {network.title} reads {card.classes[one]}, {share[one]:.1%} sure"
            for level, one, share in zip(trial.levels, read, answers, strict=True)
        ],
        marks=None if label is None else ["right" if one == label else "wrong" for one in read],
        tile=84,
        label=f"The current digit, {trial.title.lower()} growing",
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
                caption=f"Accuracy, {trial.title}; {counted[0].images:,} test digits",
                numeric=range(len(counted) + 1),
            )
        )
    st.download_button(
        "Download all counts as CSV",
        as_csv([curve for curves in everything.values() for curve in curves if curve.correct is not None]),
        file_name="robustness.csv",
        mime="text/csv",
        key="robust-csv",
        icon=":material/download:",
        on_click="ignore",
    )


def as_csv(counted: Sequence[Curve]) -> str:
    """One row for each network, trial and amount."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["network", "id", "trial", "amount", "unit", "images", "correct", "accuracy", "low", "high"])
    for curve in counted:
        for level, correct in zip(curve.trial.levels, curve.correct if curve.correct is not None else (), strict=True):
            low, high = wilson(int(correct), curve.images)
            counts = (curve.images, int(correct), correct / curve.images, low, high)
            writer.writerow([curve.network.title, curve.network.id, curve.trial.name, level, curve.trial.unit, *counts])
    return file.getvalue()


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


def _bundled(card: DataCard) -> None:
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
        st.markdown(
            "**The bundled networks at a glance**", help="From their cards: counted on all of the complete test set."
        )
        head = ("Network", *(title for title, _, _ in AT_A_GLANCE))
        st.html(html.table(head, rows, caption="Accuracy under each corruption", numeric=range(1, len(head))))
