"""Where the ink is: on pictures drawn here, whose ink, paper, light and noise are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy import ndimage

from explorer.digits import ink


def strokes(height: int = 120, width: int = 160, *, pen: int = 8, at: tuple[int, int] = (40, 30)) -> np.ndarray:
    """bool (H, W): a 4 of 50 × 60 pixels, all in one piece."""
    image = Image.new("1", (width, height))
    x, y = at
    draw = ImageDraw.Draw(image)
    draw.line([(x + 20, y), (x, y + 40), (x + 50, y + 40)], fill=1, width=pen)
    draw.line([(x + 38, y + 15), (x + 38, y + 60)], fill=1, width=pen)
    return np.asarray(image)


def drawn(mask: np.ndarray, paper: float | np.ndarray, colour: float) -> np.ndarray:
    return np.where(mask, np.float32(colour), np.float32(paper)).astype(np.float32)


def falling_light(shape: tuple[int, int]) -> np.ndarray:
    return np.linspace(1.0, 0.5, shape[1])[None, :] * np.linspace(1.0, 0.9, shape[0])[:, None]


def sharp_shadow(shape: tuple[int, int]) -> np.ndarray:
    y, x = np.indices(shape)
    return np.where(x + 0.4 * y < 0.55 * shape[1], 1.0, 0.6)


@given(
    paper=st.floats(0.0, 1.0),
    colour=st.floats(0.0, 1.0),
    pen=st.integers(2, 16),
    x=st.integers(10, 95),
    y=st.integers(10, 50),
)
def test_ink_is_what_lies_on_paper_not_what_lies_around_it(
    paper: float, colour: float, pen: int, x: int, y: int
) -> None:
    if abs(paper - colour) < 0.05:
        colour = paper + 0.05 if paper < 0.5 else paper - 0.05
    assert ink.is_dark_ink(drawn(strokes(pen=pen, at=(x, y)), paper, colour)) == (colour < paper)


@pytest.mark.parametrize("light", [falling_light, sharp_shadow])
@pytest.mark.parametrize("dark", [True, False])
def test_neither_falling_light_nor_a_sharp_shadow_turns_the_ink_over(light: object, dark: bool) -> None:
    mask = strokes()
    grey = drawn(mask, 0.9, 0.2) if dark else drawn(mask, 0.3, 0.95)
    assert ink.is_dark_ink((grey * light(grey.shape)).astype(np.float32)) == dark


def test_a_digit_cut_out_without_margin_keeps_its_polarity() -> None:
    mask = strokes(pen=18)
    cut = mask[ink.bounds(mask)]
    assert ink.is_dark_ink(drawn(cut, 1.0, 0.0))
    assert not ink.is_dark_ink(drawn(cut, 0.0, 1.0))


@pytest.mark.parametrize("light", [falling_light, sharp_shadow])
def test_paper_is_even_once_flattened_and_ink_still_stands_out(light: object) -> None:
    mask = strokes()
    lit = drawn(mask, 0.9, 0.2) * light(mask.shape)
    flat, unevenness = ink.flattened((1.0 - lit).astype(np.float32))
    assert flat is not None
    assert unevenness > 0.2
    away = ~ndimage.binary_dilation(mask, iterations=3)
    assert np.percentile(flat[away], 95) < 0.1
    assert flat[ndimage.binary_erosion(mask)].min() > 0.3


def test_even_light_is_left_alone() -> None:
    assert ink.flattened(drawn(strokes(), 0.1, 0.9)) == (None, 0.0)


def test_strokes_are_found_to_the_pixel_and_in_noise_nearly() -> None:
    mask = strokes()
    found = ink.strokes_of(drawn(mask, 0.0, 0.8))
    assert found is not None
    assert np.array_equal(found.mask, mask)
    noisy = drawn(mask, 0.0, 0.6) + np.random.default_rng(0).normal(0, 0.05, mask.shape).astype(np.float32)
    found = ink.strokes_of(np.clip(noisy, 0, 1))
    assert found is not None
    assert (found.mask != mask).mean() < 0.005


@given(st.floats(0.0, 0.1), st.floats(0.0, 0.6))
def test_grain_is_the_noises_deviation_whatever_is_drawn_over_it(sigma: float, share: float) -> None:
    rng = np.random.default_rng(1)
    picture = np.zeros((120, 120), dtype=np.float32)
    picture[: round(share * 120)] = 0.8
    picture += rng.normal(0.0, sigma, picture.shape).astype(np.float32)
    assert ink.grain(picture) == pytest.approx(sigma, rel=0.1, abs=1e-6)


@pytest.mark.parametrize("sigma", [0.0, 0.01, 0.06])
def test_blank_paper_has_no_strokes_but_perhaps_specks_of_noise(sigma: float) -> None:
    noise = np.abs(np.random.default_rng(2).normal(0.0, sigma, (200, 200))).astype(np.float32)
    found = ink.strokes_of(noise)
    assert found is None or found.mask.sum() < 10


def test_specks_and_what_belongs_to_the_edge_are_left_out() -> None:
    mask = strokes()
    picture = drawn(mask, 0.0, 0.8)
    picture[100:103, 140:143] = 1.0  # a speck
    picture[:, :5] = 1.0  # a table along one side
    picture[2, :] = 0.9  # a line from side to side
    found = ink.strokes_of(picture)
    assert found is not None
    assert np.array_equal(found.mask, mask)
    assert found.left_out == 0
    everything = ink.strokes_of(picture, one_digit=False)
    assert everything is not None
    assert (everything.mask & ~mask).sum() > 500


def test_a_stroke_apart_from_its_digit_stays_and_a_second_digit_is_counted() -> None:
    mask = np.zeros((120, 300), dtype=bool)
    mask[20:90, 20:28] = mask[20:26, 34:60] = True  # two strokes of one digit, six pixels apart
    other = np.zeros_like(mask)
    other[20:90, 200:210] = True
    found = ink.strokes_of(drawn(mask, 0.0, 0.9))
    assert found is not None
    assert np.array_equal(found.mask, mask)
    both = ink.strokes_of(drawn(mask | other, 0.0, 0.9))
    assert both is not None
    assert both.left_out >= 1
    assert not (both.mask & other).any() or not (both.mask & mask).any()


def test_faint_ruling_is_not_ink() -> None:
    mask = strokes()
    lines = np.zeros(mask.shape, dtype=bool)
    lines[::15] = True
    found = ink.strokes_of(np.maximum(drawn(mask, 0.0, 0.8), drawn(lines, 0.0, 0.2)))
    assert found is not None
    assert np.array_equal(found.mask, mask)


def test_a_picture_of_nothing_but_specks_is_still_bounded_work() -> None:
    dots = np.zeros((900, 900), dtype=np.float32)
    dots[::3, ::3] = 1.0
    found = ink.strokes_of(dots)
    assert found is not None
    assert found.mask.sum() <= 500


@pytest.mark.parametrize(
    ("colour", "words", "paper"),
    [((0, 0, 0), "white", 255), ((20, 30, 150), "white", 255), ((255, 255, 255), "black", 0)],
)
def test_transparent_paper_is_the_opposite_of_its_ink(colour: tuple[int, int, int], words: str, paper: int) -> None:
    mask = strokes()
    rgb = np.empty((*mask.shape, 3), dtype=np.uint8)
    rgb[:] = colour
    laid, note = ink.composite(rgb, np.where(mask, 255, 0).astype(np.uint8))
    assert words in note
    assert (laid[~mask] == paper).all()
    assert (laid[mask] == colour).all()


def test_a_card_with_transparent_corners_is_laid_on_its_own_colour() -> None:
    mask = strokes()
    rgb = np.repeat(np.where(mask, 40, 230).astype(np.uint8)[..., None], 3, axis=2)
    alpha = np.full(mask.shape, 255, dtype=np.uint8)
    alpha[:10, :10] = 0
    laid, note = ink.composite(rgb, alpha)
    assert "its own" in note
    assert (laid[:10, :10] == 230).all()


def test_half_transparent_ink_is_mixed_with_its_paper() -> None:
    rgb = np.zeros((20, 20, 3), dtype=np.uint8)
    alpha = np.zeros((20, 20), dtype=np.uint8)
    alpha[5:10, 5:10], alpha[10:12, 10:12] = 255, 51
    laid, _ = ink.composite(rgb, alpha)
    assert (laid[10:12, 10:12] == 204).all()  # 255 · (1 − 51 / 255)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_grey_is_the_luminance_of_video(colour: tuple[int, int, int]) -> None:
    rgb = np.empty((4, 5, 3), dtype=np.uint8)
    rgb[:] = colour
    grey, _ = ink.grey_of(rgb)
    assert grey.dtype == np.float32
    np.testing.assert_allclose(grey * 255, np.dot(colour, [0.299, 0.587, 0.114]), atol=0.6)


def test_ink_as_bright_as_its_paper_is_seen_by_its_colour() -> None:
    mask = strokes()
    rgb = np.where(mask[..., None], [255, 255, 0], [255, 255, 255]).astype(np.uint8)  # yellow on white
    grey, note = ink.grey_of(rgb)
    assert "blue channel" in note
    assert np.array_equal(grey < 0.5, mask)


def test_full_ink_keeps_soft_edges_and_nothing_else() -> None:
    mask = strokes()
    soft = np.clip(ndimage.gaussian_filter(drawn(mask, 0.0, 0.5), 0.8), 0, 1)
    soft[5:8, 5:8] = 0.5
    found = ink.strokes_of(soft)
    assert found is not None
    full = ink.full_ink(soft, found)
    assert full.max() == 1.0
    assert not full[:12, :12].any()
    edge = ndimage.binary_dilation(found.mask) & ~found.mask
    assert ((full[edge] > 0) & (full[edge] < 1)).mean() > 0.9
    plain = ink.full_ink(soft, found, contrast=False)
    np.testing.assert_allclose(plain[found.mask], soft[found.mask])


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 100))
def test_coarse_is_the_mean_of_whole_blocks(height: int, width: int, longest: int) -> None:
    grey = np.random.default_rng(3).random((height, width))
    small = ink.coarse(grey, longest)
    factor = -(-max(height, width) // longest)
    down, across = min(factor, height), min(factor, width)
    assert small.shape == (max(1, height // factor), max(1, width // factor)) if factor > 1 else (height, width)
    assert small[0, 0] == pytest.approx(grey[:down, :across].mean())
