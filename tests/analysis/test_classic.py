"""The classic kernels against the textbooks' patterns, resemblance against loops, its threshold against chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from explorer.analysis.classic import NAMES, classics, resemblance, threshold

SOBEL = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
TEXTBOOK = {
    "horizontal edge": SOBEL,
    "vertical edge": SOBEL.T,
    "diagonal edge ↗": np.array([[-1, -1, 0], [-1, 0, 1], [0, 1, 1]]),
    "diagonal edge ↘": np.array([[0, 1, 1], [-1, 0, 1], [-1, -1, 0]]),
    "outline": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "blur": np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]),
    "sharpen": np.array([[-1, -2, -1], [-2, 28, -2], [-1, -2, -1]]),
}


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    pairs = list(zip(one.ravel().tolist(), other.ravel().tolist(), strict=True))
    return math.fsum(a * b for a, b in pairs) / math.sqrt(
        math.fsum(a * a for a, _ in pairs) * math.fsum(b * b for _, b in pairs)
    )


def test_at_three_by_three_they_are_the_textbooks_up_to_scale() -> None:
    found = classics(3)
    assert tuple(found) == NAMES == tuple(TEXTBOOK)
    for name, wanted in TEXTBOOK.items():
        np.testing.assert_allclose(found[name], wanted / np.abs(wanted).max(), atol=1e-12, err_msg=name)


def test_at_two_by_two_there_are_differences_and_the_mean() -> None:
    found = classics(2)
    assert set(found) == set(NAMES) - {"outline", "sharpen"}
    np.testing.assert_allclose(found["vertical edge"], [[-1, 1], [-1, 1]], atol=1e-12)
    np.testing.assert_allclose(found["diagonal edge ↗"], [[-1, 0], [0, 1]], atol=1e-12)  # Roberts's cross
    np.testing.assert_allclose(found["blur"], np.ones((2, 2)), atol=1e-12)


def test_a_single_number_is_like_nothing() -> None:
    assert not classics(1)
    assert resemblance(np.array([[2.0]])).name is None
    with pytest.raises(ValueError, match="1 or more"):
        classics(0)


@pytest.mark.parametrize("size", range(2, 32))
def test_at_any_size_they_are_what_they_are_called(size: int) -> None:
    found = classics(size)
    assert ("sharpen" in found) == (size % 2 == 1)
    for name, kernel in found.items():
        assert kernel.shape == (size, size)
        assert np.abs(kernel).max() == pytest.approx(1)
        assert not kernel.flags.writeable
        if "edge" in name or name == "outline":
            assert kernel.sum() == pytest.approx(0, abs=1e-9)  # even light gives nothing
        else:
            assert kernel.sum() > 0
            np.testing.assert_allclose(kernel, kernel.T)
    # Brighter below, to the right, to the lower right, to the upper right.
    row, column = np.indices((size, size))
    sides = [2 * row - size + 1, 2 * column - size + 1, row + column - size + 1, column - row]
    for side, name in zip(sides, NAMES[:4], strict=True):
        answers = {edge: cosine(found[edge], np.sign(side)) for edge in NAMES[:4]}
        assert max(answers, key=lambda edge: abs(answers[edge])) == name
        assert answers[name] > 0
    np.testing.assert_allclose(found["vertical edge"], found["horizontal edge"].T, atol=1e-12)
    if size > 2:
        middle = found["outline"][(size - 1) // 2, (size - 1) // 2]
        assert middle > 0 > found["outline"][0, (size - 1) // 2]


@given(st.data(), st.integers(2, 9))
def test_similarities_are_cosines_and_scale_changes_nothing(data: st.DataObject, size: int) -> None:
    kernel = data.draw(arrays(np.float64, (size, size), elements=st.floats(-10, 10).map(lambda x: round(x, 3))))
    found = resemblance(kernel)
    if not kernel.any():
        assert found.name is None
        assert set(found.similarities.values()) <= {0.0}
        return
    for name, classic in classics(size).items():
        assert found.similarities[name] == pytest.approx(cosine(kernel, classic), abs=1e-9)
    assert abs(found.similarity) == pytest.approx(max(map(abs, found.similarities.values())))
    assert (found.name is not None) == (abs(found.similarity) >= threshold(size))
    scaled = resemblance(kernel * 37.5)
    assert scaled.similarity == pytest.approx(found.similarity, abs=1e-9)
    assert resemblance(-kernel).similarity == pytest.approx(-found.similarity, abs=1e-9)


@pytest.mark.parametrize("size", [2, 3, 5, 8, 11])
def test_each_classic_is_like_itself_in_both_signs(size: int) -> None:
    for name, kernel in classics(size).items():
        for sign in (1, -0.01):
            found = resemblance(sign * kernel)
            assert found.name == name
            assert found.similarity == pytest.approx(math.copysign(1, sign))


def test_of_several_channels_the_mean_is_looked_at() -> None:
    noise = np.random.default_rng(1).normal(size=(3, 3))
    found = resemblance(np.stack([SOBEL + noise, SOBEL - noise, SOBEL]))
    assert found.name == "horizontal edge"
    assert found.similarity == pytest.approx(1)


@pytest.mark.parametrize(
    "bad", [np.ones(4), np.ones((2, 3)), np.ones((2, 2, 2, 2)), np.full((3, 3), np.nan), np.diag([np.inf, 1])]
)
def test_what_is_no_kernel_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="square of finite numbers"):
        resemblance(bad)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 7, 11])
def test_one_random_kernel_in_twenty_reaches_the_threshold(size: int) -> None:
    """Whole random kernels, one by one in numbers, where the threshold draws only their part in the classics' span."""
    count = 40_000
    kernels = np.random.default_rng(size).standard_normal((count, size * size))
    kernels /= np.linalg.norm(kernels, axis=1, keepdims=True)
    best = np.zeros(count)
    for classic in classics(size).values():
        best = np.maximum(best, np.abs(kernels @ (classic.ravel() / np.linalg.norm(classic))))
    # The standard error of this share is 0.0011, and that of the threshold's own draws 0.0007.
    assert (best >= threshold(size)).mean() == pytest.approx(0.05, abs=0.006)
    assert sum(resemblance(kernel.reshape(size, size)).name is not None for kernel in kernels[:400]) < 45


def test_the_larger_the_kernel_the_less_is_left_to_chance() -> None:
    found = [threshold(size) for size in range(2, 32)]
    assert found == sorted(found, reverse=True)
    assert threshold(1) == 1.0
    assert 0.6 < threshold(3) < 0.9
