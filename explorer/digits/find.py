"""Several digits in one picture: where they are, in reading order, and each in MNIST's form.

The paper is evened out and its ruling removed (:mod:`page`, :mod:`ruling`), the marks are joined and parted into digits
(:mod:`groups`), and the boxes are read row by row, from left to right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from explorer.digits import groups
from explorer.digits.decode import Picture
from explorer.digits.page import Page, page_of
from explorer.digits.prepare import SHAPE, Polarity, Preparation, Prepared, Step, prepare
from explorer.errors import PictureError

MOST = 200
"""Boxes that are given: a page of print has thousands of marks."""
_LOWEST = 7  # pixels of the decoded picture: what is lower can't be read
_ALONE = 64  # pixels on the longer side up to which a picture that is about square shows one digit


class Box(NamedTuple):
    """Where a digit is, in whole pixels of the upright picture; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


@dataclass(frozen=True, eq=False)
class Sheet:
    """A picture and what was found in it: its strokes without paper and ruling, and the digits' boxes."""

    picture: Picture
    page: Page
    boxes: tuple[Box, ...]


def survey(picture: Picture) -> Sheet:
    """Look at a picture once, for :func:`find` and :func:`prepare_box`."""
    page = page_of(picture)
    found = groups.digits_of(page.strokes, least=_LOWEST * page.scale)
    scale = page.scale / picture.factor  # pixels of the page for one of the upright picture
    boxes = [found[number] / scale for number in reading_order(found)][:MOST]
    return Sheet(picture, page, tuple(Box(*(round(float(side)) for side in box)) for box in boxes))


def find(picture: Picture | Sheet) -> tuple[Box, ...]:
    """The digits of a picture, in reading order: rows, and from left to right in each. Empty where there are none."""
    return (picture if isinstance(picture, Sheet) else survey(picture)).boxes


def several(sheet: Sheet) -> bool:
    """Whether a picture shows several digits, not one."""
    return len(sheet.boxes) > 1 and not is_tiny(sheet.picture)


def is_tiny(picture: Picture) -> bool:
    """Whether a picture is so small, and about square, that it can only show one digit, as MNIST's do."""
    height, width = picture.rgb.shape[:2]
    return bool(max(height, width) <= _ALONE and max(height, width) < 1.6 * min(height, width))


def prepare_box(
    picture: Picture | Sheet,
    box: Box,
    shape: tuple[int, int, int] = SHAPE,
    steps: Preparation | None = None,
) -> Prepared:
    """The digit in a box of a picture to (H, W) of ``shape``: without its neighbours, the paper and the ruling.

    Raises PictureError where the box holds no ink.
    """
    sheet = picture if isinstance(picture, Sheet) else survey(picture)
    rows, columns = _place(sheet, box)
    ink = sheet.page.ink[rows, columns]
    strokes = _own(sheet.page.strokes, rows, columns)
    if not strokes.any():
        raise PictureError("There is no ink in this box: move it onto something drawn, or delete it.")
    near = ndimage.binary_dilation(strokes, iterations=3)
    margin = max(4, round(0.15 * max(ink.shape)))
    alone = np.pad(np.where(near, ink, 0.0), margin)
    options = replace(steps or Preparation(), invert="no", background=False)
    prepared = prepare(np.rint(alone * 255).astype(np.uint8), options, shape=shape)
    first = _first_steps(sheet, box, prepared)
    taken = {*(step.name for step in first), "upright", "transparency", "grey"}  # for the whole page
    polarity: Polarity = "dark on light" if sheet.page.dark else "light on dark"
    return replace(
        prepared,
        steps=(*first, *(step for step in prepared.steps if step.name not in taken)),
        polarity=polarity,
        box=(box.left, box.top, box.right, box.bottom),
        notes=(),
    )


def _place(sheet: Sheet, box: Box) -> tuple[slice, slice]:
    """A box's rows and columns on the page, at least one pixel of each."""
    scale = sheet.page.scale / sheet.picture.factor
    high, wide = sheet.page.ink.shape
    left, top = (min(max(0, int(side * scale)), most - 1) for side, most in ((box.left, wide), (box.top, high)))
    right = min(max(left + 1, round(box.right * scale)), wide)
    bottom = min(max(top + 1, round(box.bottom * scale)), high)
    return slice(top, bottom), slice(left, right)


def _own(strokes: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    """The strokes in a box, bool (h, w), without small parts of what lies mostly outside of it."""
    part = strokes[rows, columns]
    labels, count = ndimage.label(part, structure=np.ones((3, 3)))
    if count < 2:
        return part
    areas = np.bincount(labels.ravel())[1:]
    kept = np.concatenate([[False], areas >= 0.02 * areas.max()])
    around = slice(max(0, rows.start - 2), rows.stop + 2), slice(max(0, columns.start - 2), columns.stop + 2)
    inside = tuple(
        slice(own.start - its.start, own.stop - its.start) for own, its in zip((rows, columns), around, strict=True)
    )
    outside = strokes[around].copy()
    outside[inside] = False
    touched = ndimage.binary_dilation(outside, structure=np.ones((3, 3)))[inside]
    goes_on = np.unique(labels[touched & part])
    kept[goes_on[areas[goes_on - 1] < 0.25 * areas.max()]] = False
    return np.asarray(kept[labels])


def _first_steps(sheet: Sheet, box: Box, prepared: Prepared) -> tuple[Step, ...]:
    """The steps that were taken for the whole page, as they look in this box."""
    factor = sheet.picture.factor
    left, top, right, bottom = (round(side / factor) for side in box)
    cut = sheet.picture.rgb[max(0, top) : max(top + 1, bottom), max(0, left) : max(left + 1, right)]
    ink = sheet.page.ink[_place(sheet, box)]
    shown = np.rint(np.clip(ink, 0.0, 1.0) * 255).astype(np.uint8)
    by_name = {step.name: step for step in prepared.steps}
    lines = f"The page's light evened out, and {sheet.page.lines:,} pixels of ruling left out."
    turned = "Dark ink on light paper: turned over." if sheet.page.dark else "Light ink on dark already."
    picture = replace(by_name["picture"], note=f"{box.width} × {box.height} pixels of your picture.", image=cut)
    even = replace(by_name["background"], note=lines, image=255 - shown if sheet.page.dark else shown, changed=True)
    polarity = replace(by_name["polarity"], note=turned, image=shown, changed=sheet.page.dark)
    return picture, even, polarity


def reading_order(boxes: np.ndarray) -> np.ndarray:
    """Numbers of boxes (N, 4) in reading order: rows from the top, each from left to right, also on tilted pages."""
    return np.array([number for row in rows_of(boxes) for number in row], dtype=int)


def rows_of(boxes: np.ndarray) -> list[list[int]]:
    """Numbers of boxes (N, 4) row by row, each from left to right; a row may fall or rise, but all do alike."""
    if len(boxes) < 2:
        return [[number] for number in range(len(boxes))]
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    centre = (boxes[:, 0] + boxes[:, 2]) / 2
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    level = middle - _slope(centre, middle, height) * centre
    rows: list[list[int]] = []
    for number in np.argsort(level, kind="stable"):
        if rows and level[number] - np.mean(level[rows[-1]]) <= 0.5 * height:
            rows[-1].append(int(number))
        else:
            rows.append([int(number)])
    return [sorted(row, key=lambda one: float(centre[one])) for row in rows]


def _slope(x: np.ndarray, y: np.ndarray, height: float) -> float:
    """How much the rows fall from left to right, in pixels a pixel: the median over neighbours in a row."""
    slopes = []
    for number in range(len(x)):
        right = (x > x[number] + 0.2 * height) & (np.abs(y - y[number]) < 0.5 * height)
        if right.any():
            other = int(np.flatnonzero(right)[np.argmin(x[right])])
            if x[other] - x[number] < 4 * height:
                slopes.append((y[other] - y[number]) / (x[other] - x[number]))
    return float(np.median(slopes)) if slopes else 0.0
