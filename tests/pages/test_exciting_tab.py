"""The Kernels tab, 'what they look for': its pictures against the analysis called directly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from conftest_pages import component, shown_wall, sound
from streamlit.testing.v1 import AppTest

from explorer import networks, zoo
from explorer.analysis.exciting import exciting
from explorer.analysis.maximize import maximize
from explorer.analysis.units import find, patch
from explorer.data import Dataset, Images, load
from explorer.jobs import service
from explorer.jobs.kinds import kernels
from explorer.jobs.request import Request, ask
from explorer.jobs.service import Jobs, Look
from explorer.ui import cache

Open = Callable[..., AppTest]
NAME = "tiny"


class AtOnce:
    """Jobs that are computed in this process while they are started, on whatever it has opened."""

    def __init__(self, jobs: Jobs, data: Dataset) -> None:
        self.jobs, self.data, self.started = jobs, data, list[Request]()

    def __getattr__(self, name: str) -> object:
        return getattr(self.jobs, name)

    def start(self, request: Request) -> Look:
        self.started.append(request)
        self.known, self.network = networks.find(NAME), zoo.load(NAME)[1]
        arrays = getattr(kernels, request.kind)(self, request.params, lambda *_: None)
        self.jobs.files(request.key).begin({"request": {}, "asked": 0.0})
        self.jobs.finish(request.key, arrays, 1.0)
        return self.jobs.look(request.key)


@pytest.fixture
def few(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> tuple[Callable[[], AppTest], AtOnce]:
    """Opens the view with 60 test digits and inputs made in few steps."""
    whole = load("mnist")
    test = Images(whole.test.pixels[:60], whole.test.labels[:60])
    data = Dataset(whole.card, whole.train, test, True, None, "sixty")
    jobs = AtOnce(service.local(), data)
    monkeypatch.setattr(service, "local", lambda: jobs)
    monkeypatch.setattr(cache, "dataset", lambda _name: data)
    monkeypatch.setattr("explorer.analysis.maximize.maximize.__kwdefaults__", {"steps": 6, "seed": 0, "progress": None})

    def start() -> AppTest:
        tested = open_app("inside", network=NAME)
        tested.session_state["inside-tab"] = "Kernels"
        tested.session_state["kernels-view"] = "looks"
        return sound(tested.run())

    return start, jobs


def choose(tested: AppTest, label: str, value: str) -> AppTest:
    return sound(next(item for item in tested.button_group if item.label == label).set_value(value).run())


def press(tested: AppTest, label: str) -> AppTest:
    return sound(next(item for item in tested.button if item.label == label).click().run())


def test_patches_of_every_kernel_the_made_input_and_likes(few: tuple[Callable[[], AppTest], AtOnce]) -> None:
    start, jobs = few
    tested = start()
    if not jobs.started:  # large networks wait to be asked
        press(tested, "Find them")
        tested.run()
    network, data = zoo.load(NAME)[1], jobs.data
    found = exciting(network, data.test.pixels, data.test.labels, data.card)["conv2"]
    layer = find(network, "conv2").layer
    choose(tested, "Layer", "conv2")
    shown = shown_wall(tested, "exciting-patches")
    side = layer.receptive_field
    assert shown.pixels.shape == (layer.output[0], 3 * side + 2, 3 * side + 2)
    best = patch(data.test.pixels[found.images[3, 4]], layer, *found.positions[3, 4])[0]
    np.testing.assert_array_equal(shown.pixels[3, side + 1 : 2 * side + 1, side + 1 : 2 * side + 1], best)

    tested.session_state["exciting-unit"] = (NAME, "conv2", 3)
    sound(tested.run())
    nine = shown_wall(tested, "exciting-nine")
    np.testing.assert_array_equal(nine.pixels[4], best)
    assert f"test image {found.images[3, 4]}, class" in nine.header["details"][4]
    assert component(tested, "exciting-classes").json

    assert "Make them" in [item.label for item in tested.button]
    count = layer.output[0]
    jobs.start(ask("maximal", network=networks.find(NAME), layer="conv2", first=0, count=count))
    tested.run()
    made = maximize(network, "conv2", range(layer.output[0]), data.card)
    frames = shown_wall(tested, "exciting-frames")
    np.testing.assert_allclose(frames.pixels[-1], patch(made.frames[-1, 3], layer, *made.position)[0], atol=1e-3)
    assert any("of the best test image" in item.value for item in tested.caption)

    choose(tested, "Show", "made inputs")
    assert shown_wall(tested, "exciting-made").pixels.shape == (layer.output[0], side, side)
    choose(tested, "Show", "near-duplicates")
    assert "cosine" in component(tested, "exciting-alike").json
    assert ask("exciting", network=networks.find(NAME), data=data).key in {job.key for job in jobs.started}
