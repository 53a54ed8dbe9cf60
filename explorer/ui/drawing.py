"""A drawn digit and what the current network makes of it: beside the paper while one draws, and step by step below."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from explorer.analysis.statistics import strongest
from explorer.data.cards import DataCard, find_card
from explorer.errors import PictureError, StoreError
from explorer.networks import Known
from explorer.shapes import LayerShape, trace
from explorer.spec import Activation, Conv
from explorer.ui import cache, html, microscope, my_digits, preparation, server, shell, sidebar, state, trusted
from explorer.ui.components import draw
from explorer.ui.components.wall import Payload, tiles

if TYPE_CHECKING:
    from explorer.digits import Prepared

MAPS = 16
PAPER = "draw"
NO_WEIGHTS = "This network has no weights yet: choose another one in the sidebar."
NO_MAPS_YET = "The network answers while you draw, and its first feature maps appear here."


class Drawn(NamedTuple):
    """The drawing, in the data set's form, and what is made of it: as far as there is something."""

    data: bytes | None = None
    fault: str = ""
    prepared: Prepared | None = None
    seen: dict[str, np.ndarray] | None = None
    judged: trusted.Judged | None = None


@shell.fragment(key="drawing")
def show(network: Known) -> None:
    """The paper with the answer beside it, what can be done with the drawing, and how it was prepared."""
    card = find_card(network.spec.data.dataset)
    message = draw.drawn(PAPER)
    now = look(network, message.picture, preparation.off())
    draw.draw(
        key=PAPER,
        label=f"Paper to draw one {card.thing} on",
        help=trusted.about(card),
        address=_address(network),
        number=message.number,
        reply=reply(network, now),
    )
    _buttons(now, card)
    if now.data is None:
        return
    st.header("How it was prepared", anchor=False)
    if now.prepared is not None:
        preparation.strip(now.prepared)
    preparation.compare(network, now.seen, lambda: cache.drawing(now.data or b"", card.shape), key="drawing")


def find(network_id: str, moment: str | None) -> Known:
    """The network that an address names, at the moment of its training that it names. Raises StoreError."""
    found = next((known for known in cache.known_networks() if known.id == network_id), None)
    if found is None:
        raise StoreError(f"there is no network {network_id!r:.40} any more")
    steps = {str(kept.step): kept.step for kept in cache.moments(found.id, found.version)} if moment else {}
    return found.at(steps[moment]) if moment in steps else found


def look(network: Known, picture: Any, without: frozenset[str]) -> Drawn:
    """What is made of the browser's picture, prepared without some of the steps."""
    card = find_card(network.spec.data.dataset)
    data = None
    try:
        data = draw.decoded(picture)
        if data is None:
            return Drawn()
        prepared = cache.drawing(data, card.shape, without)
    except PictureError as error:
        return Drawn(data, str(error))
    pixels = prepared.pixels.reshape(card.shape)
    seen = sidebar.answer(network, pixels)
    return Drawn(data, "", prepared, seen, None if seen is None else trusted.judge(network, pixels, prepared.box))


def reply(network: Known, now: Drawn) -> bytes:
    """What stands beside the paper, for the browser."""
    card = find_card(network.spec.data.dataset)
    shares = None if now.seen is None else now.seen["probabilities"]
    if now.fault:
        said = f'<p class="fault" role="alert">{escape(now.fault)}</p>'
    elif not network.usable:
        said = f"<p>{NO_WEIGHTS}</p>"
    elif shares is None:
        said = f"<p>Draw one {card.thing}, large.</p>"
    else:
        said = f"<p>{trusted.answer_html(shares, card, now.judged)}</p>"
    bars = html.probabilities(shares, card.classes, label="Probabilities for your drawing")
    title, wall = _maps(network, card, now.seen)
    return draw.replied(said, bars, trusted.because(now.judged), title, wall)


def _address(network: Known) -> str:
    asked = {"network": network.id, "moment": network.snapshot, "without": ",".join(sorted(preparation.off()))}
    return f"{server.DRAWING}?{urlencode({name: value for name, value in asked.items() if value not in (None, '')})}"


def _buttons(now: Drawn, card: DataCard) -> None:
    """Always there, so that nothing moves under the hand while one draws."""
    pixels = None if now.prepared is None else np.ascontiguousarray(now.prepared.pixels.reshape(card.shape))
    with st.container(horizontal=True, gap="small"):
        if st.button("Look inside", key="open-drawing", icon=":material/search:", disabled=pixels is None):
            look_inside(pixels)
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


def look_inside(pixels: np.ndarray | None) -> None:
    """Opens *Look inside* with a prepared picture, uint8 (C, H, W), as the current digit."""
    if pixels is not None:
        state.select_own_digit(pixels)
        st.switch_page(shell.path_of("inside"))


def _maps(network: Known, card: DataCard, seen: dict[str, np.ndarray] | None) -> tuple[str, Payload | None]:
    """The strongest maps of the first convolution, in their own order, so that they keep their places while one draws
    on; after its activation where it has one. And the sentence above them, or why there are none."""
    layer = _first_maps(trace(network.spec.model, card.shape, len(card.classes)))
    if layer is None:
        return "This network has no convolution, so there are no feature maps.", None
    if seen is None:
        return NO_MAPS_YET if network.usable else "", None
    maps = seen[layer.name]
    numbers = np.sort(strongest(maps)[:MAPS])
    chosen = f"the {len(maps)}" if len(maps) <= MAPS else f"strongest {MAPS} of {len(maps)}"
    return f"{layer.name}: {chosen} maps", tiles(
        maps[numbers],
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
