"""A vote of several: what networks answer together, what each contributes, and which images that mends."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from explorer import votes
from explorer.analysis import Evaluation, mistakes, wilson
from explorer.analysis.vote import members, vote
from explorer.data.cards import DataCard
from explorer.networks import Known
from explorer.ui import cache, html
from explorer.ui.components import wall

MOST = 9
SHOWN = 60
ABOUT = (
    "Each network's probabilities are averaged, and the class with the highest mean is the answer. That helps as far "
    "as the networks are wrong about different images."
)
GROUPS = WRONG, MENDED, SPOILED = ("Wrong together", "Mended by the vote", "Spoiled by the vote")


def show(network: Known, card: DataCard, on_click: Callable[[int], None]) -> None:
    """The tab. ``network`` is the current one, whose images the vote mends or spoils; ``on_click`` is a callback that
    gets a test image's number."""
    listed = {one.id: one for one in cache.known_networks() if one.usable and one.spec.data.dataset == card.name}
    listed[network.id] = network
    chosen = _chosen(network, card, listed)
    if len(chosen) < 2:
        st.info("Choose two networks or more: they then answer together.", icon=":material/how_to_vote:")
        return
    found = _evaluations(chosen, card)
    together = vote(found)
    _headline(together, found, chosen)
    _members(found, chosen)
    _images(together, found, chosen, network, card, on_click)


def _chosen(network: Known, card: DataCard, listed: dict[str, Known]) -> list[Known]:
    """The networks that vote: first those of the bundled vote, where there is one, else the current network."""
    bundled = votes.of_data_set(card.name)
    key = f"vote-members-{card.name}"
    if key not in st.session_state:
        st.session_state[key] = [network.id] if bundled is None else [voter.name for voter in bundled.members]
    before = st.session_state[key]
    if not set(before) <= set(listed):  # a run was deleted
        st.session_state[key] = [one for one in before if one in listed]
    numbers = st.multiselect(
        "Who votes",
        list(listed),
        format_func=lambda one: listed[one].label,
        key=key,
        persist_state="session",
        max_selections=MOST,
        select_all=False,
        placeholder="Networks",
        help=ABOUT,
    )
    now = all(listed[one].snapshot is None for one in numbers)
    if bundled is not None and now and set(numbers) == {voter.name for voter in bundled.members}:
        st.caption(f"The bundled vote. {bundled.chosen_by}")
    return [listed[one] for one in numbers]


def _evaluations(chosen: Sequence[Known], card: DataCard) -> list[Evaluation]:
    """The answers of all, with progress: those that were asked before are there at once."""
    place, found = st.empty(), []
    for number, one in enumerate(chosen):
        place.progress(number / len(chosen), text=f"{html.escape_markdown(one.label)} reads the test images")
        found.append(cache.evaluation(one.id, one.version, card.name))
    place.empty()
    return found


def _headline(together: Evaluation, found: Sequence[Evaluation], chosen: Sequence[Known]) -> None:
    total = len(together.labels)
    low, high = wilson(together.correct, total)
    best = max(range(len(found)), key=lambda number: found[number].correct)
    st.markdown(
        f"**{together.accuracy:.2%}** of the test images are read right together (95% interval {low:.2%} to "
        f"{high:.2%}): **{total - together.correct:,}** of {total:,} wrong. The best alone, "
        f"{html.escape_markdown(chosen[best].label)}, has {total - found[best].correct:,} wrong."
    )


def _members(found: Sequence[Evaluation], chosen: Sequence[Known]) -> None:
    rows = [
        (one.label, f"{answers.accuracy:.2%}", *(f"{n:,}" for n in (part.wrong, part.alone, part.mended, part.spoiled)))
        for one, answers, part in zip(chosen, found, members(found), strict=True)
    ]
    st.html(
        html.table(
            ("Network", "Alone right", "Wrong", "Only it wrong", "Mended", "Spoiled"),
            rows,
            caption="Only it wrong: all others are right. Mended: it is wrong, the vote right. Spoiled: the reverse.",
            numeric=(1, 2, 3, 4, 5),
        )
    )


def _images(
    together: Evaluation,
    found: Sequence[Evaluation],
    chosen: Sequence[Known],
    network: Known,
    card: DataCard,
    on_click: Callable[[int], None],
) -> None:
    wrong = together.predictions != together.labels
    beside = next((number for number, one in enumerate(chosen) if one.id == network.id), 0)
    alone = found[beside].predictions != found[beside].labels
    groups = {
        WRONG: mistakes(together),
        MENDED: np.flatnonzero(alone & ~wrong),
        SPOILED: np.flatnonzero(~alone & wrong),
    }
    group = st.pills(
        "Images shown",
        GROUPS,
        default=WRONG,
        required=True,
        format_func=lambda one: f"{one}: {len(groups[one]):,}",
        key="vote-digits",
        persist_state="session",
    )
    numbers = groups[group or WRONG][:SHOWN]
    if not len(numbers):
        st.caption("None.")
        return
    more = "" if len(numbers) == len(groups[group or WRONG]) else f"The first {SHOWN}. "
    beside_whom = "" if group == WRONG else f"Beside {html.escape_markdown(chosen[beside].label)} alone. "
    st.caption(
        f"{more}{beside_whom}What it is → what they answer together; point at one for what each says, click to see why."
    )
    wall(
        np.asarray(cache.dataset(card.name).test.pixels[numbers])[:, 0],
        key="vote-wall",
        scale="brightness",
        captions=[
            f"{card.classes[together.labels[number]]} → {card.classes[together.predictions[number]]}"
            for number in numbers
        ],
        details=[_details(number, found, chosen, card) for number in numbers],
        marks=["wrong" if wrong[number] else "right" for number in numbers],
        tile=72,
        label="Images of the vote",
        on_click=lambda position: on_click(int(numbers[position])),
    )


def _details(number: int, found: Sequence[Evaluation], chosen: Sequence[Known], card: DataCard) -> str:
    said = ", ".join(
        f"{one.label} {card.classes[answers.predictions[number]]}" for one, answers in zip(chosen, found, strict=True)
    )
    return f"Test image {number}: {said}"
