"""My test set: the reader's own digits with their classes, and how every network does on them."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import cast

import numpy as np
import streamlit as st

from explorer.data.cards import DataCard, find_card
from explorer.digits import collection
from explorer.digits.collection import Kept
from explorer.errors import PictureError
from explorer.home import home
from explorer.networks import Known
from explorer.ui import cache, html, shell, uploads
from explorer.ui.components import wall

KEEP = "Keep in my test set"
SERVER = (
    "They are then kept in a file on this server and found again by this page's address, which gets a key. Whoever has "
    "that address can see, change and delete them. Switching it off deletes the file."
)

_KEPT, _KEYS = "my_digits", "my_digits_keys"  # by data set: a 3 is no dress
_SCORES, _SAID, _CHOSEN = "my_digits_scores", "my_digits_said", "my_digits_chosen"
_SECONDS = 0.3  # of networks tested in one go, before the page is shown what there is


def kept(card: DataCard) -> tuple[Kept, ...]:
    """The digits of this session in a data set's form and classes; at its start those that its address names."""
    by_data_set: dict[str, tuple[Kept, ...]] = st.session_state.setdefault(_KEPT, {})
    if card.name not in by_data_set:
        by_data_set[card.name] = ()
        key = st.query_params.get(_parameter(card))
        if key is not None:
            _open(key, card)
    return by_data_set[card.name]


def keep_button(pixels: np.ndarray | None, card: DataCard, *, key: str, source: str) -> None:
    """A button that opens the classes; choosing one keeps the prepared picture, uint8 (C, H, W), as that."""
    place = f"keep-{key}"

    def take() -> None:
        label = st.session_state[place]
        st.session_state[place] = None
        if label is None or pixels is None:
            return
        try:
            digits = collection.joined(kept(card), [Kept(pixels, label, source)])
        except PictureError as error:
            st.session_state[_SAID] = str(error)
            return
        _replace(digits, card)
        st.session_state[_SAID] = f"Kept as a {card.classes[label]}: {len(digits)} in my test set."

    said = st.session_state.pop(_SAID, None)
    if said:  # in the script's run: a callback of a fragment may show nothing
        st.toast(said, icon=":material/bookmark:")
    # Another one after each digit that was kept: so it is closed again.
    box = f"keep-open-{key}-{len(kept(card))}"
    with st.popover(KEEP, icon=":material/bookmark_add:", disabled=pixels is None, key=box):
        st.pills(
            "What is it?",
            list(range(len(card.classes))),
            format_func=card.classes.__getitem__,
            key=place,
            on_change=take,
        )


def show(network: Known) -> None:
    """The wall of kept digits, what can be done with them, and the table of networks."""
    card = find_card(network.spec.data.dataset)
    digits = list(kept(card))
    key = _key(card)
    if key:
        st.query_params[_parameter(card)] = key
    if digits:
        _wall(network, digits, card)
    else:
        st.info(
            f"Here your own {card.things} will stand, with what they are and what the network reads: draw, upload or "
            f"photograph one and choose *{KEEP}* beside its answer. Every network is then tested on them, beside "
            f"{card.title}.",
            icon=":material/bookmark:",
        )
    _files(digits, card)
    if digits:
        st.header(f"Every network on these {card.things}", anchor=False)
        every = [known for known in cache.known_networks() if known.usable and _fits(known, card)]
        waiting = len(_scored(every)) < len(every)
        shell.fragment(key="my-digits-table", run_every=0.2 if waiting else None)(_table)(every, digits, card, waiting)


def _wall(network: Known, digits: list[Kept], card: DataCard) -> None:
    labels = np.array([digit.label for digit in digits])
    guesses = None
    if network.usable:
        guesses = _answers(network, digits)
        right = int((guesses == labels).sum())
        st.markdown(f"{html.bold(network.title)} reads {right} of {len(digits)} right.")
    captions = [card.classes[label] for label in labels]
    marks = None
    if guesses is not None:
        marks = [
            "✓" if guess == label else f"✗ {card.classes[guess]}" for guess, label in zip(guesses, labels, strict=True)
        ]
    position = wall(
        np.stack([digit.pixels[0] for digit in digits]),
        key="my-digits-wall",
        scale="brightness",
        captions=captions if marks is None else [f"{name} {mark}" for name, mark in zip(captions, marks, strict=True)],
        details=[f"a {card.classes[digit.label]}, {digit.source or 'of unknown origin'}" for digit in digits],
        tile=56,
        clickable=True,
        label="My test set",
    )
    if position is not None:
        st.session_state[_CHOSEN] = position
    chosen = st.session_state.get(_CHOSEN)
    if chosen is None or chosen >= len(digits):
        st.caption("✓ and ✗: what the current network reads. Choose one to remove it or to look inside.")
        return
    digit = digits[chosen]
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.html(html.picture(digit.pixels, size=48, alt=f"The chosen {card.thing}"))
        st.markdown(f"a **{card.classes[digit.label]}**, {html.escape_markdown(digit.source)}")
        if st.button("Look inside", key="open-kept", icon=":material/search:"):
            from explorer.ui import state

            state.select_own_digit(digit.pixels)
            st.switch_page(shell.path_of("inside"))
        st.button("Remove", key="remove-kept", icon=":material/delete:", on_click=_remove, args=(digit, card))


def _remove(digit: Kept, card: DataCard) -> None:
    _replace(tuple(other for other in kept(card) if other is not digit), card)
    st.session_state[_CHOSEN] = None


def _files(digits: list[Kept], card: DataCard) -> None:
    """Out as a ZIP and in again, and the switch for the server."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.download_button(
            "Download as ZIP",
            collection.to_zip(digits, card.classes) if digits else b"",
            file_name="my-test-set.zip",
            mime="application/zip",
            key="download-kept",
            icon=":material/download:",
            on_click="ignore",
            disabled=not digits,
        )
        file = st.file_uploader(
            "Add more from a ZIP",
            type=None,
            max_upload_size=uploads.MOST_MEGABYTES,
            key=f"kept-upload-{st.session_state.get('kept_uploads', 0)}",
            help="A ZIP as it is downloaded here: labels.csv and a PNG of each image.",
        )
    if file is not None:
        try:
            found = collection.from_zip(file.getvalue(), card.classes, card.shape)
            digits_now = collection.joined(kept(card), found)
        except PictureError as error:
            st.error(str(error), icon=":material/broken_image:")
        else:
            before = len(kept(card))
            _replace(digits_now, card)
            st.toast(f"{len(digits_now) - before} {card.things} added.", icon=":material/bookmark_added:")
            st.session_state["kept_uploads"] = st.session_state.get("kept_uploads", 0) + 1
            st.rerun()
    st.session_state["keep-on-server"] = bool(_key(card))
    st.toggle("Keep them on this server, too", key="keep-on-server", on_change=_switch, args=(card,), help=SERVER)
    if _key(card):
        st.caption(SERVER)


def _table(every: list[Known], digits: list[Kept], card: DataCard, waiting: bool) -> None:
    """The networks that were tested already; while there are ``waiting`` ones, some more are tested at each run."""
    from explorer.analysis import wilson

    began = time.monotonic()
    for known in every:
        if time.monotonic() - began > _SECONDS:
            break
        _answers(known, digits)
    scored = _scored(every)
    labels = np.array([digit.label for digit in digits])
    rows = []
    for known, guesses in sorted(scored, key=lambda one: -int((one[1] == labels).sum())):
        right = int((guesses == labels).sum())
        low, high = wilson(right, len(digits))
        accuracy = "" if known.test_accuracy is None else f"{known.test_accuracy:.2%}"
        rows.append(
            [
                known.label,
                accuracy,
                f"{right} of {len(digits)}",
                f"{right / len(digits):.0%}",
                f"{low:.0%} to {high:.0%}",
            ]
        )
    st.html(
        html.table(
            ["Network", f"{card.title}, test images right", "Mine right", "Share", "95% interval"],
            rows,
            caption="The interval is Wilson's: with few images it is wide, and two networks may not differ at all.",
            numeric=(1, 2, 3, 4),
        )
    )
    if len(scored) < len(every):
        st.caption(f"{len(every) - len(scored)} networks are still being tested.")
    elif waiting:
        st.rerun()  # so that the fragment stops asking


def _fits(known: Known, card: DataCard) -> bool:
    return known.spec.data.dataset == card.name


def _answers(known: Known, digits: list[Kept]) -> np.ndarray:
    """What a network reads, int64 (N,), remembered as long as neither it nor the digits change."""
    scores: dict[tuple[str, str], np.ndarray] = st.session_state.setdefault(_SCORES, {})
    place = (known.id, known.version)
    if place not in scores:
        from explorer.analysis import evaluate

        card = find_card(known.spec.data.dataset)
        labels = np.array([digit.label for digit in digits])
        pixels = np.stack([digit.pixels for digit in digits])
        scores[place] = evaluate(cache.network(known.id, known.version), pixels, labels, card).predictions
    return scores[place]


def _scored(every: list[Known]) -> list[tuple[Known, np.ndarray]]:
    scores = st.session_state.get(_SCORES, {})
    return [(known, scores[known.id, known.version]) for known in every if (known.id, known.version) in scores]


# --- on the server ---


def _folder() -> Path:
    return home() / "test-sets"


def _parameter(card: DataCard) -> str:
    """The address's name for a data set's key."""
    return "mine" if card.name == "mnist" else f"mine-{card.name}"


def _key(card: DataCard) -> str | None:
    return cast("str | None", st.session_state.get(_KEYS, {}).get(card.name))


def _replace(digits: tuple[Kept, ...], card: DataCard) -> None:
    st.session_state[_KEPT] = {**st.session_state.get(_KEPT, {}), card.name: digits}
    st.session_state[_SCORES] = {}
    key = _key(card)
    if key:
        _save(key, card)


def _switch(card: DataCard) -> None:
    if st.session_state["keep-on-server"]:
        key = secrets.token_hex(12)
        st.session_state.setdefault(_KEYS, {})[card.name] = key
        _save(key, card)
        return
    path = collection.path_of(_folder(), st.session_state[_KEYS].pop(card.name))
    path.unlink(missing_ok=True)
    st.query_params.pop(_parameter(card), None)


def _save(key: str, card: DataCard) -> None:
    from explorer.runs.artifacts import atomic_write

    path = collection.path_of(_folder(), key)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, collection.to_zip(kept(card), card.classes))


def _open(key: str, card: DataCard) -> None:
    """Takes over the test set of an address."""
    try:
        data = collection.path_of(_folder(), key).read_bytes()
        st.session_state[_KEPT][card.name] = collection.from_zip(data, card.classes, card.shape)
    except OSError:
        st.toast("This server has no test set of this address any more.", icon=":material/info:")
    except PictureError as error:
        st.toast(str(error), icon=":material/error:")
    else:
        st.session_state.setdefault(_KEYS, {})[card.name] = key
