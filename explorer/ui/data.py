"""Data: the images that the current network learned from and was tested on, or those of another data set that is here,
class by class and one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from explorer.data import Dataset
from explorer.data.cards import all_cards
from explorer.errors import DataError, sentence
from explorer.figures.counts import counts as counts_figure
from explorer.networks import Known
from explorer.spec import DataSpec
from explorer.ui import cache, drafting, gallery, html, own_data, recipe, shell, sidebar, state
from explorer.ui.components import chart, wall
from explorer.ui.data_search import duplicates, hard_and_odd
from explorer.ui.own_kept import SHOWN, TAB

PAGE = 80
_OF = "_data-of"
SPLITS = {"train": "learned from", "validation": "validation", "test": "test"}


def show() -> None:
    current = sidebar.current_network()
    name = _choice(current)
    network = current if current.spec.data.dataset == name else None
    parts: dict[str, Callable[[], None]] = {"Augmentation": _augmentation, "Your own": own_data.show}
    try:
        data = cache.dataset(name)
    except DataError as error:
        st.error(sentence(str(error)), icon=":material/database_off:")
    else:
        _about(network, data)
        parts = {
            "Classes": lambda: _classes(network, data),
            "Samples": lambda: _samples(network, data),
            "Hardest and oddest": lambda: hard_and_odd(network, data),
            "Duplicates": lambda: duplicates(data, _recipe(network, name), choose=network is not None),
        } | parts
    tabs = st.tabs(list(parts), key=TAB, on_change="rerun")
    for tab, show_part in zip(tabs, parts.values(), strict=True):
        if tab.open:
            with tab:
                show_part()


def _choice(current: Known) -> str:
    """The name of the data set that is looked at: at first the current network's."""
    cards, networks_own = all_cards(), current.spec.data.dataset
    # Another network brings its own along; what was removed meanwhile can't be shown.
    if st.session_state.get(_OF) != networks_own or st.session_state.get(SHOWN) not in cards:
        st.session_state[_OF] = st.session_state[SHOWN] = networks_own
    return st.selectbox(
        "Data set",
        list(cards),
        format_func=lambda name: cards[name].title + (" (the current network's)" if name == networks_own else ""),
        key=SHOWN,
        persist_state="session",
        help="Any that is here can be looked at, before a network has learned from it, too.",
        width=320,
    )


def _about(network: Known | None, data: Dataset) -> None:
    card = data.card
    made = "" if network is None else f", which {html.escape_markdown(network.title)} was made for"
    licence = f" ({card.licence})" if card.licence else ""
    st.markdown(
        f"{html.bold(card.title)}{made}: {len(data.train):,} training "
        f"and {len(data.test):,} test images of {' × '.join(map(str, card.shape[1:]))} pixels in "
        f"{len(card.classes)} classes. {html.escape_markdown(card.source)}{licence}."
    )
    if data.notice:
        st.info(html.escape_markdown(data.notice), icon=":material/database:")


def _recipe(network: Known | None, name: str) -> DataSpec:
    """How the images are split: as the network's recipe says, else as that of Build & train does or will at first."""
    if network is not None:
        return network.spec.data
    planned = drafting.current().data
    return planned if planned.dataset == name else DataSpec(dataset=name)


def _words(network: Known | None) -> dict[str, str]:
    return SPLITS | ({} if network is not None else {"train": "to learn from"})


def _members(network: Known | None, data: Dataset) -> dict[str, np.ndarray]:
    """The numbers of the images of each split: of the training images for the first two, else of the test images."""
    chosen = cache.network_splits(data.card.name, _recipe(network, data.card.name))
    return {"train": chosen.train, "validation": chosen.validation, "test": np.arange(len(data.test))}


# --- classes ---


def _classes(network: Known | None, data: Dataset) -> None:
    classes = data.card.classes
    members = _members(network, data)
    words = _words(network)
    found = {
        words[name]: np.bincount((data.test if name == "test" else data.train).labels[numbers], minlength=len(classes))
        for name, numbers in members.items()
    }
    st.header("How many of each class", anchor=False)
    left, right = st.columns([1.2, 1], gap="large")
    with left:
        most = max(range(len(classes)), key=lambda number: sum(counts[number] for counts in found.values()))
        alt = f"Images of each class by split; most are of class {classes[most]}."
        chart(counts_figure(found, classes), key="data-counts", height=320, alt=alt)
    with right:
        rows = [
            (name, *(f"{counts[k]:,}" for counts in found.values()), f"{sum(c[k] for c in found.values()):,}")
            for k, name in enumerate(classes)
        ]
        totals = [counts.sum() for counts in found.values()]
        rows.append(("all", *(f"{total:,}" for total in totals), f"{sum(totals):,}"))
        unused = len(data.train) - len(members["train"]) - len(members["validation"])
        whose = "the current network's recipe" if network is not None else "the recipe of Build & train"
        caption = f"As {whose} splits them" + (f"; it leaves {unused:,} unused" if unused else "")
        st.html(html.table(("Class", *found, "Together"), rows, caption=caption, numeric=(1, 2, 3, 4)))
    means, spreads = cache.class_pictures(data.card.name)
    st.header("The mean of each class", anchor=False, help="Of all training images. Blurred: these vary.")
    wall(
        means.mean(axis=1),
        key="data-means",
        scale="brightness",
        limits=(0, 255),
        captions=classes,
        details=[f"Mean of class {name}, grey levels" for name in classes],
        tile=96,
        bar=False,
        label="Mean image of each class",
    )
    st.header(
        "Where it varies",
        anchor=False,
        help="The standard deviation of each pixel within the class, in grey levels of 255: dark where all agree.",
    )
    wall(
        spreads.mean(axis=1),
        key="data-spreads",
        scale="sequential",
        captions=classes,
        details=[f"Standard deviation in class {name}, grey levels" for name in classes],
        tile=96,
        label="Variation of each class",
    )


# --- samples ---


@shell.fragment()
def _samples(network: Known | None, data: Dataset) -> None:
    words = _words(network)
    with st.container(horizontal=True, gap="medium", key="data-options"):
        name = st.segmented_control(
            "Images",
            list(SPLITS),
            default="train",
            required=True,
            format_func=words.__getitem__,
            key="data-split",
            persist_state="session",
            help="Those that a network learns from, those held back to watch it learn, and the test set.",
        )
        wanted = st.pills(
            "Class",
            list(range(len(data.card.classes))),
            format_func=data.card.classes.__getitem__,
            key=f"data-class-{data.card.name}",
            help="None chosen shows all.",
        )
    numbers = np.sort(_members(network, data)[name])
    labels = (data.test if name == "test" else data.train).labels
    if wanted is not None:
        numbers = numbers[labels[numbers] == wanted]
    if not len(numbers):
        st.caption("There are none.")
        return
    pages = -(-len(numbers) // PAGE)
    page = st.pagination(pages, key=f"data-page-{data.card.name}-{name}-{wanted}") if pages > 1 else 1
    shown = numbers[(page - 1) * PAGE : page * PAGE]
    split: state.Split = "test" if name == "test" else "train"
    gallery.digits(
        data,
        split,
        shown,
        [f"{data.card.classes[labels[n]]} · {n}" for n in shown],
        key="data-wall",
        choose=network is not None,
    )
    st.caption(f"{len(numbers):,} images, under each its class · its number. " + _what_a_click_does(network, data))


def _what_a_click_does(network: Known | None, data: Dataset) -> str:
    if network is not None:
        return f"Click one to make it the current {data.card.thing} on every page."
    return "Where the current network has learned from this data set, a click opens one on every page."


# --- augmentation ---


def _augmentation() -> None:
    st.caption(
        "What is done to training images in the recipe that Build & train shows, at random and anew each time they are "
        "learned from. What is set here is set there."
    )
    _controls()
    _outcome()


# The keys of the fragments that a change of the draft draws again.
@shell.fragment(key="recipe")
def _controls() -> None:
    recipe.augmentation(drafting.current())


@shell.fragment(key="design")
def _outcome() -> None:
    if not drafting.current().train.augmentation:
        st.caption("Nothing is changed now. Move a slider: the first training images will be here, changed by it.")
