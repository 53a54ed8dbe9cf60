"""What edits do: to the test images together, class by class, and to the current digit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from explorer.analysis.evaluate import Evaluation, confusion, per_class
from explorer.data import Dataset
from explorer.data.cards import DataCard
from explorer.edits import Edits, to_json
from explorer.figures import bars
from explorer.figures.theme import count
from explorer.jobs import service
from explorer.jobs.request import Request, ask
from explorer.networks import Known
from explorer.shapes import totals, trace
from explorer.ui import cache, html, jobs, text
from explorer.ui.components import chart

BUDGET = 10_000_000_000
"""Multiply-adds that two cores do in about a second; a network that needs more for all test images is shown some."""


@dataclass(frozen=True, eq=False)
class Effect:
    """The answers without and with the edits, to every so many-th test image."""

    before: Evaluation
    after: Evaluation
    every: int


def headline(network: Known, card: DataCard, edits: Edits) -> Effect:
    """Accuracy before and after, in one sentence. Where all test images take long there are some of them, and a way to
    count all."""
    every = _every(network, card)
    found = _counted(network, card, edits) if every > 1 and edits else None
    if found is None:
        found = _now(network, card, edits, every)
    _sentence(found, bool(edits))
    if edits and found.every > 1:
        whole = len(cache.dataset(card.name).test)
        request = _request(network, card, edits)
        about = "All of them take longer than a moment, so this is a part."
        jobs.result(request, key="change-all", label=f"Count all {count(whole)}", about=about)
    return found


def _sentence(found: Effect, edited: bool) -> None:
    before, after, number = found.before, found.after, len(found.before.labels)
    some = "" if found.every == 1 else f" (every {_ordinal(found.every)} one)"
    which = f"{number:,} test images{some}"
    if not edited:
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
    st.header(f"The current {card.thing}", anchor=False)
    before, after = (
        cache.changed_probabilities(network.id, network.version, done, card.name, pixels.tobytes())
        for done in (to_json(()), to_json(edits))
    )
    if not edits:
        st.html(html.probabilities(before, card.classes, label="Probabilities", true=label))
        return
    reads = [f"{card.classes[int(one.argmax())]} with {text.probability(float(one.max()))}" for one in (before, after)]
    alt = f"Probabilities: before {reads[0]}, after {reads[1]}"
    chart(bars.before_after(before, after, card.classes, true=label), key="change-digit", height=380, alt=alt)


def classes(card: DataCard, effect: Effect, edited: bool) -> None:
    """Which images are still found."""
    found = [
        per_class(confusion(one.labels, one.predictions, len(card.classes))) for one in (effect.before, effect.after)
    ]
    rows = []
    for number, name in enumerate(card.classes):
        old, new = (float(scores.recall[number]) for scores in found)
        moved = "0" if new == old else f"{100 * (new - old):+.2f}".replace("-", "−")
        after = (_share(new), "–" if np.isnan(old) else moved) if edited else ("", "")
        rows.append((name, _share(old), *after, f"{found[0].support[number]:,}"))
    st.header("Class by class", anchor=False)
    st.html(
        html.table(
            ("Class", "Before", "After", "Points", "Images"),
            rows,
            caption="Of the test images of each class the share that is read right.",
            numeric=(1, 2, 3, 4),
        )
    )


def all_counted(card: DataCard, effect: Effect) -> tuple[Dataset, Evaluation] | None:
    """The data set and the edited network's answers to all of its test images, where they have been counted."""
    return None if effect.every > 1 else (cache.dataset(card.name), effect.after)


def _now(network: Known, card: DataCard, edits: Edits, every: int) -> Effect:
    before = cache.answers(network.id, network.version, to_json(()), card.name, every)
    if not edits:
        return Effect(before, before, every)
    return Effect(before, cache.answers(network.id, network.version, to_json(edits), card.name, every), every)


def _request(network: Known, card: DataCard, edits: Edits) -> Request:
    return ask("changed", network=network, data=cache.dataset(card.name), edits=to_json(edits))


def _counted(network: Known, card: DataCard, edits: Edits) -> Effect | None:
    """What a job has counted on all test images, None where it hasn't."""
    request = _request(network, card, edits)
    if service.local().look(request.key).state != "done":
        return None
    arrays = cache.job_result(request.key)
    labels = np.asarray(cache.dataset(card.name).test.labels, np.int64)
    before, after = (
        Evaluation(labels, *(arrays[f"{side}_{part}"] for part in ("predictions", "probabilities", "losses")))
        for side in ("before", "after")
    )
    return Effect(before, after, 1)


def _every(network: Known, card: DataCard) -> int:
    """Each how many-th test image is looked at: all where the network is small enough."""
    work = totals(trace(network.spec.model, card.shape, len(card.classes))).macs
    return max(1, round(len(cache.dataset(card.name).test) * work / BUDGET))


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2%}"
