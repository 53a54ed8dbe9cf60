"""The time slider: kernels, maps, probabilities and mistakes at a snapshot of the training, against that snapshot."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from html import escape

import numpy as np
import pytest
from conftest_pages import network_picker, shown_layer, shown_shares, shown_wall, sound
from streamlit.testing.v1 import AppTest

from explorer import networks, weights
from explorer.analysis import activations, evaluate
from explorer.data import load
from explorer.models import Network, build
from explorer.runs import service
from explorer.runs.artifacts import run_folder
from explorer.spec import Activation, Conv, DataSpec, Flatten, ModelSpec, Output, Pool, RunSpec, TrainSpec
from explorer.training.engine import train
from explorer.training.events import Event, Finished, Snapshot
from explorer.training.snapshots import write_snapshot
from explorer.ui.moments import NOW
from explorer.ui.text import sure

Open = Callable[..., AppTest]
SPEC = RunSpec(
    name="growing",
    model=ModelSpec(
        layers=(Conv(kernels=3, kernel_size=5, stride=2), Activation(), Pool(), Flatten(), Output()),
    ),
    data=DataSpec(train_size=200),
    train=TrainSpec(epochs=2, batch_size=32, learning_rate=0.01, device="cpu"),
)


@lru_cache
def course() -> list[Event]:
    return list(train(SPEC, load("mnist")))


def trained(*, complete: bool = True) -> str:
    """A run of a small network that was really trained, with its snapshots."""
    data = load("mnist")
    events = course()
    finished = events[-1]
    assert isinstance(finished, Finished)
    network = build(SPEC.model, data.card.shape, len(data.card.classes))
    network.load_state_dict(dict(finished.weights))
    run = service.add(SPEC, weights.pack(network, SPEC), {"weights_step": finished.weights_step})
    for event in events:
        if isinstance(event, Snapshot):
            if not complete:
                event = Snapshot(**{name: getattr(event, name) for name in event.__slots__} | {"complete": False})
            write_snapshot(run_folder(run).snapshots, event)
    return run


def shown_kernels(tested: AppTest) -> np.ndarray:
    return shown_wall(tested, "kernels-conv1").pixels


def check(tested: AppTest, network: Network) -> None:
    """Maps, probabilities and kernels on the screen are those of this network."""
    data = load("mnist")
    wanted = activations(network, np.asarray(data.test.pixels[0]), data.card)
    tested.session_state["inside-tab"] = "Maps"
    tested.session_state["order"] = "number"
    sound(tested.run())
    np.testing.assert_array_equal(shown_layer(tested, "pool1").pixels, wanted["pool1"])
    guess = wanted["probabilities"].argmax()
    verdict = re.sub(r"<[^>]+>", " ", "".join(item.proto.body for item in tested.get("html")))
    assert escape(sure(wanted["probabilities"][guess])) in verdict
    assert shown_shares(tested)[str(guess)] == pytest.approx(wanted["probabilities"][guess], rel=1e-5)
    tested.session_state["inside-tab"] = "Kernels"
    sound(tested.run())
    np.testing.assert_array_equal(shown_kernels(tested), network.conv1.weight[:, 0].numpy())


@pytest.fixture
def run(open_app: Open) -> str:
    return trained()


def test_the_slider_moves_maps_kernels_and_probabilities_together(open_app: Open, run: str) -> None:
    tested = sound(open_app("inside", network=run))
    steps = [moment.step for moment in networks.moments(networks.find(run))]
    assert steps[0] == 0
    assert len(steps) > 3
    for step in (steps[0], steps[2]):
        slider = tested.select_slider(key=f"time-{run}")
        assert slider.options[0] == "before the first step"
        assert slider.options[-1] == "trained"
        sound(slider.set_value(step).run())
        assert tested.query_params["snapshot"] in (str(step), [str(step)])
        assert f"As it was after step {step}" in "".join(item.value for item in tested.sidebar.caption)
        check(tested, networks.load(run, snapshot=step))
    sound(tested.select_slider(key=f"time-{run}").set_value(NOW).run())
    assert "snapshot" not in tested.query_params
    check(tested, networks.load(run))


def test_what_plays_stops_with_its_network_and_its_page(open_app: Open, run: str) -> None:
    tested = sound(open_app("inside", network=run))

    def label() -> str:
        return tested.button(key="time-play").label

    sound(tested.button(key="time-play").click().run())
    assert label() == "Pause"
    tested.session_state["network"] = "lenet5"
    sound(tested.run())
    assert label() == "Play"
    tested.session_state["network"] = run
    sound(tested.run())
    assert label() == "Play"  # coming back starts nothing
    sound(tested.button(key="time-play").click().run())
    tested.session_state["_page"] = "Mistakes"
    sound(tested.run())
    assert label() == "Pause"  # on this page it was started, and the page is this one again
    sound(tested.button(key="time-play").click().run())
    assert label() == "Play"


def test_a_link_opens_the_moment_and_mistakes_are_of_it(open_app: Open, run: str) -> None:
    step = networks.moments(networks.find(run))[1].step
    tested = sound(open_app("mistakes", network=run, snapshot=str(step)))
    data = load("mnist")
    found = evaluate(networks.load(run, snapshot=step), data.test.pixels, data.test.labels, data.card)
    assert f"**{found.accuracy:.2%}** of the test images" in "".join(item.value for item in tested.markdown)
    sound(tested.button(key="time-leave").click().run())
    final = evaluate(networks.load(run), data.test.pixels, data.test.labels, data.card)
    assert f"**{final.accuracy:.2%}** of the test images" in "".join(item.value for item in tested.markdown)
    assert final.accuracy != found.accuracy


@pytest.mark.parametrize("snapshot", ["999", "-1", "x", "9" * 30])
def test_a_link_to_a_moment_that_is_not_there_shows_the_network_as_it_is(
    open_app: Open, run: str, snapshot: str
) -> None:
    tested = sound(open_app("inside", network=run, snapshot=snapshot))
    assert "snapshot" not in tested.query_params
    check(tested, networks.load(run))


def test_another_network_is_shown_as_it_is(open_app: Open, run: str) -> None:
    tested = sound(open_app("inside", network=run, snapshot="0"))
    sound(network_picker(tested).set_value("softmax").run())
    assert "snapshot" not in tested.query_params
    assert tested.session_state["network"] == "softmax"


def test_snapshots_of_the_first_layer_alone_are_told_of(open_app: Open) -> None:
    run = trained(complete=False)
    tested = sound(open_app("inside", network=run, snapshot="0"))
    assert not tested.select_slider
    assert any("hold its first layer alone" in item.value for item in tested.caption)


def test_every_tab_works_at_a_moment(open_app: Open, run: str) -> None:
    tested = sound(open_app("inside", network=run, snapshot="0"))
    for tab in ("Why this answer", "What it rests on", "One step of learning", "Change it", "Kernel bench"):
        tested.session_state["inside-tab"] = tab
        sound(tested.run())
