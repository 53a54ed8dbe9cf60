"""A reader's own data sets, on the page Data: brought as files, looked at, kept, taken along, removed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.data import own
from explorer.data.card import DataCard
from explorer.draft import Draft
from explorer.errors import DataError
from explorer.recipes import with_steps
from explorer.ui import cache, html, shell, state, uploads
from explorer.ui.components import wall

if TYPE_CHECKING:
    from explorer.labelled import Fit, Found

KEY = "own-data"
MOST_MEGABYTES = 100
SHOWN = 60
_TURN, _DONE = f"{KEY}-turn", f"{KEY}-done"
_TURNED = {False: "as it is", True: "turned round"}


def show() -> None:
    """The tab: what to bring and how far that is; below it what is here already."""
    _bring()
    for card in own.cards():
        with st.container(border=True, key=f"{KEY}-{card.name}"):
            _kept(card)


# --- bringing ---


def _bring() -> None:
    turn = st.session_state.setdefault(_TURN, 0)
    files = st.file_uploader(
        "Bring your own images",
        accept_multiple_files=True,
        max_upload_size=MOST_MEGABYTES,
        key=f"{KEY}-files-{turn}",
        on_change=lambda: st.session_state.pop(_DONE, None),
        help=f"Up to {MOST_MEGABYTES} MB a file here, and more by `python -m explorer datasets add`. They stay on this "
        "server, where everybody who uses it can learn from them.",
    )
    if _DONE in st.session_state:
        st.success(st.session_state[_DONE], icon=":material/check:")
        st.page_link(shell.path_of("build"), label="Go and train on it", icon=":material/construction:")
    elif not files:
        st.caption(
            "A ZIP with a folder of pictures for each class, and `train` and `test` above these if you like; an "
            "`.npz` with `x_train`, `y_train`, `x_test` and `y_test`, or named as MedMNIST's are; a CSV of labels and "
            f"784 pixels; or MNIST's own IDX files. {own.FEWEST_CLASSES} to {own.MOST_CLASSES} classes; each picture "
            "becomes 28 × 28 and grey, for which all networks here are made."
        )
    if not files:
        return
    contents = [(file.name, file.getvalue()) for file in files]
    stamp = uploads.stamp(contents)
    fit = _fit(stamp)
    reading = cache.labelled(stamp, fit, contents)
    if not reading.finished:
        st.fragment(_progress, run_every=0.2)(stamp, fit, contents)
        return
    uploads.faults(reading.faults)
    _found(reading.found(), stamp, contents)


def _fit(stamp: str) -> Fit:
    from explorer.labelled import FITS

    chosen = st.segmented_control(
        "What of each picture",
        list(FITS),
        default="whole",
        required=True,
        format_func=FITS.__getitem__,
        key=f"{KEY}-fit-{stamp}",
        help="Single signs that were drawn or photographed are best cut out, as *Your digits* does with what you draw "
        "there: then it can read new ones. Anything else is best left whole.",
    )
    return chosen


def _progress(stamp: str, fit: Fit, contents: list[tuple[str, bytes]]) -> None:
    with shell.sentences():
        reading = cache.labelled(stamp, fit, contents)
        finished = reading.go_on(uploads.TURN)
        st.progress(min(1.0, reading.share), text=f"{reading.images:,} images read")
        if finished:
            st.rerun()


def _found(found: Found, stamp: str, contents: list[tuple[str, bytes]]) -> None:
    """What the files hold, and the button that keeps it."""
    turn = st.segmented_control(
        "Brightness",
        list(_TURNED),
        default=found.dark,
        required=True,
        format_func=_TURNED.__getitem__,
        key=f"{KEY}-turned-{stamp}",
        help="Networks here learn light on dark, as MNIST is. "
        + ("Most of these are dark on light." if found.dark else "Most of these are so already."),
    )
    found = found.turned() if turn else found
    left, right = st.columns([1, 1.4], gap="large")
    with left:
        counts = [np.bincount(some.labels, minlength=len(found.classes)) for some in (found.train, found.test)]
        rows = [
            (name, *(f"{count[k]:,}" for count in counts)) for k, name in enumerate(found.classes[: own.MOST_CLASSES])
        ]
        caption = "As the files say" if found.told else "Each fifth of a class tests, for the files don't say which"
        st.html(html.table(("Class", "To learn from", "To test"), rows, caption=caption, numeric=(1, 2)))
    with right:
        _samples(found, stamp)
    names = ", ".join(name for name, _ in contents[:3]) + (" …" if len(contents) > 3 else "")
    title = f"{KEY}-title-{stamp}"
    st.text_input("Name", value=PurePath(contents[0][0]).stem, max_chars=own.LONGEST_TITLE, key=title)
    st.button(
        "Keep as a data set",
        key=f"{KEY}-keep",
        type="primary",
        icon=":material/database:",
        # The name as it is at the click: it may have been typed since this run.
        on_click=lambda: _keep(found, st.session_state[title], names),
    )
    if fault := st.session_state.pop(f"{KEY}-fault", None):
        st.error(fault, icon=":material/error:")


def _samples(found: Found, stamp: str) -> None:
    """Some of each class, as a network will see them."""
    images, classes = found.train, found.classes[: own.MOST_CLASSES]
    each = max(1, min(8, SHOWN // len(classes)))
    shown = np.concatenate([np.flatnonzero(images.labels == number)[:each] for number in range(len(classes))])
    wall(
        images.pixels[shown][:, 0],
        key=f"{KEY}-samples-{stamp}",
        scale="brightness",
        captions=[classes[images.labels[number]] for number in shown],
        tile=48,
        label="Some of each class, as a network will see them",
    )


def _keep(found: Found, title: str, source: str) -> None:
    from explorer import labelled

    try:
        card = labelled.keep(found, title=title, source=source)
    except DataError as error:
        st.session_state[f"{KEY}-fault"] = str(error)
        return
    st.session_state[_TURN] += 1  # an uploader of its own for the next files
    _learn(
        card,
        f"**{card.title}** is kept: {len(card.classes)} classes, {card.train_images:,} images to learn from and "
        f"{card.test_images:,} to test. ",
    )


# --- what is here ---


def _kept(card: DataCard) -> None:
    from explorer import labelled

    there = labelled.learners(card)
    learned = "no network has learned from it yet" if not there else f"{len(there)} learned from it"
    st.markdown(f"**{card.title}**")
    st.caption(
        f"{card.train_images:,} images to learn from, {card.test_images:,} to test; "
        f"{own.size(card) / 1e6:,.1f} MB; {learned}. {html.escape_markdown(card.source)}."
    )
    _firsts(card)
    with st.container(horizontal=True, gap="small"):
        chosen = state.draft().data.dataset == card.name
        st.button(
            "In the recipe" if chosen else "Train on it",
            key=f"{KEY}-learn-{card.name}",
            icon=":material/check:" if chosen else ":material/construction:",
            disabled=chosen,
            help="The recipe in Build & train takes it.",
            on_click=_learn,
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
        with st.popover("Remove", icon=":material/delete:", key=f"{KEY}-remove-{card.name}"):
            st.markdown(f"Remove **{card.title}** from this server? Without its files it can't be brought back.")
            st.button(
                "Remove it",
                key=f"{KEY}-gone-{card.name}",
                icon=":material/delete:",
                disabled=bool(there),
                help=_users(there),
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


def _learn(card: DataCard, before: str = "") -> None:
    """For callbacks: the draft learns from it, all of it, and in as many steps as that needs; and that is told."""

    def taken(draft: Draft) -> Draft:
        train = with_steps(draft.train, card.train_images)
        changed = {"batch_size": train.batch_size, "epochs": train.epochs}
        return draft.with_data(dataset=card.name, train_size=None).with_train(**changed)

    train = state.draft().train
    state.edit(taken)
    now = state.draft().train
    steps = "" if now == train else f", with batches of {now.batch_size} and {now.epochs} epochs: few images need more"
    st.session_state[_DONE] = f"{before}The recipe in Build & train has **{card.title}** now{steps}."


def _remove(card: DataCard) -> None:
    from explorer import labelled

    try:
        labelled.remove(card)
    except DataError as error:
        st.toast(str(error), icon=":material/error:")
        return
    cache.dataset.clear()
    st.session_state.pop(_DONE, None)
    if state.draft().data.dataset == card.name:
        state.edit(lambda draft: draft.with_data(dataset=state.DEFAULT_DATASET))
