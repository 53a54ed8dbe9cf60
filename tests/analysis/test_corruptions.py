"""Corruptions against SciPy's and NumPy's own, on real digits."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from explorer._torchvision import torchvision
from explorer.analysis.corruptions import CORRUPTIONS, corrupt, noise, shifted
from explorer.data import load
from explorer.errors import SpecError

COUNT = 6
NUMBERS = list(range(COUNT))
MIDDLE = np.array([13.5, 13.5])


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """On a machine with other work, two threads that wait for each other are slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.tensor(np.asarray(load("mnist").test.pixels[:COUNT]), dtype=torch.float32) / 255


def by_scipy(images: torch.Tensor, matrix: np.ndarray, offset: np.ndarray = MIDDLE * 0) -> np.ndarray:
    """Each image through ``matrix``, which takes an output position (row, column), from the middle, to the input's."""
    around = MIDDLE - matrix @ MIDDLE + offset
    return np.stack(
        [ndimage.affine_transform(image[0], matrix, around, order=1, mode="grid-constant") for image in images.numpy()]
    )[:, None]


@pytest.mark.parametrize("degrees", [-60, -10, 30, 90])
def test_rotation_is_clockwise_about_the_centre(images: torch.Tensor, degrees: float) -> None:
    angle = math.radians(degrees)
    # Clockwise on the screen, y down: a point (x, y) goes to (x cos − y sin, x sin + y cos); SciPy wants the way back.
    back = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    found = corrupt(images, "rotation", degrees, NUMBERS)
    np.testing.assert_allclose(found, by_scipy(images, back), atol=2e-5)
    if degrees == 90:
        np.testing.assert_allclose(found, np.rot90(images.numpy(), -1, (2, 3)), atol=2e-5)


@pytest.mark.parametrize("factor", [0.4, 0.8, 1.5])
def test_scale_is_about_the_centre(images: torch.Tensor, factor: float) -> None:
    found = corrupt(images, "scale", factor, NUMBERS)
    np.testing.assert_allclose(found, by_scipy(images, np.eye(2) / factor), atol=2e-5)


def test_a_shift_moves_each_digit_by_its_length_in_a_direction_of_its_own(images: torch.Tensor) -> None:
    x, y = torch.tensor([3.0, -2.5, 0.0, 7.0, 1.5, -9.0]), torch.tensor([0.0, 1.25, -4.0, 7.0, 0.5, 0.0])
    moved = shifted(images, x, y).numpy()
    for k in range(COUNT):
        expected = ndimage.shift(images[k, 0].numpy(), (float(y[k]), float(x[k])), order=1, mode="grid-constant")
        np.testing.assert_allclose(moved[k, 0], expected, atol=2e-5)
    inner = torch.zeros_like(images)  # with nothing near the border, all of it stays in sight
    inner[..., 5:-5, 5:-5] = images[..., 5:-5, 5:-5]
    found = corrupt(inner, "shift", 3.0, NUMBERS)
    directions = set()
    for k in range(COUNT):
        start = ndimage.center_of_mass(inner[k, 0].numpy())
        end = ndimage.center_of_mass(found[k, 0].numpy())
        way = np.subtract(end, start)
        assert np.hypot(*way) == pytest.approx(3.0, abs=0.02)
        directions.add(round(math.atan2(*way), 1))
    assert len(directions) > 3


@pytest.mark.parametrize("deviation", [0.5, 1, 2.5, 3])
def test_blur_is_scipys_gaussian(images: torch.Tensor, deviation: float) -> None:
    found = corrupt(images, "blur", deviation, NUMBERS)
    expected = ndimage.gaussian_filter(images.numpy(), (0, 0, deviation, deviation), mode="mirror", truncate=4)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_contrast_and_inversion(images: torch.Tensor) -> None:
    faint = corrupt(images, "contrast", 0.7, NUMBERS)
    np.testing.assert_allclose(faint, torchvision.transforms.functional.adjust_contrast(images, 0.3), atol=1e-6)
    values = images.numpy()
    np.testing.assert_allclose(corrupt(images, "inversion", 1, NUMBERS), 1 - values, atol=1e-6)
    np.testing.assert_allclose(corrupt(images, "inversion", 0.25, NUMBERS), values * 0.5 + 0.25, atol=1e-6)
    assert float(corrupt(images, "inversion", 0.5, NUMBERS).std()) < 1e-6


def test_noise_is_normal_cut_off_at_black_and_white_and_each_images_own(images: torch.Tensor) -> None:
    pattern = noise((1, 28, 28), range(200)).numpy()
    assert pattern.mean() == pytest.approx(0, abs=0.01)
    assert pattern.std() == pytest.approx(1, abs=0.01)
    assert abs(np.corrcoef(pattern[0].ravel(), pattern[1].ravel())[0, 1]) < 0.15
    found = corrupt(images, "noise", 0.4, NUMBERS).numpy()
    np.testing.assert_allclose(found, np.clip(images.numpy() + 0.4 * pattern[:COUNT], 0, 1), atol=1e-6)


@pytest.mark.parametrize("name", CORRUPTIONS)
@settings(max_examples=8, deadline=None)
@given(st.permutations(NUMBERS), st.floats(0, 1))
def test_an_image_is_changed_the_same_whoever_stands_beside_it(name: str, order: list[int], share: float) -> None:
    images = torch.rand(COUNT, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    low, high = min(CORRUPTIONS[name].levels), max(CORRUPTIONS[name].levels)
    amount = low + share * (high - low)
    whole = corrupt(images, name, amount, NUMBERS)
    again = corrupt(images[order], name, amount, order)
    torch.testing.assert_close(again, whole[order], atol=1e-6, rtol=0)
    assert float(whole.min()) >= 0 - 1e-6
    assert float(whole.max()) <= 1 + 1e-6
    assert whole.shape == images.shape


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_neutral_amount_changes_nothing_and_levels_rise(images: torch.Tensor, name: str) -> None:
    corruption = CORRUPTIONS[name]
    assert corrupt(images, name, corruption.neutral, NUMBERS) is images
    assert corruption.neutral in corruption.levels
    assert list(corruption.levels) == sorted(set(corruption.levels))


def test_an_unknown_corruption_is_refused_with_those_that_there_are(images: torch.Tensor) -> None:
    with pytest.raises(SpecError, match=r"no corruption 'fog'; there are: shift, rotation"):
        corrupt(images, "fog", 1, NUMBERS)
