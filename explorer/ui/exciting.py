"""What each kernel looks for: the patches that excite it most, a made input, its classes, its likes."""

from __future__ import annotations

from typing import cast

import numpy as np
import streamlit as st

from explorer.analysis import alike
from explorer.analysis.exciting import Exciting
from explorer.analysis.units import Units, patch, units
from explorer.data import Dataset
from explorer.figures import responses
from explorer.jobs.request import ask
from explorer.networks import Known
from explorer.ui import cache, exciting_unit, html, jobs, shell
from explorer.ui.components import chart, wall
from explorer.ui.exciting_unit import Looked
from explorer.ui.text import number

VIEWS = {"patches": "best patches", "made": "made inputs", "alike": "near-duplicates"}
PAGE_BYTES = 500_000
MOST, FEWEST = 64, 16
QUICK = 5e9
"""Multiply-adds that are done within seconds: so much begins by itself."""


@shell.fragment()
def show(network: Known, data: Dataset, macs: int) -> None:
    """The view, for a network of ``macs`` multiply-adds an image."""
    model = cache.network(network.id, network.version)
    layers = {each.name: each for each in units(model)}
    count = len(data.test)
    arrays = jobs.result(
        ask("exciting", network=network, data=data),
        key="exciting",
        label="Find them",
        about=f"For every kernel and every dense unit: the nine places in the {count:,} test images that excite it "
        "most, how it responds to each class, whether it is dead, and which kernels are nearly the same. "
        "The search goes on if you leave the page, and its result is kept.",
        auto=macs * count <= QUICK,
    )
    if arrays is None:
        return
    with st.container(horizontal=True, gap="medium", key="exciting-options"):
        name = st.segmented_control(
            "Layer",
            list(layers),
            default=next(iter(layers)),
            required=True,
            key=f"exciting-layer-{network.id}",
            persist_state="session",
        )
        view = st.segmented_control(
            "Show",
            list(VIEWS),
            default="patches",
            required=True,
            format_func=VIEWS.__getitem__,
            key="exciting-view",
            persist_state="session",
        )
    chosen = layers.get(name or "", next(iter(layers.values())))
    looked = Looked(network, model, data, chosen, Exciting.of(arrays, chosen.name), arrays)
    if view == "alike":
        _alike(looked)
        return
    numbers = _page(looked)
    if view == "made":
        _made(looked, numbers)
    else:
        _patches(looked, numbers)
    unit = _chosen(looked)
    if unit is None:
        st.caption(f"Click a {chosen.word}: below it its patches open, each leads to its image.")
        return
    st.divider()
    exciting_unit.show(looked, unit)


def _page(looked: Looked) -> range:
    """The kernels that are shown at once, with a way to the others."""
    side = _montage_side(looked.units, looked.data)
    most = max(FEWEST, min(MOST, PAGE_BYTES // (4 * side * side)))
    pages = -(-looked.units.count // most)
    page = 1
    if pages > 1:
        page = st.pagination(pages, key=f"exciting-page-{looked.network.id}-{looked.units.name}")
    return range((page - 1) * most, min(page * most, looked.units.count))


def _patches(looked: Looked, numbers: range) -> None:
    unit, test = looked.units, looked.data.test
    dead = int(looked.found.dead.sum())
    seen = (
        "sees the whole image"
        if not unit.maps
        else f"sees {unit.layer.receptive_field} × {unit.layer.receptive_field} pixels"
    )
    st.caption(
        f"**{unit.name}**: each of its {unit.count} {exciting_unit.plural(unit)} {seen}. A tile holds the nine of "
        f"{len(test):,} test images that excite it most, each where it does so most. "
        + (
            f"{dead} of them {'is' if dead == 1 else 'are'} dead: no test image excites them."
            if dead
            else "None is dead."
        )
    )
    montages = np.stack([montage(looked, number) for number in numbers])
    _wall(looked, numbers, montages, "patches", tile=96)


def _made(looked: Looked, numbers: range) -> None:
    unit = looked.units
    st.caption(
        "Not images of the data set: from noise, step by step up the slope of the response, with the brightness "
        "between black and white, small shifts, and a cost on differences of neighbouring pixels "
        "(Yosinski et al. 2015, Olah et al. 2017)."
    )
    found = exciting_unit.maximal(looked, numbers, key="made")
    if found is None:
        return
    row, column = found["position"].tolist()
    pictures = np.stack([patch(image, unit.layer, row, column)[0] for image in found["frames"][-1]])
    _wall(looked, numbers, pictures, "made", tile=72, more=found["responses"][-1])


def _wall(
    looked: Looked, numbers: range, pictures: np.ndarray, kind: str, *, tile: int, more: np.ndarray | None = None
) -> None:
    unit, found, classes = looked.units, looked.found, looked.data.card.classes
    labels = looked.data.test.labels[found.images]
    chosen = _chosen(looked)

    def title(place: int, one: int) -> str:
        names = " ".join(classes[int(label)] for label in labels[one])
        reached = "" if more is None else f"made input {number(float(more[place]))}, "
        return (
            f"{unit.name}, {unit.word} {one}: {reached}best test image {number(float(found.values[one, 0]))} ({names})"
        )

    def take(place: int) -> None:
        st.session_state["exciting-unit"] = (looked.network.id, unit.name, numbers[place])

    wall(
        pictures,
        key=f"exciting-{kind}",
        scale="brightness",
        limits=(0.0, 255.0),
        captions=[f"{one} · dead" if found.dead[one] else str(one) for one in numbers],
        details=[title(place, one) for place, one in enumerate(numbers)],
        tile=tile,
        selected=chosen - numbers.start if chosen is not None and chosen in numbers else None,
        label=f"What the {exciting_unit.plural(unit)} of {unit.name} look for",
        bar=False,
        on_click=take,
    )


def montage(looked: Looked, unit: int) -> np.ndarray:
    """The nine best patches of a kernel, or images of a unit, three in a row: float32 (s, s), NaN between and outside
    the image."""
    found = looked.found
    side, whole = _side(looked.units, looked.data), _montage_side(looked.units, looked.data)
    picture = np.full((whole, whole), np.nan, np.float32)
    for place, (image, (row, column)) in enumerate(
        zip(found.images[unit].tolist(), found.positions[unit].tolist(), strict=True)
    ):
        seen = patch(looked.data.test.pixels[image], looked.units.layer, row, column).mean(0)
        top, left = (part * (side + 1) for part in divmod(place, 3))
        picture[top : top + seen.shape[0], left : left + seen.shape[1]] = seen
    return picture


def _side(of: Units, data: Dataset) -> int:
    return of.layer.receptive_field if of.maps else max(data.card.shape[1:])


def _montage_side(of: Units, data: Dataset) -> int:
    return 3 * _side(of, data) + 2


def _chosen(looked: Looked) -> int | None:
    chosen = cast("tuple[str, str, int] | None", st.session_state.get("exciting-unit"))
    fits = chosen is not None and chosen[:2] == (looked.network.id, looked.units.name)
    return chosen[2] if chosen is not None and fits and chosen[2] < looked.units.count else None


def _alike(looked: Looked) -> None:
    unit, words = looked.units, exciting_unit.plural(looked.units)
    if f"{unit.name}/cosines" not in looked.arrays:
        st.caption(f"**{unit.name}** has {unit.count:,} {words}: too many to compare each with each.")
        return
    cosines, order = looked.arrays[f"{unit.name}/cosines"], looked.arrays[f"{unit.name}/grouped"]
    pairs = alike.near(cosines)
    close = sum(value > 0 for _, _, value in pairs)
    st.caption(
        f"**{unit.name}**: the cosine of the angle between the weights of every two of its {unit.count} "
        f"{words}, in an order that puts those together that are alike: 1 is the same pattern, "
        f"0 nothing in common, −1 its negative. From {alike.NEAR} on they count as near-duplicates: there are {close} "
        f"pairs of them, and {len(pairs) - close} of near-opposites."
    )
    left, right = st.columns([1.6, 1], gap="large")
    with left:
        figure = responses.alike(cosines, order, what=unit.word)
        chart(
            figure,
            key="exciting-alike",
            height=520,
            alt=f"Cosines between the {words} of {unit.name}",
        )
    with right:
        closest = alike.near(cosines, least=0.0, most=12)
        rows = [(f"{one} and {other}", f"{value:.3f}".replace("-", "−")) for one, other, value in closest]
        st.html(html.table((words, "cosine"), rows, caption="The closest and most opposite", numeric=(1,)))
