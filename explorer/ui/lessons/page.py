"""One chapter on the screen: its words and its question on the left, the live widget on the right."""

from __future__ import annotations

import zlib
from pathlib import Path

import streamlit as st

from explorer.ui import html, shell, state
from explorer.ui.components import wall
from explorer.ui.lessons import navigation, scene
from explorer.ui.lessons.chapter import Chapter, Question
from explorer.ui.lessons.chapters import CHAPTERS

HERE = Path(__file__).parent

_top = st.components.v2.component(
    "kernelscope_top", html="<span></span>", js=(HERE / "top.js").read_text("utf-8"), isolate_styles=True
)


def show() -> None:
    """The page Learn."""
    at = navigation.current(CHAPTERS)
    chapter = CHAPTERS[at]
    navigation.remember(CHAPTERS)
    navigation.row(CHAPTERS, at)
    if state.network_id() != scene.NETWORK:
        st.caption("The lessons show the bundled article's network, whichever the current one is.")
    left, right = st.columns([1, 1.55], gap="large")
    with left:
        with st.container(key="lesson-title"):
            st.header(f"{at + 1}. {chapter.title}", anchor=False)
        st.markdown(chapter.text)
        with shell.sentences():
            _question(chapter, chapter.question(scene.now()))
        navigation.buttons(CHAPTERS, at)
    with right, st.container(key="lesson-widget"):
        if chapter.steady:
            with shell.sentences():
                _widget(chapter)
        else:
            shell.fragment(key=f"lesson-{chapter.name}")(_widget)(chapter)
    with st.container(key="lesson-top"):
        _top(key="lesson-scroll", data={"chapter": chapter.name})


def _widget(chapter: Chapter) -> None:
    chapter.widget(scene.now())


def _question(chapter: Chapter, question: Question) -> None:
    """Choose an answer: it is judged at once, with the reason. Another one may be tried, for its own reason."""
    # New numbers (another digit) make a new question, which was not answered yet.
    texts = "|".join((question.text, *(choice.text for choice in question.choices)))
    key = f"answer-{chapter.name}-{zlib.crc32(texts.encode()):08x}"

    def answered() -> None:
        if st.session_state.get(key) is not None:
            navigation.finish(chapter.name)

    with st.container(border=True, key="lesson-question"):
        if question.picture is not None:
            st.html(html.picture(question.picture, size=112, alt="The digit in question"))
        # Not radio buttons: there an arrow key, which only looks for the next answer, would give it, too.
        chosen = st.pills(
            question.text,
            list(range(len(question.choices))),
            required=True,
            format_func=lambda number: question.choices[number].text,
            key=key,
            on_change=answered,
            persist_state="session",
        )
        if chosen is not None:
            _reveal(question, chosen)


def _reveal(question: Question, chosen: int) -> None:
    right = question.choices[question.right]
    if chosen != question.right:
        wrong = question.choices[chosen]
        st.error(f"**Not {wrong.text}.** {wrong.why}", icon=":material/close:")
    st.success(f"**{right.text}.** {right.why}", icon=":material/check:")
    if question.after is not None:
        pictures, captions = question.after()
        wall(pictures, key="lesson-after", scale="brightness", captions=captions, tile=56, label="After the answer")
