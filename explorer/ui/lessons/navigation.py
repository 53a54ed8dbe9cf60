"""Which chapter is open and which are done. The session has both, and the URL the open one, so that a link opens it.
What is done is the reader's own: it is kept in the browser, and a link that is given to others says nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import streamlit as st

from explorer.ui import state
from explorer.ui.lessons.chapter import Chapter

AT, DONE = "lesson-chapter", "lesson-done"

_keep = st.components.v2.component(
    "kernelscope_chapters_done", html="<span></span>", js=Path(__file__).with_name("done.js").read_text("utf-8")
)


def current(chapters: Sequence[Chapter]) -> int:
    """The open chapter's number from 0. The first run of a session takes what the URL says, later ones write it, unless
    the reader has gone back."""
    names = [chapter.name for chapter in chapters]
    if AT not in st.session_state:
        wanted = st.query_params.get("chapter", "")
        st.session_state[AT] = wanted if wanted in names else names[0]
    elif (wanted := state.returned().get("chapter", "")) in names:
        st.session_state[AT] = wanted
    # Links of earlier versions said what was done, of whoever had sent them.
    state.put_in_address({"chapter": st.session_state[AT], "done": None})
    return names.index(st.session_state[AT])


def done_names() -> tuple[str, ...]:
    """The chapters whose question was answered."""
    return cast("tuple[str, ...]", st.session_state.get(DONE, ()))


def go(name: str) -> None:
    """For callbacks: opens a chapter."""
    st.session_state[AT] = name


def finish(name: str) -> None:
    """For callbacks: marks a chapter as done."""
    if name not in done_names():
        st.session_state[DONE] = (*done_names(), name)


def remember(chapters: Sequence[Chapter]) -> None:
    """Keeps in the browser what is done, and takes up what the browser has: an element that nobody sees."""
    with st.container(key="lesson-kept"):
        kept = _keep(key="lesson-progress", data={"done": list(done_names())}, on_kept_change=lambda: None).get("kept")
    for name in [chapter.name for chapter in chapters]:
        if isinstance(kept, list) and name in kept:
            finish(name)


def row(chapters: Sequence[Chapter], at: int) -> None:
    """The progress: how many are done, and all chapters by name, to jump to."""
    done = done_names()
    titles = {chapter.name: f"{'✓ ' if chapter.name in done else ''}{chapter.title}" for chapter in chapters}
    st.session_state["chapters"] = chapters[at].name
    st.pills(
        f"Chapters, {len(done)} of {len(chapters)} done",
        list(titles),
        required=True,
        format_func=titles.__getitem__,
        key="chapters",
        on_change=_take,
    )


def buttons(chapters: Sequence[Chapter], at: int) -> None:
    """Back and Next; at either end the button is there, but does nothing."""
    with st.container(horizontal=True, vertical_alignment="center", key="lesson-nav"):
        before, after = chapters[max(0, at - 1)].name, chapters[min(len(chapters) - 1, at + 1)].name
        st.button(
            "Back", icon=":material/arrow_back:", key="lesson-back", disabled=at == 0, on_click=go, args=(before,)
        )
        st.markdown(f"{at + 1} of {len(chapters)}", width="content")
        st.button(
            "Next",
            icon=":material/arrow_forward:",
            icon_position="right",
            key="lesson-next",
            type="primary",
            disabled=at == len(chapters) - 1,
            on_click=go,
            args=(after,),
        )


def _take() -> None:
    # Also called for a row that has gone: then there is nothing to take.
    chosen = st.session_state.get("chapters")
    if chosen:
        go(chosen)
