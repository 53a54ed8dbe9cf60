"""The draft that a session shapes, its undo, and its part of the address."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import streamlit as st

from explorer.data.cards import find_card
from explorer.draft import Draft, History
from explorer.errors import DataError, SpecError
from explorer.spec import RunSpec, from_link, to_link
from explorer.ui import html

FIRST_DATASET = "mnist"
_GONE, _MOVED = "_data-gone", "_data-moved"


def history() -> History:
    """The draft and its steps. Those of a data set that is not here, by a link from another server or because it was
    removed, go over to another one, and :func:`settle` tells."""
    found = cast(History, st.session_state.setdefault("history", History(Draft.from_preset("article"))))
    if missing := {name for name in found.datasets if not _is_here(name)}:
        st.session_state[_GONE] = found.now.data.dataset if found.now.data.dataset in missing else None
        st.session_state[_MOVED] = True
        images = find_card(FIRST_DATASET).train_images

        def moved(draft: Draft) -> Draft:
            gone = draft.data.dataset in missing
            return draft.with_dataset(FIRST_DATASET, images=images, before=None) if gone else draft

        found = found.changed(moved)
        st.session_state["history"] = found
    return found


def has_moved() -> bool:
    """Whether the draft went over to another data set since this was last asked: who pressed Train before that meant
    another one."""
    history()
    return bool(st.session_state.pop(_MOVED, False))


def _is_here(dataset: str) -> bool:
    try:
        find_card(dataset)
    except DataError:
        return False
    return True


def current() -> Draft:
    """The network and recipe that the next training begins with."""
    return history().now


def edit(change: Callable[[Draft], Draft], *, hand: str = "", held: bool = False) -> bool:
    """For callbacks: replaces the draft by a changed one, and says whether that is another one; a change that cannot be
    is refused with its sentence.

    While a control, named by ``hand``, is ``held``, all its changes are one step of the history, and the address waits.
    """
    before = history()
    began, last = st.session_state.pop(f"_held-{hand}", (before, before))
    if last is not before:  # something else has changed the draft meanwhile
        began = before
    try:
        now = began.then(change(current()))
    except SpecError as error:
        st.toast(str(error), icon=":material/error:")
        return False
    if now != before:  # the same history stays the same object: the undo button stands for that one
        st.session_state["history"] = now
    if held:
        st.session_state[f"_held-{hand}"] = began, history()
    elif history() is not began:
        _write_link()
    return history() is not before


def undo(shown: History) -> None:
    """For callbacks: takes the last change back. ``shown`` is the history that the button stood for: where Streamlit
    calls for one click again, after a run that was broken off, it is another one by then, and nothing is done."""
    if history() is shown:
        st.session_state["history"] = shown.undo()
        _write_link()


def redo(shown: History) -> None:
    """For callbacks: the inverse of :func:`undo`."""
    if history() is shown:
        st.session_state["history"] = shown.redo()
        _write_link()


def link() -> str:
    """The draft as an address has it."""
    return to_link(current().run_spec())


def _write_link() -> None:
    st.query_params["spec"] = link()


def settle() -> dict[str, str | None]:
    """Tells that the draft went over to another data set; what of the address is no longer true."""
    history()
    name = st.session_state.pop(_GONE, None)
    if name is None:
        return {}
    st.toast(
        f"The data set “{html.escape_markdown(name)}” is not on this server: the recipe has MNIST instead. Bring its "
        "files on the page Data.",
        icon=":material/database_off:",
    )
    return {"spec": link()} if "spec" in st.query_params else {}


def open_link(text: str) -> None:
    """Makes the draft of an address the current one, as one step of the history; tells where that can't be."""
    try:
        opened = Draft.from_run(from_link(RunSpec, text))
    except SpecError as error:
        st.toast(f"The link could not be opened: {html.escape_markdown(str(error))}", icon=":material/link_off:")
        st.query_params.pop("spec", None)
        return
    st.session_state["history"] = history().then(opened)
