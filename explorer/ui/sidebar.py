"""What is always there: the current network and the current digit, each with its picker."""

from __future__ import annotations

import random
import sys
from contextlib import suppress
from html import escape
from typing import cast

import numpy as np
import streamlit as st

from explorer.data.cards import DataCard, find_card
from explorer.errors import DataError, WeightsError
from explorer.figures.theme import count
from explorer.networks import Known
from explorer.ui import cache, datanotice, export, html, imports, moments, shell, state, text, trusted
from explorer.ui.components.history import history

STATES = {
    "queued": "waiting for a free core",
    "running": "training",
    "paused": "paused",
    "stopped": "stopped early",
    "failed": "failed",
}


def show() -> None:
    """The sidebar of every page."""
    with st.sidebar:
        history(key="address")
        network = current_network()
        busy = network.busy
        shell.fragment(key="sidebar-network", run_every=3.0 if busy else None)(_network)(network.usable, busy)
        # The digit's answer needs torch, which a fresh server loads in the background: until then it is asked again,
        # and then once more for the whole page, which ends the asking.
        if not datanotice.show(find_card(network.spec.data.dataset)):
            return
        waiting = "explorer.analysis" not in sys.modules
        shell.fragment(key="sidebar-digit", run_every=1.0 if waiting else 5.0 if busy else None)(_digit)(waiting)


def current_network() -> Known:
    """The current network, as it was at the chosen moment of its training; where it was deleted meanwhile, the bundled
    one takes its place."""
    listed = {network.id: network for network in cache.known_networks()}
    chosen = listed.get(state.network_id())
    if chosen is None:
        cache.known_networks.clear()
        listed = {network.id: network for network in cache.known_networks()}
        chosen = listed.get(state.network_id())
    if chosen is None:
        if not listed:
            raise WeightsError("there is no network at all: fetch the folder model_zoo again")
        chosen = listed.get(state.DEFAULT_NETWORK) or next(iter(listed.values()))
        state.select_network(chosen.id)
    return moments.chosen(chosen)


def in_one_line() -> None:
    """Network and digit above the page, where the sidebar is closed: on phones."""
    network = current_network()
    with suppress(DataError):  # the sidebar has told it
        _, label, number = _shown_digit(network)
        split = "training" if state.digit_split() == "train" else "test"
        picture = "your own picture" if label is None else f"{split} image {number:,}"
        st.container(key="in-one-line").html(f'<div class="ks-current">{escape(network.label)} · {picture}</div>')


def own_first() -> list[Known]:
    """All networks: the reader's own, the newest on top, then the bundled ones."""
    return sorted(cache.known_networks(), key=lambda one: one.kind == "zoo")


def answer(network: Known, pixels: np.ndarray) -> dict[str, np.ndarray] | None:
    """What every layer of the network makes of an image, or None where it has no weights yet."""
    if not network.usable:
        return None
    return cache.activations(network.id, network.version, network.spec.data.dataset, pixels.tobytes())


def current_digit(network: Known) -> tuple[np.ndarray, int | None]:
    """The current digit's pixels, uint8 (C, H, W), and its true class (None: the user's own)."""
    pixels, label, _ = _shown_digit(network)
    return pixels, label


def _shown_digit(network: Known) -> tuple[np.ndarray, int | None, int]:
    """The current digit, and its number among the images that are here."""
    own = state.own_digit()
    number = state.digit_number()
    if number is None and own is not None and own.shape == find_card(network.spec.data.dataset).shape:
        return own, None, 0
    data = cache.dataset(network.spec.data.dataset)
    split = state.digit_split()
    images = data.train if split == "train" else data.test
    wanted, last = number or 0, len(images) - 1
    number = min(wanted, last)
    # What a link names is put right. What was chosen among more images of another network's data set is kept for it.
    if state.is_digit_unseen() and number != wanted:
        kind = "training" if split == "train" else "test"
        st.toast(
            f"There is no {kind} image {count(wanted)} here. The last one, {count(last)}, is shown.",
            icon=":material/info:",
        )
        state.select_digit(number, split)
    return np.asarray(images.pixels[number]), int(images.labels[number]), number


def describe(network: Known) -> str:
    """One line on a network: parameters, accuracy or state."""
    parts = [f"{network.parameters:,} parameters"]
    if network.test_accuracy is not None:
        parts.append(f"{network.test_accuracy:.2%} of test images right")
    if network.edited:
        parts.append("edited by hand")
    if network.imported:
        parts.append("imported")
    if network.state in STATES:
        parts.append(STATES[network.state])
    return " · ".join(parts)


def _network(usable: bool, busy: bool) -> None:
    networks = {network.id: network for network in own_first()}
    current = current_network()
    if (current.usable, current.busy) != (usable, busy):
        st.rerun()  # its first weights are there, or its training has ended: the whole page shows something else
    networks.setdefault(current.id, current.at(None))
    key = _key("network-picker", current.id)

    def take() -> None:
        wanted = _taken("network-picker", key)
        if wanted is not None:
            state.select_network(str(wanted))
            st.rerun()  # not otherwise: it would drop the click that this run is about

    st.selectbox(
        "Current network",
        list(networks),
        index=list(networks).index(current.id),
        key=key,
        format_func=lambda name: _label(networks[name]),
        on_change=take,
        help="Every page shows this network. Your runs come first, the newest on top, then the bundled ones.",
    )
    st.caption(describe(current))
    moments.notice(current)
    if current.busy:
        at = cache.run_record(current.id).progress
        share = min(1.0, at.step / at.steps_total) if at.steps_total else 0.0
        st.progress(share, text=f"epoch {at.epoch:.1f} of {current.spec.train.epochs}")
    with st.container(horizontal=True, gap="medium"):
        export.popover(current)
        imports.popover()


def _label(network: Known) -> str:
    # Streamlit knows an option by its text: a text that changes while the run trains would be another option.
    return f"{network.title} (bundled)" if network.kind == "zoo" else network.label


def _digit(waiting: bool) -> None:
    if waiting and "explorer.analysis" in sys.modules:
        st.rerun()
    network = current_network()
    pixels, label = current_digit(network)
    card = find_card(network.spec.data.dataset)
    st.markdown(f"Current {card.thing}")
    seen = answer(network, pixels) if "explorer.analysis" in sys.modules else None
    left, right = st.columns([1, 1.7], vertical_alignment="center", wrap=False)
    with left:
        truth = "your own" if label is None else f"true class {card.classes[label]}"
        st.html(html.picture(pixels, size=84, alt=f"The current {card.thing}, {truth}"))
    with right:
        if seen is None:
            verdict = "It has no weights yet." if not network.usable else "Waiting for the network."
            st.caption(verdict)
        else:
            st.html(_verdict(seen["probabilities"], label, card))
            if label is None and (judged := trusted.judge(network, pixels)) is not None and judged.rejected:
                st.caption(trusted.sentence(card))
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        _picker(len(cache.dataset(card.name).test.labels))


def _verdict(probabilities: np.ndarray, label: int | None, card: DataCard) -> str:
    classes = card.classes
    guess = int(probabilities.argmax())
    mark = "" if label is None else "✓" if guess == label else "✗"
    kind = "" if label is None else "right" if guess == label else "wrong"
    truth = f"your own {card.thing}" if label is None else f"true: {escape(classes[label])}"
    return (
        f'<div class="ks-verdict"><div>{truth}</div>'
        f'<div class="{kind}">reads <b>{escape(classes[guess])}</b> {mark}</div>'
        f"<div>{escape(text.sure(probabilities[guess]))}</div></div>"
    )


def _picker(images: int) -> None:
    index = state.digit_index()
    shown = None if index is None else min(index, images - 1)
    key = _key("digit", shown)
    number = state.digit_number()

    def take() -> None:
        wanted = _taken("digit", key)
        if wanted is not None:
            state.select_digit(int(wanted))
            st.rerun()  # not otherwise: it would drop the click that this run is about

    st.number_input(
        "Number in the test set",
        0,
        images - 1,
        value=shown,
        step=1,
        key=key,
        on_change=take,
        placeholder="your own" if number is None else f"training {number}",
        width="stretch",
    )
    st.button(
        "Another image at random",
        icon=":material/shuffle:",
        key="random-digit",
        help="Another image at random",
        on_click=lambda: _select(random.randrange(images)),  # noqa: S311 no secret hangs on it
    )


def _key(name: str, value: str | int | None) -> str:
    """The key of a widget that shows a value. It stays while the value is what its user chose, so that what is being
    typed stays too. Where the app has chosen another one, another widget takes its place: a browser that doesn't know
    yet sends the earlier value along with some other click, and nobody listens to that."""
    number, shown = st.session_state.get(_shown(name), (0, value))
    st.session_state[_shown(name)] = number + (shown != value), value
    return _latest(name)


def _taken(name: str, key: str) -> str | int | None:
    """What the user chose with a widget. None where another one has taken its place, or where a run that was broken
    off, by the browser's back button say, has left no value."""
    wanted = cast("str | int | None", st.session_state.get(key))
    if key != _latest(name) or wanted is None:
        return None
    number, _ = st.session_state[_shown(name)]
    st.session_state[_shown(name)] = number, wanted
    return wanted


def _latest(name: str) -> str:
    number, _ = st.session_state[_shown(name)]
    return f"{name}-{number}"


def _shown(name: str) -> str:
    """Where the session keeps how many widgets a name has had, and what the last one was given or its user chose."""
    return f"_shown-{name}"


def _select(index: int) -> None:
    state.select_digit(index)
    st.rerun()
