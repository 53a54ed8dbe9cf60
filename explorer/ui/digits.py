"""Your digits: drawn, uploaded or photographed, turned into the data set's form step by step, and read by the current
network."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from explorer.data.cards import find_card
from explorer.errors import PictureError
from explorer.networks import Known
from explorer.ui import (
    cache,
    digits_many,
    digits_sheet,
    drawing,
    html,
    my_digits,
    preparation,
    shell,
    sidebar,
    trusted,
    uploads,
)


def show() -> None:
    network = sidebar.current_network()
    st.caption(f"Read by {html.bold(network.title)}. The sidebar has other networks.")
    if not find_card(network.spec.data.dataset).marks:
        st.caption(
            "It learned from whole pictures. Here a picture's mark alone is cut out and centred, as for MNIST: it may "
            "read that worse than its own test images."
        )
    tabs = ["Draw", "Upload", "Camera", "My test set"]
    paper, uploaded, photographed, mine = st.tabs(tabs, key="digits-tab", on_change="rerun")
    with paper:
        drawing.show(network)
    with uploaded:
        _upload(network)
    if photographed.open:  # mounted earlier, the browser would ask for the camera when the page opens
        with photographed:
            _camera(network)
    if mine.open:
        with mine, shell.sentences():
            my_digits.show(network)
    trusted.calibrating(network)


def _camera(network: Known) -> None:
    photo = st.camera_input(
        "Take a photograph",
        key="camera",
        width=420,
        help="The browser asks whether the page may use the camera. The picture stays in this session's memory.",
    )
    if photo is None:
        thing = find_card(network.spec.data.dataset).thing
        st.caption(f"Fill the frame with one {thing} or with a sheet of them, dark on light paper or the reverse.")
        return
    with st.container(border=True, key="picture-camera"), shell.sentences():
        _one(photo, network, key="camera")


def _upload(network: Known) -> None:
    files = st.file_uploader(
        "Pictures, a ZIP of them, or a CSV",
        type=None,
        accept_multiple_files=True,
        max_upload_size=uploads.MOST_MEGABYTES,
        key="upload",
        on_change=_open_uploaded,
        help="PNG, JPEG, WebP, BMP, GIF or TIFF, up to 20 MB each; a ZIP of them; or a CSV in MNIST's form, one image "
        "a row, with its label or without. They stay in this server's memory and go nowhere else. What you open in "
        "*Look inside* has its pixels in the page's address, so that a link shows it.",
    )
    if not files:
        thing = find_card(network.spec.data.dataset).thing
        st.info(
            f"Draw one {thing} or many on paper, photograph it, and put the picture here. You see how each is turned "
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
            st.caption(drawing.NO_WEIGHTS)
            return
        judged = trusted.judge(network, prepared.pixels.reshape(card.shape), prepared.box)
        trusted.answer(seen["probabilities"], card, judged)
        st.html(html.probabilities(seen["probabilities"], card.classes, label=f"Probabilities for {file.name}"))
        trusted.reasons(judged, card)
        with st.container(horizontal=True, gap="small"):
            pixels = np.ascontiguousarray(prepared.pixels.reshape(card.shape))
            if st.button("Open in Look inside", key=f"open-{key}", icon=":material/search:"):
                drawing.look_inside(pixels)
            my_digits.keep_button(pixels, card, key=key, source=file.name)
