"""A picture with several digits: boxed, read in reading order, and each box corrected with a click."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Literal

import numpy as np
import streamlit as st

from explorer.data.cards import DataCard, find_card
from explorer.errors import PictureError
from explorer.networks import Known
from explorer.ui import cache, drawing, preparation, readings, text, trusted
from explorer.ui.components import boxes as component
from explorer.ui.components.boxes import Boxed, Said

DOUBTFUL = 0.7  # an answer less sure than this is drawn so
EMPTY = Said("–", "there is no ink in this box", doubtful=True)
WAITING = Said("?", "no answer: the network has no weights", doubtful=True)

Kind = Literal["One thing", "Several things"]
KINDS: tuple[Kind, Kind] = ("One thing", "Several things")


def choose(data: bytes, name: str, *, key: str) -> bool:
    """Whether a picture is shown as several digits: as it looks, until the user says otherwise. Raises PictureError."""
    found = cache.surveyed(data, name)
    place = f"kind-{key}"
    if place not in st.session_state:
        from explorer.digits import several

        st.session_state[place] = KINDS[several(found)]
    kind = st.segmented_control("This picture shows", KINDS, key=place, required=True)
    return kind == KINDS[1]


def show(data: bytes, name: str, network: Known, *, key: str) -> None:
    """The picture with its boxes, and beside it what the network reads."""
    card = find_card(network.spec.data.dataset)
    sheet = cache.surveyed(data, name)
    stamp = hashlib.sha256(data).hexdigest()[:16]
    place = f"boxes-{key}"
    height, width = (round(side * sheet.picture.factor) for side in sheet.picture.rgb.shape[:2])
    shown = component.kept(place, stamp, sheet.boxes, (width, height))
    digits = _prepared(data, name, card, shown)
    read = [one for one in shown if one.number in digits]
    pixels = np.array([digits[one.number] for one in read], dtype=np.uint8).reshape(-1, *card.shape)
    shares = cache.batch(network.id, network.version, card.name, pixels.tobytes()) if network.usable else None
    answers = {} if shares is None else {one.number: share for one, share in zip(read, shares, strict=True)}
    doubts = readings.doubts(network, pixels, [one.box for one in read])
    strange = {one.number: reason for one, reason in zip(read, doubts, strict=True) if reason}

    if preparation.off():  # by another picture of the page: to be seen, and undone, here too
        preparation.switches(key=key)
    left, right = st.columns([1.7, 1], gap="large")
    with left:
        component.boxes(
            cache.picture_url(data, name),
            key=place,
            stamp=stamp,
            size=(width, height),
            shown=shown,
            answers=[_said(one, digits, answers, strange.get(one.number, ""), card) for one in shown],
            classes=card.classes,
            dark=sheet.page.dark,
            label=f"Boxes around the {card.things} of {name}",
        )
    with right:
        if not shown:
            st.info("Nothing was found. Press Add, then drag around what is to be read.", icon=":material/search_off:")
        elif shares is None:
            st.caption(drawing.NO_WEIGHTS)
        elif read:
            _reading(shown, answers, strange, card)
            _table(read, pixels, shares, doubts, card, key=key, name=name)


def _prepared(data: bytes, name: str, card: DataCard, shown: list[Boxed]) -> dict[int, np.ndarray]:
    """Each box's digit by its number, uint8 (C, H, W); a box without ink is missing."""
    digits = {}
    for one in shown:
        try:
            digits[one.number] = cache.boxed(data, name, one.box, card.shape, preparation.off())
        except PictureError:
            continue  # what stands at its box says so
    return digits


def _said(
    one: Boxed, digits: dict[int, np.ndarray], answers: dict[int, np.ndarray], strange: str, card: DataCard
) -> Said:
    if one.number not in digits:
        return EMPTY
    if one.number not in answers:
        return WAITING
    shares = answers[one.number]
    first, second = np.argsort(-shares, kind="stable")[:2]
    other = text.probability(shares[second])
    detail = f"{card.classes[first]}, {text.sure(shares[first])}, else {card.classes[second]}, {other}"
    if strange:
        return Said(
            f"{card.classes[first]}?", f"{trusted.sentence(card)} {strange} Raw answer: {detail}", doubtful=True
        )
    return Said(card.classes[first], detail, doubtful=bool(shares[first] < DOUBTFUL))


def _reading(shown: list[Boxed], answers: dict[int, np.ndarray], strange: Collection[int], card: DataCard) -> None:
    """The digits as they are written, row by row, with a question mark for those that look like none."""
    from explorer.digits.find import rows_of

    rows = rows_of(np.array([one.box for one in shown], dtype=float))
    gap = "" if all(len(name) == 1 for name in card.classes) else " "
    lines = []
    for row in rows:
        names = []
        for number in row:
            one = shown[number]
            label = one.label
            if label is None and one.number in answers:
                label = int(answers[one.number].argmax())
            if label is None or label >= len(card.classes):
                names.append("–")
            else:
                names.append("?" if one.number in strange and one.label is None else card.classes[label])
        lines.append(gap.join(names))
    odd = sum(one.number in strange and one.label is None for one in shown)
    count = len(shown) - odd
    st.markdown(
        f"**{count} {card.thing if count == 1 else card.things}** in {len(rows)} row{'s' if len(rows) != 1 else ''}"
    )
    st.code("\n".join(lines), language=None)
    if odd:
        boxes = "One box looks" if odd == 1 else f"{odd} boxes look"
        st.caption(
            f"{boxes} {trusted.unlike(card)}: ? here, dashed in the picture. Say there what it is, or delete it."
        )


def _table(
    read: list[Boxed],
    pixels: np.ndarray,
    shares: np.ndarray,
    doubts: list[str],
    card: DataCard,
    *,
    key: str,
    name: str,
) -> None:
    from explorer.digits.find import reading_order

    order = reading_order(np.array([one.box for one in read], dtype=float))
    labels = [read[number].label for number in order]
    known = np.array([-1 if label is None or label >= len(card.classes) else label for label in labels])
    names = [f"{card.thing} {place}" for place in range(1, len(read) + 1)]
    # What somebody says of a box ends the doubt.
    left = ["" if read[number].label is not None else doubts[number] for number in order]
    found = readings.Readings(names, pixels[order], shares[order], known, left)
    readings.table(found, card, key=f"sheet-{key}", file_name=f"{name.rsplit('.', 1)[0]}-{card.things}.csv")
