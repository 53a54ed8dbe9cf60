"""Ink to MNIST's form: boxes, strokes and centres against SciPy and against drawings of known width."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from explorer.digits import form

inks = arrays.arrays(np.float32, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.floats(0, 1, width=32))


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([10, 20, 28]))
def test_the_longer_side_fits_the_box_and_the_other_keeps_its_proportion(height: int, width: int, box: int) -> None:
    small = form.fitted(np.ones((height, width), dtype=np.float32), box)
    assert max(small.shape) == box
    assert small.shape[0] / box == pytest.approx(height / max(height, width), abs=0.51 / box + 0.5 / box)
    np.testing.assert_allclose(small, 1.0, atol=1e-5)


def test_shrinking_is_the_mean_of_the_pixels_covered() -> None:
    ink = np.random.default_rng(0).random((80, 60)).astype(np.float32)
    np.testing.assert_allclose(form.fitted(ink, 20), ink.reshape(20, 4, 15, 4).mean(axis=(1, 3)), atol=1e-5)


@given(inks)
def test_mass_comes_to_the_middle_as_in_mnist_or_as_near_as_the_field_allows(ink: np.ndarray) -> None:
    assume(ink.sum() > 0.01)
    field = form.placed(ink, 28, 28, by_mass=True)
    assert field.shape == (28, 28)
    assert field.sum() == pytest.approx(ink.sum(), rel=1e-4)
    rows, columns = ink.shape
    for centre, side, mean in zip(
        ndimage.center_of_mass(field), (rows, columns), ndimage.center_of_mass(ink), strict=True
    ):
        nearest = np.clip(14, mean, 28 - side + mean)
        assert abs(centre - nearest) <= 0.501


@given(inks)
def test_without_mass_the_box_is_in_the_middle(ink: np.ndarray) -> None:
    field = form.placed(ink, 28, 28, by_mass=False)
    top, left = (28 - ink.shape[0]) // 2, (28 - ink.shape[1]) // 2
    np.testing.assert_array_equal(field[top : top + ink.shape[0], left : left + ink.shape[1]], ink)
    assert field.sum() == pytest.approx(ink.sum(), rel=1e-4)


def ring(width: float, side: int = 200) -> np.ndarray:
    """A ring that fills its square, ``width`` of the side wide."""
    y, x = np.indices((side, side)) - (side - 1) / 2
    distance = np.hypot(x, y)
    return ((distance <= side / 2) & (distance >= side / 2 - width * side)).astype(np.float32)


@pytest.mark.parametrize("width", [0.03, 0.06, 0.1, 0.15])
def test_stroke_width_is_the_pens(width: float) -> None:
    assert form.stroke_width(ring(width) > 0) == pytest.approx(width * 200, rel=0.2)


@pytest.mark.parametrize("width", [0.012, 0.03, 0.06, 0.3])
def test_thin_and_thick_strokes_come_to_mnists_width(width: float) -> None:
    changed, before, after = form.with_usual_strokes(ring(width), 20)
    assert before == pytest.approx(20 * width, rel=0.25, abs=0.1)
    assert after in (form.THINNEST, form.THICKEST)
    mended = form.stroke_width(changed > 0.5) / form.OVERSAMPLING
    assert mended == pytest.approx(after, rel=0.15)


@pytest.mark.parametrize("width", [0.13, 0.16, 0.2])
def test_usual_strokes_stay_as_they_are(width: float) -> None:
    ink = ring(width)
    changed, before, after = form.with_usual_strokes(ink, 20)
    assert changed is ink
    assert before == after


def test_a_blob_does_not_vanish() -> None:
    blob = np.ones((50, 50), dtype=np.float32)
    changed, _, _ = form.with_usual_strokes(blob, 20)
    assert changed.max() > 0.9


def test_what_is_in_form_is_known_and_what_is_not_is_not() -> None:
    field = np.zeros((28, 28), dtype=np.float32)
    assert not form.is_placed(field, 20)
    field[4:24, 10:19] = 1.0
    assert form.is_placed(field, 20)
    assert not form.is_placed(np.roll(field, 3, axis=1), 20)
    assert not form.is_placed(field, 24)
    field[0, 0] = 0.01
    assert not form.is_placed(field, 20)
