"""Picking an image from a wall: of the test set by class, or of any images of the data set."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.data import Dataset
from explorer.data.cards import DataCard
from explorer.ui import cache, state
from explorer.ui.components import wall

PAGE = 48


def show(card: DataCard) -> None:
    """A folded gallery; a click makes that image the current one."""
    folder = st.expander("Choose another image", icon=":material/grid_view:", key="gallery", on_change="rerun")
    if not folder.open:
        return
    with folder:
        test = cache.dataset(card.name).test
        wanted = st.pills(
            "Class",
            list(range(len(card.classes))),
            format_func=card.classes.__getitem__,
            key="gallery-class",
            persist_state="session",
            help="Shows the test images of one class; none chosen shows all.",
        )
        numbers = np.arange(len(test.labels)) if wanted is None else np.flatnonzero(test.labels == wanted)
        pages = max(1, -(-len(numbers) // PAGE))
        page = st.pagination(pages, key=f"gallery-page-{card.name}-{wanted}") if pages > 1 else 1
        shown = numbers[(page - 1) * PAGE : page * PAGE]
        captions = [f"{card.classes[int(test.labels[number])]} · {number}" for number in shown]
        digits(cache.dataset(card.name), "test", shown, captions, key="gallery-wall")
        st.caption("Under each image: its class · its number.")


def digits(
    data: Dataset,
    split: state.Split,
    shown: np.ndarray,
    captions: list[str],
    *,
    key: str,
    tile: int = 56,
    choose: bool = True,
) -> None:
    """A wall of images of a split. Where one can ``choose``, the current one is outlined, and a click makes another one
    that. A long caption is read in whole where it is pointed at."""

    def take(position: int) -> None:
        state.select_digit(int(shown[position]), split)
        st.rerun()

    number = state.digit_number()
    is_here = choose and number is not None and split == state.digit_split()
    current = np.flatnonzero(shown == (number if is_here else -1))
    images = data.test if split == "test" else data.train
    wall(
        np.asarray(images.pixels[shown]).mean(axis=1).round().astype(np.uint8),
        key=key,
        scale="brightness",
        captions=captions,
        details=[
            f"{'Test' if split == 'test' else 'Training'} image {number}: {caption}"
            for number, caption in zip(shown, captions, strict=True)
        ],
        tile=tile,
        label="Images",
        selected=int(current[0]) if len(current) else None,
        on_click=take if choose else None,
    )
