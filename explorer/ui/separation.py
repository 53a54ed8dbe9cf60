"""Where classes separate: test images on a map after any layer, and a part of them picked out."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import numpy as np
import streamlit as st

from explorer.data.cards import DataCard
from explorer.figures import points
from explorer.figures.theme import count as thousands
from explorer.figures.theme import shape_text
from explorer.jobs.request import ask
from explorer.networks import Known
from explorer.shapes import LayerShape, totals
from explorer.spec import Dropout, Flatten
from explorer.ui import cache, depth, jobs, selected_points, shell, state
from explorer.ui.components import Click, Points, chart

PIXELS = "input"
METHODS = {"pca": "PCA", "tsne": "t-SNE"}
COUNTS = (500, 1_000, 2_000, 5_000)
AT_ONCE = 2e10
"""Multiply-adds of a map that is made while the page waits, about two seconds of one core; beyond, it is a job."""

Result = Mapping[str, np.ndarray]


@shell.fragment()
def show(network: Known, card: DataCard, layers: tuple[LayerShape, ...], pixels: np.ndarray) -> None:
    """The tab, for the current digit ``pixels``, uint8 (C, H, W)."""
    layer, method, count = _options(card, layers)
    _explain(card, layers, layer, method)
    found = _points(network, card, layers, layer, method, count)
    if found is not None:
        _map(network, card, layer, method, count, found, pixels)
    st.divider()
    depth.show(network, card)


# --- the map ---


def _options(card: DataCard, layers: tuple[LayerShape, ...]) -> tuple[str, str, int]:
    names = [PIXELS, *(each.name for each in layers if not isinstance(each.layer, Dropout | Flatten))]
    sizes = {each.name: shape_text(each.output) for each in layers} | {PIXELS: shape_text(card.shape)}
    total = len(cache.dataset(card.name).test)
    counts = [each for each in COUNTS if each < total] + ([total] if total <= COUNTS[-1] else [])
    with st.container(horizontal=True, gap="medium", key="separation-options"):
        layer = st.selectbox(
            "After layer",
            names,
            index=max(0, len(names) - 2),
            format_func=lambda name: f"{name} ({sizes[name]})",
            key=f"separation-layer-{'-'.join(names)}",
            help="What this layer makes of an image is one point. The input is the bare pixels.",
            width=260,
        )
        method = st.segmented_control(
            "Map by",
            list(METHODS),
            default="pca",
            required=True,
            format_func=METHODS.__getitem__,
            key="separation-method",
            persist_state="session",
        )
        if len(counts) == 1:
            return layer, method, counts[0]
        count = st.select_slider(
            "Test images",
            counts,
            value=2_000 if 2_000 in counts else counts[-1],
            format_func=thousands,
            key=f"separation-count-{total}",
            help="A fixed random sample in which each class has its share.",
            width=220,
        )
    return layer, method, count


def _explain(card: DataCard, layers: tuple[LayerShape, ...], layer: str, method: str) -> None:
    from explorer.analysis.features import MOST

    shape = next((each.output for each in layers if each.name == layer), card.shape)
    numbers = int(np.prod(shape))
    sentences = {
        "pca": "PCA looks at the layer from the side on which its answers differ most: images that are far apart here "
        "are so in the layer; images that are near may only look so.",
        "tsne": "t-SNE keeps neighbours together: who is near whom means something, the size of a group and the "
        "distance between groups do not. The layer is first reduced to its 50 principal components, as t-SNE's author "
        "advises.",
    }[method]
    if numbers > MOST:
        sentences += (
            f" This layer has {numbers:,} numbers an image: they are first projected to {MOST:,} at random, "
            "which keeps distances to within a few percent."
        )
    st.caption(
        f"{sentences} Crosses are images that the network reads wrong. Click a point to make it the "
        f"current {card.thing}."
    )


def _points(
    network: Known, card: DataCard, layers: tuple[LayerShape, ...], layer: str, method: str, count: int
) -> Result | None:
    # At a moment of its training, too, it is seen on the axes of the network as it is now, so that nothing jumps.
    now = network.at(None).version
    if method == "pca" and totals(layers).macs * count <= AT_ONCE:
        return cache.pca_points(network.id, network.version, now, card.name, layer, count)
    request = ask(
        "separation-points",
        network=network,
        data=cache.dataset(card.name),
        method=method,
        layer=layer,
        count=count,
        reference=None if network.snapshot is None else now,
    )
    about = {
        "pca": f"The network reads {count:,} images for this, in a process of its own; the map is kept.",
        "tsne": f"A t-SNE map of {count:,} images is made in 10 seconds to a few minutes, in a process of its own, "
        "and kept.",
    }[method]
    return jobs.result(request, key="separation-points", label="Make the map", about=about, auto=method == "pca")


def _map(
    network: Known, card: DataCard, layer: str, method: str, count: int, found: Result, pixels: np.ndarray
) -> None:
    test, numbers = cache.dataset(card.name).test, cache.test_sample(card.name, count)
    shown = selected_points.Shown(numbers, test.labels[numbers], found["predictions"], found["positions"])
    current = _current(network, card, layer, found, numbers, pixels)
    left, right = st.columns([1.5, 1], gap="large")
    with right:
        pick, selected = selected_points.pick(card, shown, current)
        selected_points.show(card, shown, selected)
    with left:
        figure = points.cloud(
            shown.positions,
            shown.labels,
            shown.predictions,
            card.classes,
            names=[f"Test image {number}" for number in numbers],
            current=current,
            selected=selected,
            revision=f"{network.id}-{network.version}-{layer}-{method}-{count}",
            choice="" if pick == selected_points.LASSO else str(pick),
        )

        def lasso(chosen: Points) -> None:
            every = (points.place(*each, shown.labels, shown.predictions, len(card.classes)) for each in chosen)
            selected_points.drawn_around(card, shown, {place for place in every if place is not None})

        def take(click: Click) -> None:
            place = click["customdata"]
            if isinstance(place, int) and 0 <= place < len(numbers):
                state.select_digit(int(numbers[place]))
                st.rerun()

        chart(
            figure,
            key="separation",
            height=620,
            alt=f"Map of {count:,} test images after {layer} by {METHODS[method]}. The choices beside it select parts "
            "of it, and the file under it has all points.",
            on_click=take,
            on_select=lasso,
            sprites=cache.sample_sprites(card.name, count),
        )
        _under_the_map(network, card, method, found, current)
        st.download_button(
            "Points as CSV",
            _csv(points.table(shown.positions, shown.labels, shown.predictions, card.classes, numbers)),
            file_name=f"{network.id}-{layer}-{method}.csv",
            mime="text/csv",
            key="separation-csv",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
        )


def _under_the_map(network: Known, card: DataCard, method: str, found: Result, current: np.ndarray | None) -> None:
    seen = f"Both axes together show {float(found['seen']):.1%} of the variance. " if "seen" in found else ""
    if network.snapshot is not None:
        seen += {
            "pca": "The axes are those of the network as it is now, so that all moments can be compared. ",
            "tsne": "Turned like the PCA map on the axes of the network as it is now. ",
        }[method]
    where = "" if current is not None else f"The current {card.thing} is not among these. "
    st.caption(
        f"{seen}{where}Drag around points to select them, with Shift to add more; two clicks on nothing end it. "
        "On a touch screen choose the lasso above the map first."
    )


def _current(
    network: Known, card: DataCard, layer: str, found: Result, numbers: np.ndarray, pixels: np.ndarray
) -> np.ndarray | None:
    """Where the current digit lies, (2,): any digit has a place on a PCA map, only those of the sample on others."""
    if "axes" in found:
        from explorer.analysis.embedding import Plane
        from explorer.analysis.features import features

        rows = features(cache.network(network.id, network.version), pixels[None], card, layer)
        place: np.ndarray = Plane(found["mean"], found["axes"]).place(rows)[0]
        return place
    index = state.digit_index()
    places: np.ndarray = found["positions"][numbers == (-1 if index is None else index)]
    return places[0] if len(places) else None


def _csv(rows: list[dict[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
