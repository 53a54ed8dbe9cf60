"""One kernel or unit: its nine patches, its classes, the input made for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer.analysis.exciting import Exciting
from explorer.analysis.units import Units, patch
from explorer.data import Dataset
from explorer.figures import responses
from explorer.jobs.request import ask
from explorer.models import Network
from explorer.networks import Known
from explorer.ui import jobs, state
from explorer.ui.components import chart, wall
from explorer.ui.text import number

CHUNK = 32
"""So many inputs are made at once."""


class Looked(NamedTuple):
    """One layer of a network, and what was found on the test images."""

    network: Known
    model: Network
    data: Dataset
    units: Units
    found: Exciting
    arrays: Mapping[str, np.ndarray]


def show(looked: Looked, unit: int) -> None:
    """What there is to know of one of a layer's kernels or units."""
    with st.container(key="exciting-title"):
        st.header(f"{looked.units.name}, {looked.units.word} {unit}", anchor=False)
    st.markdown(_facts(looked, unit))
    left, right = st.columns([1, 1.15], gap="large")
    with left:
        _patches(looked, unit)
    with right:
        st.subheader("Its largest response in each image, by class", anchor=False)
        figure = responses.by_class(looked.found.quantiles[unit], looked.data.card.classes)
        chart(figure, key="exciting-classes", height=260, alt=_alt(looked, unit))
        st.caption("Boxes hold the middle half of the images, whiskers 90 %, the dash is the largest.")
    st.subheader("The input that excites it most, made from noise", anchor=False)
    first = unit - unit % CHUNK
    found = maximal(looked, range(first, min(first + CHUNK, looked.units.count)), key="made-one")
    if found is not None:
        _frames(looked, unit, unit - first, found)


def plural(of: Units) -> str:
    """What the units of a layer are called."""
    return of.word if of.count == 1 else f"{of.word}es" if of.word == "class" else f"{of.word}s"


def maximal(looked: Looked, numbers: range, *, key: str) -> Mapping[str, np.ndarray] | None:
    """The inputs made for these kernels; None, with the way to have them made, before they are there."""
    chunks = {number - number % CHUNK for number in numbers}
    parts: list[tuple[int, Mapping[str, np.ndarray]]] = []
    for first in sorted(chunks):
        count = min(CHUNK, looked.units.count - first)
        request = ask("maximal", network=looked.network, layer=looked.units.name, first=first, count=count)
        found = jobs.result(
            request,
            key=f"{key}-{first}",
            label="Make them" if count > 1 else "Make it",
            about=f"Makes an input for {plural(looked.units)} {first} to {first + count - 1}. "
            "Deep layers take a minute.",
            auto=bool(parts),  # who asked for the first ones of a page wants the others too
        )
        if found is None:
            return None
        parts.append((first, found))
    lowest = parts[0][0]
    chosen = slice(numbers.start - lowest, numbers.stop - lowest)
    return {
        "frames": np.concatenate([part["frames"] for _, part in parts], axis=1)[:, chosen],
        "responses": np.concatenate([part["responses"] for _, part in parts], axis=1)[:, chosen],
        "steps": parts[0][1]["steps"],
        "position": parts[0][1]["position"],
    }


def _facts(looked: Looked, unit: int) -> str:
    found, classes, labels = looked.found, looked.data.card.classes, looked.data.test.labels
    counts = np.bincount(labels, minlength=len(classes))
    shares = np.nan_to_num(found.active[unit])
    share = float((shares * counts).sum() / counts.sum())
    sentences = []
    if found.dead[unit]:
        why = "its response is nowhere above 0, and the ReLU behind it lets nothing else through"
        sentences.append(f"**Dead**: on none of {len(labels):,} test images does anything of it get further; {why}.")
    else:
        top = int(shares.argmax())
        differs = f"{shares[top]:.0%}" != f"{shares.min():.0%}"
        most = f", most often class {classes[top]} ({shares[top]:.0%})" if differs else ""
        sentences.append(f"{share:.0%} of the test images excite it above 0 somewhere{most}.")
    every = looked.arrays.get(f"{looked.units.name}/cosines")  # a very wide layer has none
    if every is not None and len(every) > 1:
        cosines = every[unit].copy()
        cosines[unit] = 0
        like = np.argsort(-np.abs(cosines), kind="stable")[:3].tolist()
        named = ", ".join(f"{other} ({cosines[other]:.2f})".replace("-", "−") for other in like)
        sentences.append(f"Its weights are most like, or most opposed to, those of {named}.")
    return " ".join(sentences)


def _patches(looked: Looked, unit: int) -> None:
    found, test, classes = looked.found, looked.data.test, looked.data.card.classes
    images, places = found.images[unit].tolist(), found.positions[unit].tolist()
    labels = [classes[int(test.labels[image])] for image in images]
    patches = np.stack(
        [
            patch(test.pixels[image], looked.units.layer, row, column).mean(0)
            for image, (row, column) in zip(images, places, strict=True)
        ]
    )

    def take(place: int) -> None:
        state.select_digit(images[place])
        st.rerun()

    def detail(place: int) -> str:
        where = f", row {places[place][0]}, column {places[place][1]} of its map" if looked.units.maps else ""
        return f"test image {images[place]}, class {labels[place]}{where}: {number(float(found.values[unit, place]))}"

    st.subheader("What excites it most in the test images", anchor=False)
    current = state.digit_index()
    wall(
        patches,
        key="exciting-nine",
        scale="brightness",
        limits=(0.0, 255.0),
        captions=[
            f"{label} · {number(float(value), 3)}" for label, value in zip(labels, found.values[unit], strict=True)
        ],
        details=[detail(place) for place in range(len(images))],
        tile=84,
        columns=3,
        selected=images.index(current) if current in images else None,
        label="The nine patches that excite it most",
        bar=False,
        on_click=take,
    )
    st.caption("Class and response under each. A click makes that image the current one.")


def _frames(looked: Looked, unit: int, place: int, found: Mapping[str, np.ndarray]) -> None:
    row, column = found["position"].tolist()
    frames, reached = found["frames"][:, place], found["responses"][:, place]
    pictures = np.stack([patch(frame, looked.units.layer, row, column).mean(0) for frame in frames])
    wall(
        pictures,
        key="exciting-frames",
        scale="brightness",
        limits=(0.0, 255.0),
        captions=[
            f"step {step}: {number(float(value), 3)}" for step, value in zip(found["steps"], reached, strict=True)
        ],
        details=[
            f"after {step} steps, response {number(float(value))}"
            for step, value in zip(found["steps"], reached, strict=True)
        ],
        tile=84,
        label="The climb from noise",
        bar=False,
    )
    best = float(looked.found.values[unit, 0])
    st.caption(
        f"Response of the made input **{number(float(reached[-1]))}**, of the best test image **{number(best)}**. "
        "The numbers are before the activation function; the remedies against noise fade out towards the end."
    )


def _alt(looked: Looked, unit: int) -> str:
    medians = looked.found.quantiles[unit, :, 3]
    pairs = zip(looked.data.card.classes, medians.tolist(), strict=True)
    return "Median largest response: " + ", ".join(f"{name} {number(value, 3)}" for name, value in pairs)
