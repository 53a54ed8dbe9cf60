"""What edits do: to the test digits together, class by class, and to the current digit."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.analysis.evaluate import Evaluation, confusion, per_class
from explorer.data import Dataset
from explorer.data.cards import DataCard
from explorer.edits import Edits, to_json
from explorer.figures import bars
from explorer.networks import Known
from explorer.shapes import totals, trace
from explorer.ui import cache, html
from explorer.ui.components import chart

BUDGET = 10_000_000_000
"""Multiply-adds that two cores do in about a second; a network that needs more for all test digits is shown some."""


def headline(network: Known, card: DataCard, edits: Edits) -> None:
    """Accuracy before and after, in one sentence."""
    before, after = _both(network, card, edits)
    every, count = _every(network, card), len(before.labels)
    which = f"{count:,} test digits" if every == 1 else f"{count:,} test digits (every {_ordinal(every)} one)"
    if not edits:
        st.markdown(f"As it is, the network reads **{before.accuracy:.2%}** of {which} right.")
        return
    gained = after.correct - before.correct
    told = "as many" if gained == 0 else f"{abs(gained):,} {'more' if gained > 0 else 'fewer'}"
    changed = int((before.predictions != after.predictions).sum())
    st.markdown(
        f"Of {which} it reads **{before.accuracy:.2%} → {after.accuracy:.2%}** right, {told}; "
        f"{changed:,} {'is' if changed == 1 else 'are'} read differently."
    )


def digit(network: Known, card: DataCard, edits: Edits, pixels: np.ndarray, label: int | None) -> None:
    """The current digit's probabilities before and after."""
    st.markdown("**The current digit**")
    before, after = (
        cache.changed_probabilities(network.id, network.version, done, card.name, pixels.tobytes())
        for done in (to_json(()), to_json(edits))
    )
    reads = [f"{card.classes[int(shares.argmax())]} with {shares.max():.1%}" for shares in (before, after)]
    if edits:
        alt = f"Probabilities: before {reads[0]}, after {reads[1]}"
        figure = bars.before_after(before, after, card.classes, true=label)
    else:
        alt = f"Probabilities: {reads[0]}"
        figure = bars.probabilities(before, card.classes, true=label)
    chart(figure, key="change-digit", height=380 if edits else 280, alt=alt)


def classes(network: Known, card: DataCard, edits: Edits) -> None:
    """Which digits are still found."""
    before, after = _both(network, card, edits)
    found = [per_class(confusion(one.labels, one.predictions, len(card.classes))) for one in (before, after)]
    rows = []
    for number, name in enumerate(card.classes):
        old, new = (float(scores.recall[number]) for scores in found)
        moved = (
            "" if not edits or np.isnan(old) else "0" if new == old else f"{100 * (new - old):+.2f}".replace("-", "−")
        )
        rows.append((name, _share(old), _share(new) if edits else "", moved, f"{found[0].support[number]:,}"))
    st.markdown("**Class by class**")
    st.html(
        html.table(
            ("Class", "Before", "After", "Points", "Digits"),
            rows,
            caption="Of the test digits of each class the share that is read right.",
            numeric=(1, 2, 3, 4),
        )
    )


def all_counted(network: Known, card: DataCard, edits: Edits) -> tuple[Dataset, Evaluation] | None:
    """The data set and the edited network's answers to all of its test digits, where they have been counted."""
    if _every(network, card) > 1:
        return None
    return cache.dataset(card.name), _both(network, card, edits)[1]


def _both(network: Known, card: DataCard, edits: Edits) -> tuple[Evaluation, Evaluation]:
    """The answers of the network without and with the edits."""
    every = _every(network, card)
    before = cache.answers(network.id, network.version, to_json(()), card.name, every)
    if not edits:
        return before, before
    return before, cache.answers(network.id, network.version, to_json(edits), card.name, every)


def _every(network: Known, card: DataCard) -> int:
    """Each how many-th test digit is looked at: all where the network is small enough."""
    work = totals(trace(network.spec.model, card.shape, len(card.classes))).macs
    return max(1, round(len(cache.dataset(card.name).test) * work / BUDGET))


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2%}"
