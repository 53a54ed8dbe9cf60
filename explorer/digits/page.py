"""A photographed page without its paper: even light, no ruling, and a mask of the strokes. Arrays in, arrays out.

Ink is float32 (H, W), paper 0, full ink 1, as in :mod:`explorer.digits.ink`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from explorer.digits import ink, ruling
from explorer.digits.decode import Picture

_COARSE = 320  # light and shadow are estimated on a picture of this many pixels on the longer side
_SMALL = 900  # pixels on the longer side: what is smaller is enlarged
_LARGE = 1_500_000  # pixels in all: what is larger is averaged down
_WINDOW = 0.2  # of the shorter side: wider than any stroke
_WEAKEST = 0.25  # of the page's full ink
_LOCAL = 0.42  # of the fullest ink near by: where the outline of a stroke is
_THIN = (0.015, 0.035, 0.07, 0.14)  # windows in shares of the shorter side
_THICKEST = 0.007  # of the longer side: a printed line
_LINE = 0.25  # of the shorter side: what is thin and longer is a line, whatever the digits' size


@dataclass(frozen=True, eq=False)
class Page:
    """``ink``: float32 (H, W), lines left out; ``strokes``: bool (H, W); ``dark``: whether the ink is darker than its
    paper; ``scale``: pixels of the page for one of the decoded picture; ``lines``: how many pixels were ruling."""

    ink: np.ndarray
    strokes: np.ndarray
    dark: bool
    scale: float
    lines: int


def page_of(picture: Picture) -> Page:
    """The strokes on a page, by local thresholds, ruling removed."""
    grey, scale = _scaled(ink.grey_of(ink.composite(picture.rgb, picture.alpha)[0])[0])
    dark = is_dark_ink(grey)
    even = _even(1.0 - grey if dark else grey)
    noise = ink.grain(even)
    smooth = ndimage.gaussian_filter(even, 1.0, mode="nearest")
    floor = max(3.5 * noise, ink.FAINTEST)
    full = _full(smooth, floor)
    if full is None:
        return Page(even, np.zeros(even.shape, dtype=bool), dark, scale, 0)
    weakest = max(floor, _WEAKEST * full)
    mask = smooth > weakest
    thickest = max(7, round(_THICKEST * max(mask.shape)))
    lines = ruling.lines(mask, thickest=thickest, longest=_LINE * min(mask.shape))
    lines = _without_strokes(lines, smooth)
    strokes = mask & ~lines
    near = 2 * thickest + 1
    local = ndimage.maximum_filter(np.where(strokes, smooth, 0.0), size=near)
    strokes &= smooth > _LOCAL * local
    gone = ndimage.binary_dilation(lines, iterations=2) & ~ndimage.binary_dilation(strokes, iterations=1)
    clean = np.where(gone, 0.0, np.clip(even / full, 0.0, 1.0)).astype(np.float32)
    return Page(clean, strokes, dark, scale, int(lines.sum()))


def _scaled(grey: np.ndarray) -> tuple[np.ndarray, float]:
    longest = max(grey.shape)
    if longest >= _SMALL and grey.size <= _LARGE:
        return grey, 1.0
    scale = min(_SMALL / longest, 6.0) if longest < _SMALL else (_LARGE / grey.size) ** 0.5
    height, width = (max(1, round(side * scale)) for side in grey.shape)
    method = Image.Resampling.BICUBIC if scale > 1 else Image.Resampling.BOX
    image = Image.fromarray(np.ascontiguousarray(grey)).resize((width, height), method)
    return np.clip(np.asarray(image), 0.0, 1.0), scale


def is_dark_ink(grey: np.ndarray) -> bool:
    """Whether the ink is darker than its paper: on a page with several digits, strokes are thinner than what is left
    of the paper between them.

    Dark structures narrower than a window vanish in a closing, light ones in an opening. Of both kinds the ink is the
    one that vanishes at smaller windows already; shadows, the sheet's edge and the table around it do at none.
    """
    small = ink.coarse(ndimage.gaussian_filter(grey, 1.0, mode="nearest"), 2 * _COARSE)
    gone = np.zeros((2, len(_THIN)))
    for number, share in enumerate(_THIN):
        size = max(3, int(share * min(small.shape)) | 1)
        shut, opened = (way(small, size=(size, size)) for way in (ndimage.grey_closing, ndimage.grey_opening))
        gone[:, number] = [
            (np.clip(what - ink.FAINTEST, 0, None) ** 3).sum() for what in (shut - small, small - opened)
        ]
    most = gone.max(axis=1)
    if most.min() <= 0.003 * most.max():  # grain, not strokes
        return bool(most[0] > most[1])
    dark, light = (gone / most[:, None]).sum(axis=1)
    return bool(dark > light) if abs(dark - light) > 0.2 else ink.is_dark_ink(grey)


def _even(values: np.ndarray) -> np.ndarray:
    """Ink on unevenly lit paper, light on dark (H, W), to ink with the paper at 0 everywhere.

    The paper under the ink is an opening wider than any stroke; so the edges of shadows and of the sheet stay sharp.
    """
    small = ink.coarse(values, _COARSE)
    window = max(5, int(_WINDOW * min(small.shape)) | 1)
    calm = ndimage.uniform_filter(np.pad(small, window, mode="edge"), 3)  # or the grain's lowest would be the paper
    opened = ndimage.grey_opening(calm, size=(window, window))[window:-window, window:-window]
    opened = ndimage.maximum_filter(opened, 3)  # the sheet's edge lies anywhere in a coarse pixel
    image = Image.fromarray(np.ascontiguousarray(opened, dtype=np.float32))
    full = np.asarray(image.resize((values.shape[1], values.shape[0]), Image.Resampling.BILINEAR))
    even = (values - full) / np.maximum(1.0 - full, 0.1)
    even -= max(0.0, float(np.median(even)))
    return np.asarray(np.clip(even, 0.0, 1.0), dtype=np.float32)


def _full(smooth: np.ndarray, floor: float) -> float | None:
    """The page's full ink: of all that is darker than Otsu's threshold the upper quarter's lower end."""
    some = smooth[::2, ::2]
    faint = some[some > floor]
    if len(faint) < 20:
        return None
    strong = faint[faint > ink.otsu(faint)]
    return float(np.percentile(strong if len(strong) else faint, 75))


def _without_strokes(lines: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """Lines without the pixels that are far darker than most of their own neighbourhood on the line: strokes on it."""
    if not lines.any():
        return lines
    level = float(np.median(smooth[lines]))
    return lines & (smooth <= 1.6 * level)
