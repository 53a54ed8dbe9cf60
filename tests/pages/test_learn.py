"""The lessons: every answer against PyTorch or a count by hand, every chapter on the page, what is done."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
import torch
from conftest_pages import component, digit_field, elements, shown_wall
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays
from streamlit.testing.v1 import AppTest
from torch.nn import functional as F

from explorer import zoo
from explorer.data import Dataset, load, normalise
from explorer.models import Network
from explorer.runs import service
from explorer.runs.follower import Curve
from explorer.ui import cache
from explorer.ui.lessons import activation, choices, dense, descent, lab, looks, navigation, pixels, scene
from explorer.ui.lessons.chapter import Choice, Question, ask
from explorer.ui.lessons.chapters import CHAPTERS
from explorer.ui.lessons.step import descend
from explorer.ui.text import precise_probability

Open = Callable[..., AppTest]
NAMES = [chapter.name for chapter in CHAPTERS]


def texts(tested: AppTest) -> str:
    kinds = (tested.markdown, tested.caption, tested.success, tested.error)
    return "\n".join(str(item.value) for kind in kinds for item in kind)


def html(tested: AppTest) -> str:
    return "\n".join(item.proto.body for item in elements(tested) if getattr(item, "type", "") == "html")


def shown(question: Question) -> str:
    """The right answer's text."""
    return question.choices[question.right].text


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("mnist")


@pytest.fixture(scope="module")
def network() -> Network:
    return zoo.load("article")[1]


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], scene.Scene]]:
    """``at(7)``: the scene of a session whose current digit is test digit 7."""
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path / "home"))
    st.cache_data.clear()

    def of(digit: int) -> scene.Scene:
        monkeypatch.setattr(scene.sidebar, "current_digit", lambda _: picture(digit))
        return scene.now()

    def picture(digit: int) -> tuple[np.ndarray, int]:
        test = load("mnist").test
        return np.asarray(test.pixels[digit]), int(test.labels[digit])

    yield of
    st.cache_data.clear()


def outputs(network: Network, data: Dataset, digit: int) -> dict[str, torch.Tensor]:
    x = normalise(torch.tensor(np.asarray(data.test.pixels[digit : digit + 1])), data.card)
    seen = {}
    with torch.no_grad():
        for name, layer in network.named_children():
            x = layer(x)
            seen[name] = x[0]
    return seen


# --- words and questions --------------------------------------------------------------------------------------------


def test_the_chapters_are_short_and_named_apart() -> None:
    assert 10 <= len(CHAPTERS) <= 12
    assert len(set(NAMES)) == len({chapter.title for chapter in CHAPTERS}) == len(CHAPTERS)
    for chapter in CHAPTERS:
        assert len(chapter.text.split()) <= 80, chapter.name
        assert re.fullmatch(r"[a-z]+", chapter.name)
        assert "!" not in chapter.text


@pytest.mark.parametrize("digit", [0, 3, 11, 200])
def test_every_question_has_one_right_answer_and_a_reason_for_each(
    at: Callable[[int], scene.Scene], digit: int
) -> None:
    now = at(digit)
    for chapter in CHAPTERS:
        question = chapter.question(now)
        listed = [choice.text for choice in question.choices]
        assert len(set(listed)) == len(listed) >= 2, (chapter.name, listed)
        assert 0 <= question.right < len(listed)
        assert all(choice.why.endswith((".", "…")) for choice in question.choices), chapter.name
        ranks = [choice.rank for choice in question.choices]
        assert ranks == sorted(ranks)


@given(some.lists(some.integers(0, 5), max_size=6), some.integers(0, 5))
def test_a_wrong_choice_that_happens_to_be_right_is_left_out(wrong: list[int], right: int) -> None:
    question = ask("?", Choice(str(right), "right", right), *(Choice(str(n), "wrong", n) for n in wrong))
    assert question.choices[question.right] == Choice(str(right), "right", right)
    assert [int(choice.text) for choice in question.choices] == sorted({*wrong, right})


def test_shapes_and_counts_are_those_of_the_real_network(
    at: Callable[[int], scene.Scene], network: Network, data: Dataset
) -> None:
    now = at(5)
    seen = outputs(network, data, 5)
    right = {chapter.name: shown(chapter.question(now)) for chapter in CHAPTERS}
    assert right["image"] == str(data.test.pixels[5].size)
    convolution = network.get_submodule("conv1")
    each = convolution.weight[0].numel() + convolution.bias[0].numel()  # type: ignore[operator, union-attr, index]
    assert right["convolution"] == str(each)
    maps, height, width = seen["conv1"].shape
    assert right["kernels"] == f"{height} × {width} × {maps}"
    assert right["stride"] == str(F.conv2d(torch.zeros(1, 1, 28, 28), torch.zeros(1, 1, 5, 5), None, 2, 2).shape[-1])
    maps, height, width = seen["pool2"].shape
    assert right["pooling"] == f"{height} × {width} × {maps}"
    sizes = {name: sum(p.numel() for p in layer.parameters()) for name, layer in network.named_children()}
    assert right["choices"] == max(sizes, key=sizes.__getitem__)


@pytest.mark.parametrize("digit", [0, 7, 42])
def test_numbers_of_the_current_digit_are_pytorchs(
    at: Callable[[int], scene.Scene], network: Network, data: Dataset, digit: int
) -> None:
    now, seen = at(digit), outputs(network, data, digit)
    smallest = float(seen["conv1"].min())
    assert shown(activation.question(now)) == ("0" if smallest < 0 else activation.significant(smallest))
    first, second = seen["output"].double().topk(2).values.tolist()
    times = float(shown(dense.question(now)).removesuffix(" times").replace(",", ""))
    # As a calculator has it from the logits that the question names.
    assert times == pytest.approx(math.exp(round(first, 2) - round(second, 2)), rel=6e-3)
    powers, shares = dense.softmax(seen["output"].numpy())
    np.testing.assert_allclose(shares, seen["output"].double().softmax(0), rtol=1e-12)
    assert powers.max() == 1


def test_the_hardest_and_the_misread_digit_are_those_of_the_network(
    at: Callable[[int], scene.Scene], network: Network, data: Dataset
) -> None:
    now = at(0)
    with torch.no_grad():
        parts = np.array_split(np.asarray(data.test.pixels), 10)
        logits = torch.cat([network(normalise(torch.tensor(part), data.card)) for part in parts])
    losses = F.cross_entropy(logits, torch.tensor(np.asarray(data.test.labels)), reduction="none")
    assert descent.hardest(now) == int(losses.argmax())
    assert float(shown(descent.question(now))) == pytest.approx(float(losses.max()), rel=5e-3)
    question, number = looks.question(now), looks.misread(now)
    assert question.picture is not None
    assert question.after is not None
    np.testing.assert_array_equal(question.picture, data.test.pixels[number])
    assert shown(question) == str(int(logits[number].argmax()))
    pictures, captions = question.after()
    assert set(captions) == {shown(question)}
    assert pictures.shape == (len(captions), 28, 28)


# --- what the widgets compute ---------------------------------------------------------------------------------------


@given(arrays.arrays(np.float64, 9, elements=some.floats(-30, 30)))
def test_activations_are_pytorchs(x: np.ndarray) -> None:
    wanted = {
        "ReLU": F.relu,
        "leaky ReLU": F.leaky_relu,
        "GELU": F.gelu,
        "tanh": torch.tanh,
        "LeCun's tanh": lambda z: 1.7159 * torch.tanh(2 * z / 3),
        "sigmoid": torch.sigmoid,
    }
    assert set(wanted) == set(activation.FUNCTIONS)
    for name, function in wanted.items():
        expected = function(torch.tensor(x)).numpy()
        np.testing.assert_allclose(activation.FUNCTIONS[name](x), expected, rtol=1e-9, atol=1e-12)


def test_a_step_is_the_optimisers_and_leaves_the_network_alone(network: Network, data: Dataset) -> None:
    rates = (0.001, 0.1, 10.0)
    pixels, label = np.asarray(data.test.pixels[9]), int(data.test.labels[9])
    before = {name: value.clone() for name, value in network.state_dict().items()}
    others = np.asarray(data.train.pixels[:20]), np.asarray(data.train.labels[:20])
    found = descend(network, pixels, label, data.card, rates, others)
    image, truth = normalise(torch.tensor(pixels[None]), data.card).double(), torch.tensor([label])
    for place, rate in enumerate(rates):
        model = zoo.load("article")[1].double().requires_grad_(True)
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        loss = F.cross_entropy(model(image), truth)
        loss.backward()
        optimizer.step()
        assert found.loss == pytest.approx(float(loss.detach()), rel=1e-9)
        with torch.no_grad():
            after = float(F.cross_entropy(model(image), truth))
            strangers = model(normalise(torch.tensor(others[0]), data.card).double())
            assert found.others[place] == pytest.approx(float(F.cross_entropy(strangers, torch.tensor(others[1]))))
        assert found.losses[place] == pytest.approx(after, rel=1e-9, abs=1e-12)
        assert found.probabilities[place] == pytest.approx(math.exp(-after), rel=1e-9)
        norms = [float(parameter.grad.norm()) for parameter in model.parameters() if parameter.grad is not None]
        assert found.gradient == pytest.approx(math.hypot(*norms), rel=1e-9)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    assert not any(parameter.requires_grad for parameter in network.parameters())


@given(some.lists(some.integers(1, 5), min_size=1, max_size=8))
def test_curves_by_epoch_are_means(steps: list[int]) -> None:
    values = np.random.default_rng(len(steps)).normal(size=sum(steps))
    epochs = np.concatenate([epoch + np.arange(1, count + 1) / count for epoch, count in enumerate(steps)])
    curve = Curve(np.arange(len(values)), epochs, values)
    x, y = lab.by_epoch(curve)
    np.testing.assert_array_equal(x, np.arange(1, len(steps) + 1))
    ends = np.cumsum(steps)
    np.testing.assert_allclose(y, [values[end - count : end].mean() for end, count in zip(ends, steps, strict=True)])


def test_the_window_begins_so_that_the_ink_is_in_its_middle() -> None:
    image = np.zeros((28, 28), np.uint8)
    assert pixels.centre(image) == (0, 0)
    image[20, 10] = 255
    assert pixels.centre(image) == (14, 4)


def test_the_trials_differ_in_one_thing_each(data: Dataset) -> None:
    planned = lab.trials(len(data.train))
    plain = planned[0].spec
    for trial in planned[1:]:
        parts = [getattr(trial.spec, part) != getattr(plain, part) for part in ("model", "data", "train")]
        assert sum(parts) == 1, trial.name
    assert {trial.spec.name for trial in planned} == {f"Lesson: {trial.name}" for trial in planned}


# --- the page -------------------------------------------------------------------------------------------------------


def asked(tested: AppTest) -> Any:
    """The chapter's question; the row of chapters comes before it."""
    (question,) = (item for item in tested.button_group if item.key.startswith("answer-"))
    return question


def answer(tested: AppTest, number: int) -> AppTest:
    return asked(tested).set_value(number).run()


@pytest.mark.parametrize("name", NAMES)
def test_every_chapter_opens_by_its_link_and_judges_the_answer(open_app: Open, name: str) -> None:
    tested = open_app("learn", chapter=name, digit="7")
    assert not tested.exception
    assert [item.value for item in tested.error] == []
    assert [item.value for item in tested.title] == ["Learn"]
    number = NAMES.index(name)
    assert tested.header[0].value == f"{number + 1}. {CHAPTERS[number].title}"
    assert tested.query_params["chapter"] == name
    assert CHAPTERS[number].text in texts(tested)
    assert asked(tested).value is None
    assert not tested.success
    verdicts = []
    for option in range(len(asked(tested).options)):
        tested = answer(tested, option)
        assert not tested.exception
        assert len(tested.success) == 1
        verdicts.append(len(tested.error))
        if tested.error:
            assert tested.error[0].value.startswith(f"**Not {asked(tested).options[option]}.**")
        else:
            assert tested.success[0].value.startswith(f"**{asked(tested).options[option]}.**")
    assert sorted(verdicts) == [0] + [1] * (len(verdicts) - 1)
    assert "done" not in tested.query_params
    assert f"✓ {CHAPTERS[number].title}" in tested.button_group[0].options


def test_next_and_back_lead_through_all_chapters(open_app: Open) -> None:
    tested = open_app("learn")
    assert tested.button(key="lesson-back").disabled
    for number, chapter in enumerate(CHAPTERS):
        assert tested.query_params["chapter"] == chapter.name
        assert f"{number + 1} of {len(CHAPTERS)}" in texts(tested)
        assert not tested.exception
        assert not tested.error
        if number < len(CHAPTERS) - 1:
            tested.button(key="lesson-next").click().run()
    assert tested.button(key="lesson-next").disabled
    tested.button(key="lesson-back").click().run()
    assert tested.query_params["chapter"] == NAMES[-2]


def done(tested: AppTest) -> list[str]:
    """The chapters that the row marks as done; the browser is given the same to keep."""
    names = json.loads(component(tested, "lesson-progress").json)["done"]
    marked = [chapter.name for chapter in CHAPTERS if f"✓ {chapter.title}" in tested.button_group[0].options]
    assert sorted(names) == sorted(marked)
    return marked


def test_what_is_done_and_answered_stays_in_the_session(open_app: Open) -> None:
    tested = answer(open_app("learn", chapter="kernels"), 0)
    assert done(tested) == ["kernels"]
    tested.button(key="lesson-next").click().run()
    assert asked(tested).value is None
    tested.button(key="lesson-back").click().run()
    assert asked(tested).value == 0
    assert len(tested.success) == 1


def test_a_link_marks_nothing_as_done_and_says_nothing_of_it(open_app: Open) -> None:
    tested = open_app("learn", chapter="kernels", done="image.convolution")
    assert done(tested) == []
    assert tested.query_params["chapter"] == "kernels"
    assert "done" not in tested.query_params
    answer(tested, 0)
    assert "done" not in tested.query_params


@pytest.mark.parametrize("kept", [None, "image", 3, {"image": 1}, [], ["nothing", 1, None], [["image"]]])
def test_what_the_browser_says_is_done_need_not_be_chapters(
    open_app: Open, monkeypatch: pytest.MonkeyPatch, kept: object
) -> None:
    def keep(**_: object) -> dict[str, object]:
        return {"kept": kept}

    monkeypatch.setattr(navigation, "_keep", keep)
    tested = open_app("learn")
    assert not tested.exception
    assert not tested.error
    assert tested.button_group[0].label == f"Chapters, 0 of {len(CHAPTERS)} done"
    if isinstance(kept, list):
        kept.append("stride")
        tested.run()
        assert tested.button_group[0].label == f"Chapters, 1 of {len(CHAPTERS)} done"


@pytest.mark.parametrize("chapter", ["", "nonsense", "Kernels", "0", "..%2F"])
def test_a_senseless_chapter_in_the_link_opens_the_first_one(open_app: Open, chapter: str) -> None:
    tested = open_app("learn", chapter=chapter)
    assert not tested.exception
    assert tested.query_params["chapter"] == NAMES[0]


def test_softmax_s_table_is_sure_of_nothing(open_app: Open, network: Network, data: Dataset) -> None:
    shares = outputs(network, data, 0)["output"].double().softmax(0).tolist()
    cells = re.findall(r'<td class="number">([^<]*%)</td>', html(open_app("learn", chapter="softmax", digit="0")))
    assert [unescape(cell) for cell in cells] == [*map(precise_probability, shares), "100%"], "100% is their sum"


def test_another_digit_asks_anew(open_app: Open) -> None:
    tested = answer(open_app("learn", chapter="softmax", digit="0"), 0)
    assert tested.success
    digit_field(tested).set_value(8).run()
    assert asked(tested).value is None
    assert not tested.success
    assert done(tested) == ["softmax"]


def test_another_current_network_changes_nothing_and_the_page_says_so(open_app: Open) -> None:
    here, there = open_app("learn", chapter="choices"), open_app("learn", chapter="choices", network="lenet5")
    said = "The lessons show the bundled article's network"
    assert said in texts(there)
    assert said not in texts(here)
    assert asked(here).label == asked(there).label


def test_a_chapter_follows_the_row_of_chapters(open_app: Open) -> None:
    tested = open_app("learn")
    tested.button_group[0].set_value("stride").run()
    assert tested.query_params["chapter"] == "stride"
    assert tested.header[0].value.endswith("Stride and padding")


def test_the_maps_are_pytorchs(open_app: Open, network: Network, data: Dataset) -> None:
    tested = open_app("learn", chapter="kernels", digit="11")
    seen = outputs(network, data, 11)
    np.testing.assert_allclose(shown_wall(tested, "lesson-maps-all").pixels, seen["conv1"], rtol=1e-5, atol=1e-6)
    tested = open_app("learn", chapter="stride", digit="11")
    tested.slider(key="lesson-stride").set_value(2).run()
    tested.slider(key="lesson-padding").set_value(1).run()
    assert "⌊(28 + 2·1 − 3) / 2⌋ + 1 = 14" in html(tested)
    convolution = network.get_submodule("conv1")
    number = int(seen["conv1"].amax((1, 2)).argmax())
    image = normalise(torch.tensor(np.asarray(data.test.pixels[11:12])), data.card)
    with torch.no_grad():
        expected = F.conv2d(image, convolution.weight, convolution.bias, 2, 1)[0, number]  # type: ignore[arg-type]
    known = {entry.id: entry for entry in cache.known_networks()}["article"]
    pixels_ = np.asarray(data.test.pixels[11]).tobytes()
    found = cache.convolved("article", known.version, "conv1", number, 2, 1, "mnist", pixels_)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert f"Kernel {number} on the 28 × 28 digit: 196 positions" in texts(tested)
    # The microscope gets what makes these numbers.
    sent = component(tested, "lesson-strided").bytes
    length = int.from_bytes(sent[:4], "little")
    facts = json.loads(sent[4 : 4 + length])
    assert (facts["stride"], facts["pad"], facts["number"]) == (2, 1, number)
    arrays = {
        name: torch.frombuffer(bytearray(sent), dtype=torch.float32, offset=4 + length + place["offset"])
        .flatten()[: math.prod(place["shape"])]
        .reshape(place["shape"])
        for name, place in facts["arrays"].items()
    }
    slid = F.conv2d(arrays["inputs"][None], arrays["kernel"][None], torch.tensor([facts["bias"]]), 2, 1)[0, 0]
    np.testing.assert_allclose(slid, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(arrays["values"], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0.003951, 0.003949, "stays at **0.00395**"),
        (0.4, 0.3, "gain from it"),
        (0.3, 0.35, "goes from 0.300 to **0.350**."),
        (0.3, 2.0, "unlearns them"),
    ],
)
def test_what_a_step_costs_other_digits_is_said_as_the_numbers_show_it(before: float, after: float, said: str) -> None:
    assert said in descent._price(before, after)


def test_the_split_is_the_real_one(open_app: Open, data: Dataset) -> None:
    tested = open_app("learn", chapter="splits")
    tested.slider(key="lesson-share").set_value(25).run()
    held = round(0.25 * len(data.train))
    assert f"**Validation**: {held:,} digits" in texts(tested)
    assert f"**Training**: {len(data.train) - held:,} digits" in texts(tested)
    assert f"**Test**: {len(data.test):,} digits" in texts(tested)


def test_every_hyperparameter_leads_to_its_control(open_app: Open, at: Callable[[int], scene.Scene]) -> None:
    tested = open_app("learn", chapter="choices")
    links = [item.proto for item in elements(tested) if getattr(item, "type", "") == "page_link"]
    controls = [control for kind in choices.table(at(0)) for control in kind.controls]
    assert [link.label for link in links] == [control.name for control in controls]
    assert all(link.help.startswith("Build & train › ") for link in links)
    assert len({link.page_script_hash for link in links}) == 1
    built_labels = {
        str(item.label)
        for built in (open_app("build"), open_app("build", controls="recipe"))
        for kind in (built.select_slider, built.slider, built.selectbox, built.button_group, built.number_input)
        for item in kind
    }
    for name in ("Kernels", "Kernel size", "Stride", "Padding", "Learning rate", "Batch size", "Epochs", "Optimiser"):
        assert name in built_labels


# --- the lab --------------------------------------------------------------------------------------------------------


def test_the_lab_queues_stops_and_finds_its_runs_again(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "dispatch", lambda **_: [])  # queued runs stay queued
    tested = open_app("learn", chapter="overfitting")
    assert "Start the first run" in texts(tested)
    tested.button(key="lab-act-0").click().run()
    store = service.local().store
    assert [run.name for run in store.list()] == ["Lesson: 100 digits"]
    assert store.list()[0].spec.data.train_size == 100
    assert tested.button(key="lab-act-0").label == "Stop"
    tested.button(key="lab-act-0").click().run()
    assert store.list()[0].state == "stopped"
    assert tested.button(key="lab-act-0").label == "Resume"
    tested.button(key="lab-all").click().run()
    assert len(store.list()) == 5
    again = open_app("learn", chapter="overfitting")
    assert [again.button(key=f"lab-act-{n}").label for n in range(5)] == ["Resume", "Stop", "Stop", "Stop", "Stop"]
    assert again.button(key="lab-all").disabled


@pytest.mark.parametrize("brightness", [0, 255])
def test_an_own_digit_goes_through_all_chapters_even_if_it_is_blank(open_app: Open, brightness: int) -> None:
    tested = open_app("learn")
    tested.session_state["own_digit"] = np.full((1, 28, 28), brightness, np.uint8)
    tested.session_state["digit_number"] = None
    for name in NAMES:
        tested.session_state["lesson-chapter"] = name
        tested.run()
        assert tested.query_params["digit"] == "own"
        assert not tested.exception
        assert [item.value for item in tested.error] == [], name
        assert len(asked(tested).options) >= 2
