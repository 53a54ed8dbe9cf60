"""The tabs 'Why this answer' and 'One step of learning' on pages of their own, their numbers against PyTorch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import torch
from conftest_pages import elements, shown_wall, sound, stopped_run
from streamlit.testing.v1 import AppTest
from torch.nn import functional as F

from explorer import zoo
from explorer.data import load, normalise, split
from explorer.figures.theme import significant
from explorer.training.one_step import Difference
from explorer.ui import cache
from explorer.ui.text import number, probability


@pytest.fixture(autouse=True)
def fresh_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path / "home"))
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


def why_page() -> None:
    import numpy as np
    import streamlit as st

    from explorer import networks
    from explorer.data.cards import find_card
    from explorer.shapes import trace
    from explorer.ui import cache, why

    network = networks.find(st.session_state.get("network", "article"))
    card = find_card("mnist")
    test = cache.dataset("mnist").test
    number = st.session_state.get("number", 0)
    pixels = np.asarray(test.pixels[number])
    outputs = cache.activations(network.id, network.version, "mnist", pixels.tobytes())
    why.show(network, card, trace(network.spec.model, card.shape, 10), outputs, pixels, int(test.labels[number]))


def step_page() -> None:
    import numpy as np
    import streamlit as st

    from explorer import networks
    from explorer.data.cards import find_card
    from explorer.ui import cache, learning_step

    network = networks.find(st.session_state.get("network", "article"))
    test = cache.dataset("mnist").test
    number = st.session_state.get("number", 0)
    label = None if st.session_state.get("own") else int(test.labels[number])
    learning_step.show(network, find_card("mnist"), np.asarray(test.pixels[number]), label)


def opened(page: object, **state: object) -> AppTest:
    tested = AppTest.from_function(page, default_timeout=60)  # type: ignore[arg-type]
    for name, value in state.items():
        tested.session_state[name] = value
    return sound(tested.run())


def texts(tested: AppTest) -> str:
    html = [item.proto.body for item in elements(tested) if getattr(item, "type", "") == "html"]
    return "\n".join([*(str(item.value) for kind in (tested.markdown, tested.caption) for item in kind), *html])


def logits(name: str, number: int) -> np.ndarray:
    data = load("mnist")
    with torch.no_grad():
        return zoo.load(name)[1](normalise(torch.tensor(np.asarray(data.test.pixels[number])[None]), data.card))[
            0
        ].numpy()


def path(tested: AppTest) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tested.session_state["why-path"][1]


# --- why this answer ------------------------------------------------------------------------------------------------


def test_it_begins_with_the_predicted_class_and_any_other_can_be_chosen() -> None:
    tested = opened(why_page, number=3)
    expected = logits("article", 3)
    best = int(expected.argmax())
    pills = tested.button_group[0]
    assert pills.value == best
    shares = np.exp(expected - expected.max()) / np.exp(expected - expected.max()).sum()
    said = [option.rpartition("· ")[2] for option in pills.options]
    assert said == [probability(float(share)) for share in shares]
    assert said[best] == "> 99.9%", "no softmax is sure of anything"
    assert f"logit of class **{best}** is **{significant(float(expected[best]), 4)}**" in texts(tested)
    other = int(expected.argmin())
    sound(pills.set_value(other).run())
    assert f"logit of class **{other}** is **{significant(float(expected[other]), 4)}**" in texts(tested)


@pytest.mark.parametrize("name", ["article", "lenet5", "tiny", "softmax", "allconv"])
def test_following_the_strongest_ends_at_a_pixel_and_every_card_has_its_layer(name: str) -> None:
    tested = opened(why_page, network=name)
    sound(tested.button(key="why-follow").click().run())
    walked = path(tested)
    assert walked[0][0] == "output"
    assert walked[-1][0] == "input"
    _, network = zoo.load(name)
    assert [layer for layer, _ in walked] == [*reversed([layer for layer, _ in network.named_children()]), "input"]
    shown = texts(tested)
    assert all(f"**{layer}**, " in shown for layer, _ in walked[:-1])
    _, row, column = walked[-1][1]
    byte = int(load("mnist").test.pixels[0][0, row, column])
    assert f"row {row}, column {column}**: {byte} of 255" in shown
    assert tested.button(key="why-follow").disabled
    convolutions = [at for at in walked if at[0].startswith("conv")]
    for layer, index in convolutions:
        kernel = shown_wall(tested, f"why-kernel-{layer}")
        weight = network.get_parameter(f"{layer}.weight")[index[0]].detach().numpy()
        maps = [int(re.findall(r"map (\d+)", text)[-1]) for text in kernel.header["details"]]
        np.testing.assert_array_equal(kernel.pixels, weight[maps])
        patch, products = (shown_wall(tested, f"why-{what}-{layer}").pixels for what in ("input", "products"))
        np.testing.assert_allclose(np.nan_to_num(patch) * kernel.pixels, products, rtol=1e-5, atol=1e-7)


def test_one_term_after_the_other_and_back() -> None:
    tested = opened(why_page)
    expected = logits("article", 0)
    best = int(expected.argmax())
    _, network = zoo.load("article")
    data = load("mnist")
    image = normalise(torch.tensor(np.asarray(data.test.pixels[0])[None]), data.card)
    with torch.no_grad():
        units = network[:-1](image)[0].numpy()
    products = network.output.weight.detach().numpy()[best] * units
    order = np.argsort(-products)
    first = tested.button(key=f"why-output-For-{order[0]}")
    assert first.label.startswith(f"unit {order[0]}: ")
    assert first.label.endswith(f"= {significant(float(products[order[0]]), 4)}")
    sound(first.click().run())
    # dropout or activations on the way are gone through, and shown
    assert path(tested)[-1][0] == "dense1"
    assert path(tested)[-1][1] == (order[0],)
    assert "**relu3**, unit" in texts(tested)
    assert f"part of the logit so far: **{significant(float(products[order[0]]), 4)}**" in texts(tested)
    sound(tested.button(key="why-back").click().run())
    assert path(tested) == (("output", (best,)),)
    assert tested.button(key="why-back").disabled
    against = int(order[-1])
    sound(tested.button(key=f"why-output-Against-{against}").click().run())
    assert path(tested)[-1] == ("dense1", (against,))
    sound(tested.button(key="why-follow").click().run())
    sound(tested.button(key="why-start").click().run())
    assert path(tested) == (("output", (best,)),)


def test_another_branch_is_taken_at_a_step_before() -> None:
    tested = opened(why_page)
    sound(tested.button(key="why-follow").click().run())
    before = path(tested)
    assert not [item for item in tested.button if str(item.key).startswith("why-dense1-For")]
    tested.session_state["why-others-dense1"] = True
    sound(tested.run())
    second = [item for item in tested.button if str(item.key).startswith("why-dense1-For")][1]
    sound(second.click().run())
    assert path(tested)[:3] == before[:3]
    assert path(tested)[3] == ("flatten", (int(str(second.key).rpartition("-")[2]),))
    assert path(tested)[-1][0] == "conv2"


def test_the_sums_are_complete() -> None:
    tested = opened(why_page)
    sums = next(item.value for item in tested.caption if " others " in item.value)
    numbers = [
        float(number.replace("−", "-").replace(",", ""))
        for number in re.findall(r"(?:shown|others|bias|=) \(?([−\d.,]+)", sums)
    ]
    assert len(numbers) == 4
    assert sum(numbers[:3]) == pytest.approx(numbers[3], abs=2e-3 * max(map(abs, numbers)))


def test_another_digit_or_network_begins_anew_and_old_buttons_are_harmless() -> None:
    tested = opened(why_page)
    sound(tested.button(key="why-follow").click().run())
    kept = tested.session_state["why-path"]
    tested.session_state["number"] = 5
    sound(tested.run())
    assert "**input**" not in texts(tested)
    assert tested.button(key="why-back").disabled
    tested.session_state["network"] = "softmax"
    sound(tested.run())
    assert tested.session_state["why-path"] == kept  # forgotten, for it belongs to something else
    assert tested.button(key="why-back").disabled
    sound(tested.button(key="why-follow").click().run())
    assert [layer for layer, _ in path(tested)] == ["output", "flatten", "input"]


# --- one step of learning -------------------------------------------------------------------------------------------


def plain(name: str, images: torch.Tensor, labels: list[int]) -> tuple[torch.nn.Module, torch.Tensor]:
    _, network = zoo.load(name)
    network.requires_grad_(True)
    loss = F.cross_entropy(network(images), torch.tensor(labels))
    loss.backward()
    return network, loss


def test_the_step_is_the_optimisers_on_a_copy() -> None:
    tested = opened(step_page, number=8)
    data = load("mnist")
    card = zoo.card("article")
    images = normalise(torch.tensor(np.asarray(data.test.pixels[8])[None]), data.card)
    network, loss = plain("article", images, [int(data.test.labels[8])])
    weight = network.get_parameter("conv1.weight")
    assert weight.grad is not None
    sound(tested.button(key="step-strongest").click().run())
    index = tuple(int(number) for number in np.unravel_index(int(weight.grad.abs().argmax()), weight.shape))
    assert tuple(item.value for item in tested.number_input) == index
    shown = texts(tested)
    if not card.spec.train.label_smoothing:
        assert significant(loss.item(), 4) in shown
        assert significant(float(weight.grad[index]), 4) in shown
    assert "A bundled network comes without its optimiser's memory" in shown
    assert f"w goes from **{significant(weight[index].item(), 6)}**" in shown
    sound(tested.button(key="step-check").click().run())
    assert "gradient by autograd, in float64" in texts(tested)
    tested.session_state["number"] = 9  # another digit: the old check goes
    sound(tested.run())
    assert "gradient by autograd, in float64" not in texts(tested)


def test_a_kink_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Difference(h=1e-5, above=1.0, below=1.0 - 1e-5, slope=0.5, gradient=1.0)
    monkeypatch.setattr(cache, "finite_difference", lambda *_: found)
    tested = opened(step_page)
    sound(tested.button(key="step-check").click().run())
    assert "At such a kink the slope jumps" in texts(tested)
    assert ">0.5<" in texts(tested)


@pytest.mark.parametrize("name", ["softmax", "tiny", "lenet5"])
def test_every_layer_and_a_batch(name: str) -> None:
    tested = opened(step_page, network=name)
    source = next(item for item in tested.button_group if item.label == "The loss is that of")
    sound(source.set_value("batch").run())
    picker = next(item for item in tested.selectbox if item.label == "Layer")
    spec, network = zoo.card(name).spec, zoo.load(name)[1]
    assert list(picker.options) == [layer for layer, module in network.named_children() if list(module.parameters())]
    sound(picker.select("output").run())
    sound(next(item for item in tested.button_group if item.label == "Parameter").set_value("bias").run())
    data = load("mnist")
    chosen = split(data, spec.data).train[:32]
    images = normalise(torch.tensor(np.asarray(data.train.pixels[chosen])), data.card)
    with torch.no_grad():
        loss = F.cross_entropy(
            network(images), torch.tensor(data.train.labels[chosen]), label_smoothing=spec.train.label_smoothing
        )
    shown = re.search(r'mean over the images</td><td class="number">([\d.]+)<', texts(tested))
    assert shown is not None
    assert float(shown[1]) == pytest.approx(float(loss), rel=1e-3)
    assert [item.label for item in tested.number_input] == ["Class"]


def test_a_runs_optimiser_has_its_memory_and_its_rate() -> None:
    run, checkpoint = stopped_run(optimizer="adam", schedule="cosine", learning_rate=0.01)
    tested = opened(step_page, network=run)
    sound(tested.button(key="step-strongest").click().run())
    index = tuple(int(item.value) for item in tested.number_input)
    shown = texts(tested)
    assert "Adam, with its memory after step 3 of this run." in shown
    for key in ("exp_avg", "exp_avg_sq"):
        assert number(float(checkpoint.optimizer[f"conv1.weight/{key}"][index])) in shown
    rates = next(item for item in tested.button_group if item.label == "Learning rate")
    sound(rates.set_value("highest").run())
    assert ">0.01<" in texts(tested)


def test_a_frozen_kernel_does_not_move() -> None:
    edge = ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0))
    run, _ = stopped_run(frozen_kernels=(edge,))
    tested = opened(step_page, network=run)
    assert "freezes this kernel" in tested.info[0].value
    assert "w goes from" not in texts(tested)
    sound(tested.number_input[0].set_value(1).run())
    assert not tested.info
    assert "w goes from" in texts(tested)


def test_an_own_digit_is_given_its_class() -> None:
    tested = opened(step_page, own=True)
    own = next(item for item in tested.selectbox if item.label == "Your own digit is a")
    before = texts(tested)
    sound(own.select(7).run())
    assert texts(tested) != before
