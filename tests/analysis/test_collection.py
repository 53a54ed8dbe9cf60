"""Class pictures and oddness against NumPy and brute force, duplicates against every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.analysis.collection import class_pictures, oddness
from explorer.analysis.duplicates import exact_pairs, near_pairs
from explorer.data import load


@given(st.integers(1, 30), st.integers(1, 3), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_means_and_deviations_are_numpys(count: int, channels: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (count, channels, 4, 5), dtype=np.uint8)
    labels = generator.integers(0, 3, count)
    means, spreads = class_pictures(pixels, labels, 4)
    for number in range(4):
        mine = pixels[labels == number].astype(np.float64)
        expected = (mine.mean(0), mine.std(0)) if len(mine) else (np.zeros((channels, 4, 5)),) * 2
        np.testing.assert_allclose(means[number], expected[0], rtol=1e-6)
        np.testing.assert_allclose(spreads[number], expected[1], rtol=1e-5, atol=1e-5)


def test_of_all_training_digits_too() -> None:
    train = load("mnist").train
    means, spreads = class_pictures(train.pixels, train.labels, 10)
    eights = np.asarray(train.pixels[train.labels == 8], np.float64)
    np.testing.assert_allclose(means[8], eights.mean(0), rtol=1e-5)
    np.testing.assert_allclose(spreads[8], eights.std(0), rtol=1e-4, atol=1e-4)


@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_oddness_is_the_mean_distance_to_the_nearest_of_the_class(count: int, neighbours: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(count, 3)).astype(np.float32)
    rows[count // 2] = rows[0]  # one that is there twice is near to its double
    labels = generator.integers(0, 3, count)
    found = oddness(rows, labels, neighbours)
    for number in range(count):
        others = [i for i in range(count) if i != number and labels[i] == labels[number]]
        nearest = sorted(float(np.linalg.norm(rows[i].astype(float) - rows[number])) for i in others)[:neighbours]
        assert found[number] == pytest.approx(np.mean(nearest) if nearest else 0, rel=1e-3, abs=2e-3)


@given(st.integers(2, 25), st.integers(0, 10**6), st.floats(0.5, 60))
@settings(max_examples=20, deadline=None)
def test_pairs_are_those_that_brute_force_finds(count: int, seed: int, most: float) -> None:
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (count, 1, 8, 9), dtype=np.uint8)
    for copy in range(count // 2):  # copies, some of them with a little noise
        noise = generator.integers(-20, 21, pixels.shape[1:]) * (copy % 2)
        pixels[count - 1 - copy] = np.clip(pixels[copy].astype(int) + noise, 0, 255)
    groups = generator.integers(0, 3, count)
    exact, near = [], {}
    for one in range(count):
        for other in range(one + 1, count):
            if groups[one] == groups[other]:
                continue
            away = np.sqrt(np.mean((pixels[one].astype(float) - pixels[other].astype(float)) ** 2))
            if away == 0:
                exact.append((one, other))
            if away <= most:
                near[one, other] = away
    assert [tuple(pair) for pair in exact_pairs(pixels, groups).tolist()] == exact
    shares: list[float] = []
    pairs, apart = near_pairs(pixels, groups, most, progress=shares.append)
    assert {tuple(pair) for pair in pairs.tolist()} == set(near)
    np.testing.assert_allclose(apart, [near[tuple(pair)] for pair in pairs.tolist()])
    assert (np.diff(apart) >= 0).all()
    assert shares[-1] == 1
    searched = np.flatnonzero(groups != 0)
    np.testing.assert_array_equal(near_pairs(pixels, groups, most, searched=searched)[0], pairs)
