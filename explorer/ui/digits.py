"""Your digits: uploaded pictures, turned into the data set's form step by step, and read by the current network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from explorer.data.cards import find_card
from explorer.errors import PictureError
from explorer.figures import bars
from explorer.networks import Known
from explorer.ui import cache, html, shell, sidebar, state
from explorer.ui.components import chart

if TYPE_CHECKING:
    from explorer.digits import Prepared

MOST = 20


def show() -> None:
    network = sidebar.current_network()
    files = st.file_uploader(
        "Pictures of one digit each",
        type=None,
        accept_multiple_files=True,
        key="upload",
        help="PNG, JPEG, WebP, BMP, GIF or TIFF, up to 20 MB. They stay in this session's memory and go nowhere else.",
    )
    if not files:
        st.info(
            "Write a digit on paper, photograph it, and put the picture here. You see how it is turned into the form "
            "that the network learned from, and what the network reads. Dark ink on light paper works as well as the "
            "reverse.",
            icon=":material/draw:",
        )
        return
    for file in files[:MOST]:
        with st.container(border=True, key=f"picture-{file.file_id}"), shell.sentences():
            _one(file, network)
    if len(files) > MOST:
        st.caption(f"The first {MOST} of {len(files)} pictures are shown. Remove some to see others.")


def _one(file: Any, network: Known) -> None:
    card = find_card(network.spec.data.dataset)
    try:
        prepared = cache.prepared(file.getvalue(), file.name, card.shape)
    except PictureError as error:
        st.error(str(error), icon=":material/broken_image:")
        return
    st.markdown(f"**{html.escape_markdown(file.name)}**")
    left, right = st.columns([1.6, 1], gap="large")
    with left:
        _steps(prepared)
    with right:
        seen = sidebar.answer(network, prepared.pixels.reshape(card.shape))
        if seen is None:
            st.caption("This network has no weights yet: choose another one in the sidebar.")
            return
        probabilities = seen["probabilities"]
        guess = int(probabilities.argmax())
        st.markdown(f"Reads **{card.classes[guess]}**, {probabilities[guess]:.1%} sure")
        chart(
            bars.probabilities(probabilities, card.classes),
            key=f"answer-{file.file_id}",
            height=270,
            alt=f"Probabilities for {file.name}: {card.classes[guess]} {probabilities[guess]:.1%}",
        )
        if st.button("Open in Look inside", key=f"open-{file.file_id}", icon=":material/search:"):
            state.select_own_digit(np.ascontiguousarray(prepared.pixels.reshape(card.shape)))
            st.switch_page(shell.path_of("inside"))


def _steps(prepared: Prepared) -> None:
    figures = "".join(
        f"<figure>{html.picture(html.thumbnail(step.image), size=96, alt=step.title)}"
        f"<figcaption><b>{escape(step.title)}</b><br>{escape(step.note)}</figcaption></figure>"
        for step in prepared.steps
    )
    st.html(f'<div class="ks-steps">{figures}</div>')
    for note in prepared.notes:
        st.caption(note)
