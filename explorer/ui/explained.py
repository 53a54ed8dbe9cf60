"""This digit explained: what would turn the answer, whom it resembles, and what other networks say to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from explorer.analysis import Evaluation
from explorer.analysis.flips import CHANGES, DIRECTIONS, PATTERNS, Flip, Turning
from explorer.data.cards import DataCard
from explorer.figures import harder
from explorer.jobs.request import ask
from explorer.networks import Known
from explorer.ui import cache, html, jobs, shell, sidebar, state
from explorer.ui.components import chart, wall
from explorer.ui.text import number as number_text

ALIKE = 12
OTHERS = 30
WIDTH = 250
_COMPASS = ("right", "lower right", "bottom", "lower left", "left", "upper left", "top", "upper right")


@dataclass(frozen=True, eq=False)
class Case:
    """The current digit and the current network's answer to it. ``label`` and ``index`` (its number in the test set)
    are None where there is none."""

    network: Known
    card: DataCard
    pixels: np.ndarray
    label: int | None
    index: int | None
    shares: np.ndarray

    @property
    def answer(self) -> int:
        return int(self.shares.argmax())

    @property
    def wrong(self) -> bool:
        return self.label is not None and self.answer != self.label

    def name(self, number: int) -> str:
        return html.escape_markdown(self.card.classes[number])


def show(network: Known, card: DataCard, found: Evaluation, numbers: np.ndarray) -> None:
    """The tab. ``numbers`` are the mistakes that the reader leafs through."""
    pixels, label = sidebar.current_digit(network)
    shares = cache.probabilities(network.id, network.version, card.name, pixels.tobytes())
    index = state.digit_index()
    case = Case(network, card, pixels, label, None if index is None else min(index, len(found.labels) - 1), shares)
    _head(case, numbers)
    _changes(case)
    left, right = st.columns([1.5, 1], gap="large")
    with left:
        _alike(case, found)
        _neighbours(case)
    with right:
        _others(case)


def _head(case: Case, numbers: np.ndarray) -> None:
    picture, words = st.columns([1, 7], gap="medium", vertical_alignment="center", wrap=False)
    with picture:
        st.html(html.picture(case.pixels, size=84, alt="The digit that is explained"))
    with words, st.container(gap="small"):
        truth = "Your own digit" if case.label is None else f"True class {case.name(case.label)}"
        mark = "" if case.label is None else " ✗" if case.wrong else " ✓"
        st.markdown(
            f"**{truth}, read as {case.name(case.answer)}**{mark}, {case.shares[case.answer]:.1%} sure"
            + ("" if case.index is None else f" · test digit {case.index}")
        )
        with st.container(horizontal=True, gap="small"):
            place = np.flatnonzero(numbers == case.index)
            before = int(place[0]) - 1 if len(place) else -1
            after = int(place[0]) + 1 if len(place) else 0
            _leaf("Previous mistake", "previous-mistake", ":material/arrow_back:", numbers, before)
            _leaf(
                "Next mistake" if len(place) else "First mistake",
                "next-mistake",
                ":material/arrow_forward:",
                numbers,
                after,
            )
            if st.button("Look inside", key="mistake-inside", icon=":material/search:"):
                st.switch_page(shell.path_of("inside"))


def _leaf(label: str, key: str, icon: str, numbers: np.ndarray, place: int) -> None:
    there = 0 <= place < len(numbers)
    chosen = int(numbers[place]) if there else 0
    st.button(label, key=key, icon=icon, disabled=not there, on_click=state.select_digit, args=(chosen,))


# --- the smallest change ---


def _changes(case: Case) -> None:
    aim = "makes it right" if case.wrong else "makes it wrong" if case.label is not None else "changes the answer"
    st.markdown(
        f"**The smallest change that {aim}**",
        help="Each change is tried in fine steps, in every direction; the step in which the answer turns is then "
        "halved 20 times. A turn between two steps and back again would not be seen.",
    )
    with st.container(horizontal=True, gap="medium", key="flips"):
        for name in CHANGES:
            with st.container(width=WIDTH, gap="xsmall", border=True, key=f"flip-{name}"):
                _change(case, name, aim)


def _change(case: Case, name: str, aim: str) -> None:
    wanted = case.label if case.wrong else None
    network = case.network
    found = cache.flip(network.id, network.version, case.card.name, case.pixels.tobytes(), wanted, name)
    change, turning = found.change, found.turning
    st.markdown(f"**{change.title}**", help=f"Tried {_tried(name)}.")
    with st.container(height=96, border=False), st.container(horizontal=True, wrap=False, gap="small"):
        if turning is None:
            st.markdown(f"None {aim}.")
        else:
            with st.container(width=64):
                st.html(html.picture(turning.picture, size=64, alt=f"The digit there, read as {turning.answer}"))
            st.markdown(f"{_amount(name, turning)}: read as **{case.name(turning.answer)}**")
    chart(
        harder.turning(
            found.amounts, _answers(case, found), unit=_unit(name, turning), at=turning.amount if turning else None
        ),
        key=f"flip-chart-{name}",
        height=190,
        alt=f"{change.title}: probabilities against the amount",
    )


def _answers(case: Case, found: Flip) -> list[harder.Answer]:
    """The class that is read and, beside it, the true one, or what the answer turns to."""
    shown = [case.answer]
    if case.wrong and case.label is not None:
        shown.insert(0, case.label)
    elif found.turning is not None:
        shown.append(found.turning.answer)
    known = case.label is not None
    return [
        harder.Answer(
            f"{'true ' if number == case.label else 'read ' if number == case.answer else 'then '}"
            f"{case.card.classes[number]}",
            found.probabilities[:, number],
            number == case.label if known else None if number == case.answer else False,
        )
        for number in shown
    ]


def _amount(name: str, turning: Turning) -> str:
    size = number_text(abs(turning.amount), 3)
    match name:
        case "shift":
            return f"Moved by {size} pixels to the {_COMPASS[round(turning.way / DIRECTIONS * 8) % 8]}"
        case "rotation":
            return f"Turned by {size}° {'clockwise' if turning.amount > 0 else 'anticlockwise'}"
        case "scale":
            return f"Scaled to {size} times its size"
        case _:
            return f"With noise of standard deviation {size}"


def _unit(name: str, turning: Turning | None) -> str:
    if name != "shift":
        return CHANGES[name].unit
    return f"pixels towards the {_COMPASS[round(turning.way / DIRECTIONS * 8) % 8] if turning else 'right'}"


def _tried(name: str) -> str:
    return {
        "shift": f"up to 12 pixels in {DIRECTIONS} directions, in steps of 0.5",
        "rotation": "up to 90° both ways, in steps of 1.5°",
        "scale": "from 0.4 to 2.5 times its size, in steps of 2.3 %",
        "noise": f"{PATTERNS} patterns with standard deviations up to 1, in steps of 0.025",
    }[name]


# --- whom it resembles ---


def _alike(case: Case, found: Evaluation) -> None:
    st.markdown(
        "**Test digits that look most like it and are read right**",
        help="Nearest by the brightness of their pixels (Euclidean distance, brightness 0 to 1), among the test digits "
        "that this network reads right.",
    )
    network, name = case.network, case.card.name
    numbers, distances = cache.look_alikes(network.id, network.version, name, case.pixels.tobytes(), case.index, ALIKE)
    wall(
        np.asarray(cache.dataset(name).test.pixels[numbers])[:, 0],
        key="alike-wall",
        scale="brightness",
        captions=[
            f"{case.card.classes[found.labels[number]]} · {away:.1f}"
            for number, away in zip(numbers, distances, strict=True)
        ],
        details=[
            f"Test digit {number}, distance {away:.4g}. Click to make it the current one."
            for number, away in zip(numbers, distances, strict=True)
        ],
        tile=64,
        label="Look-alikes that are read right",
        on_click=lambda position: state.select_digit(int(numbers[position])),
    )
    st.caption("Class and distance. Click one: it becomes the current digit.")


def _neighbours(case: Case) -> None:
    st.markdown(
        "**Its nearest training digits, as the network sees them**",
        help="Nearest in the features: the activations of the last layer before the logits (Euclidean distance). What "
        "the network learned from these is what it applies here.",
    )
    if case.index is None:
        st.caption("Shown for digits of the test set: choose one by its number in the sidebar.")
        return
    data = cache.dataset(case.card.name)
    found = jobs.result(
        ask("neighbours", network=case.network, data=data, count=ALIKE),
        key="neighbours",
        label="Find them",
        about=f"All {len(data.train):,} training digits go through the network once; then every test digit has its "
        f"{ALIKE} nearest, for all later visits.",
    )
    if found is None:
        return
    numbers, distances = found["numbers"][case.index], found["distances"][case.index]
    labels = np.asarray(data.train.labels)[numbers]
    wall(
        np.asarray(data.train.pixels[numbers])[:, 0],
        key="neighbour-wall",
        scale="brightness",
        captions=[
            f"{case.card.classes[label]} · {number_text(float(away), 3)}"
            for label, away in zip(labels, distances, strict=True)
        ],
        details=[
            f"Training digit {number}, distance {away:.4g}. Click to make it the current one."
            for number, away in zip(numbers, distances, strict=True)
        ],
        tile=64,
        label="Nearest training digits",
        on_click=lambda position: state.select_digit(int(numbers[position]), "train"),
    )
    counted = np.bincount(labels, minlength=len(case.card.classes))
    most = ", ".join(
        f"{counted[k]} × {case.card.classes[k]}" for k in np.argsort(-counted, kind="stable") if counted[k]
    )
    st.caption(f"Class and distance. Among these {len(numbers)}: {most}.")


# --- what others say ---


def _others(case: Case) -> None:
    same = "make the same mistake" if case.wrong else "read the same"
    st.markdown(f"**Do other networks {same}?**")
    known = [one for one in cache.known_networks() if one.usable and one.spec.data.dataset == case.card.name]
    rows, agreeing = [], 0
    others = [one for one in known if one.id != case.network.id][:OTHERS]
    for one in [case.network, *others]:
        shares = cache.probabilities(one.id, one.version, case.card.name, case.pixels.tobytes())
        answer = int(shares.argmax())
        agreeing += one.id != case.network.id and answer == case.answer
        mark = "" if case.label is None else "✓" if answer == case.label else "✗"
        truth = () if case.label is None else (f"{shares[case.label]:.1%}",)
        title = one.title if one.kind == "zoo" else f"{one.title} · {one.id[:4]}"
        rows.append((title, case.card.classes[answer], f"{shares[answer]:.1%}", *truth, mark))
    head = ("Network", "Reads", "Probability", *(() if case.label is None else ("Of the true class",)), "")
    st.markdown(f"{agreeing} of {len(others)} others answer {case.name(case.answer)}, too.")
    st.html(html.table(head, rows, caption="The current network first", numeric=tuple(range(2, len(head) - 1))))
    if len(known) - 1 > OTHERS:
        st.caption(f"The bundled networks and the newest runs: {OTHERS} of {len(known) - 1}.")
