"""Images of a data set that stand out: the hardest and the oddest to the current network, and those there twice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from explorer.data import Dataset
from explorer.jobs.request import ask
from explorer.networks import Known
from explorer.shapes import totals, trace
from explorer.spec import DataSpec
from explorer.ui import gallery, html, jobs, shell, state
from explorer.ui.components import wall

SHOWN = 80
PAIRS = 100
AT_ONCE = 1e11
"""Multiply-adds of a ranking that starts without being asked: some ten seconds of one core."""
ORDERS = {"losses": "hardest", "oddness": "oddest"}
NAMES = ("learned from", "validation", "test")
SHORT = ("training", "validation", "test")
SPLITS: dict[state.Split, str] = {"test": "test", "train": "training"}

Result = Mapping[str, np.ndarray]


@shell.fragment()
def hard_and_odd(network: Known | None, data: Dataset) -> None:
    """The tab with the images of the highest loss, and those farthest from others of their class. No network: the
    current one has not learned from them."""
    if network is None:
        title = html.escape_markdown(data.card.title)
        st.info(
            f"What is hard, a network says that has learned from it: train one on {title}, or choose one as the "
            "current network.",
            icon=":material/construction:",
        )
        return
    if not network.usable:
        st.info(f"{html.bold(network.title)} has no weights yet: what it finds hard appears with the first checkpoint.")
        return
    card = data.card
    with st.container(horizontal=True, gap="medium", key="data-rank-options"):
        order = st.segmented_control(
            "First the",
            list(ORDERS),
            default="losses",
            required=True,
            format_func=ORDERS.__getitem__,
            key="data-order",
            persist_state="session",
        )
        split = st.segmented_control(
            "Images",
            list(SPLITS),
            default="test",
            required=True,
            format_func=SPLITS.__getitem__,
            key="data-rank-split",
            persist_state="session",
        )
        wanted = st.pills(
            "Class",
            list(range(len(card.classes))),
            format_func=card.classes.__getitem__,
            key=f"data-rank-class-{card.name}",
            help="None chosen shows all.",
        )
    st.caption(
        "Hard: the current network's loss is high, the negative logarithm of the probability that it gave to the true "
        "class. A wrong label is hard, too."
        if order == "losses"
        else "Odd: far from its like. The mean distance to its 5 nearest neighbours of the same class, in what the "
        "current network's last layer before the logits says."
    )
    images = data.test if split == "test" else data.train
    work = totals(trace(network.spec.model, card.shape, len(card.classes))).macs * len(images)
    found = jobs.result(
        ask("data-ranks", network=network, data=data, images=split),
        key="data-ranks",
        label="Rank them",
        about=f"The network reads {len(images):,} images for this, in a process of its own; the result is kept.",
        auto=work <= AT_ONCE,
    )
    if found is None:
        return
    numbers = np.argsort(-found[order], kind="stable")
    if wanted is not None:
        numbers = numbers[images.labels[numbers] == wanted]
    shown = numbers[:SHOWN]
    captions = [_caption(data, split, found, order, number) for number in shown.tolist()]
    gallery.digits(data, split, shown, captions, key="data-ranked", tile=84)
    st.caption(
        f"The first {len(shown):,} of {len(numbers):,}. Click one to make it the current {card.thing} on every page."
    )


def _caption(data: Dataset, split: state.Split, found: Result, order: str, number: int) -> str:
    true = data.card.classes[(data.test if split == "test" else data.train).labels[number]]
    read = data.card.classes[found["predictions"][number]]
    words = true if true == read else f"{true} → {read}"
    return f"{words}, {found[order][number]:.2f}"


@shell.fragment()
def duplicates(data: Dataset, chosen: DataSpec, *, choose: bool) -> None:
    """The tab with the pairs of images of different splits that are the same or nearly so."""
    thin = " Thin digits, ones above all, are close by nature." if data.card.thing == "digit" else ""
    st.caption(
        "An image that was learned from and is also tested on would be no test. Equal pairs are found by their bytes. "
        "Near ones differ by few grey levels: the root mean square over all pixels, on which 0 is the same image and "
        f"255 its negative. No pair below the limit is missed.{thin}"
    )
    found = jobs.result(
        ask("data-duplicates", data=data, validation_share=chosen.validation_share, split_seed=chosen.split_seed),
        key="data-duplicates",
        label="Look for duplicates",
        about="Each validation and test image is compared with all others, in about a minute, in a process of its own.",
    )
    if found is None:
        return
    splits, apart = found["splits"], found["apart"]
    st.markdown(f"**{len(found['exact']):,} pairs are equal** across the splits.")
    if len(found["exact"]):
        _pairs(data, found["exact"][:PAIRS], splits, ["equal"] * PAIRS, key="data-equal", choose=choose)
    limit = st.slider(
        "Grey levels apart, at most", 0.5, 12.0, 8.0, 0.5, key="data-limit", persist_state="session", width=320
    )
    near = found["near"][apart <= limit]
    st.markdown(f"**{len(near):,} pairs** of different splits differ by at most {limit:g} grey levels.")
    if not len(near):
        st.caption("None so near. Raise the limit to see the nearest there are.")
        return
    _pairs(
        data, near[:PAIRS], splits, [f"{value:.1f} apart" for value in apart[:PAIRS]], key="data-near", choose=choose
    )
    if len(near) > PAIRS:
        st.caption(f"The {PAIRS} nearest of {len(near):,}.")
    kinds = [tuple(sorted((int(splits[one]), int(splits[other])))) for one, other in near]
    rows = [
        (f"{NAMES[one]} and {NAMES[other]}", f"{kinds.count((one, other)):,}")
        for one, other in ((0, 1), (0, 2), (1, 2))
    ]
    with st.container(width=360):
        st.html(html.table(("Splits", "Pairs"), rows, caption="Between which splits", numeric=(1,)))


def _pairs(data: Dataset, pairs: np.ndarray, splits: np.ndarray, words: list[str], *, key: str, choose: bool) -> None:
    """A wall of pairs, side by side. Where one can ``choose``, a click makes one of the two the current digit."""
    flat = pairs.reshape(-1).tolist()
    trained = len(data.train)
    places: list[tuple[state.Split, int]] = [
        ("train", number) if number < trained else ("test", number - trained) for number in flat
    ]
    pixels = [(data.train if split == "train" else data.test).pixels[number] for split, number in places]
    labels = [(data.train if split == "train" else data.test).labels[number] for split, number in places]

    def take(position: int) -> None:
        split, number = places[position]
        state.select_digit(number, split)
        st.rerun()

    titles = [
        f"{data.card.classes[label]}, {SHORT[splits[number]]}" for number, label in zip(flat, labels, strict=True)
    ]
    wall(
        np.stack(pixels).mean(axis=1).round().astype(np.uint8),
        key=key,
        scale="brightness",
        captions=titles,
        details=[
            f"{'Training' if split == 'train' else 'Test'} image {number}, {words[at // 2]}"
            for at, (split, number) in enumerate(places)
        ],
        tile=84,
        label="Pairs, side by side",
        on_click=take if choose else None,
    )
