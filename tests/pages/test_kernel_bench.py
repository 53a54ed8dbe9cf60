"""The kernel bench without a browser: what Python sends and does; and its note in the builder."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from conftest_pages import Open, component, shown_wall
from streamlit.testing.v1 import AppTest

from explorer import networks
from explorer.analysis.classic import NAMES, classics, resemblance
from explorer.draft import Draft
from explorer.spec import RunSpec, TrainSpec, to_link
from explorer.ui import kernel_bench

EDGE = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


def _bench() -> None:
    import numpy as np
    import streamlit as st

    from explorer import networks
    from explorer.ui import kernel_bench

    known = networks.find(st.session_state.get("network", "article"))
    pixels = np.arange(784).reshape(1, 28, 28).astype(np.uint8)
    kernel_bench.show(known, networks.data_card(known), pixels)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """``bench(network="lenet5")``: the tab alone, with something else in place of other pages."""
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path / "home"))
    st.cache_data.clear()
    st.cache_resource.clear()

    def start(**state: object) -> AppTest:
        tested = AppTest.from_function(_bench, default_timeout=60)
        for name, value in state.items():
            tested.session_state[name] = value
        return tested.run()

    return start


def sent(tested: AppTest) -> dict[str, object]:
    import json

    return json.loads(component(tested, "bench-painter").json)


def texts(tested: AppTest) -> str:
    return "\n".join(str(item.value) for kind in (tested.markdown, tested.caption, tested.warning) for item in kind)


def pick(tested: AppTest, name: str | None) -> AppTest:
    return tested.button_group(key="bench-classic").set_value(name).run()


def test_size_and_classic_reach_the_painter(bench: Callable[..., AppTest]) -> None:
    tested = bench()
    assert not tested.exception
    first = sent(tested)
    assert first["kernel"] == classics(3)["vertical edge"].ravel().tolist()
    assert first["shape"] == [1, 28, 28]
    assert first["pixels"] == np.arange(784).astype(np.uint8).tolist()
    stamps = [first["stamp"]]
    for size in (2, 5, 11):
        tested.select_slider(key="bench-size").set_value(size).run()
        for name in NAMES:
            found = sent(pick(tested, name))
            wanted = classics(size).get(name)
            assert found["size"] == size
            assert found["kernel"] == (None if wanted is None else wanted.round(3).ravel().tolist())
            assert (f"There is no {name} at {size} × {size}" in texts(tested)) == (wanted is None)
            stamps.append(found["stamp"])
    assert len(set(stamps)) == len(stamps)
    assert sent(pick(tested, None))["kernel"] is None
    tested.select_slider(key="bench-size").set_value(1).run()
    assert not tested.exception


@pytest.mark.parametrize("network", ["article", "lenet5", "mlp", "allconv", "vgg"])
def test_each_learned_kernel_has_its_label(bench: Callable[..., AppTest], network: str) -> None:
    tested = bench(network=network)
    assert not tested.exception
    known = networks.find(network)
    tensors = dict(networks.load(network).named_parameters())
    if network == "mlp":
        assert kernel_bench.labels(known) == []
        assert "no convolution" in texts(tested)
        return
    weights = tensors["conv1.weight"].detach().numpy()
    captions = kernel_bench.labels(known)
    shown = shown_wall(tested, "bench-learned")
    for place, detail in enumerate(shown.header["details"]):
        number = int(detail.removeprefix("kernel "))
        assert shown.header["captions"][place] == captions[number]
        np.testing.assert_allclose(shown.pixels[place], weights[number].mean(0), rtol=1e-5, atol=1e-7)
    assert len(shown.pixels) == len(weights)
    for caption, kernel in zip(captions, weights, strict=True):
        found = resemblance(kernel)
        if found.name is None:
            assert caption == "none"
        else:
            name, _, number = caption.rpartition(" ")
            assert name == found.name
            assert float(number.replace("−", "-")) == pytest.approx(found.similarity, abs=0.0051)
    assert any(caption != "none" for caption in captions)


def use(tested: AppTest, kernel: object) -> None:
    """As if the browser had sent this."""
    tested.session_state["bench-kernel"] = kernel
    tested.run()


def test_training_the_rest_changes_the_draft_and_goes_to_the_builder(
    bench: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    went: list[str] = []
    monkeypatch.setattr(st, "switch_page", lambda page, **_: went.append(page))
    tested = bench()
    assert not [item for item in tested.button if item.key == "bench-train"]
    use(tested, EDGE)
    assert "vertical edge 1.00" in texts(tested)
    tested.button(key="bench-train").click().run()
    assert went == ["pages/build.py"]
    draft = tested.session_state["history"].now
    assert draft.train.frozen_kernels == (EDGE,)
    assert draft.run_spec().train.frozen_kernels == (EDGE,)
    tested.button(key="bench-train").click().run()  # once more: it is there already
    assert went == ["pages/build.py"] * 2
    assert tested.session_state["history"].now.train.frozen_kernels == (EDGE,)


def test_what_can_not_be_frozen_is_said_and_nobody_is_sent_away(
    bench: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    went: list[str] = []
    monkeypatch.setattr(st, "switch_page", lambda page, **_: went.append(page))
    from explorer.draft import History

    tested = bench(history=History(Draft.from_preset("softmax")))
    use(tested, EDGE)
    tested.button(key="bench-train").click().run()
    assert went == []
    assert "no convolution" in tested.toast[0].value


@pytest.mark.parametrize(
    "message", [None, 3, "x", [], [[1, 2]], [[True]], [[float("nan")]], [[1e9]], [["1"]], [[1]] * 12, [[1, 2], [3]]]
)
def test_nonsense_from_the_browser_is_no_kernel(message: object) -> None:
    from explorer.ui.components.painter import _kernel

    assert _kernel(message) is None
    np.testing.assert_array_equal(_kernel([[1, 2.5], [-3, 0]]), [[1, 2.5], [-3, 0]])


# --- in the builder -------------------------------------------------------------------------------------------------


def test_the_builder_names_frozen_kernels_and_removes_them(open_app: Open) -> None:
    odd = ((0.3, -0.7, 0.1), (0.9, 0.2, -0.8), (-0.5, 0.6, 0.4))
    spec = RunSpec(model=Draft.from_preset("article").model, train=TrainSpec(frozen_kernels=(EDGE, odd)))
    tested = open_app("build", spec=to_link(spec))
    assert not tested.exception
    assert "**2 frozen kernels**: vertical edge, one of your own" in texts(tested)
    assert "Not used" not in texts(tested)
    sizes = [item for item in tested.select_slider if item.label == "Kernel size"]
    sizes[0].set_value(5).run()
    assert not tested.exception
    assert "Not used now: the frozen kernels are 3×3, the first convolution's 5×5" in texts(tested)
    assert tested.session_state["history"].now.run_spec().train.frozen_kernels == ()
    next(item for item in tested.select_slider if item.label == "Kernel size").set_value(3).run()
    assert "Not used" not in texts(tested)
    for preset in ("softmax", "lenet5", "article"):
        next(item for item in tested.button_group if item.label == "Start from").set_value(preset).run()
        assert not tested.exception
        assert ("Not used" in texts(tested)) == (preset != "article")
    tested.button(key="remove-frozen").click().run()
    assert not re.search("frozen", texts(tested))
    assert tested.session_state["history"].now.train.frozen_kernels == ()
    tested.button(key="undo").click().run()
    assert "2 frozen kernels" in texts(tested)
