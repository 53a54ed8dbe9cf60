"""The page Data: numbers and pictures against NumPy, its jobs against the analyses, a link to any of its digits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from conftest_pages import elements, shown_wall, sound
from streamlit.testing.v1 import AppTest

from explorer import networks
from explorer.analysis import evaluate
from explorer.analysis.collection import oddness
from explorer.analysis.features import features, penultimate
from explorer.data import Dataset, load, split
from explorer.jobs import service
from explorer.jobs.kinds import collection
from explorer.jobs.request import Request, ask

Open = Callable[..., AppTest]
NETWORK = "softmax"


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("mnist")


def opened(open_app: Open, tab: str, **params: str) -> AppTest:
    tested = open_app("data", network=NETWORK, **params)
    tested.session_state["data-tab"] = tab
    return sound(tested.run())


def html(tested: AppTest) -> str:
    return "\n".join(item.proto.body for item in elements(tested) if getattr(item, "type", "") == "html")


def keep(request: Request, arrays: dict[str, np.ndarray]) -> None:
    """As if the job had been done."""
    jobs = service.local()
    jobs.files(request.key).begin({"request": request.model_dump(mode="json"), "asked": 0.0})
    jobs.finish(request.key, arrays, 1.0)


def test_classes_are_counted_by_split_and_averaged(open_app: Open, data: Dataset) -> None:
    tested = opened(open_app, "Classes")
    parts = split(data, networks.find(NETWORK).spec.data)
    for number in (0, 7):
        counts = [
            (data.train.labels[parts.train] == number).sum(),
            (data.train.labels[parts.validation] == number).sum(),
            (data.test.labels == number).sum(),
        ]
        row = "".join(f'<td class="number">{count:,}</td>' for count in (*counts, sum(counts)))
        assert f"<tr><td>{number}</td>{row}</tr>" in html(tested)
    threes = np.asarray(data.train.pixels[data.train.labels == 3], np.float64)
    np.testing.assert_allclose(shown_wall(tested, "data-means").pixels[3], threes.mean(0)[0], rtol=1e-4)
    np.testing.assert_allclose(shown_wall(tested, "data-spreads").pixels[3], threes.std(0)[0], rtol=1e-3, atol=1e-3)
    assert ("subset" in " ".join(item.value for item in tested.info)) == (not data.complete)


def test_samples_are_of_the_split_and_class_and_a_training_digit_is_current_by_its_link(
    open_app: Open, data: Dataset
) -> None:
    parts = split(data, networks.find(NETWORK).spec.data)
    held = np.sort(parts.validation)
    held = held[data.train.labels[held] == 4]
    tested = opened(open_app, "Samples", digit=f"train-{held[2]}")
    next(item for item in tested.button_group if item.label == "Images").set_value("validation").run()
    sound(next(item for item in tested.button_group if item.label == "Class").set_value(4).run())
    shown = shown_wall(tested, "data-wall")
    np.testing.assert_array_equal(shown.pixels, data.train.pixels[held[:80]][:, 0])
    assert shown.header["captions"] == [f"4 · {number}" for number in held[:80]]
    assert shown.header["selected"] == 2
    assert tested.query_params["digit"] in (f"train-{held[2]}", [f"train-{held[2]}"])


def test_the_hardest_and_the_oddest_come_first(open_app: Open, data: Dataset) -> None:
    network, count = networks.load(NETWORK), len(data.test)
    answers = evaluate(network, data.test.pixels, data.test.labels, data.card)
    rows = features(network, data.test.pixels[:300], data.card, penultimate(network))
    odd = np.zeros(count, np.float32)
    odd[:300] = oddness(rows, data.test.labels[:300])
    tested = open_app("data", network=NETWORK)
    request = ask("data-ranks", network=networks.find(NETWORK), data=data, images="test")
    keep(request, {"losses": answers.losses, "predictions": answers.predictions, "oddness": odd})
    tested.session_state["data-tab"] = "Hardest and oddest"
    shown = shown_wall(sound(tested.run()), "data-ranked")
    worst = np.argsort(-answers.losses, kind="stable")[:80]
    np.testing.assert_array_equal(shown.pixels, data.test.pixels[worst][:, 0])
    true, read = data.test.labels[worst[0]], answers.predictions[worst[0]]
    assert shown.header["captions"][0] == f"{true} → {read}, {answers.losses[worst[0]]:.2f}"
    sound(next(item for item in tested.button_group if item.label == "First the").set_value("oddness").run())
    shown = shown_wall(tested, "data-ranked")
    np.testing.assert_array_equal(shown.pixels, data.test.pixels[np.argsort(-odd, kind="stable")[:80]][:, 0])


def test_duplicates_are_shown_in_pairs_as_far_as_the_limit(open_app: Open, data: Dataset) -> None:
    tested = open_app("data", network=NETWORK)
    chosen, first = networks.find(NETWORK).spec.data, len(data.train)
    request = ask("data-duplicates", data=data, validation_share=chosen.validation_share, split_seed=chosen.split_seed)
    splits = np.r_[np.full(first, collection.TRAIN), np.full(len(data.test), collection.TEST)].astype(np.int8)
    near = np.array([[3, first + 5], [8, first + 1], [9, first + 2]])
    none = np.empty((0, 2), np.int64)
    keep(request, {"exact": none, "near": near, "apart": np.array([2.0, 7.5, 11.0]), "splits": splits})
    tested.session_state["data-tab"] = "Duplicates"
    sound(tested.run())
    words = " ".join(item.value for item in tested.markdown)
    assert "**0 pairs are equal**" in words
    assert "**2 pairs** of different splits differ by at most 8 grey levels" in words
    shown = shown_wall(tested, "data-near")
    expected = [data.train.pixels[3], data.test.pixels[5], data.train.pixels[8], data.test.pixels[1]]
    np.testing.assert_array_equal(shown.pixels, np.concatenate(expected))
    assert shown.header["details"][:2] == ["Training image 3, 2.0 apart", "Test image 5, 2.0 apart"]
    sound(next(item for item in tested.slider if item.label.startswith("Grey levels")).set_value(1.0).run())
    assert any("None so near" in item.value for item in tested.caption)


def test_augmentation_is_the_recipes(open_app: Open, data: Dataset) -> None:
    tested = opened(open_app, "Augmentation")
    sound(next(item for item in tested.slider if item.label == "Rotate, degrees").set_value(20.0).run())
    assert tested.session_state["history"].now.train.augmentation.rotate == 20
    assert shown_wall(tested, "augmented").pixels.shape == (12, 28, 28)
