"""Who reads what right: each network's answers against the current one's, image by image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer import networks
from explorer.analysis import Evaluation
from explorer.analysis.paired import Paired, both_wrong, only_right, paired
from explorer.data.cards import DataCard
from explorer.networks import Known
from explorer.ui import cache, html, sidebar, state
from explorer.ui.components import wall
from explorer.ui.text import number, points

SHOWN = 60
SHORT = 2
"""Letters of a class's name for which there is room below a small picture."""
SURE = 0.05
"""A p-value below it is taken for more than chance."""
ABOUT = (
    "Images that both read alike say nothing about which is better; of the others each falls to one side or the other, "
    "like a coin, if neither is better (McNemar's test, exact). It speaks of these trained networks: another seed "
    "gives others. Whether a choice matters, several runs with different seeds tell."
)


class Answers(NamedTuple):
    """A network and what it reads."""

    network: Known
    found: Evaluation

    @property
    def name(self) -> str:
        return self.network.label


def show(chosen: Sequence[Known], card: DataCard) -> None:
    """Sentences, table, the current digit, and the images that they read otherwise."""
    st.header("Who reads what right", anchor=False, help=ABOUT)
    usable = [one for one in chosen if one.usable]
    without = [html.bold(one.label) for one in chosen if not one.usable]
    if without:
        st.caption(f"Without weights yet: {', '.join(without)}. A run has some with its first checkpoint.")
    if not chosen[0].usable or len(usable) < 2:
        return
    first, *others = (Answers(one, cache.evaluation(one.id, one.version, card.name)) for one in usable)
    for one in usable:
        known = networks.learned_from(one.id, cache.dataset(card.name))
        if known:
            st.warning(f"{html.bold(one.label)}: {known}", icon=":material/warning:")
    pairs = [paired(one.found, first.found) for one in others]
    st.markdown("\n".join(f"- {sentence(one.name, first.name, pair)}" for one, pair in zip(others, pairs, strict=True)))
    _table(first, others, pairs)
    _current(usable, card)
    _images(first, others, card)


def sentence(name: str, other: str, pair: Paired) -> str:
    """Whether the first network is better than the other, in Markdown."""
    one, beside = html.bold(name), html.bold(other)
    total = pair.both + pair.first + pair.second + pair.neither
    low, high = (100 * end for end in pair.interval)
    if pair.p_value >= SURE:
        return (
            f"Between {one} and {beside} these {total:,} images tell no difference: each is right alone on "
            f"{pair.first:,} and {pair.second:,} of them."
        )
    better, worse, sign = (one, beside, 1) if pair.difference > 0 else (beside, one, -1)
    ends = sorted((sign * low, sign * high))
    return (
        f"{better} reads {abs(100 * pair.difference):.2f} points more right than {worse} "
        f"(95% interval {ends[0]:.2f} to {ends[1]:.2f})."
    )


def _table(first: Answers, others: Sequence[Answers], pairs: Sequence[Paired]) -> None:
    rows = [
        (
            one.name,
            f"{one.found.accuracy:.2%}",
            points(pair.difference),
            f"{points(pair.interval[0])} to {points(pair.interval[1])}",
            f"{pair.first:,}",
            f"{pair.second:,}",
            f"{pair.neither:,}",
            "< 0.0001" if pair.p_value < 0.0001 else number(pair.p_value, 2),
        )
        for one, pair in zip(others, pairs, strict=True)
    ]
    st.html(
        html.table(
            ("Network", "Right", "Points more", "95% interval", "Right alone", "Wrong alone", "Both wrong", "p-value"),
            rows,
            caption=f"Each beside {first.name}, which reads {first.found.accuracy:.2%} of the same images right",
            numeric=range(1, 8),
            row_heads=True,
        )
    )


def _images(first: Answers, others: Sequence[Answers], card: DataCard) -> None:
    beside = others[0]
    if len(others) > 1:
        names = [one.network.id for one in others]
        before = st.session_state.get("compare-pair")
        if before not in names:
            st.session_state["compare-pair"] = names[0]
        picked = st.pills(
            f"Beside {html.escape_markdown(first.name)}",
            names,
            required=True,
            format_func=lambda one: html.escape_markdown(others[names.index(one)].name),
            key="compare-pair",
            persist_state="session",
        )
        beside = others[names.index(picked or names[0])]
    groups = {
        "first": (f"Only {first.name} right", only_right(first.found, beside.found)),
        "other": (f"Only {beside.name} right", only_right(beside.found, first.found)),
        "neither": ("Both wrong", both_wrong(first.found, beside.found)),
    }
    group = st.pills(
        "Images shown",
        list(groups),
        default="first",
        required=True,
        format_func=lambda one: f"{html.escape_markdown(groups[one][0])}: {len(groups[one][1]):,}",
        key="compare-group",
        persist_state="session",
    )
    numbers = groups[group or "first"][1]
    shown = numbers[:SHOWN]
    if not len(shown):
        st.caption("None.")
        return
    more = f"The first {SHOWN}. " if len(numbers) > SHOWN else ""
    reads = f"{html.escape_markdown(first.name)}, then {html.escape_markdown(beside.name)}"
    wrong = f"what each reads, {reads}" if group == "neither" else "what the other one reads"
    st.caption(f"{more}What it is → {wrong}. Click one: it becomes the current {card.thing}, above.")
    current = np.flatnonzero(shown == state.digit_index())
    answers = {"first": [beside], "other": [first], "neither": [first, beside]}[group or "first"]
    wall(
        np.asarray(cache.dataset(card.name).test.pixels[shown])[:, 0],
        key="compare-wall",
        scale="brightness",
        captions=[_caption(int(one), answers, card) for one in shown],
        details=[f"Test image {one}: {_caption(int(one), [first, beside], card)}" for one in shown],
        tile=72 if max(map(len, card.classes)) <= SHORT else 132,
        selected=int(current[0]) if len(current) else None,
        label="Images that they read differently, or both wrong",
        on_click=lambda position: state.select_digit(int(shown[position])),
    )


def _caption(index: int, answers: Sequence[Answers], card: DataCard) -> str:
    read = ", ".join(card.classes[one.found.predictions[index]] for one in answers)
    return f"{card.classes[answers[0].found.labels[index]]} → {read}"


def _current(usable: Sequence[Known], card: DataCard) -> None:
    """What each network makes of the current digit."""
    pixels, label = sidebar.current_digit(usable[0])
    st.header(f"The current {card.thing}, as each reads it", anchor=False)
    for side, one in zip(st.columns(len(usable), gap="medium"), usable, strict=True):
        shares = cache.probabilities(one.id, one.version, card.name, pixels.tobytes())
        with side:
            st.caption(html.escape_markdown(one.label))
            st.html(html.probabilities(shares, card.classes, label=f"Probabilities by {one.label}", true=label))
