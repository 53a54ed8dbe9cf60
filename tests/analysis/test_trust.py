"""Calibration and rejection: against scikit-learn, SciPy and torch, and on digits and what is none."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from sklearn.decomposition import TruncatedSVD
from sklearn.neighbors import NearestNeighbors

from explorer import zoo
from explorer.analysis import trust
from explorer.data import load
from explorer.data.cards import CARDS
from explorer.errors import DataError
from explorer.models import Network

CARD = CARDS["mnist"]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, trust.Trust, np.ndarray, np.ndarray]:
    """LeNet-5, its calibration by 300 digits, and 200 other digits with their classes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERNELSCOPE_HOME", str(tmp_path_factory.mktemp("home")))
        data = load("mnist")
        network = zoo.load("lenet5")[1]
        pixels, labels = np.asarray(data.test.pixels[:500]), np.asarray(data.test.labels[:500])
        reference = np.asarray(data.train.pixels[:200])
    made = trust.fit(network, reference, pixels[:300], labels[:300], CARD)
    return network, made, pixels[300:], labels[300:]


@settings(max_examples=8)
@given(st.floats(0.3, 5.0), st.integers(0, 1000))
def test_the_temperature_undoes_the_one_that_logits_were_drawn_with(temperature: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (4000, 5))
    shares = trust.softmax(logits)
    labels = (shares.cumsum(1) < rng.random((len(shares), 1))).sum(1)
    assert trust.fit_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.15)


def test_the_calibration_error_is_the_textbook_s() -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(4) / 2, 500)
    labels = rng.integers(0, 4, 500)
    expected, confidence = 0.0, shares.max(1)
    for low in np.arange(10) / 10:
        inside = (confidence >= low) & ((confidence < low + 0.1) | (low == 0.9))
        if inside.any():
            right = (shares[inside].argmax(1) == labels[inside]).mean()
            expected += inside.mean() * abs(right - confidence[inside].mean())
    assert trust.calibration_error(shares, labels, bins=10) == pytest.approx(expected)


def test_each_measure_is_its_library_s(fitted: tuple[Network, trust.Trust, np.ndarray, np.ndarray]) -> None:
    network, made, pixels, _ = fitted
    known = made.strangeness
    assert known is not None
    plain = replace(made, strangeness=replace(known, usual=np.array([[0.0, 1.0]] * 4)))
    raw = trust.judge(network, plain, pixels, CARD).measures

    inputs = (torch.tensor(pixels).float() / 255 - CARD.mean) / CARD.std
    layers = list(network.children())
    with torch.no_grad():
        last = torch.nn.Sequential(*layers[:-1])(inputs)
        logits = layers[-1](last).double().numpy()
    features = torch.nn.functional.normalize(last, dim=1).numpy()
    np.testing.assert_allclose(raw[:, 1], -logsumexp(logits, axis=1), rtol=1e-5)

    found = NearestNeighbors(n_neighbors=trust.NEIGHBOURS).fit(known.feature_places)
    distances = found.kneighbors(features @ known.feature_axes.astype(np.float32))[0][:, -1]
    np.testing.assert_allclose(raw[:, 0], np.log(distances), rtol=1e-3)

    # The pixels' distance and residual are of principal components: what is left out is orthogonal to what is kept.
    axes = known.pixel_axes.astype(float)
    np.testing.assert_allclose(axes.T @ axes, np.eye(axes.shape[1]), atol=2e-3)
    places = trust._blurred(pixels) - known.pixel_mean
    whole = (places**2).sum(1)
    kept = ((places @ axes) ** 2).sum(1)
    np.testing.assert_allclose(np.exp(raw[:, 3]) ** 2, whole - kept, rtol=0.02, atol=0.02)
    nearest = NearestNeighbors(n_neighbors=trust.NEIGHBOURS).fit(known.pixel_places)
    np.testing.assert_allclose(raw[:, 2], np.log(nearest.kneighbors(places @ axes)[0][:, -1]), rtol=0.01, atol=0.01)


def test_the_axes_are_the_directions_of_largest_extent() -> None:
    rows = np.random.default_rng(0).normal(size=(200, 10)) * np.arange(1, 11)
    axes = trust._axes(rows)
    theirs = TruncatedSVD(n_components=9, algorithm="arpack").fit(rows).components_
    overlap = np.abs(theirs @ axes[:, :9].astype(float))
    np.testing.assert_allclose(np.diag(overlap), 1.0, atol=0.01)


def test_digits_are_accepted_and_noise_boxes_and_stripes_are_not(
    fitted: tuple[Network, trust.Trust, np.ndarray, np.ndarray],
) -> None:
    network, made, pixels, labels = fitted
    verdict = trust.judge(network, made, pixels, CARD)
    assert verdict.rejected.mean() < 0.06
    assert (verdict.probabilities.argmax(1) == labels).mean() > 0.95
    np.testing.assert_allclose(verdict.probabilities.sum(1), 1.0)
    assert made.strangeness is not None
    np.testing.assert_array_equal(verdict.rejected, verdict.scores > made.strangeness.threshold)

    box = np.zeros((28, 28), np.uint8)
    box[4:24, 4:6] = box[4:24, 22:24] = box[4:6, 4:24] = box[22:24, 4:24] = 255
    stripes = np.zeros((28, 28), np.uint8)
    stripes[4:24:4, 4:24] = 255
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    others = np.stack([box, stripes, noise])[:, None]
    assert trust.judge(network, made, others, CARD).rejected.all()


def test_half_of_the_pictures_set_the_threshold_and_it_accepts_its_share_of_them(
    fitted: tuple[Network, trust.Trust, np.ndarray, np.ndarray],
) -> None:
    network, _, pixels, labels = fitted
    again = trust.fit(network, pixels[:60], pixels, labels, CARD)
    verdict = trust.judge(network, again, pixels, CARD)
    assert again.strangeness is not None
    assert (verdict.scores[1::2] <= again.strangeness.threshold).mean() == pytest.approx(trust.ACCEPTED, abs=0.011)
    assert again.validated == len(labels)
    assert 0 <= again.error_after <= 1


def test_without_training_images_the_probabilities_are_the_same_and_nothing_is_strange(
    fitted: tuple[Network, trust.Trust, np.ndarray, np.ndarray],
) -> None:
    network, _, pixels, labels = fitted
    told: list[float] = []
    plain = trust.fit(network, None, pixels, labels, CARD, progress=told.append)
    assert plain.strangeness is None
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    full = trust.fit(network, pixels[:60], pixels, labels, CARD)
    assert all(
        getattr(plain, field.name) == getattr(full, field.name)
        for field in fields(plain)
        if field.name != "strangeness"
    )
    noise = np.random.default_rng(0).integers(0, 256, (3, 1, 28, 28), dtype=np.uint8)
    verdict = trust.judge(network, plain, noise, CARD)
    assert verdict.measures.shape == (3, 0)
    assert not verdict.scores.any()
    assert not verdict.rejected.any()
    np.testing.assert_array_equal(verdict.probabilities, trust.judge(network, full, noise, CARD).probabilities)
    again = trust.from_arrays(trust.arrays(plain), 84, CARD)
    assert again == plain or trust.arrays(again) == trust.arrays(plain)


def test_the_model_comes_back_untouched_and_progress_ends_at_one(
    fitted: tuple[Network, trust.Trust, np.ndarray, np.ndarray],
) -> None:
    network, _, pixels, labels = fitted
    told: list[float] = []
    trust.fit(network, pixels[:30], pixels[:40], labels[:40], CARD, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert not any(module._forward_hooks for module in network.modules())

    def cancel(_share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trust.fit(network, pixels[:30], pixels[:40], labels[:40], CARD, progress=cancel)
    assert not any(module._forward_hooks for module in network.modules())


def test_too_few_pictures_are_refused_in_words(fitted: tuple[Network, trust.Trust, np.ndarray, np.ndarray]) -> None:
    network, _, pixels, labels = fitted
    with pytest.raises(DataError, match="too few"):
        trust.fit(network, pixels[:30], pixels[:5], labels[:5], CARD)


def test_what_is_written_is_read_back_and_nothing_else_is(
    fitted: tuple[Network, trust.Trust, np.ndarray, np.ndarray],
) -> None:
    network, made, pixels, _ = fitted
    arrays = trust.arrays(made)
    again = trust.from_arrays(arrays, 84, CARD)
    np.testing.assert_array_equal(
        trust.judge(network, again, pixels, CARD).scores, trust.judge(network, made, pixels, CARD).scores
    )
    damages = [
        {name: array for name, array in arrays.items() if name != "usual"},
        arrays | {"temperature": np.array(np.nan)},
        arrays | {"temperature": np.array(-1.0)},
        arrays | {"feature_axes": arrays["feature_axes"][:-1]},
        arrays | {"pixel_places": arrays["pixel_places"][:-1]},
        arrays | {"usual": np.zeros((4, 2))},
    ]
    for damaged in damages:
        with pytest.raises(DataError, match="make it again"):
            trust.from_arrays(damaged, 84, CARD)
    with pytest.raises(DataError):
        trust.from_arrays(arrays, 120, CARD)
