"""Layers' answers against hooks on the module, the projection and the components against scikit-learn and NumPy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import pairwise_distances
from sklearn.random_projection import SparseRandomProjection
from strategies import working_models

from explorer import zoo
from explorer.analysis.features import PIXELS, features, penultimate, principal, projection, readable_layers
from explorer.data.cards import CARDS
from explorer.errors import SpecError
from explorer.models import build
from explorer.presets import PRESETS
from explorer.spec import Dropout, Flatten, ModelSpec

CARD = CARDS["mnist"]
PICTURES = np.random.default_rng(0).integers(0, 256, (23, 1, 28, 28), dtype=np.uint8)
PICTURES.setflags(write=False)


def hooked(network: torch.nn.Module, layer: str) -> np.ndarray:
    seen = []
    handle = network.get_submodule(layer).register_forward_hook(lambda _m, _i, output: seen.append(output))
    with torch.no_grad():
        network((torch.tensor(PICTURES.copy()).float() / 255 - CARD.mean) / CARD.std)
    handle.remove()
    return seen[0].flatten(1).numpy()


@pytest.mark.parametrize("name", ["tiny", "lenet5", "softmax", "allconv"])
def test_every_layers_answers_are_those_that_a_hook_sees(name: str) -> None:
    network = zoo.load(name)[1]
    for layer in readable_layers(network)[1:]:
        expected = hooked(network, layer)
        found = features(network, PICTURES, CARD, layer, most=10**6, batch=7)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(features(network, PICTURES, CARD, PIXELS), PICTURES.reshape(23, -1) / 255, rtol=1e-6)


@given(working_models())
@settings(max_examples=25, deadline=None)
def test_any_network_is_read_and_left_as_it_was(drawn: tuple[ModelSpec, tuple[int, int, int]]) -> None:
    spec, shape = drawn
    network = build(spec, shape, 2, seed=0).train()
    pictures = np.random.default_rng(1).integers(0, 256, (3, *shape), dtype=np.uint8)
    names = readable_layers(network)
    kinds = dict(zip(spec.names, spec.layers, strict=True))
    assert names == [PIXELS, *(name for name in spec.names if not isinstance(kinds[name], Dropout | Flatten))]
    assert names[-1] == "output"
    layer = penultimate(network)
    found = features(network, pictures, replace(CARD, shape=shape), layer, most=64)
    assert found.shape[0] == 3
    assert found.shape[1] <= 64
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())


def test_a_wide_layer_is_projected_always_alike_and_distances_stay() -> None:
    network = build(PRESETS["article"].model, CARD.shape, 10, seed=1).eval()
    whole = features(network, PICTURES, CARD, "conv1", most=10**6)
    assert whole.shape == (23, 26 * 26 * 32)
    found = features(network, PICTURES, CARD, "conv1", batch=5)
    expected = SparseRandomProjection(2048, dense_output=True, random_state=0).fit_transform(whole)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    far, near = pairwise_distances(whole), pairwise_distances(found)
    apart = ~np.eye(len(far), dtype=bool)
    assert np.abs(near[apart] / far[apart] - 1).max() < 0.15
    assert projection(500, 20) is projection(500, 20)


def test_progress_is_told_and_may_end_it() -> None:
    network = zoo.load("tiny")[1]
    shares: list[float] = []
    features(network, PICTURES, CARD, "output", batch=10, progress=shares.append)
    assert shares == [10 / 23, 20 / 23, 1.0]

    def stop(_share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        features(network, PICTURES, CARD, "output", batch=10, progress=stop)
    assert not network.training


def test_what_cannot_be_is_said() -> None:
    network = build(PRESETS["tiny"].model, CARD.shape, 10, seed=1)
    with pytest.raises(SpecError, match="no layer named 'conv9'"):
        features(network, PICTURES, CARD, "conv9")
    with torch.no_grad():
        network.get_parameter("output.bias").fill_(torch.inf)
    with pytest.raises(SpecError, match="not finite"):
        features(network, PICTURES, CARD, "output")


@given(st.integers(2, 40), st.integers(1, 30), st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_components_are_those_of_the_covariance(count: int, width: int, components: int) -> None:
    rows = np.random.default_rng(count * 100 + width).normal(size=(count, width)).astype(np.float32)
    found, share = principal(rows, components)
    centred = rows - rows.mean(0)
    values = np.linalg.svd(centred.astype(np.float64), compute_uv=False) ** 2
    kept = min(components, count, width)
    assert found.shape == (count, kept)
    np.testing.assert_allclose((found.astype(np.float64) ** 2).sum(0), values[:kept], rtol=1e-2, atol=1e-3)
    assert share == pytest.approx(values[:kept].sum() / values.sum(), abs=1e-3)


def test_rows_that_are_all_alike_have_no_components() -> None:
    found, share = principal(np.ones((9, 4), np.float32), 3)
    assert (found == 0).all()
    assert found.shape == (9, 3)
    assert share == 0
