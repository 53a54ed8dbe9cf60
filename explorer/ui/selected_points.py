"""A part of the map of images, picked out by drawing around it or from a list, and the images that it holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

import numpy as np
import streamlit as st

from explorer.data.cards import DataCard
from explorer.ui import cache, html, state
from explorer.ui.components import wall

PAGE = 48
NEAR = 50
EVERYTHING, ERRORS, AROUND, LASSO = "everything", "errors", "around", "lasso"
_PICK, _LASSO = "separation-pick", "separation-lasso"

Pick = int | str
"""A class, or one of the four words above."""


class Shown(NamedTuple):
    """The points of a map, (N,) each: their numbers in the test set, classes, what they are read as, places (N, 2)."""

    numbers: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    positions: np.ndarray


def drawn_around(card: DataCard, shown: Shown, places: Iterable[int]) -> None:
    """Selects the points at these places, from a callback; none ends the selection."""
    some = sorted(places)
    st.session_state[_LASSO] = (card.name, shown.numbers[some])
    st.session_state[_PICK] = LASSO if some else EVERYTHING


def pick(card: DataCard, shown: Shown, current: np.ndarray | None) -> tuple[Pick, np.ndarray | None]:
    """What is selected, by the lasso or by the control here, which does without a pointer; and which points these are,
    their places among all, None for no choice."""
    name, drawn = st.session_state.get(_LASSO, (card.name, np.empty(0, np.int64)))
    options: list[Pick] = [EVERYTHING, *range(len(card.classes)), ERRORS]
    words: dict[Pick, str] = {EVERYTHING: "nothing", ERRORS: "all that are read wrong", LASSO: "what you drew around"}
    if current is not None:
        options.append(AROUND)
        words[AROUND] = f"the {NEAR} nearest to the current {card.thing}"
    if name == card.name and len(drawn):
        options.append(LASSO)
    if st.session_state.get(_PICK) not in options:
        st.session_state[_PICK] = EVERYTHING
    chosen = st.selectbox(
        "Selected",
        options,
        key=_PICK,
        format_func=lambda pick: words.get(pick) or f"class {card.classes[cast(int, pick)]}",
        persist_state="session",
        help="Or drag around points in the map.",
    )
    return chosen, _places(chosen, shown, current, drawn)


def _places(pick: Pick, shown: Shown, current: np.ndarray | None, drawn: np.ndarray) -> np.ndarray | None:
    if pick == ERRORS:
        return np.flatnonzero(shown.labels != shown.predictions)
    if pick == LASSO:  # the same images, wherever another layer has them
        return np.flatnonzero(np.isin(shown.numbers, drawn))
    if pick == AROUND and current is not None:
        return np.argsort(np.linalg.norm(shown.positions - current, axis=1), kind="stable")[:NEAR]
    return np.flatnonzero(shown.labels == pick) if isinstance(pick, int) else None


def show(card: DataCard, shown: Shown, selected: np.ndarray | None) -> None:
    """The images that are selected: how many, how many wrong, of which classes, and themselves."""
    if selected is None:
        st.caption(
            "Drag around a group of points, or choose above: these images, their classes and their errors will be here."
        )
        return
    labels, wrong = shown.labels[selected], shown.labels[selected] != shown.predictions[selected]
    share = f" ({wrong.mean():.1%})" if len(selected) else ""
    st.markdown(f"**{len(selected):,} images** selected, **{int(wrong.sum()):,}** of them read wrong{share}.")
    if not len(selected):
        return
    rows = [
        (name, f"{(labels == k).sum():,}", f"{(labels == k).mean():.1%}", f"{wrong[labels == k].sum():,}")
        for k, name in enumerate(card.classes)
        if (labels == k).any()
    ]
    st.html(html.table(("Class", "Images", "Share", "Read wrong"), rows, caption="Their classes", numeric=(1, 2, 3)))
    pages = -(-len(selected) // PAGE)
    token = hash(selected.tobytes())
    page = st.pagination(pages, key=f"separation-page-{token}") if pages > 1 else 1
    part = selected[(page - 1) * PAGE : page * PAGE]

    def take(position: int) -> None:
        state.select_digit(int(shown.numbers[part[position]]))
        st.rerun()

    current = np.flatnonzero(shown.numbers[part] == (-1 if state.digit_index() is None else state.digit_index()))
    wall(
        np.asarray(cache.dataset(card.name).test.pixels[shown.numbers[part]])[:, 0],
        key="separation-gallery",
        scale="brightness",
        captions=[_caption(card, shown, place) for place in part],
        details=[f"Test image {shown.numbers[place]}" for place in part],
        marks=["right" if shown.labels[place] == shown.predictions[place] else "wrong" for place in part],
        tile=44,
        label="Selected images",
        selected=int(current[0]) if len(current) else None,
        on_click=take,
    )


def _caption(card: DataCard, shown: Shown, place: int) -> str:
    true, read = card.classes[shown.labels[place]], card.classes[shown.predictions[place]]
    return true if true == read else f"{true} → {read}"
