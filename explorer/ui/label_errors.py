"""Likely label errors: test images whose label several networks doubt, the most doubtful first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import streamlit as st

from explorer import networks
from explorer.data.cards import DataCard
from explorer.jobs.request import ask
from explorer.networks import Known
from explorer.ui import cache, html, jobs
from explorer.ui.components import wall
from explorer.ui.text import probability

FEWEST_JUDGES, JURY = 2, 5
PAGE = 60


def show(card: DataCard, on_click: Callable[[int], None]) -> None:
    """The tab. ``on_click`` is a callback that gets a test image's number."""
    jury = judges(card)
    data = cache.dataset(card.name)
    names = html.escape_markdown(", ".join(one.label for one in jury))
    st.markdown(
        "Not every mistake is the network's: some labels are wrong. Doubted is the label of an image to which several "
        "networks that have not learned from it give another class, together."
    )
    if len(jury) < FEWEST_JUDGES:
        st.info(
            "It takes two networks for these images, and better more: train another one in Build & train.",
            icon=":material/group:",
        )
        return
    st.caption(
        f"Confident learning (Northcutt, Jiang and Chuang 2021), by the mean probabilities of the {len(jury)} most "
        f"accurate networks here: {names}. Ranked by the label's probability less the other class's. Marked ✗: they "
        "are as sure of the other class as they are, on average, of that class's own images."
    )
    told = {networks.learned_from(one.id, data) for one in jury} - {None}
    for sentence in told:
        st.warning(str(sentence), icon=":material/warning:")
    found = jobs.result(
        ask("label-errors", data=data, networks=[[one.id, one.version] for one in jury]),
        key="label-errors",
        label="Rank them",
        about=f"Each of the networks reads all {len(data.test):,} test images once.",
    )
    if found is not None:
        _ranking(found, card, len(jury), on_click)


def judges(card: DataCard) -> list[Known]:
    """The most accurate networks for a data set that are here; the first of equals."""
    there = [one for one in cache.known_networks() if one.usable and one.spec.data.dataset == card.name]
    return sorted(there, key=lambda one: -(one.test_accuracy or 0.0))[:JURY]


def _ranking(found: Mapping[str, np.ndarray], card: DataCard, jury: int, on_click: Callable[[int], None]) -> None:
    count, sure = len(found["numbers"]), int(found["confident"].sum())
    if not count:
        st.markdown("**No label is doubted.**")
        return
    st.markdown(
        f"**{count:,} {'label is' if count == 1 else 'labels are'} doubted**, {sure:,} of them confidently; the most "
        "doubtful first. Click one: it is explained."
    )
    pages = -(-count // PAGE)
    page = st.pagination(pages, key="label-errors-page") if pages > 1 else 1
    part = slice((page - 1) * PAGE, page * PAGE)
    test, shown = cache.dataset(card.name).test, found["numbers"][part]
    given = [card.classes[int(test.labels[number])] for number in shown]
    likely = [card.classes[number] for number in found["suggested"][part]]
    wall(
        np.asarray(test.pixels[shown])[:, 0],
        key="label-errors-wall",
        scale="brightness",
        captions=[f"{one}, rather {other}?" for one, other in zip(given, likely, strict=True)],
        details=[
            f"Test image {number}: labelled {one} (mean probability {probability(share)}); "
            f"{votes} of {jury} read {other}"
            for number, one, other, share, votes in zip(
                shown, given, likely, found["confidence"][part], found["agreeing"][part], strict=True
            )
        ],
        marks=["wrong" if one else "" for one in found["confident"][part]],
        tile=84,
        label="Likely label errors",
        on_click=lambda position: on_click(int(shown[position])),
    )
