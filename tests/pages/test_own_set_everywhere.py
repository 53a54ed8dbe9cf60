"""A network for an own data set of 2 or 36 classes and few images: every page and tab opens and is about these."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from conftest_pages import elements, shown_layer, sound
from streamlit.testing.v1 import AppTest

from explorer import weights
from explorer.analysis import activations, evaluate
from explorer.data import DataCard, load, own
from explorer.data.own import Labelled
from explorer.models import build
from explorer.presets import PRESETS
from explorer.runs import service
from explorer.spec import DataSpec, RunSpec
from explorer.ui import mistakes

Open = Callable[..., AppTest]
TABS = {
    "inside": (
        "inside-tab",
        (
            "Maps",
            "Kernels",
            "Why this answer",
            "What it rests on",
            "One step of learning",
            "Change it",
            "Where classes separate",
            "Kernel bench",
        ),
    ),
    "mistakes": ("mistakes-tab", mistakes.TABS),
    "digits": ("digits-tab", ("Draw", "Upload", "Camera", "My test set")),
    "data": ("data-tab", ("Classes", "Samples", "Hardest and oddest", "Duplicates", "Augmentation", "Your own")),
    "compare": ("", ("",)),
    "build": ("controls-tab", ("Network", "Recipe")),
}


def few(classes: int) -> DataCard:
    """Six noisy images of each class to learn from, and two to test."""
    rng = np.random.default_rng(classes)

    def some(each: int) -> Labelled:
        labels = np.arange(each * classes, dtype=np.int64) % classes
        pixels = rng.integers(0, 256, (len(labels), 1, 28, 28), dtype=np.uint8)
        pixels[:, :, :14] = (labels * 7)[:, None, None, None]
        return Labelled(pixels, labels)

    names = [f"kind {number}" for number in range(classes)]
    return own.keep(some(6), some(2), names, title=f"{classes} kinds", source="made here")


@pytest.mark.parametrize("classes", [2, own.MOST_CLASSES])
@pytest.mark.parametrize("page", TABS)
def test_every_page_opens_for_few_images_and_other_classes(open_app: Open, page: str, classes: int) -> None:
    sound(open_app())
    card = few(classes)
    spec = RunSpec(name="of few", model=PRESETS["tiny"].model, data=DataSpec(dataset=card.name))
    network = build(spec.model, card.shape, classes, seed=1).eval()
    run = service.add(spec, weights.pack(network, spec), {"weights_step": 1})
    data = load(card.name)
    tested = open_app(page, network=run)
    key, tabs = TABS[page]
    for tab in tabs:
        if key:
            tested.session_state[key] = tab
        sound(tested.run())
        if tab == "Maps":
            wanted = activations(network, np.asarray(data.test.pixels[0]), card)["conv1"]
            shown = {tile.tobytes() for tile in shown_layer(tested, "conv1").pixels}
            assert shown <= {each.tobytes() for each in wanted}
        if tab == mistakes.TABS[0]:
            right = evaluate(network, data.test.pixels, data.test.labels, card).accuracy
            said = " ".join(str(item.value) for item in elements(tested) if getattr(item, "type", "") == "markdown")
            assert f"**{right:.2%}**" in said
