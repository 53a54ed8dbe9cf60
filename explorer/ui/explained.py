"""This image explained: what would turn the answer, whom it resembles, and what other networks say to it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.analysis import Evaluation
from explorer.data.cards import DataCard
from explorer.jobs.request import ask
from explorer.networks import Known
from explorer.ui import cache, flips, html, jobs, shell, sidebar, state, text
from explorer.ui.compared import alike
from explorer.ui.components import wall
from explorer.ui.flips import Case
from explorer.ui.text import number as number_text

ALIKE = 12
OTHERS = 30


def show(network: Known, card: DataCard, found: Evaluation, numbers: np.ndarray) -> None:
    """The tab. ``numbers`` are the mistakes that the reader leafs through."""
    pixels, label = sidebar.current_digit(network)
    shares = cache.probabilities(network.id, network.version, card.name, pixels.tobytes())
    index = state.digit_index()
    case = Case(network, card, pixels, label, None if index is None else min(index, len(found.labels) - 1), shares)
    _head(case, numbers)
    flips.show(case)
    left, right = st.columns([1.5, 1], gap="large")
    with left:
        _alike(case, found)
        _neighbours(case)
    with right:
        _others(case)


def _head(case: Case, numbers: np.ndarray) -> None:
    row = st.container(horizontal=True, gap="medium", vertical_alignment="center", wrap=False)
    with row.container(width="content"):
        st.html(html.picture(case.pixels, size=84, alt=f"The {case.card.thing} that is explained"))
    with row.container(gap="small"):
        truth = f"Your own {case.card.thing}" if case.label is None else f"True class {case.name(case.label)}"
        mark = "" if case.label is None else " ✗" if case.wrong else " ✓"
        st.markdown(
            f"**{truth}, read as {case.name(case.answer)}**{mark}, {text.sure(case.shares[case.answer])}"
            + ("" if case.index is None else f" · test image {case.index}")
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


# --- whom it resembles ---


def _alike(case: Case, found: Evaluation) -> None:
    st.header(
        "Test images that look most like it and are read right",
        anchor=False,
        help="Nearest by the brightness of their pixels (Euclidean distance, brightness 0 to 1), among the test images "
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
            f"Test image {number}, distance {away:.4g}. Click to make it the current one."
            for number, away in zip(numbers, distances, strict=True)
        ],
        tile=64,
        label="Look-alikes that are read right",
        on_click=lambda position: state.select_digit(int(numbers[position])),
    )
    st.caption(f"Class and distance. Click one: it becomes the current {case.card.thing}.")


def _neighbours(case: Case) -> None:
    st.header(
        "Its nearest training images, as the network sees them",
        anchor=False,
        help="Nearest in the features: the activations of the last layer before the logits (Euclidean distance). What "
        "the network learned from these is what it applies here.",
    )
    if case.index is None:
        st.caption("Shown for images of the test set: choose one by its number in the sidebar.")
        return
    data = cache.dataset(case.card.name)
    found = jobs.result(
        ask("neighbours", network=case.network, data=data, count=ALIKE),
        key="neighbours",
        label="Find them",
        about=f"All {len(data.train):,} training images go through the network once; then every test image has its "
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
            f"Training image {number}, distance {away:.4g}. Click to make it the current one."
            for number, away in zip(numbers, distances, strict=True)
        ],
        tile=64,
        label="Nearest training images",
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
    st.header(f"Do other networks {same}?", anchor=False)
    known = _ended(case)
    rows, agreeing = [], 0
    others = known[:OTHERS]
    for one in [case.network, *others]:
        shares = cache.probabilities(one.id, one.version, case.card.name, case.pixels.tobytes())
        answer = int(shares.argmax())
        agreeing += one.id != case.network.id and answer == case.answer
        mark = "" if case.label is None else "✓" if answer == case.label else "✗"
        truth = () if case.label is None else (text.probability(shares[case.label]),)
        rows.append((one.label, case.card.classes[answer], text.probability(shares[answer]), *truth, mark))
    head = ("Network", "Reads", "Probability", *(() if case.label is None else ("Of the true class",)), "")
    if others:
        st.markdown(f"{agreeing} of {len(others)} others answer {case.name(case.answer)}, too.")
    else:
        st.caption("There is no other network for these images yet.")
    st.html(html.table(head, rows, caption="The current network first", numeric=tuple(range(2, len(head) - 1))))
    if len(known) > OTHERS:
        st.caption(f"The bundled networks and the newest runs: {OTHERS} of {len(known)}.")


def _ended(case: Case) -> list[Known]:
    """The other networks whose training has ended, of those that differ in the seed alone the newest: a broken-off run
    or the same one again is no other opinion."""
    found = [case.network]
    for one in cache.known_networks():
        ended = one.usable and one.state in ("bundled", "finished") and one.id != case.network.id
        again = one.trained_here and any(alike(one, other) for other in found if other.trained_here)
        if ended and one.spec.data.dataset == case.card.name and not again:
            found.append(one)
    return found[1:]
