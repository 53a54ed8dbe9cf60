"""The tab 'Where classes separate': points, selections and probes against the arrays that they come from."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest_pages import component, elements, shown_wall, sound
from sklearn.decomposition import PCA
from streamlit.testing.v1 import AppTest

from explorer import networks, zoo
from explorer.analysis import evaluate
from explorer.analysis.features import features
from explorer.data import Dataset, load
from explorer.data.splits import stratified_sample
from explorer.jobs import registry, service
from explorer.jobs.context import Context
from explorer.jobs.request import ask

Open = Callable[..., AppTest]
COUNT = 500


@pytest.fixture
def opened(open_app: Open) -> AppTest:
    return few(open_app("inside", network="softmax", digit="7"))


def few(tested: AppTest) -> AppTest:
    """The tab with as few digits as it can have."""
    tested.session_state["inside-tab"] = "Where classes separate"
    sound(tested.run())
    slider = next(item for item in tested.select_slider if item.label == "Test images")
    return sound(slider.set_value(COUNT).run())


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("mnist")


def sent(tested: AppTest, key: str) -> dict[str, Any]:
    return json.loads(component(tested, key).json)


def numbers(array: Any) -> np.ndarray:
    if isinstance(array, list):
        return np.array(array, np.int64 if not array else None)
    return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])


def html(tested: AppTest) -> str:
    return "\n".join(item.proto.body for item in elements(tested) if getattr(item, "type", "") == "html")


def words(tested: AppTest) -> str:
    return "\n".join(str(item.value) for kind in (tested.markdown, tested.caption) for item in kind)


def pick(tested: AppTest, choice: object) -> AppTest:
    return sound(tested.selectbox(key="separation-pick").select(choice).run())


def layer(tested: AppTest, name: str) -> AppTest:
    return sound(next(item for item in tested.selectbox if item.label == "After layer").select(name).run())


def drawn(tested: AppTest) -> tuple[np.ndarray, np.ndarray, list[Any]]:
    """Positions (N, 2) by number, the ring's place (2,), and each trace's selected points."""
    *groups, ring = json.loads(sent(tested, "separation")["figure"])["data"]
    positions = np.full((COUNT, 2), np.nan, np.float32)
    for trace in groups:
        mine = numbers(trace["customdata"])
        positions[mine] = np.stack([numbers(trace["x"]), numbers(trace["y"])], axis=1)
    chosen = [numbers(t["customdata"])[numbers(t["selectedpoints"])] for t in groups if "selectedpoints" in t]
    return positions, np.array([*numbers(ring["x"]), *numbers(ring["y"])]), chosen


def test_points_are_scikit_learns_and_parts_are_picked_without_a_pointer(opened: AppTest, data: Dataset) -> None:
    network, tested = zoo.load("softmax")[1], layer(opened, "output (10)")
    chosen = stratified_sample(data.test.labels, COUNT)
    pixels, labels = data.test.pixels[chosen], data.test.labels[chosen]
    rows = features(network, pixels, data.card, "output")
    expected = PCA(2, random_state=0).fit(rows)
    positions, ring, selected = drawn(tested)
    np.testing.assert_allclose(positions, expected.transform(rows), rtol=1e-2, atol=1e-2)
    own = features(network, data.test.pixels[7:8], data.card, "output")
    np.testing.assert_allclose(ring, expected.transform(own)[0], rtol=1e-2, atol=1e-2)
    assert selected == []
    assert f"Both axes together show {expected.explained_variance_ratio_.sum():.1%}" in words(tested)

    predictions = evaluate(network, pixels, labels, data.card).predictions
    wrong = labels != predictions
    pick(tested, 3)
    assert f"**{(labels == 3).sum():,} images** selected, **{wrong[labels == 3].sum()}** of them" in words(tested)
    assert sorted(np.concatenate(drawn(tested)[2])) == np.flatnonzero(labels == 3).tolist()
    np.testing.assert_array_equal(shown_wall(tested, "separation-gallery").pixels, pixels[labels == 3][:48, 0])

    pick(tested, "errors")
    wall = shown_wall(tested, "separation-gallery")
    np.testing.assert_array_equal(wall.pixels, pixels[wrong][:48, 0])
    assert wall.header["marks"] == ["wrong"] * min(48, int(wrong.sum()))
    assert wall.header["captions"][0] == f"{labels[wrong][0]} → {predictions[wrong][0]}"
    assert f"**{wrong.sum()}** of them read wrong (100.0%)" in words(tested)

    pick(tested, "around")
    nearest = np.argsort(np.linalg.norm(positions - ring, axis=1), kind="stable")[:50]
    assert sorted(np.concatenate(drawn(tested)[2])) == sorted(nearest)


def test_at_a_moment_of_its_training_the_map_is_that_of_then(open_app: Open, data: Dataset) -> None:
    step = networks.moments(networks.find("softmax"))[2].step
    tested = layer(few(open_app("inside", network="softmax", digit="7", snapshot=str(step))), "output (10)")
    pixels = data.test.pixels[stratified_sample(data.test.labels, COUNT)]
    then, now = (
        features(network, pixels, data.card, "output")
        for network in (networks.load("softmax", snapshot=step), networks.load("softmax"))
    )
    # On the axes of the trained network, so that moving the slider moves the digits and not the axes.
    axes = PCA(2, random_state=0).fit(now)
    then, now = axes.transform(then), axes.transform(now)
    positions, _, _ = drawn(tested)
    np.testing.assert_allclose(positions, then, rtol=1e-2, atol=1e-2)
    assert np.abs(positions - now).max() > 0.5


def test_what_was_drawn_around_stays_selected_in_another_layers_map(opened: AppTest, data: Dataset) -> None:
    chosen = stratified_sample(data.test.labels, COUNT)
    opened.session_state["separation-lasso"] = ("mnist", chosen[[4, 8, 30]])
    pick(sound(opened.run()), "lasso")
    for name in ("input (28 × 28 × 1)", "output (10)"):
        tested = layer(opened, name)
        assert sorted(np.concatenate(drawn(tested)[2])) == [4, 8, 30]
        shown = shown_wall(tested, "separation-gallery")
        np.testing.assert_array_equal(shown.pixels, data.test.pixels[chosen[[4, 8, 30]]][:, 0])
        assert shown.header["details"] == [f"Test image {number}" for number in chosen[[4, 8, 30]]]


def test_t_sne_and_probes_wait_to_be_asked_and_show_what_was_computed(opened: AppTest, data: Dataset) -> None:
    tested = opened
    next(item for item in tested.button_group if item.label == "Map by").set_value("tsne").run()
    sound(tested)
    assert "Make the map" in [item.label for item in tested.button]
    assert "50 principal components" in words(tested)
    known = networks.find("softmax")
    request = ask("separation-probes", network=known, data=data)
    compute = registry.function(request.kind)
    arrays = compute(Context(request), {"learn": 100, "score": 60}, lambda _share, _phase="": None)
    jobs = service.local()
    jobs.files(request.key).begin({"request": request.model_dump(mode="json"), "asked": 0.0})
    jobs.finish(request.key, arrays, 1.0)
    sound(tested.run())
    figure = json.loads(sent(tested, "separation-depth")["figure"])["data"]
    np.testing.assert_array_equal(numbers(figure[0]["y"]), np.float32(arrays["linear"]))
    np.testing.assert_array_equal(numbers(figure[1]["y"]), np.float32(arrays["neighbours"]))
    assert figure[0]["x"] == ["input", "output"]
    assert "Learned from 100 images, scored on 60 validation images." in words(tested)
    assert f"{arrays['linear'][1]:.2%}" in html(tested)
