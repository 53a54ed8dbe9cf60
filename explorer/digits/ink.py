"""Where the ink is: grey, light or dark paper, even light, threshold, connected strokes. Arrays in, arrays out.

Greys are float32 (H, W) in 0..1. 'Ink' is the same with the paper at 0 and full ink at 1, whichever was darker.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_otsu

from explorer.digits import marks

FAINTEST = 0.04  # ink differs from its paper by at least a twenty-fifth of the range from black to white
_NOISE_SIGMAS = 5.0
_EVEN = 0.1  # paper whose brightness varies by less than this share of the ink's contrast is left as it is
_COARSE = 128  # light and shadow are estimated on a picture of this many pixels on the longer side


def composite(rgb: np.ndarray, alpha: np.ndarray | None) -> tuple[np.ndarray, str]:
    """uint8 (H, W, 3) and its alpha (H, W) to an opaque uint8 (H, W, 3), and a note on the paper put behind it.

    A picture whose opaque part shows both paper and ink (most of it opaque, greys spread) is laid on its own median
    colour. Otherwise the opaque part is the ink: light ink is laid on black, all other on white.
    """
    if alpha is None:
        return rgb, ""
    visible = rgb[alpha > 127]
    if not len(visible):
        return np.full_like(rgb, 255), "All of it is transparent."
    greys = visible.mean(axis=1, dtype=np.float32)
    if len(visible) > alpha.size / 2 and greys.std() > 25:
        paper, name = np.median(visible, axis=0), "its own paper's colour"
    elif greys.mean() > 150:
        paper, name = np.zeros(3), "black, because the ink is light"
    else:
        paper, name = np.full(3, 255.0), "white"
    red, green, blue = (round(float(value)) for value in paper)
    behind = Image.new("RGB", (rgb.shape[1], rgb.shape[0]), (red, green, blue))
    laid = Image.composite(Image.fromarray(rgb), behind, Image.fromarray(alpha))
    return np.asarray(laid), f"Transparent parts became {name}."


def grey_of(rgb: np.ndarray) -> tuple[np.ndarray, str]:
    """Opaque uint8 (H, W, 3) to grey (H, W): luminance, or the one channel where coloured ink stands out far better."""
    luminance = _unit(np.asarray(Image.fromarray(rgb).convert("L")))
    contrast = _contrast(luminance)
    if contrast < 0.35:
        channels = [_contrast(_unit(rgb[..., channel])) for channel in range(3)]
        best = int(np.argmax(channels))
        if channels[best] > 1.8 * contrast:
            name = ("red", "green", "blue")[best]
            return _unit(rgb[..., best]), f"Only the {name} channel: there this ink differs most from its paper."
    return luminance, "Brightness: 0.299 red + 0.587 green + 0.114 blue."


def _unit(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32) / np.float32(255.0)


def _contrast(grey: np.ndarray) -> float:
    """The range of a grey (H, W) without single bright or dark pixels."""
    return float(np.ptp(ndimage.uniform_filter(grey, size=3, mode="nearest")))


def is_dark_ink(grey: np.ndarray) -> bool:
    """Whether the ink is darker than its paper: ink departs from its paper's brightness to one side only.

    Two guesses at the paper, and the more one-sided one decides: a bilinear surface through the picture's border (right
    for most pictures and for digits that fill theirs), and the median of a wide neighbourhood (right across shadows).
    """
    small = coarse(ndimage.gaussian_filter(grey, 1.0, mode="nearest"), 2 * _COARSE)
    coarser = coarse(small, _COARSE // 2)
    median = ndimage.median_filter(coarser, size=int(0.3 * min(coarser.shape)) | 1, mode="nearest")
    papers = (_border_surface(small), _enlarged(median, small.shape))
    sides = [_side(small - paper) for paper in papers]
    return max(sides) * 0.98 <= -min(sides)  # nearly even: sharp shadows fall on paper more often than on a screen


def _side(departures: np.ndarray) -> float:
    """-1 where all large departures are darker, 1 where all are lighter: their third moment over its absolute one."""
    cubes = departures**3
    return float(cubes.sum() / max(float(np.abs(cubes).sum()), 1e-12))


def _border_surface(grey: np.ndarray) -> np.ndarray:
    """The bilinear surface (H, W) through the border of a grey (H, W), fitted without what lies far off it."""
    height, width = grey.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * y], axis=-1)
    ring = np.ones(grey.shape, dtype=bool)
    ring[1:-1, 1:-1] = False
    basis, values = terms[ring], grey[ring]
    kept = np.abs(values - np.quantile(values, 0.5, method="lower")) <= 0.25
    for _ in range(3):
        factors = np.linalg.lstsq(basis[kept], values[kept], rcond=None)[0]
        off = np.abs(values - basis @ factors)
        kept = off <= max(2.5 * float(np.median(off)), 0.02)
    return np.asarray(terms @ factors)


def flattened(ink: np.ndarray) -> tuple[np.ndarray | None, float]:
    """Ink on unevenly lit paper, light on dark (H, W), to ink with the paper at 0, or None where the light is even.

    The paper under the ink is an opening wider than any stroke, smoothed: what is narrower is ink. Second, how much
    the paper's brightness varied, as a share of the whole range.
    """
    small = coarse(ink, _COARSE)
    window = max(3, int(0.4 * min(small.shape)) | 1)
    opened = ndimage.grey_opening(np.pad(small, window, mode="edge"), size=(window, window))[
        window:-window, window:-window
    ]
    paper = ndimage.gaussian_filter(opened, 1.5, mode="nearest")
    low, high = np.percentile(paper, (2, 98))
    if high - low < _EVEN * float(np.ptp(small)):
        return None, 0.0
    full = _enlarged(paper, ink.shape)
    return np.clip((ink - full) / np.maximum(1.0 - full, 0.1), 0.0, 1.0), float(high - low)


def border_level(grey: np.ndarray) -> float:
    """The median of the picture's outermost pixels: the paper's brightness where the light is even."""
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))


def coarse(grey: np.ndarray, longest: int) -> np.ndarray:
    """Area average of a grey (H, W) by a whole factor, until no side exceeds about ``longest``."""
    factor = -(-max(grey.shape) // longest)
    if factor <= 1:
        return grey
    rows, columns = (max(1, side // factor) for side in grey.shape)
    across, down = min(factor, grey.shape[1]), min(factor, grey.shape[0])
    cut = grey[: rows * down, : columns * across]
    return np.asarray(cut.reshape(rows, down, columns, across).mean(axis=(1, 3)))


def bounds(mask: np.ndarray) -> tuple[slice, slice]:
    """The smallest box around all that is True in (H, W), as slices of rows and columns; something must be True."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _enlarged(coarse: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A coarse grey (h, w) to ``shape`` = (H, W), bilinear."""
    image = Image.fromarray(np.ascontiguousarray(coarse, dtype=np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


@dataclass(frozen=True, eq=False)
class Strokes:
    """The digit's ink. ``mask``: bool (H, W), its strokes; ``everything``: the same with all other marks.

    ``level`` is the threshold, ``noise`` the paper's grain, both in ink; ``left_out`` counts other marks of its size.
    """

    mask: np.ndarray
    everything: np.ndarray
    level: float
    noise: float
    left_out: int = 0


def strokes_of(ink: np.ndarray, *, one_digit: bool = True) -> Strokes | None:
    """Threshold ink (H, W), or None where nothing stands out from the paper.

    The threshold is Otsu's (1979), taken only around the ink: in a whole picture a small digit would not count.
    With ``one_digit`` specks, marks along the picture's edge and marks far from the digit are left out.
    """
    noise = grain(ink)
    smooth = ndimage.gaussian_filter(ink, 0.7, mode="nearest") if noise > 0 else ink
    floor = max(_NOISE_SIGMAS * 0.5 * noise, FAINTEST)
    faint = smooth > floor
    if not faint.any():
        return None
    if one_digit:
        around = _digits_box(smooth, faint)
        everything = smooth > (level := max(floor, otsu(smooth[around])))
        digit = marks.one_digit(everything)
        return Strokes(digit.mask, everything, level, noise, digit.others)
    everything = smooth > (level := max(floor, otsu(smooth[bounds(faint)])))
    return Strokes(everything, everything, level, noise)


def _digits_box(smooth: np.ndarray, faint: np.ndarray) -> tuple[slice, slice]:
    """The box around the digit's darkest strokes.

    Among all that is not paper the darker part is looked at first, so that ruling and shadows are left behind; where
    that has nothing like a digit in it, only a table's edge, say, what is left is looked at in the same way.
    """
    boxes: list[tuple[slice, slice]] = []
    while faint.any() and len(boxes) < 3:
        dark = faint & (smooth > otsu(smooth[faint]))
        digit = marks.one_digit(dark)
        boxes.append(bounds(digit.mask))
        if digit.likely:
            return boxes[-1]
        faint = faint & ~dark
    return boxes[0]


def otsu(values: np.ndarray) -> float:
    """The threshold that parts the values into the two most distinct groups; just below them where all are equal."""
    if np.ptp(values) > 0:
        return float(threshold_otsu(values))  # type: ignore[no-untyped-call]
    return float(np.nextafter(values.flat[0], -1.0))


def grain(ink: np.ndarray) -> float:
    """The standard deviation of the paper's grain and the sensor's noise, in ink, whatever the share of strokes.

    From the median difference of pixels three apart, so that a blurred or compressed picture's grain counts in full.
    """
    rows, columns = ink[:: 1 + ink.shape[0] // 256], ink[:, :: 1 + ink.shape[1] // 256]  # some are enough
    apart = rows[:, 3:] - rows[:, :-3], columns[3:] - columns[:-3]
    differences = np.abs(np.concatenate([apart[0].ravel(), apart[1].ravel()]))
    return 1.4826 / np.sqrt(2.0) * float(np.median(differences)) if differences.size else 0.0


def full_ink(ink: np.ndarray, strokes: Strokes, *, contrast: bool = True) -> np.ndarray:
    """Ink (H, W) with the paper and all other marks at 0; the strokes keep their soft edges.

    With ``contrast`` the paper's grain is at 0 too and all but the strokes' faintest nine tenths at 1.
    """
    rows, columns = bounds(strokes.mask)
    edge = 2 + round(0.01 * max(rows.stop - rows.start, columns.stop - columns.start))
    rows = slice(max(0, rows.start - edge), rows.stop + edge)
    columns = slice(max(0, columns.start - edge), columns.stop + edge)
    mask = strokes.mask[rows, columns]
    low, high = 0.0, 1.0
    if contrast:
        low = min(2.0 * strokes.noise, 0.5 * strokes.level)
        high = float(np.percentile(ink[rows, columns][mask], 90))
    near = ndimage.binary_dilation(mask, iterations=edge)
    clean = np.zeros_like(ink)
    clean[rows, columns] = np.where(near, np.clip((ink[rows, columns] - low) / (high - low), 0.0, 1.0), 0.0)
    return clean
