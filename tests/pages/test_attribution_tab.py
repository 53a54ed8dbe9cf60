"""The tab 'What it rests on': its maps against the analysis called directly."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from conftest_pages import elements, shown_wall, sound
from streamlit.testing.v1 import AppTest

from explorer import zoo
from explorer.analysis.attribution import attribute, available, random_weights
from explorer.analysis.attribution_methods import METHODS
from explorer.data import load, normalise
from explorer.figures import theme
from explorer.ui.attribution import overlay
from explorer.ui.text import number

Open = Callable[..., AppTest]
TAB = "What it rests on"


@pytest.fixture
def opened(open_app: Open) -> Callable[[str], AppTest]:
    def start(network: str) -> AppTest:
        tested = open_app("inside", network=network)
        tested.session_state["inside-tab"] = TAB
        return sound(tested.run())

    return start


def html(tested: AppTest) -> str:
    return "\n".join(item.proto.body for item in elements(tested) if getattr(item, "type", "") == "html")


def captions(tested: AppTest) -> str:
    return "\n".join(item.value for item in tested.caption)


def choose(tested: AppTest, label: str, value: object) -> AppTest:
    return sound(next(item for item in tested.button_group if item.label == label).set_value(value).run())


def first() -> np.ndarray:
    data = load("mnist")
    return normalise(torch.tensor(np.asarray(data.test.pixels[0])[None]), data.card)[0].numpy()


@pytest.mark.parametrize("name", ["article", "allconv", "mlp"])
def test_every_method_has_its_two_maps_its_sentences_and_its_figures(
    opened: Callable[[str], AppTest], name: str
) -> None:
    tested = opened(name)
    network = zoo.load(name)[1]
    card, image = zoo.card(name).spec.data.dataset, first()
    with torch.no_grad():
        predicted = int(network(torch.tensor(image)[None]).argmax())
    titles = [item.value for item in tested.header]
    assert [title for title in titles if title in {method.title for method in METHODS.values()}] == [
        METHODS[method].title for method in available(network)
    ]
    assert html(tested).count("over the image") == 2 * len(available(network))
    shown = captions(tested)
    for method in available(network):
        assert METHODS[method].reading in shown
        assert METHODS[method].caution[1:] in shown
    sums = attribute(network, image, predicted, "integrated-gradients", load(card).card).completeness
    assert sums is not None
    assert f"sum {number(sums.total)}, the logit's difference from black {number(sums.expected)}" in shown
    assert len(re.findall(r"Rank correlation|Nothing in the map", shown)) == len(available(network))

    other = (predicted + 1) % 10
    choose(tested, "What speaks for class", other)
    choose(tested, "Maps", "bare")
    for method in available(network):
        wall = shown_wall(tested, f"rests-wall-{method}")
        for pixels, model in zip(wall.pixels, (network, random_weights(network)), strict=True):
            values = attribute(model, image, other, method, load(card).card).values
            np.testing.assert_allclose(pixels, values, atol=1e-5)
        assert wall.header["scale"] == "signed"


def test_grad_cam_looks_at_any_convolution(opened: Callable[[str], AppTest]) -> None:
    tested = choose(opened("article"), "Maps", "bare")
    assert shown_wall(tested, "rests-wall-grad-cam").pixels.shape == (2, 11, 11)
    layer = next(item for item in tested.selectbox if item.label == "Layer")
    assert list(layer.options) == ["conv1", "conv2"]
    sound(layer.select("conv1").run())
    assert shown_wall(tested, "rests-wall-grad-cam").pixels.shape == (2, 26, 26)


def test_over_the_digit_the_largest_covers_and_zero_shows_the_digit() -> None:
    pixels = np.full((1, 4, 4), 200, dtype=np.uint8)
    values = np.zeros((4, 4), dtype=np.float32)
    assert (overlay(pixels, values) == 90).all()
    values[0, 0], values[1, 1] = 2, -2
    found = overlay(pixels, values)
    for place, end in (((0, 0), -1), ((1, 1), 0)):
        assert "#" + bytes(found[:, *place].tolist()).hex() == theme.DARK.signed[end]
    assert (found[:, 2:] == 90).all()
    assert overlay(pixels, np.ones((2, 2), dtype=np.float32)).shape == (3, 4, 4)
