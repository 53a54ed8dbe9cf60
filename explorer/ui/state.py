"""What a session remembers, and its part that is in the URL: the current network and the current digit
(the draft is in :mod:`explorer.ui.drafting`).

A session takes over what a page's first URL says (a link that was opened), and what the browser's back and forward
buttons lead to; otherwise it only writes. Reading at each run would undo changes: the browser sends its address along
with each click, and that may still be the one of before the last change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, cast

import numpy as np
import streamlit as st

from explorer import networks
from explorer.data.cards import find_card
from explorer.digits import link
from explorer.errors import DataError, ExplorerError, PictureError, sentence
from explorer.ui import drafting, html
from explorer.ui.components import history as browser

DEFAULT_NETWORK = "article"
COMPARE = "Compare"
COMPARED = "compare-with"
"""The key of the page Compare's list of networks, by id, beside which the current one is looked at."""
OWN = "own"
TRAINING = "train-"

Split = Literal["test", "train"]


def is_first_run() -> bool:
    """Whether nothing of this session has been on the screen yet."""
    return not st.session_state.get("_opened")


def follow_url(page: str, preferred: str | None = None, *, settle: Callable[[], None] | None = None) -> None:
    """Brings session and URL together, at the start of each run of a page. ``preferred`` is the network that suits the
    page best: it becomes the current one where nobody has chosen any, and stays that. ``settle`` is called before the
    address is written, which is done once: two writes in one run make the browser's way back unsure."""
    params = st.query_params
    st.session_state["_opened"] = True
    # A page that is gone to by a link of the app's has a bare address at first. One that names network or digit was
    # opened from outside, or by the browser's back button.
    came, back = st.session_state.get("_page") != page, browser.is_return()
    if came or back:
        st.session_state["_page"] = page
        take_address(params.to_dict())
    if back:
        _note_return(page, params.to_dict())
    if preferred is not None and not st.session_state.get("network_chosen"):
        st.session_state["network"] = preferred
    if settle is not None:
        settle()
    _write_address(drafting.settle())


def page() -> str:
    """The title of the page that is open."""
    return cast(str, st.session_state.get("_page", ""))


def take_address(params: Mapping[str, str]) -> None:
    """Makes the network, the digit and the draft current that an address names: a link that is opened, or an earlier
    address that the browser's back button returned to; another draft is one step of its undo. What it doesn't name
    stays; what can't be is told in a sentence. Nothing is written into the address: what is half taken would be one
    more entry of the browser's history."""
    if "network" in params:
        _take_network(params["network"])
        # An address that names a network without a moment means it as it is now.
        st.session_state["snapshot"] = _number(params.get("snapshot", ""))
    elif "snapshot" in params:
        st.session_state["snapshot"] = _number(params["snapshot"])
    if "digit" in params:
        _take_digit(params["digit"], params.get(OWN, ""))
    if "with" in params:
        st.session_state[COMPARED] = params["with"].split(",")
    if "spec" in params and params["spec"] != drafting.link():
        drafting.open_link(params["spec"])


def _note_return(page: str, params: Mapping[str, str]) -> None:
    if page == COMPARE and "with" not in params:
        st.session_state[COMPARED] = []
    st.session_state["_returned"] = dict(params)


def returned() -> Mapping[str, str]:
    """The address that the reader has just gone back to, once, for a page that keeps more in it; else nothing."""
    return cast("Mapping[str, str]", st.session_state.pop("_returned", {}))


def put_in_address(values: Mapping[str, str | None]) -> None:
    """Writes into the address, or takes out what is None: all at once, for each change is one entry of the browser's
    history."""
    params = st.query_params.to_dict()
    wanted = {name: value for name, value in (params | dict(values)).items() if value is not None}
    if params != wanted:
        st.query_params.from_dict(wanted)


def _write_address(more: Mapping[str, str | None] | None = None) -> None:
    own = own_digit() if _digit_text() == OWN else None
    # The link itself carries an own digit: nobody else's session has it.
    text = None if own is None else link.to_text(own)
    step = snapshot()
    moment = None if step is None else str(step)
    beside = ",".join(st.session_state.get(COMPARED, ())) if page() == COMPARE else ""
    here = {"network": network_id(), "snapshot": moment, "digit": _digit_text(), OWN: text, "with": beside or None}
    put_in_address(here | dict(more or {}))


# --- the current network ---


def network_id() -> str:
    """The id of the current network; one that was deleted meanwhile gives way to the bundled one."""
    return cast(str, st.session_state.setdefault("network", DEFAULT_NETWORK))


def select_network(network: str) -> None:
    """For callbacks: makes a network the current one, as it is now, here and in the URL. On the page Compare its list
    changes with it, and the run of the page that follows writes both at once."""
    _choose_network(network)
    if page() != COMPARE:
        _write_address()


def _take_network(network: str) -> None:
    try:
        networks.find(network)
    except DataError as error:  # what it learned from is not here
        st.toast(sentence(str(error)), icon=":material/database_off:")
        network = DEFAULT_NETWORK
    except ExplorerError:
        name = html.escape_markdown(network[:40])
        st.toast(f"This server has no network “{name}”. The bundled one is shown.", icon=":material/info:")
        network = DEFAULT_NETWORK
    _choose_network(network)


def _choose_network(network: str) -> None:
    st.session_state["network"] = network
    st.session_state["network_chosen"] = True
    st.session_state["snapshot"] = None


def snapshot() -> int | None:
    """The optimiser step of the moment of its training at which the current network is looked at; None: as it is now.
    A link may name one that there is not."""
    return cast("int | None", st.session_state.get("snapshot"))


def select_snapshot(step: int | None) -> None:
    """For callbacks: the moment of its training at which the current network is looked at, here and in the URL."""
    st.session_state["snapshot"] = step
    _write_address()


# --- the current digit ---


def digit_split() -> Split:
    """Where the current digit is from, unless it is the user's own."""
    return cast(Split, st.session_state.get("digit_split", "test"))


def digit_number() -> int | None:
    """The current digit's number in :func:`digit_split`, or None where it is the user's own."""
    number = cast("int | None", st.session_state.get("digit_number"))
    return None if number is None and own_digit() is not None else number or 0


def digit_index() -> int | None:
    """The current digit's number in the test set, or None where it is a training digit or the user's own."""
    return digit_number() if digit_split() == "test" else None


def is_digit_unseen() -> bool:
    """Whether the current digit's number is one of a link that nobody has looked up yet; once. Whoever has the images
    at hand asks: here they are not opened."""
    return bool(st.session_state.pop("_digit_unseen", False))


def own_digit() -> np.ndarray | None:
    """The user's own digit in the data set's form, uint8 (C, H, W), or None."""
    return cast("np.ndarray | None", st.session_state.get("own_digit"))


def select_digit(index: int, split: Split = "test") -> None:
    """For callbacks: makes a digit of the data set the current one."""
    st.session_state["digit_number"] = int(index)
    st.session_state["digit_split"] = split
    _write_address()


def select_own_digit(pixels: np.ndarray) -> None:
    """For callbacks: makes a prepared picture of the user's, uint8 (C, H, W), the current digit."""
    st.session_state["own_digit"] = pixels
    st.session_state["digit_number"] = None
    st.session_state["digit_split"] = "test"
    _write_address()


def _digit_text() -> str:
    number = digit_number()
    return OWN if number is None else f"{TRAINING}{number}" if digit_split() == "train" else str(number)


def _number(text: str) -> int | None:
    """A whole number of a link, None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 8 else None


def _take_digit(text: str, own: str) -> None:
    if text == OWN and own:
        try:
            shape = find_card(networks.find(network_id()).spec.data.dataset).shape
            st.session_state["own_digit"] = link.from_text(own, shape)
        except PictureError as error:
            st.toast(f"The link's own picture could not be opened: {error}.", icon=":material/link_off:")
            return
        st.session_state["digit_number"], st.session_state["digit_split"] = None, "test"
        return
    number = _number(text.removeprefix(TRAINING))
    if number is not None:
        st.session_state["digit_number"] = number
        st.session_state["digit_split"] = "train" if text.startswith(TRAINING) else "test"
        st.session_state["_digit_unseen"] = True
