"""Training, validation, test: the real split of the digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer.figures.theme import count
from explorer.spec import DataSpec
from explorer.ui import cache
from explorer.ui.components import wall
from explorer.ui.lessons.chapter import Choice, Question, ask
from explorer.ui.lessons.scene import Scene

if TYPE_CHECKING:
    from explorer.data.splits import Splits

SHOWN = 9
DEFAULT = DataSpec()


def sizes(scene: Scene, spec: DataSpec = DEFAULT) -> tuple[int, int, int]:
    """How many digits are in the training, the validation and the test set."""
    parts = _parts(scene, spec.validation_share)
    return len(parts.train), len(parts.validation), len(scene.dataset().test)


def _parts(scene: Scene, validation_share: float) -> Splits:
    return cache.network_splits(scene.card.name, DataSpec(dataset=scene.card.name, validation_share=validation_share))


def widget(scene: Scene) -> None:
    share = st.slider(
        "Validation share, %",
        2,
        50,
        round(100 * DEFAULT.validation_share),
        key="lesson-share",
        persist_state="session",
        help="How much of the training digits is held back to validate.",
    )
    data = scene.dataset()
    parts = _parts(scene, share / 100)
    rows = (
        ("training", "the weights are learned from these", data.train, parts.train),
        ("validation", "they judge your choices", data.train, parts.validation),
        ("test", "used once, at the end", data.test, np.arange(len(data.test))),
    )
    for name, purpose, images, numbers in rows:
        st.markdown(f"**{name.capitalize()}**: {count(len(numbers))} digits, {purpose}")
        shown = numbers[:SHOWN]
        wall(
            np.asarray(images.pixels[shown])[:, 0],
            key=f"lesson-split-{name}",
            scale="brightness",
            captions=[f"{scene.card.classes[int(images.labels[number])]}" for number in shown],
            tile=44,
            label=f"The first {name} digits",
        )
    st.caption(
        "Each class has the same share in training and validation, and no digit is in two sets. "
        + (
            "The test set was put apart by those who made the data set."
            if data.complete
            else f"The app put the test set of this {count(len(data.train) + len(data.test))}-digit subset apart."
        )
    )


def question(scene: Scene) -> Question:
    train, validation, test = sizes(scene)
    return ask(
        f"You train ten networks on {count(train)} digits and keep the one that does best on the {count(validation)} "
        "validation digits. On how many digits do you measure the accuracy that you report?",
        Choice(
            count(test),
            "The test set alone had no part: neither a weight nor a choice was fitted to it.",
            test,
        ),
        Choice(
            count(validation),
            "These chose the winner. The best of ten is also the luckiest of ten, so its figure flatters.",
            validation,
        ),
        Choice(count(train), "The network has seen these. It may know them by heart.", train),
        Choice(
            count(train + validation + test),
            "More digits make a steadier figure, but most of these were learned from.",
            train + validation + test,
        ),
    )
