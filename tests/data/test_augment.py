import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor
from torch.testing import assert_close

from explorer._torchvision import torchvision
from explorer.data.augment import affine, augment, elastic, thicken, warp
from explorer.spec import Augmentation

EVERYTHING = Augmentation(shift=2, rotate=15, scale=0.2, elastic=1, slant=10, thickness=0.5)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=generator(seed))


def test_without_changes_the_same_tensor_is_returned() -> None:
    batch = images(3, 1, 9, 9)
    assert augment(batch, Augmentation(), generator(), fill=0.0) is batch


def test_a_warp_that_moves_nothing_changes_nothing() -> None:
    batch = images(3, 2, 7, 10)
    still = affine(torch.zeros(3), torch.ones(3), torch.zeros(3, 2))
    assert_close(warp(batch, still, None, fill=0.3), batch)
    assert_close(warp(batch, None, torch.zeros(3, 7, 10, 2), fill=0.3), batch)


@settings(max_examples=40)
@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(4, 9), st.integers(4, 9), st.sampled_from([0.0, -0.42, 1.5]))
def test_a_shift_by_whole_pixels_moves_them(right: int, down: int, height: int, width: int, fill: float) -> None:
    batch = images(2, 3, height, width)
    wide = torch.nn.functional.pad(batch, (9, 9, 9, 9), value=fill)
    expected = torch.roll(wide, (down, right), dims=(2, 3))[:, :, 9:-9, 9:-9]
    shift = torch.tensor([[right, down]] * 2, dtype=torch.float32)
    matrices = affine(torch.zeros(2), torch.ones(2), shift)
    assert_close(warp(batch, matrices, None, fill=fill), expected, atol=1e-5, rtol=0)


@settings(max_examples=40)
@given(
    st.floats(-180, 180),
    st.floats(0.1, 1.9),
    st.floats(-45, 45),
    st.integers(-5, 5),  # torchvision's translation is in whole pixels
    st.integers(-5, 5),
    st.sampled_from([(12, 12), (9, 14), (15, 8)]),
)
def test_rotation_scale_slant_and_shift_are_torchvisions(
    degrees: float, scale: float, slant: float, right: int, down: int, size: tuple[int, int]
) -> None:
    batch = images(1, 2, *size).double()  # in float32 the two round positions at pixel edges apart
    # Without a fill of its own, which torchvision blends in twice along the border.
    expected = 0.25 + torchvision.transforms.functional.affine(
        batch - 0.25,
        angle=degrees,
        translate=[right, down],
        scale=scale,
        shear=[slant, 0.0],
        interpolation=torchvision.transforms.InterpolationMode.BILINEAR,
    )
    parameters = (torch.tensor(value, dtype=torch.float64) for value in ([degrees], [scale], [[right, down]], [slant]))
    result = warp(batch, affine(*parameters), None, fill=0.25)
    assert_close(result, expected, atol=2e-4, rtol=0)


def test_displacements_are_scipys() -> None:
    batch = images(4, 2, 9, 12).double()
    moves = torch.randn(4, 9, 12, 2, generator=generator(1)).double() * 2
    result = warp(batch, None, moves, fill=(0.5, -1.0))
    rows, columns = np.mgrid[0:9, 0:12].astype(float)
    for n in range(4):
        position = [rows + moves[n, :, :, 1].numpy(), columns + moves[n, :, :, 0].numpy()]
        for channel, fill in enumerate((0.5, -1.0)):
            expected = ndimage.map_coordinates(
                batch[n, channel].numpy(), position, order=1, mode="grid-constant", cval=fill
            )
            assert_close(result[n, channel].numpy(), expected, atol=1e-6, rtol=0)


def test_elastic_displacements_vary_as_noise_smoothed_by_a_gaussian() -> None:
    count, size, sigma = 4_000, 14, 2
    ours = elastic(torch.randn(count, 2, size, size, generator=generator()))[..., 0].numpy()
    assert ours.std(axis=0) == pytest.approx(np.ones((size, size)), abs=0.06)  # everywhere, at the borders too

    noise = np.random.default_rng(0).normal(size=(count, size + 16, size + 16))
    smooth = ndimage.gaussian_filter(noise, sigma, axes=(1, 2))[:, 8:-8, 8:-8]
    smooth /= smooth.std()
    for field in (ours, ours.transpose(0, 2, 1)):
        for row, column in ((0, 0), (3, 5)):
            covariance = (field * field[:, row : row + 1, column : column + 1]).mean(axis=0)
            expected = (smooth * smooth[:, row : row + 1, column : column + 1]).mean(axis=0)
            assert covariance == pytest.approx(expected, abs=0.1)


def test_the_two_directions_of_a_displacement_are_independent() -> None:
    field = elastic(torch.randn(4_000, 2, 8, 12, generator=generator()))
    assert field.shape == (4_000, 8, 12, 2)
    assert abs((field[..., 0] * field[..., 1]).mean(dim=0)).max() < 0.1


@settings(max_examples=30)
@given(st.floats(-1, 1), st.integers(3, 12), st.integers(3, 12))
def test_thicker_and_thinner_strokes_are_scipys_grey_dilation_and_erosion(by: float, height: int, width: int) -> None:
    batch = images(2, 2, height, width).double()
    result = thicken(batch, torch.tensor([by, -by], dtype=torch.float64)).numpy()
    for n, pixels in enumerate((by, -by)):
        for channel in range(2):
            image = batch[n, channel].numpy()
            whole = (ndimage.grey_dilation if pixels > 0 else ndimage.grey_erosion)(image, size=(3, 3))
            assert_close(result[n, channel], image + abs(pixels) * (whole - image), atol=1e-9, rtol=0)


def test_a_stroke_grows_by_whole_pixels_at_each_edge() -> None:
    stroke = torch.zeros(3, 1, 9, 9)
    stroke[:, :, :, 3:6] = 1.0
    widths = thicken(stroke, torch.tensor([1.0, 0.0, -1.0]))[:, 0].sum(dim=2)
    assert widths.tolist() == [[5.0] * 9, [3.0] * 9, [1.0] * 9]


@pytest.mark.parametrize("spec", [EVERYTHING, Augmentation(shift=3), Augmentation(rotate=40), Augmentation(elastic=2)])
def test_what_is_drawn_depends_on_the_generator_alone(spec: Augmentation) -> None:
    batch = images(8, 1, 12, 12)
    kept = batch.clone()
    first = augment(batch, spec, generator(5), fill=0.0)
    torch.rand(10)
    assert torch.equal(augment(batch, spec, generator(5), fill=0.0), first)
    assert not torch.equal(augment(batch, spec, generator(6), fill=0.0), first)
    assert torch.equal(batch, kept)
    assert first.shape == batch.shape
    assert first.dtype == batch.dtype


def test_each_image_is_changed_its_own_way_and_its_channels_alike() -> None:
    batch = images(1, 1, 12, 12).expand(6, 3, 12, 12)
    result = augment(batch, EVERYTHING, generator(), fill=0.0)
    assert all(torch.equal(result[:, 0], result[:, channel]) for channel in (1, 2))
    assert len({image.numpy().tobytes() for image in result}) == 6


def test_parameters_fill_their_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Tensor] = {}

    def record(degrees: Tensor, scale: Tensor, shift: Tensor, slant: Tensor) -> Tensor:
        drawn.update(degrees=degrees, scale=scale, right=shift[:, 0], down=shift[:, 1], slant=slant)
        return affine(degrees, scale, shift, slant)

    # By name, because the package's attribute of this name may be replaced by a function one day.
    monkeypatch.setattr("explorer.data.augment.affine", record)
    augment(torch.zeros(5_000, 1, 2, 2), Augmentation(shift=3, rotate=20, scale=0.1, slant=15), generator(), fill=0.0)
    ranges: dict[str, tuple[float, float]] = {
        "degrees": (-20, 20),
        "scale": (0.9, 1.1),
        "right": (-3, 3),
        "down": (-3, 3),
        "slant": (-15, 15),
    }
    for name, (low, high) in ranges.items():
        values = drawn[name].double().numpy()
        assert low - 1e-6 <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high + 1e-6
        assert values.std() == pytest.approx((high - low) / math.sqrt(12), rel=0.05)  # uniform


def test_the_elastic_strength_is_the_displacements_deviation_in_pixels() -> None:
    # On a ramp the brightness that a pixel shows says which column it was taken from.
    ramp = torch.arange(41.0).expand(2_000, 1, 41, 41)
    result = augment(ramp, Augmentation(elastic=1.5), generator(), fill=0.0)
    moved = (result - ramp)[:, 0, 15:26, 15:26]
    assert moved.std().item() == pytest.approx(1.5, rel=0.05)
    assert abs(moved.mean().item()) < 0.1


def test_outside_the_image_is_the_fill_of_each_channel() -> None:
    batch = torch.ones(1, 2, 8, 8)
    away = affine(torch.zeros(1), torch.ones(1), torch.full((1, 2), 20.0))
    result: Any = warp(batch, away, None, fill=(0.25, -2.0))
    assert result[0, 0].unique().tolist() == [0.25]
    assert result[0, 1].unique().tolist() == [-2.0]
