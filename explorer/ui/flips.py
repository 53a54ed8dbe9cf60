"""The smallest shift, rotation, scaling or noise that turns the answer to the current digit, each with its curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from explorer.analysis.flips import CHANGES, DIRECTIONS, PATTERNS, Flip, Turning, unpack
from explorer.data.cards import DataCard
from explorer.digits import link
from explorer.figures import harder
from explorer.jobs.request import ask
from explorer.networks import Known
from explorer.shapes import totals, trace
from explorer.ui import cache, html, jobs
from explorer.ui.components import chart
from explorer.ui.text import number as number_text

WIDTH = 250
LARGEST = 20_000_000
"""Multiply-adds of a network that is asked on the page itself, for a few seconds at most."""
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


def show(case: Case) -> None:
    """One tile a kind of change."""
    aim = "makes it right" if case.wrong else "makes it wrong" if case.label is not None else "changes the answer"
    st.header(
        f"The smallest change that {aim}",
        anchor=False,
        help="Each change is tried in fine steps, in every direction; the step in which the answer turns is then "
        "halved 20 times. A turn between two steps and back again would not be seen.",
    )
    found = _found(case)
    if found is None:
        return
    with st.container(horizontal=True, gap="small", key="flips"):
        for name in CHANGES:
            with st.container(width=WIDTH, gap="xsmall", border=True, key=f"flip-{name}"):
                _change(case, found[name], name, aim)


def _found(case: Case) -> dict[str, Flip] | None:
    """All changes, at once where the network is small, else by a job."""
    network, card, wanted = case.network, case.card, case.label if case.wrong else None
    if totals(trace(network.spec.model, card.shape, len(card.classes))).macs <= LARGEST:
        pixels = case.pixels.tobytes()
        return {name: cache.flip(network.id, network.version, card.name, pixels, wanted, name) for name in CHANGES}
    request = ask(
        "flips", network=network, data=cache.dataset(card.name), pixels=link.to_text(case.pixels), wanted=wanted
    )
    arrays = jobs.result(
        request,
        key="flips",
        label="Find it",
        about="Shift, rotation, scale and noise are tried: thirteen hundred pictures, of which each takes this network "
        "many multiplications.",
        auto=True,
    )
    return None if arrays is None else {name: unpack(arrays, name) for name in CHANGES}


def _change(case: Case, found: Flip, name: str, aim: str) -> None:
    change, turning = found.change, found.turning
    st.subheader(f"{change.title}", anchor=False, help=f"Tried {_tried(name)}.")
    with (
        st.container(height=96, border=False, key=f"turned-{name}"),
        st.container(horizontal=True, wrap=False, gap="small"),
    ):
        if turning is None:
            st.markdown(f"None {aim}.")
        else:
            with st.container(width="content"):
                st.html(
                    html.picture(turning.picture, size=64, alt=f"The {case.card.thing} there, read as {turning.answer}")
                )
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
