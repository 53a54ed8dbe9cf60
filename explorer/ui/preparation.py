"""The steps that prepare a picture: shown as a strip, each with a switch, and what switching off does to the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from html import escape
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import streamlit as st

from explorer.data.cards import DataCard, find_card
from explorer.errors import PictureError
from explorer.networks import Known
from explorer.ui import html, sidebar, text

if TYPE_CHECKING:
    from explorer.digits import Preparation, Prepared

ALL = frozenset[str]()
_OFF = "steps_off"


def off() -> frozenset[str]:
    """The fields of :class:`~explorer.digits.Preparation` that are switched off on this page, for all its pictures but
    many files at once."""
    return cast("frozenset[str]", st.session_state.get(_OFF, ALL))


def options(without: frozenset[str]) -> Preparation:
    """The preparation without some of its steps."""
    from explorer.digits import Preparation

    switches: dict[str, Any] = dict.fromkeys(without, False)
    return Preparation(**switches)


def titles() -> dict[str, str]:
    """What each step that can be switched off is called, by its field, in the steps' order."""
    from explorer.digits import Preparation
    from explorer.digits.prepare import TITLES

    switched = {field.name for field in fields(Preparation)}
    return {step: title for step, title in TITLES.items() if step in switched}


def strip(prepared: Prepared) -> None:
    """The steps as small pictures; those that had nothing to do are pale."""
    figures = "".join(
        f"<figure{'' if step.changed else ' class=idle'}>"
        f"{html.picture(html.thumbnail(step.image), size=96, alt=step.title)}"
        f"<figcaption><b>{escape(step.title)}</b><br>{escape(step.note)}</figcaption></figure>"
        for step in prepared.steps
    )
    name = "How it was prepared, step by step"
    st.html(f'<div class="ks-steps" role="region" aria-label="{name}" tabindex="0">{figures}</div>')
    for note in prepared.notes:
        st.caption(note)


def switches(*, key: str) -> None:
    """A switch for each step, the same ones wherever they stand, and a button that switches all on again."""
    names = titles()
    place = f"steps-{key}"
    without = off()
    st.session_state[place] = [name for name in names if name not in without]

    def take() -> None:
        st.session_state[_OFF] = frozenset(names) - frozenset(st.session_state[place])

    def restore() -> None:
        st.session_state[_OFF] = ALL

    st.pills(
        "Steps taken",
        list(names),
        selection_mode="multi",
        key=place,
        format_func=names.__getitem__,
        on_change=take,
        help="Switch a step off to see what it does to the answer.",
    )
    st.button("All on", key=f"all-{place}", icon=":material/done_all:", on_click=restore, disabled=not without)


def compare(network: Known, seen: dict[str, np.ndarray] | None, whole: Callable[[], Prepared], *, key: str) -> None:
    """The switches, and where some are off the answer with all steps beside the one without these.

    ``whole`` prepares the same picture by all steps, and may raise PictureError; ``seen`` is the answer without some,
    None where there is none.
    """
    switches(key=key)
    if not off() or not network.usable:
        return
    card = find_card(network.spec.data.dataset)
    try:
        plain = sidebar.answer(network, whole().pixels.reshape(card.shape))
    except PictureError:
        plain = None
    st.markdown(f"With all steps: {_answer(plain, card)}. {_without()}: {_answer(seen, card)}.")


def _answer(seen: dict[str, np.ndarray] | None, card: DataCard) -> str:
    if seen is None:
        return "no answer, for no ink was found"
    shares = seen["probabilities"]
    guess = int(shares.argmax())
    return f"**{card.classes[guess]}**, {text.sure(shares[guess])}"


def _without() -> str:
    """'Without Soft edges and Centre by mass', in the steps' order."""
    chosen = [title for name, title in titles().items() if name in off()]
    return "Without " + " and ".join(filter(None, [", ".join(chosen[:-1]), chosen[-1]]))
