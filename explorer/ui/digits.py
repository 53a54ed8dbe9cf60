"""Your digits: drawn, uploaded or photographed, turned into the data set's form step by step, and read by the current
network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

from explorer.analysis.statistics import strongest
from explorer.data.cards import DataCard, find_card
from explorer.errors import PictureError
from explorer.networks import Known
from explorer.shapes import LayerShape, trace
from explorer.spec import Activation, Conv
from explorer.ui import (
    cache,
    digits_many,
    digits_sheet,
    html,
    microscope,
    my_digits,
    preparation,
    shell,
    sidebar,
    state,
    trusted,
)
from explorer.ui.components import wall
from explorer.ui.components.draw import draw, drawn

if TYPE_CHECKING:
    from explorer.digits import Prepared

MAPS = 16
PAPER = "draw"
NO_WEIGHTS = "This network has no weights yet: choose another one in the sidebar."


def show() -> None:
    network = sidebar.current_network()
    st.caption(f"Read by **{html.escape_markdown(network.title)}**. The sidebar has other networks.")
    tabs = ["Draw", "Upload", "Camera", "My test set"]
    paper, uploaded, photographed, mine = st.tabs(tabs, key="digits-tab", on_change="rerun")
    with paper:
        _drawing(network)
    with uploaded:
        _upload(network)
    if photographed.open:  # mounted earlier, the browser would ask for the camera when the page opens
        with photographed:
            _camera(network)
    if mine.open:
        with mine, shell.sentences():
            my_digits.show(network)
    trusted.calibrating(network)


# --- drawn ---


@shell.fragment(key="drawing")
def _drawing(network: Known) -> None:
    card = find_card(network.spec.data.dataset)
    now = _drawn(network, card)  # before anything is sent to the browser, which would be busy with it then
    with st.container(horizontal=True, gap="medium", key="drawing-row"):
        with st.container(width=420):
            draw(key=PAPER, label="Paper to draw one digit on")
        with st.container(width=296, key="drawing-answer"):
            if now.fault:
                st.error(now.fault, icon=":material/broken_image:")
            elif not network.usable:
                st.caption(NO_WEIGHTS)
            elif now.seen is None:
                st.markdown("Draw one digit, large.")
            _answer(None if now.seen is None else now.seen["probabilities"], card, now.judged, what="your drawing")
            _buttons(now, card)
        with st.container(width=244, key="drawing-maps"):
            if now.seen is not None:
                _maps(network, card, now.seen)
            elif network.usable:
                st.caption("The network answers while you draw, and its first feature maps appear here.")
    if now.data is None:
        return
    st.markdown("**How it was prepared**")
    if now.prepared is not None:
        preparation.strip(now.prepared)
    preparation.compare(network, now.seen, lambda: cache.drawing(now.data or b"", card.shape), key="drawing")


class Drawn(NamedTuple):
    """The drawing, in the data set's form, and what is made of it: as far as there is something."""

    data: bytes | None = None
    fault: str = ""
    prepared: Prepared | None = None
    seen: dict[str, np.ndarray] | None = None
    judged: trusted.Judged | None = None


def _drawn(network: Known, card: DataCard) -> Drawn:
    data = None
    try:
        data = drawn(PAPER)
        if data is None:
            return Drawn()
        prepared = cache.drawing(data, card.shape, preparation.off())
    except PictureError as error:
        return Drawn(data, str(error))
    pixels = prepared.pixels.reshape(card.shape)
    seen = sidebar.answer(network, pixels)
    return Drawn(data, "", prepared, seen, None if seen is None else trusted.judge(network, pixels, prepared.box))


def _buttons(now: Drawn, card: DataCard) -> None:
    """Always there, so that nothing moves under the hand while one draws."""
    with st.container(horizontal=True, gap="small"):
        if st.button("Look inside", key="open-drawing", icon=":material/search:", disabled=now.prepared is None):
            _look_inside(now.prepared, card)
        pixels = None if now.prepared is None else np.ascontiguousarray(now.prepared.pixels.reshape(card.shape))
        my_digits.keep_button(pixels, card, key="drawing", source="drawn")
        st.download_button(
            "Download as PNG",
            now.data or b"",
            file_name="drawing.png",
            mime="image/png",
            key="download-drawing",
            icon=":material/download:",
            on_click="ignore",
            disabled=now.data is None,
        )


def _maps(network: Known, card: DataCard, seen: dict[str, np.ndarray]) -> None:
    """The strongest maps of the first convolution, in their own order, so that they keep their places while one draws
    on; after its activation where it has one."""
    layer = _first_maps(trace(network.spec.model, card.shape, len(card.classes)))
    if layer is None:
        st.caption("This network has no convolution, so there are no feature maps.")
        return
    maps = seen[layer.name]
    numbers = np.sort(strongest(maps)[:MAPS])
    chosen = f"the {len(maps)}" if len(maps) <= MAPS else f"strongest {MAPS} of {len(maps)}"
    st.markdown(f"**{layer.name}**: {chosen} maps")
    wall(
        maps[numbers],
        key="drawing-wall",
        scale=microscope.scale_of(layer, maps),
        captions=[str(number) for number in numbers],
        details=[f"{layer.name}, map {number}" for number in numbers],
        tile=56,
        columns=4,
        label=f"Feature maps of {layer.name}",
    )


def _first_maps(layers: tuple[LayerShape, ...]) -> LayerShape | None:
    """The first convolution's activation, the convolution itself where another one comes before any, None without."""
    first: LayerShape | None = None
    for layer in layers:
        if isinstance(layer.layer, Conv):
            if first is not None:
                break
            first = layer
        elif first is not None and isinstance(layer.layer, Activation):
            return layer if len(layer.output) == 3 else first
    return first


# --- photographed and uploaded ---


def _camera(network: Known) -> None:
    photo = st.camera_input(
        "Photograph your digits",
        key="camera",
        width=420,
        help="The browser asks whether the page may use the camera. The picture stays in this session's memory.",
    )
    if photo is None:
        st.caption("Fill the frame with one digit or with a sheet of them, dark on light paper or the reverse.")
        return
    with st.container(border=True, key="picture-camera"), shell.sentences():
        _one(photo, network, key="camera")


def _upload(network: Known) -> None:
    files = st.file_uploader(
        "Pictures of digits, a ZIP of them, or a CSV",
        type=None,
        accept_multiple_files=True,
        key="upload",
        on_change=_open_uploaded,
        help="PNG, JPEG, WebP, BMP, GIF or TIFF, up to 20 MB each; a ZIP of them; or a CSV in MNIST's form, one digit "
        "a row, with its label or without. They stay in this server's memory and go nowhere else. A digit that you "
        "open has its 28 × 28 pixels in the page's address, so that a link shows it.",
    )
    if not files:
        st.info(
            "Write one digit or many on paper, photograph it, and put the picture here. You see how each is turned "
            "into the form that the network learned from, and what the network reads. Dark ink on light paper works "
            "as well as the reverse.",
            icon=":material/draw:",
        )
        return
    if digits_many.is_many(files):
        digits_many.show(files, network)
        return
    for file in files:
        with st.container(border=True, key=f"picture-{file.file_id}"), shell.sentences():
            _one(file, network, key=file.file_id)


def _open_uploaded() -> None:
    """What was uploaded is in sight, whichever tab was open."""
    if st.session_state.get("upload"):
        st.session_state["digits-tab"] = "Upload"


def _one(file: Any, network: Known, *, key: str) -> None:
    card = find_card(network.spec.data.dataset)
    try:
        st.markdown(f"**{html.escape_markdown(file.name)}**")
        if digits_sheet.choose(file.getvalue(), file.name, key=key):
            digits_sheet.show(file.getvalue(), file.name, network, key=key)
            return
        prepared = cache.prepared(file.getvalue(), file.name, card.shape, preparation.off())
    except PictureError as error:
        st.error(str(error), icon=":material/broken_image:")
        if preparation.off():
            preparation.switches(key=key)
        return
    left, right = st.columns([1.6, 1], gap="large")
    with left:
        preparation.strip(prepared)
        seen = sidebar.answer(network, prepared.pixels.reshape(card.shape))
        preparation.compare(network, seen, lambda: cache.prepared(file.getvalue(), file.name, card.shape), key=key)
    with right:
        if seen is None:
            st.caption(NO_WEIGHTS)
            return
        judged = trusted.judge(network, prepared.pixels.reshape(card.shape), prepared.box)
        _answer(seen["probabilities"], card, judged, what=file.name)
        with st.container(horizontal=True, gap="small"):
            if st.button("Open in Look inside", key=f"open-{key}", icon=":material/search:"):
                _look_inside(prepared, card)
            pixels = np.ascontiguousarray(prepared.pixels.reshape(card.shape))
            my_digits.keep_button(pixels, card, key=key, source=file.name)


# --- what all of them show ---


def _answer(probabilities: np.ndarray | None, card: DataCard, judged: trusted.Judged | None, *, what: str) -> None:
    """Class and probabilities; the bars stand empty where there is no answer yet, for what comes to fill them."""
    if probabilities is not None:
        trusted.answer(probabilities, card, judged)
    st.html(html.probabilities(probabilities, card.classes, label=f"Probabilities for {what}"))
    trusted.reasons(judged)


def _look_inside(prepared: Prepared | None, card: DataCard) -> None:
    if prepared is not None:
        state.select_own_digit(np.ascontiguousarray(prepared.pixels.reshape(card.shape)))
        st.switch_page(shell.path_of("inside"))
