"""What a session remembers, and its part that is in the URL: the current network, the current digit, the draft.

A session takes over what its first URL says (a link that was opened); from then on it only writes. Reading later would
undo changes: the browser sends its address along with each click, and that may still be the one of before the last
change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import streamlit as st

from explorer import networks
from explorer.draft import Draft, History
from explorer.errors import ExplorerError, SpecError
from explorer.spec import RunSpec, from_link, to_link

DEFAULT_NETWORK = "article"
OWN = "own"


def follow_url(preferred: str | None = None) -> None:
    """Brings session and URL together, at the start of each page run. ``preferred`` is the network that suits the page
    best: it becomes the current one where nobody has chosen any, and stays that."""
    params = st.query_params
    if not st.session_state.get("_opened"):
        st.session_state["_opened"] = True
        if "spec" in params:
            _open_link(params["spec"])
        if "network" in params:
            _take_network(params["network"])
        if "snapshot" in params:
            select_snapshot(_number(params["snapshot"]))
        if "digit" in params:
            _take_digit(params["digit"])
    if preferred is not None and not st.session_state.get("network_chosen"):
        st.session_state["network"] = preferred
    step = snapshot()
    wanted = {"network": network_id(), "digit": _digit_text(), "snapshot": None if step is None else str(step)}
    for name, value in wanted.items():
        if value is None:
            params.pop(name, None)
        elif params.get(name) != value:
            params[name] = value


# --- the current network ---


def network_id() -> str:
    """The id of the current network; one that was deleted meanwhile gives way to the bundled one."""
    return cast(str, st.session_state.setdefault("network", DEFAULT_NETWORK))


def select_network(network: str) -> None:
    """For callbacks: makes a network the current one, as it is now, here and in the URL."""
    st.session_state["network"] = network
    st.session_state["network_chosen"] = True
    st.query_params["network"] = network
    select_snapshot(None)


def _take_network(network: str) -> None:
    try:
        networks.find(network)
    except ExplorerError:
        st.toast(f"This server has no network {network[:40]!r}. The bundled one is shown.", icon=":material/info:")
        select_network(DEFAULT_NETWORK)
    else:
        select_network(network)


def snapshot() -> int | None:
    """The optimiser step of the moment of its training at which the current network is looked at; None: as it is now.
    A link may name one that there is not."""
    return cast("int | None", st.session_state.get("snapshot"))


def select_snapshot(step: int | None) -> None:
    """For callbacks: the moment of its training at which the current network is looked at, here and in the URL."""
    st.session_state["snapshot"] = step
    if step is not None:
        st.query_params["snapshot"] = str(step)
    elif "snapshot" in st.query_params:
        del st.query_params["snapshot"]


# --- the current digit ---


def digit_index() -> int | None:
    """The current digit's number in the test set, or None where it is the user's own."""
    if own_digit() is not None and st.session_state.get("digit_number") is None:
        return None
    return cast(int, st.session_state.get("digit_number") or 0)


def own_digit() -> np.ndarray | None:
    """The user's own digit in the data set's form, uint8 (C, H, W), or None."""
    return cast("np.ndarray | None", st.session_state.get("own_digit"))


def select_digit(index: int) -> None:
    """For callbacks: makes a digit of the test set the current one."""
    st.session_state["digit_number"] = int(index)
    st.query_params["digit"] = str(int(index))


def select_own_digit(pixels: np.ndarray) -> None:
    """For callbacks: makes a prepared picture of the user's, uint8 (C, H, W), the current digit."""
    st.session_state["own_digit"] = pixels
    st.session_state["digit_number"] = None
    st.query_params["digit"] = OWN


def _digit_text() -> str:
    index = digit_index()
    return OWN if index is None else str(index)


def _take_digit(text: str) -> None:
    number = _number(text)
    if number is not None:
        st.session_state["digit_number"] = number


def _number(text: str) -> int | None:
    """A whole number of a link, None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 8 else None


# --- the draft ---


def history() -> History:
    return cast(History, st.session_state.setdefault("history", History(Draft.from_preset("article"))))


def draft() -> Draft:
    return history().now


def edit(change: Callable[[Draft], Draft]) -> bool:
    """For callbacks: replaces the draft by a changed one, and says whether that is another one; a change that cannot be
    is refused with its sentence."""
    before = history()
    try:
        st.session_state["history"] = before.then(change(draft()))
    except SpecError as error:
        st.toast(str(error), icon=":material/error:")
    if history() is before:
        return False
    _write_link()
    return True


def undo() -> None:
    st.session_state["history"] = history().undo()
    _write_link()


def redo() -> None:
    st.session_state["history"] = history().redo()
    _write_link()


def _write_link() -> None:
    st.query_params["spec"] = to_link(draft().run_spec())


def _open_link(link: str) -> None:
    try:
        opened = Draft.from_run(from_link(RunSpec, link))
    except SpecError as error:
        st.toast(f"The link could not be opened: {error}", icon=":material/link_off:")
        del st.query_params["spec"]
        return
    st.session_state["history"] = history().then(opened)
