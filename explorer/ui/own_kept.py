"""The data sets that users have brought, on the page Data: looked at, learned from, taken along, removed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st

from explorer.data import own
from explorer.data.card import DataCard
from explorer.errors import DataError, sentence
from explorer.ui import cache, drafting, html, recipe, shell
from explorer.ui.components import wall

KEY = "own-data"
SHOWN, TAB = "data-shown", "data-tab"
"""The keys of the page's data set and of its tabs."""
DONE = f"{KEY}-done"
"""The key of the name of a data set that the recipe has just got, and what is told of that."""


def show() -> None:
    """All that are here, each in a folder."""
    learners: dict[str, list[str]] = {}
    for known in cache.known_networks():
        learners.setdefault(known.spec.data.dataset, []).append(known.label)
    cards = own.cards()
    for card in cards:
        box = st.expander(
            f"{card.title} · {len(card.classes)} classes, {card.images:,} images",
            key=f"{KEY}-{card.name}",
            expanded=len(cards) == 1,
            on_change="rerun",
        )
        if box.open:
            with box:
                _kept(card, learners.get(card.name, []))


def _kept(card: DataCard, there: Sequence[str]) -> None:
    from explorer import labelled

    learned = f"{len(there)} learned from it" if there else "no network has learned from it yet"
    st.caption(
        f"{card.train_images:,} images to learn from, {card.test_images:,} to test; {own.size(card) / 1e6:,.1f} MB; "
        f"{learned}. {html.escape_markdown(card.source)}."
    )
    with shell.sentences():  # a damaged one can still be removed
        _firsts(card)
    with st.container(horizontal=True, gap="small"):
        chosen = drafting.current().data.dataset == card.name
        st.button(
            "In the recipe" if chosen else "Train on it",
            key=f"{KEY}-learn-{card.name}",
            icon=":material/check:" if chosen else ":material/construction:",
            disabled=chosen,
            help="The recipe in Build & train takes it.",
            on_click=learn,
            args=(card,),
        )
        st.button(
            "Look at it",
            key=f"{KEY}-look-{card.name}",
            icon=":material/grid_view:",
            help="The other tabs show its images and classes.",
            on_click=_look,
            args=(card,),
        )
        st.download_button(
            "Images",
            partial(labelled.as_npz, card),
            file_name=f"{card.name}.npz",
            mime="application/octet-stream",
            icon=":material/download:",
            key=f"{KEY}-npz-{card.name}",
            on_click="ignore",
            help="As NumPy arrays: the exported PyTorch script reads them, and they can be brought elsewhere.",
        )
        with st.popover("Rename", icon=":material/edit:", key=f"{KEY}-rename-{card.name}"):
            title = f"{KEY}-title-{card.name}"
            st.text_input(
                "Name", value=card.title, max_chars=own.LONGEST_TITLE, key=title, on_change=_rename, args=(card, title)
            )
        with st.popover("Remove", icon=":material/delete:", key=f"{KEY}-remove-{card.name}"):
            st.markdown(
                _users(there)
                or f"Remove **{card.title}** from this server? Without its files it can't be brought back."
            )
            st.button(
                "Remove it",
                key=f"{KEY}-gone-{card.name}",
                icon=":material/delete:",
                disabled=bool(there),
                on_click=_remove,
                args=(card,),
            )


def _firsts(card: DataCard) -> None:
    """The first image of each class."""
    train = cache.dataset(card.name).train
    shown = [int(np.argmax(train.labels == number)) for number in range(len(card.classes))]
    wall(
        np.asarray(train.pixels[shown])[:, 0],
        key=f"{KEY}-firsts-{card.name}",
        scale="brightness",
        captions=card.classes,
        tile=48,
        label=f"One image of each class of {card.title}",
    )


def _users(there: Sequence[str]) -> str | None:
    if not there:
        return None
    names = ", ".join(html.escape_markdown(name) for name in there[:3])
    return f"{names}{' and others' if len(there) > 3 else ''} learned from it: delete these runs first."


def _look(card: DataCard) -> None:
    st.session_state[SHOWN], st.session_state[TAB] = card.name, "Samples"


def learn(card: DataCard, before: str = "") -> None:
    """For callbacks: the draft learns from it, in as many steps as that needs; and that is told."""
    was = drafting.current().train
    drafting.edit(recipe.with_dataset(card.name))
    now = drafting.current().train
    steps = "" if now == was else f", with batches of {now.batch_size} and {now.epochs} epochs for so many images"
    st.session_state[DONE] = card.name, f"{before}The recipe in Build & train has **{card.title}** now{steps}."


def _rename(card: DataCard, title: str) -> None:
    try:
        own.rename(card, st.session_state[title])
    except DataError as error:
        st.toast(sentence(str(error)), icon=":material/error:")
        return
    cache.dataset.clear()
    st.session_state.pop(DONE, None)  # it tells of the old name


def _remove(card: DataCard) -> None:
    from explorer import labelled

    try:
        labelled.remove(card)
    except DataError as error:
        st.toast(sentence(str(error)), icon=":material/error:")
        return
    cache.dataset.clear()
    st.session_state.pop(DONE, None)
