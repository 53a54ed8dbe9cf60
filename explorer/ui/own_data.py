"""A reader's own images, on the page Data: brought as files, looked at, and kept as a data set."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import TYPE_CHECKING, cast
from zlib import crc32

import numpy as np
import streamlit as st

from explorer.data import own
from explorer.errors import DataError, sentence
from explorer.ui import drafting, html, own_kept, shell, uploads
from explorer.ui.components import wall
from explorer.ui.own_kept import DONE, KEY

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from explorer.labelled import Fit, Found, Reading

MOST_MEGABYTES = 100
SHOWN = 60
_TURN, _READING = f"{KEY}-turn", f"{KEY}-reading"
_TURNED = {False: "as it is", True: "turned round"}


def show() -> None:
    """The tab: what to bring and how far that is; below it what is here already."""
    with shell.sentences():
        _bring()
    own_kept.show()


def _bring() -> None:
    turn = st.session_state.setdefault(_TURN, 0)
    files = st.file_uploader(
        "Bring your own images",
        accept_multiple_files=True,
        max_upload_size=MOST_MEGABYTES,
        key=f"{KEY}-files-{turn}",
        on_change=lambda: st.session_state.pop(DONE, None),
        help=f"Up to {MOST_MEGABYTES} MB together. They stay on this server, where everybody who uses it can learn "
        "from them.",
    )
    name, done = st.session_state.get(DONE, ("", ""))
    if name == drafting.current().data.dataset:
        st.success(done, icon=":material/check:")
        if st.button("Go and train on it", key=f"{KEY}-train", type="primary", icon=":material/construction:"):
            st.switch_page(shell.path_of("build"))
    elif not files:
        st.caption(
            "A ZIP with a folder of pictures for each class, and `train` and `test` above these if you like, or with a "
            "`labels.csv` of `file` and `label`, as *Your digits › My test set* gives it; an "
            "`.npz` with `x_train`, `y_train`, `x_test` and `y_test`, or named as MedMNIST's are; a CSV of labels and "
            f"784 pixels; or MNIST's own IDX files. {own.FEWEST_CLASSES} to {own.MOST_CLASSES} classes of five images "
            "or more; each becomes 28 × 28 and grey, for which all networks here are made."
        )
    if not files:
        st.session_state.pop(_READING, None)
        return
    if sum(file.size for file in files) > MOST_MEGABYTES * 10**6:
        raise DataError(f"these files have more than {MOST_MEGABYTES} MB together: bring a part of them")
    fit = _fit(turn)
    reading = _reading(files, fit)
    if not reading.finished:
        st.fragment(_progress, run_every=0.2)(reading)
        return
    uploads.faults(reading.faults, reading.not_read)
    _found(reading.found, fit, turn, [file.name for file in files])


def _reading(files: Sequence[UploadedFile], fit: Fit) -> Reading:
    """What this session reads: it begins anew with other files. No other session would ever ask for it."""
    from explorer.labelled import Reading

    what = (fit, *(file.file_id for file in files))
    kept, reading = st.session_state.get(_READING, (None, None))
    if kept != what:
        reading = Reading([(file.name, file.getvalue()) for file in files], fit)
        st.session_state[_READING] = what, reading
    return cast("Reading", reading)


def _fit(turn: int) -> Fit:
    from explorer.labelled import FITS

    chosen = st.segmented_control(
        "What of each picture",
        list(FITS),
        default="whole",
        required=True,
        format_func=FITS.__getitem__,
        key=f"{KEY}-fit-{turn}",
        help="Single signs that were drawn or photographed are best cut out and centred, as MNIST's digits were, and "
        "as *Your digits* does with what you draw there: then it can read new ones. Anything else is best left whole.",
    )
    return chosen


def _progress(reading: Reading) -> None:
    with shell.sentences():
        with suppress(DataError):  # the page tells it, and no fragment goes on asking
            reading.go_on(uploads.TURN)
        st.progress(min(1.0, reading.share), text=f"{reading.images:,} images read")
        if reading.finished:
            st.rerun()


def _found(read: Found, fit: Fit, turn: int, files: Sequence[str]) -> None:
    """What the files hold, and the button that keeps it."""
    # Other files have names of their own, and so have those that are read otherwise and then lack a class.
    names = f"{KEY}-names-{turn}-{crc32('/'.join(read.classes).encode()):08x}"
    found, fault = read, None
    try:
        found = _named(read, st.session_state.get(names))
    except DataError as error:
        fault = str(error)
    turned = fit == "whole" and _turned(found, turn)  # a mark alone is light on black
    left, right = st.columns([1, 1.4], gap="large")
    with left:
        counts = [np.bincount(some.labels, minlength=len(found.classes)) for some in (found.train, found.test)]
        rows = [(name, *(f"{count[k]:,}" for count in counts)) for k, name in enumerate(found.classes)]
        caption = (
            "As the files say; what validates is split off by the recipe"
            if found.told
            else "The files don't say what tests: every fifth of a class does"
        )
        st.html(html.table(("Class", "To learn from", "To test"), rows, caption=caption, numeric=(1, 2)))
        with st.popover("Rename classes", icon=":material/edit:", key=f"{KEY}-rename"):
            st.text_area("A name a line, in this order", value="\n".join(read.classes), height="content", key=names)
    with right:
        _samples(found, turned=turned)
    title = f"{KEY}-title-{turn}"
    st.text_input("Name", value=PurePath(files[0]).stem[: own.LONGEST_TITLE], max_chars=own.LONGEST_TITLE, key=title)
    fault = fault or own.fault(found.train, found.test, found.classes) or st.session_state.pop(f"{KEY}-fault", None)
    source = ", ".join(files[:3]) + (" …" if len(files) > 3 else "")
    st.button(
        "Keep as a data set",
        key=f"{KEY}-keep",
        type="primary",
        icon=":material/database:",
        disabled=fault is not None,
        # The names as they are at the click: they may have been typed since this run.
        on_click=lambda: _keep(read, fit, turned, st.session_state[names], st.session_state[title], source),
    )
    if fault:
        st.error(sentence(fault), icon=":material/error:")


def _named(read: Found, lines: str | None) -> Found:
    """With the names of the classes that were typed, one a line. Raises DataError as :meth:`Found.named`."""
    return read if lines is None else read.named(lines.rstrip().split("\n"))


def _turned(found: Found, turn: int) -> bool:
    chosen = st.segmented_control(
        "Brightness",
        list(_TURNED),
        default=found.dark,
        required=True,
        format_func=_TURNED.__getitem__,
        key=f"{KEY}-turned-{turn}-{found.dark}",
        help="Networks here learn light on dark, as MNIST is. "
        + ("Most of these are dark on light." if found.dark else "Most of these are so already."),
    )
    return chosen


def _samples(found: Found, *, turned: bool) -> None:
    """Some of each class, as a network will see them."""
    images, classes = found.train, found.classes
    each = max(1, min(8, SHOWN // len(classes)))
    shown = np.concatenate([np.flatnonzero(images.labels == number)[:each] for number in range(len(classes))])
    pixels = images.pixels[shown][:, 0]
    wall(
        255 - pixels if turned else pixels,
        key=f"{KEY}-samples",
        scale="brightness",
        captions=[classes[images.labels[number]] for number in shown],
        tile=48,
        label="Some of each class, as a network will see them",
    )


def _keep(read: Found, fit: Fit, turned: bool, names: str, title: str, source: str) -> None:
    from explorer import labelled

    there = {card.name for card in own.cards()}
    try:
        found = _named(read, names)
        card = labelled.keep(found.turned() if turned else found, fit, title=title, source=source)
    except DataError as error:
        st.session_state[f"{KEY}-fault"] = str(error)
        return
    st.session_state[_TURN] += 1  # an uploader of its own for the next files
    st.session_state.pop(_READING, None)
    counts = (
        f"{len(card.classes)} classes, {card.train_images:,} images to learn from and {card.test_images:,} to test. "
    )
    if card.name in there:
        own_kept.learn(card, f"These images are here already, as **{card.title}**: {counts}")
    else:
        own_kept.learn(card, f"**{card.title}** is kept: {counts}")
