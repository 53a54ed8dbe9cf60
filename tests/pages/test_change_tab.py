"""The tab 'Change it': what it says of an edited network against that network evaluated from the outside."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from conftest_pages import component, network_picker, shown_wall, sound
from streamlit.testing.v1 import AppTest

from explorer import edited, networks, weights
from explorer.analysis import activations, evaluate
from explorer.data import load
from explorer.edits import Off, Prune, Scale, add, from_json
from explorer.models import Network, build
from explorer.runs import service
from explorer.spec import Activation, Conv, Dense, Flatten, ModelSpec, Output, Pool, RunSpec
from explorer.ui.text import probability

Open = Callable[..., AppTest]
SPEC = RunSpec(
    name="small",
    model=ModelSpec(
        layers=(
            Conv(kernels=4, kernel_size=5, stride=2),
            Activation(),
            Pool(),
            Flatten(),
            Dense(units=8),
            Activation(),
            Output(),
        )
    ),
)


@pytest.fixture
def run(open_app: Open) -> str:
    """A run with random weights."""
    network = build(SPEC.model, (1, 28, 28), 10, seed=3)
    return service.add(SPEC, weights.pack(network, SPEC), {})


def opened(open_app: Open, network: str) -> AppTest:
    tested = open_app("inside", network=network)
    tested.session_state["inside-tab"] = "Change it"
    return sound(tested.run())


def text(tested: AppTest) -> str:
    return "\n".join([*(item.value for item in tested.markdown), *(item.value for item in tested.caption)])


def check(tested: AppTest, before: Network, after: Network) -> None:
    """The page says of both networks what comes out when the whole test set is put through them."""
    data = load("mnist")
    old, new = (evaluate(one, data.test.pixels, data.test.labels, data.card) for one in (before, after))
    changed = int((old.predictions != new.predictions).sum())
    assert f"**{old.accuracy:.2%} → {new.accuracy:.2%}** right" in text(tested)
    assert f"{changed:,} {'is' if changed == 1 else 'are'} read differently" in text(tested)
    tables = "".join(item.proto.body for item in tested.get("html"))
    for number in range(10):
        of_class = old.labels == number
        for found in (old, new):
            assert f">{(found.predictions[of_class] == number).mean():.2%}<" in tables
    probabilities = activations(after, np.asarray(data.test.pixels[0]), data.card)["probabilities"]
    shown = component(tested, "change-digit").json
    assert f"after {probabilities.argmax()} with {probability(float(probabilities.max()))}" in shown


def test_switched_off_scaled_and_pruned_then_undone(open_app: Open, run: str) -> None:
    network = networks.load(run)
    tested = opened(open_app, run)
    assert "Nothing yet" in text(tested)
    assert tested.button(key="change-undo").disabled
    sound(tested.toggle(key="change-off").set_value(True).run())
    off = copy.deepcopy(network)
    off.dense1.weight[:, :36] = 0  # the first map's 6 × 6 places
    check(tested, network, off)
    assert "conv1, kernel 0: switched off" in text(tested)
    assert shown_wall(tested, "change-wall-conv1").header["captions"][0] == "0 off"
    assert (shown_wall(tested, "change-wall-conv1").pixels[0] == 0).all()

    sound(tested.number_input(key="change-number").set_value(2).run())
    assert tested.toggle(key="change-off").value is False
    sound(tested.slider(key="change-factor").set_value(-2.0).run())
    both = copy.deepcopy(off)
    both.conv1.weight[2] *= -2
    both.conv1.bias[2] *= -2
    check(tested, network, both)

    sound(tested.slider(key="prune-share").set_value(30).run())
    assert "the 30% weakest weights of the whole network: 0" in text(tested)
    sound(tested.button(key="change-undo").click().run())
    check(tested, network, both)
    sound(tested.button(key="change-undo").click().run())
    check(tested, network, off)
    sound(tested.button(key="change-redo").click().run())
    check(tested, network, both)
    sound(tested.button(key="change-remove-1").click().run())
    only = copy.deepcopy(network)
    only.conv1.weight[2] *= -2
    only.conv1.bias[2] *= -2
    check(tested, network, only)
    sound(tested.button(key="change-reset").click().run())
    assert "Nothing yet" in text(tested)
    sound(tested.button(key="change-undo").click().run())
    check(tested, network, only)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), networks.load(run).parameters(), strict=True))


def test_a_dense_unit_and_its_bias(open_app: Open, run: str) -> None:
    network = networks.load(run)
    tested = opened(open_app, run)
    tested.session_state["change-unit"] = ("dense1", 5)
    tested.session_state["change-numbers-unit"] = True
    sound(tested.run())
    assert shown_wall(tested, "change-wall-dense1").pixels.shape == (8, 6, 6)
    assert shown_wall(tested, "change-wall-dense1").header["selected"] == 5
    tested.session_state["change-numbers-unit"] = True
    sound(tested.number_input(key="change-bias").set_value(4.0).run())
    other = copy.deepcopy(network)
    other.dense1.bias[5] = 4.0
    check(tested, network, other)


def test_saved_it_is_a_run_that_says_that_it_was_edited(open_app: Open, run: str) -> None:
    tested = opened(open_app, run)
    sound(tested.toggle(key="change-off").set_value(True).run())
    data = load("mnist")
    sound(tested.text_input(key=f"change-name-{run}").set_value("without the first").run())
    sound(tested.button(key="change-save-it").click().run())
    made = tested.session_state["network"]
    assert made != run
    known = networks.find(made)
    assert (known.title, known.state, known.edited, known.usable) == ("without the first", "finished", True, True)
    found = evaluate(networks.load(made), data.test.pixels, data.test.labels, data.card)
    assert known.test_accuracy == found.accuracy
    origin = edited.origin(networks.run(made))
    assert origin is not None
    assert origin["from"] == run
    assert origin["words"] == ["conv1, kernel 0: switched off"]
    assert from_json(origin["edits"]) == (Off(layer="conv1", number=0),)
    assert "edited by hand" in "".join(item.value for item in tested.sidebar.caption)
    assert "Nothing yet" in text(tested)

    tested.switch_page("pages/build.py")
    sound(tested.run())
    shown = text(tested).replace("\\", "")
    assert f"Not trained but edited by hand, in Look inside, from **small** ({run})" in shown
    assert "- conv1, kernel 0: switched off" in shown
    assert "Curves appear" not in shown


def test_edits_stay_with_their_network(open_app: Open, run: str) -> None:
    tested = opened(open_app, run)
    sound(tested.toggle(key="change-off").set_value(True).run())
    sound(network_picker(tested).set_value("softmax").run())
    assert "Nothing yet" in text(tested)
    assert tested.number_input(key="change-number").value == 0


def test_a_large_network_is_shown_on_a_stated_sample(open_app: Open, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.ui.change_effect.BUDGET", 5_000_000)
    data = load("mnist")
    tested = opened(open_app, run)
    work = 4 * 25 * 12 * 12 + 144 * 8 + 80
    every = round(len(data.test) * work / 5_000_000)
    pixels, labels = data.test.pixels[::every], data.test.labels[::every]
    wanted = evaluate(networks.load(run), pixels, labels, data.card).accuracy
    assert f"reads **{wanted:.2%}** of {len(labels):,} test images (every {every}" in text(tested)
    sound(tested.toggle(key="change-off").set_value(True).run())
    assert f"Of {len(labels):,} test images (every {every}" in text(tested)
    assert tested.button(key="change-all-start").label == f"Count all {len(data.test):,}"


def test_saving_what_is_bundled_says_where_it_comes_from(open_app: Open) -> None:
    open_app("build")
    edits = add((), Scale(layer="output", number=1, factor=0.5))
    edits = add(edits, Prune(share=0.1))
    made = edited.save(networks.find("softmax"), edits, "half a one")
    assert networks.bundled_origin(made) == "softmax"
    data = load("mnist")
    if data.test_is_known:
        assert "edited or imported from" in str(networks.learned_from(made, data))
    again = edited.save(networks.find(made), edits, "and again")
    assert networks.bundled_origin(again) == "softmax"
    assert networks.find(again).test_accuracy is None
