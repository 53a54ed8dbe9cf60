"""Each page's numbers against PyTorch, its faults as sentences, its state in the URL."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
from conftest_pages import (
    component,
    digit_field,
    elements,
    network_picker,
    shown_layer,
    shown_shares,
    shown_wall,
    texts,
)
from streamlit.testing.v1 import AppTest
from torch.nn import functional as F

from explorer import networks, zoo
from explorer.analysis import Evaluation
from explorer.data import load, normalise
from explorer.draft import History
from explorer.models import build
from explorer.presets import PRESETS
from explorer.spec import RunSpec, to_link
from explorer.ui import cache, drafting
from explorer.ui.text import short_probability

Open = Callable[..., AppTest]
PAGES = {
    "build": "Build & train",
    "inside": "Look inside",
    "mistakes": "Mistakes",
    "digits": "Your digits",
    "compare": "Compare",
    "learn": "Learn",
    "data": "Data",
}


def button(tested: AppTest, key: str):
    return tested.button(key=key)


def html(tested: AppTest) -> str:
    return "\n".join(item.proto.body for item in elements(tested) if getattr(item, "type", "") == "html")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("network", ["article", "lenet5"])
def test_every_page_opens(open_app: Open, page: str, network: str) -> None:
    tested = open_app(page, network=network, digit="5")
    assert not tested.exception
    assert [item.value for item in tested.error] == []
    assert [item.value for item in tested.title] == [PAGES[page]]
    assert network_picker(tested).value == network
    assert digit_field(tested).value == 5
    assert tested.query_params["network"] == network


@pytest.mark.parametrize(
    ("page", "tabs"),
    [
        ("build", []),
        ("inside", ["What it rests on", "One step of learning", "Change it", "Where classes separate", "Kernel bench"]),
        ("mistakes", ["This image explained", "How robust is it", "A vote of several", "Likely label errors"]),
        ("digits", ["My test set"]),
        ("data", ["Samples", "Hardest and oddest", "Duplicates", "Augmentation"]),
    ],
)
def test_no_page_calls_clothes_digits(open_app: Open, page: str, tabs: list[str]) -> None:
    tested = open_app(page, network="fashion_lenet5")
    for tab in [None, *tabs]:
        if tab:
            tested.session_state[f"{page}-tab"] = tab
            tested.run()
        assert not tested.exception
        said = "\n".join(str(item.proto) for item in elements(tested) if hasattr(item, "proto"))
        # Keys and CSS are nothing that anyone reads, and the page's name stays.
        said = re.sub(r"<style>.*?</style>|css_content: .*|Your digits|pages/digits", "", said)
        assert re.findall(r"(?<![-_\\\"])\b[Dd]igits?\b(?![-_\\\"]).{,60}", said) == [], tab


# --- links ----------------------------------------------------------------------------------------------------------


def test_a_link_to_an_unknown_network_shows_the_bundled_one_and_says_so(open_app: Open) -> None:
    tested = open_app("build", network="feedbeef")
    assert network_picker(tested).value == "article"
    assert "no network “feedbeef”" in tested.toast[0].value


def test_a_spec_in_the_link_opens_in_the_builder(open_app: Open) -> None:
    tested = open_app("build", spec=to_link(RunSpec(name="of the teacher", model=PRESETS["tiny"].model)))
    assert tested.session_state["history"].now.blocks == PRESETS["tiny"].blocks
    assert tested.session_state["history"].now.name == "of the teacher"


def test_what_a_link_says_is_shown_as_text(open_app: Open) -> None:
    evil = "[sign in](https://evil.example)"
    layers = json.dumps({"model": {"layers": [{"kind": evil}]}}).encode()
    packed = zlib.compress(layers, wbits=-15)
    tested = open_app("build", network=evil, spec=base64.urlsafe_b64encode(packed).decode().rstrip("="))
    assert len(tested.toast) == 2
    for toast in tested.toast:
        assert "evil" in toast.value
        assert not re.search(r"(?<!\\)\]", toast.value), "a Markdown link"


@pytest.mark.parametrize("link", ["damaged", "", "A" * 7_000, "⛔", "..%2F"])
def test_a_damaged_link_changes_nothing_and_says_so(open_app: Open, link: str) -> None:
    tested = open_app("build", spec=link)
    assert not tested.exception
    assert tested.session_state["history"].now.preset_name == "article"
    assert "could not be opened" in tested.toast[0].value


@pytest.mark.parametrize("digit", ["-1", "99999999999", "seven", "1e3", "own", "٣"])
def test_a_senseless_digit_in_the_link_is_put_right(open_app: Open, digit: str) -> None:
    tested = open_app("inside", digit=digit)
    assert not tested.exception
    assert not tested.error
    assert 0 <= digit_field(tested).value < 10_000


# --- build ----------------------------------------------------------------------------------------------------------


def test_the_totals_are_those_of_the_real_network(open_app: Open) -> None:
    tested = open_app("build")
    for preset in PRESETS.values():
        pills = next(item for item in tested.button_group if item.label == "Start from")
        pills.set_value(preset.name).run()
        network = build(preset.model, (1, 28, 28), 10)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        assert f"**{parameters:,}** parameters" in texts(tested), preset.name
        assert tested.session_state["history"].now.blocks == preset.blocks


def test_an_impossible_network_is_explained_where_it_happens_and_mended(open_app: Open) -> None:
    tested = open_app("build")
    for number in (0, 1):
        [item for item in tested.select_slider if item.label == "Kernel size"][number].set_value(11).run()
        tested.run()  # AppTest knows what was drawn last alone, and a slider leaves the sliders as they are
    assert any("conv2" in item.value and "11×11" in item.value for item in tested.error)
    assert button(tested, "train").disabled
    button(tested, "make-it-fit").click().run()
    assert not tested.error
    assert not button(tested, "train").disabled
    button(tested, "undo").click().run()
    assert tested.error
    button(tested, "redo").click().run()
    assert not tested.error


def test_blocks_are_added_moved_and_removed(open_app: Open) -> None:
    tested = open_app("build")
    button(tested, "add-conv").click().run()
    draft = tested.session_state["history"].now
    assert [block.kernels for block in draft.blocks.convs] == [32, 64, 64]
    button(tested, f"up-{draft.conv_ids[1]}").click().run()
    draft = tested.session_state["history"].now
    assert [block.kernels for block in draft.blocks.convs] == [64, 32, 64]
    for block_id in draft.conv_ids:
        button(tested, f"remove-{block_id}").click().run()
    assert tested.session_state["history"].now.blocks.convs == ()
    assert not button(tested, "train").disabled  # dense layers alone are a network, too


def test_a_block_is_added_as_one_that_fits(open_app: Open) -> None:
    tested = open_app("build")
    for _ in range(3):  # 28 → 13 → 5 → 3 → 1 with kernels of 3 × 3
        button(tested, "add-conv").click().run()
        assert not tested.error
    assert [block.kernel_size for block in tested.session_state["history"].now.blocks.convs] == [3, 3, 3, 3, 1]


def test_one_click_takes_one_change_back_however_often_it_is_heard(
    open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = open_app("build")
    for kernels in (8, 16, 24):
        next(item for item in tested.select_slider if item.label == "Kernels").set_value(kernels).run()
        tested.run()  # AppTest knows what was drawn last alone, and a slider leaves the sliders as they are
    once = drafting.undo

    def twice(shown: History) -> None:
        once(shown)
        once(shown)

    monkeypatch.setattr(drafting, "undo", twice)
    for kernels in (16, 8, 32):
        button(tested, "undo").click().run()
        assert tested.session_state["history"].now.blocks.convs[0].kernels == kernels


def test_only_what_is_open_is_on_the_page(open_app: Open) -> None:
    def labels(tested: AppTest) -> set[str]:
        kinds = (tested.select_slider, tested.slider, tested.selectbox, tested.button_group)
        return {str(item.label) for kind in kinds for item in kind}

    tested = open_app("build")
    assert {"Kernels", "Padding"} <= labels(tested)
    assert not {"Dropout", "Pooling", "Learning rate", "Optimiser"} & labels(tested)
    open_folders(tested).run()
    assert {"Dropout", "Pooling"} <= labels(tested)
    tested.session_state["controls-tab"] = "Recipe"
    tested.run()
    assert {"Learning rate", "Optimiser"} <= labels(tested)
    assert not {"Kernels", "Padding", "Pooling"} & labels(tested)


def test_every_control_of_the_recipe_reaches_the_spec(open_app: Open) -> None:
    tested = open_folders(open_app("build", controls="recipe")).run()

    def slide(label: str, value: object) -> None:
        next(item for item in [*tested.select_slider, *tested.slider] if item.label == label).set_value(value).run()

    slide("Training images", 500)
    slide("Validation share", 0.2)
    slide("Learning rate", 0.05)
    slide("Batch size", 32)
    slide("Epochs", 5)
    slide("Weight decay", 0.01)
    slide("Label smoothing", 0.1)
    slide("Early stopping after", 2)
    slide("Shift, pixels", 1.5)
    slide("Rotate, degrees", 10.0)
    slide("Scale, ±", 0.1)
    slide("Elastic, pixels", 0.5)
    slide("Slant, degrees", 12.0)
    slide("Thickness, ± pixels", 0.3)
    tested.selectbox(key=next(item.key for item in tested.selectbox if item.label == "Optimiser")).select(
        "momentum"
    ).run()
    next(item for item in tested.selectbox if item.label == "Weight initialisation").select("orthogonal").run()
    next(item for item in tested.number_input if item.label == "Seed").set_value(7).run()
    next(item for item in tested.button_group if item.label == "Schedule").set_value("cosine").run()
    next(item for item in tested.button_group if item.label == "Precision").set_value("bfloat16").run()
    next(item for item in tested.button_group if item.label == "Order in memory").set_value("channels_first").run()
    spec = tested.session_state["history"].now.run_spec()
    assert spec.data.model_dump() == {"dataset": "mnist", "train_size": 500, "validation_share": 0.2, "split_seed": 0}
    assert spec.train.model_dump() == {
        "optimizer": "momentum",
        "learning_rate": 0.05,
        "schedule": "cosine",
        "batch_size": 32,
        "epochs": 5,
        "weight_decay": 0.01,
        "label_smoothing": 0.1,
        "augmentation": {"shift": 1.5, "rotate": 10.0, "scale": 0.1, "elastic": 0.5, "slant": 12.0, "thickness": 0.3},
        "initialization": "orthogonal",
        "patience": 2,
        "seed": 7,
        "device": "auto",
        "precision": "bfloat16",
        "memory_format": "channels_first",
    }
    assert shown_wall(tested, "augmented").pixels.shape == (12, 28, 28)
    # What the address bar holds opens the same draft elsewhere.
    again = open_app("build", spec=tested.query_params["spec"])
    assert again.session_state["history"].now.run_spec() == spec


def open_folders(tested: AppTest) -> AppTest:
    draft = tested.session_state["history"].now
    for block_id in (*draft.conv_ids, *draft.dense_ids):
        tested.session_state[f"more-{block_id}"] = True
    tested.session_state["recipe-more"] = True
    return tested


def test_every_control_says_what_it_governs(open_app: Open) -> None:
    network, recipe = open_app("build"), open_app("build", controls="recipe")
    for tested in (network, recipe):
        open_folders(tested).run()
    controls = [
        item
        for tested in (network, recipe)
        for kind in (tested.select_slider, tested.slider, tested.selectbox, tested.button_group, tested.toggle)
        for item in kind
        if item.label and not str(item.key or "").startswith("network-picker")
    ]
    assert len(controls) > 40
    for item in controls:
        assert item.proto.help, item.label


# --- look inside ----------------------------------------------------------------------------------------------------


def reference(network: torch.nn.Module, pixels: np.ndarray, card: object) -> dict[str, np.ndarray]:
    """Layer by layer, by hand."""
    image = normalise(torch.tensor(pixels[None]), card)  # type: ignore[arg-type]
    seen = {}
    with torch.no_grad():
        for name, layer in network.named_children():
            image = layer(image)
            seen[name] = image[0].numpy()
    return seen


@pytest.mark.parametrize("name", ["article", "lenet5"])
def test_the_maps_are_pytorchs_own(open_app: Open, name: str) -> None:
    tested = open_app("inside", network=name, digit="11")
    _, network = zoo.load(name)
    data = load("mnist")
    expected = reference(network, np.asarray(data.test.pixels[11]), data.card)
    for layer in ("conv1", "pool1", "conv2", "pool2"):
        wall = shown_layer(tested, layer)
        numbers = [int(caption) for caption in wall.header["captions"]]
        assert len(numbers) == min(16, len(expected[layer]))
        np.testing.assert_allclose(wall.pixels, expected[layer][numbers], rtol=1e-5, atol=1e-6)
        strength = np.abs(expected[layer]).mean((1, 2))
        assert strength[numbers].min() >= np.delete(strength, numbers).max(initial=0) - 1e-6
    dense = shown_layer(tested, "dense1").pixels.reshape(-1)
    np.testing.assert_allclose(dense[~np.isnan(dense)], expected["dense1"], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(shown_layer(tested, "input").pixels, data.test.pixels[11])
    shares = np.exp(expected["output"] - expected["output"].max())
    shown = shown_shares(tested)
    np.testing.assert_allclose([shown[each] for each in data.card.classes], shares / shares.sum(), rtol=2e-4, atol=1e-9)


def test_signed_scales_have_zero_in_the_middle_and_the_reader_chooses_their_reach(open_app: Open) -> None:
    tested = open_app("inside", network="article", digit="0")
    _, network = zoo.load("article")
    data = load("mnist")
    expected = reference(network, np.asarray(data.test.pixels[0]), data.card)
    layer = float(np.abs(expected["conv1"]).max())
    assert shown_layer(tested, "conv1").header["limits"] == pytest.approx([-layer, layer])
    control = next(item for item in tested.button_group if item.label == "One scale for")
    control.set_value("network").run()
    most = max(float(np.abs(values).max()) for key, values in expected.items() if key not in ("flatten", "output"))
    assert shown_layer(tested, "conv1").header["limits"] == pytest.approx([-most, most])
    control = next(item for item in tested.button_group if item.label == "One scale for")
    control.set_value("map").run()
    wall = shown_layer(tested, "conv1")
    each = [float(np.abs(pixels).max()) for pixels in wall.pixels]
    np.testing.assert_allclose(wall.header["limits"], [[-value, value] for value in each], rtol=1e-6)


def test_the_chosen_map_is_marked_beside_the_maps_which_stay_as_they_are(open_app: Open) -> None:
    tested = open_app("inside", network="lenet5", digit="3")

    def marked() -> object:
        return json.loads(component(tested, "flow-mark").json)["selected"]

    before = component(tested, "flow").SerializeToString()
    assert marked() is None
    second = shown_layer(tested, "conv1").header["captions"][1]
    for chosen, place in (
        (("conv1", int(second)), ["conv1", 1]),
        (("dense1", 57), ["dense1", 0]),  # all its units are one map
        (("input", 0), ["input", 0]),
        (("output", 3), None),
        (("conv1", 999), None),
    ):
        tested.session_state["map"] = chosen
        tested.run()
        assert component(tested, "flow").SerializeToString() == before, "Streamlit sends what is the same by its name"
        assert marked() == place
    tested.session_state["map"], tested.session_state["order"] = ("conv1", int(second)), "number"
    tested.run()
    assert marked() == ["conv1", int(second)]
    digit_field(tested).set_value(8).run()
    assert marked() == ["conv1", int(second)]
    network_picker(tested).set_value("softmax").run()
    assert marked() is None
    assert not tested.exception


def test_kernels_are_the_networks_weights(open_app: Open) -> None:
    tested = open_app("inside", network="lenet5")
    tested.session_state["map"] = ("conv2", 3)
    tested.run()
    _, network = zoo.load("lenet5")
    weight = network.get_submodule("conv2").weight.detach().numpy()
    np.testing.assert_array_equal(shown_wall(tested, "detail-kernel").pixels, weight[3])
    assert "conv2, number 3 (6 × 5 × 5)" in texts(tested)


TABS = {
    "Why this answer": "The logit of class **7** is",
    "One step of learning": "w goes from **",
    "Kernel bench": "What the network's own first kernels resemble",
}


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("network", ["lenet5_1998", "allconv", "mlp"])
def test_every_tab_of_look_inside_opens(open_app: Open, tab: str, network: str) -> None:
    tested = open_app("inside", network=network, digit=str(first_seven()))
    tested.session_state["inside-tab"] = tab
    tested.run()
    assert not tested.exception
    assert [item.value for item in tested.error] == []
    if tab != "Kernel bench" or network != "mlp":
        assert TABS[tab] in texts(tested)


def first_seven() -> int:
    return int((load("mnist").test.labels == 7).argmax())


# --- mistakes -------------------------------------------------------------------------------------------------------


def test_mistakes_are_those_that_pytorch_makes(open_app: Open) -> None:
    tested = open_app("mistakes", network="lenet5")
    _, network = zoo.load("lenet5")
    data = load("mnist")
    with torch.no_grad():
        logits = torch.cat(
            [
                network(normalise(torch.tensor(np.asarray(part)), data.card))
                for part in np.array_split(data.test.pixels, 10)
            ]
        )
    shares, guesses = F.softmax(logits, 1).max(1)
    wrong = (guesses.numpy() != data.test.labels).nonzero()[0]
    assert f"**{len(wrong):,}** of {len(data.test.labels):,} wrong" in texts(tested)
    known = networks.learned_from("lenet5", data)
    assert [warning.value for warning in tested.warning] == ([known] if known else [])
    wall = shown_wall(tested, "mistakes-wall")
    order = wrong[np.argsort(-shares.numpy()[wrong], kind="stable")][:60]
    np.testing.assert_array_equal(wall.pixels, data.test.pixels[order][:, 0])
    first = order[0]
    share = short_probability(float(shares[first]))
    assert wall.header["captions"][0] == f"{data.test.labels[first]} → {guesses[first]}, {share}"
    picker = tested.selectbox(key="cell-picker")
    assert picker.options[0] == f"all {len(wrong):,} mistakes"
    assert picker.index == 0
    true, read = int(picker.options[1][0]), int(picker.options[1][len("5 read as ")])
    cell = np.flatnonzero((data.test.labels == true) & (guesses.numpy() == read))
    assert picker.options[1] == f"{true} read as {read}: {len(cell)}"
    counts = [int(option.rpartition(": ")[2]) for option in picker.options[1:-10]]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == len(wrong)
    picker.set_value((true, read)).run()
    order = cell[np.argsort(-shares.numpy()[cell], kind="stable")][:60]
    np.testing.assert_array_equal(shown_wall(tested, "mistakes-wall").pixels, data.test.pixels[order][:, 0])
    tested.selectbox(key="cell-picker").set_value(()).run()
    np.testing.assert_array_equal(shown_wall(tested, "mistakes-wall").pixels, wall.pixels)


def test_a_network_without_weights_says_so(open_app: Open) -> None:
    from explorer.runs.store import SqlRunStore

    store = SqlRunStore.open()
    run = store.create(RunSpec(name="waiting", model=PRESETS["tiny"].model))
    store.request(run, "stop")
    store.close()
    for page in ("inside", "mistakes"):
        tested = open_app(page, network=run)
        assert not tested.exception
        assert "has no weights yet" in tested.info[0].value


# --- data -----------------------------------------------------------------------------------------------------------


def test_the_bundled_subset_says_what_it_is(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERNELSCOPE_DATA", raising=False)
    tested = open_app("mistakes")
    assert re.search(r"5,000-digit subset: .*get all 70,000 by", texts(tested))
    assert button(tested, "get-data").label == "Get all 70,000"


def test_a_data_set_that_is_not_there_gets_a_sentence(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERNELSCOPE_DATA", raising=False)
    from explorer.runs.store import SqlRunStore

    store = SqlRunStore.open()
    run = store.create(RunSpec(name="clothes", model=PRESETS["tiny"].model, data={"dataset": "fashion_mnist"}))
    store.request(run, "stop")
    store.close()
    tested = open_app("inside", network=run)
    assert not tested.exception
    assert "Fashion-MNIST" in tested.warning[0].value


def test_a_network_without_mistakes_says_so(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    data = load("mnist")
    labels = np.asarray(data.test.labels)
    sure = np.eye(10, dtype=np.float32)[labels]
    monkeypatch.setattr(
        cache, "evaluation", lambda *_: Evaluation(labels, labels, sure, np.zeros(len(labels), np.float32))
    )
    tested = open_app("mistakes", network="article")
    assert not tested.exception
    assert "**No mistakes** on these images" in texts(tested)
