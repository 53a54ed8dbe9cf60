"""Marks on a page to digits: broken strokes joined, touching digits parted, all else left out.

Boxes are float (N, 4): left, top, right, bottom in the mask's pixels. Lengths are in shares of the digits' usual
height.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.measure import label

from explorer.digits import form

SHORTEST, TALLEST = 0.42, 2.3  # a digit's height
_TOUCH = 0.1  # marks that are nearer than this belong together where one is a fragment
_FRAGMENT = 0.62  # a mark lower than this may be a fragment of a digit
_TALL = 1.4  # two fragments make a digit at most this tall
_WIDE = 1.2  # a digit at most this wide in shares of its own height
_PASSES = 4  # in which marks are joined: more is no digit
_MOST = 600  # marks that are looked at, the largest first: a picture of noise has thousands


@dataclass(frozen=True, eq=False)
class Marks:
    """Connected marks: ``labels`` int (H, W), 0 for paper; for each, from 1 on, its box and its area in pixels."""

    labels: np.ndarray
    boxes: np.ndarray
    areas: np.ndarray

    @property
    def widths(self) -> np.ndarray:
        return np.asarray(self.boxes[:, 2] - self.boxes[:, 0])

    @property
    def heights(self) -> np.ndarray:
        return np.asarray(self.boxes[:, 3] - self.boxes[:, 1])


def marks_of(strokes: np.ndarray) -> Marks:
    """The connected marks (diagonals too) of a mask (H, W) that are more than a few pixels, largest first."""
    labels = label(strokes, connectivity=2)  # type: ignore[no-untyped-call]
    areas = np.bincount(labels.ravel())[1:]
    order = np.argsort(-areas, kind="stable")[:_MOST]
    order = order[areas[order] >= 8]
    number = np.zeros(len(areas) + 1, dtype=labels.dtype)
    number[order + 1] = np.arange(1, len(order) + 1)
    labels = number[labels]
    boxes = [(c.start, r.start, c.stop, r.stop) for r, c in ndimage.find_objects(labels)]
    return Marks(labels, np.array(boxes, dtype=float).reshape(-1, 4), areas[order])


def usual_height(marks: Marks, shape: tuple[int, ...], least: float) -> float:
    """The digits' usual height in pixels: of all marks that could be digits, the middle one by ink; 0 without any."""
    heights, widths = marks.heights, marks.widths
    could = (heights >= max(least, 0.012 * max(shape))) & (widths < 6 * heights) & ~_edges(marks, shape)
    if not could.any():
        return 0.0
    # a digit's ink grows with the square of its height: printed text beside it counts little, however long
    order = np.argsort(heights[could])
    weight = np.cumsum((heights[could] ** 2)[order])
    return float(heights[could][order][np.searchsorted(weight, weight[-1] / 2)])


def digits_of(strokes: np.ndarray, *, least: float = 0.0) -> np.ndarray:
    """The boxes of the digits on a mask (H, W), float (N, 4), in no order; each is at least ``least`` pixels high."""
    marks = marks_of(strokes)
    usual = usual_height(marks, strokes.shape, least)
    if not usual:
        return np.empty((0, 4))
    kept = (np.maximum(marks.heights, marks.widths) >= 0.1 * usual) & ~_edges(marks, strokes.shape)
    kept &= ~_frames(marks, usual) & (marks.heights <= 4 * usual)
    numbers = np.flatnonzero(kept)
    groups = _joined(marks.boxes[numbers], marks.areas[numbers], usual)
    boxes = [_around(marks.boxes[numbers[group]]) for group in groups]
    members = [numbers[group] + 1 for group in groups]
    out: list[np.ndarray] = []
    for box, member in zip(boxes, members, strict=True):
        left, top, right, bottom = box.astype(int)
        part = np.isin(marks.labels[top:bottom, left:right], member)
        for piece in _parted(part, usual):
            found = piece + np.array([left, top, left, top])
            if _like_a_digit(found, part, usual) and found[3] - found[1] >= least:
                out.append(found)
    return np.array(out).reshape(-1, 4)


def _like_a_digit(box: np.ndarray, part: np.ndarray, usual: float) -> bool:
    width, height = box[2] - box[0], box[3] - box[1]
    solid = part.mean() > 0.85 and width > 0.35 * height  # a blot, a filled box
    return bool(SHORTEST * usual <= height <= TALLEST * usual and width <= 1.9 * height and not solid)


def _edges(marks: Marks, shape: tuple[int, ...]) -> np.ndarray:
    """bool (marks,): which lie along the picture's edge, as a table, a shadow, the end of the sheet."""
    height, width = shape
    boxes, size = marks.boxes, np.maximum(marks.heights, marks.widths)
    touches = (boxes[:, 0] <= 1) | (boxes[:, 1] <= 1) | (boxes[:, 2] >= width - 1) | (boxes[:, 3] >= height - 1)
    dense = marks.areas > 0.6 * marks.widths * marks.heights
    spans = (marks.widths > 0.9 * width) & (marks.heights < 0.5 * height)
    spans |= (marks.heights > 0.9 * height) & (marks.widths < 0.5 * width) & (marks.heights > 4 * marks.widths)
    return np.asarray(touches & ((size > 0.3 * min(shape)) | dense | spans))


def _frames(marks: Marks, usual: float) -> np.ndarray:
    """bool (marks,): which are printed boxes: hollow, with ink along most of all four sides."""
    out = np.zeros(len(marks.boxes), dtype=bool)
    large = np.flatnonzero((marks.widths >= 0.7 * usual) & (marks.heights >= 0.7 * usual))
    for number in large:
        left, top, right, bottom = marks.boxes[number].astype(int)
        part = marks.labels[top:bottom, left:right] == number + 1
        if part.mean() > 0.4:
            continue
        band_y, band_x = max(2, round(0.1 * part.shape[0])), max(2, round(0.1 * part.shape[1]))
        sides = (
            part[:band_y].any(axis=0),
            part[-band_y:].any(axis=0),
            part[:, :band_x].any(axis=1),
            part[:, -band_x:].any(axis=1),
        )
        out[number] = min(float(side.mean()) for side in sides) > 0.8
    return out


def _joined(boxes: np.ndarray, areas: np.ndarray, usual: float) -> list[np.ndarray]:
    """Which marks make up a digit each: lists of their numbers. The nearest pairs are joined first."""
    groups = {number: [number] for number in range(len(boxes))}
    around = boxes.copy()
    ink = areas.astype(float)
    for _ in range(_PASSES):
        changed = False
        for one, other in _pairs(around, ink, usual, np.array(list(groups))):
            # what was joined before in this pass may be too large by now
            if one in groups and other in groups and _pairs(around, ink, usual, np.array([one, other])):
                groups[one] += groups.pop(other)
                around[one] = _around(around[[one, other]])
                ink[one] += ink[other]
                changed = True
        if not changed:
            break
    return [np.array(group) for group in groups.values()]


def _pairs(boxes: np.ndarray, ink: np.ndarray, usual: float, those: np.ndarray) -> list[tuple[int, int]]:
    """The pairs among the groups ``those`` that belong together, the surest first."""
    if len(those) < 2:
        return []
    ink = ink[those]
    left, top, right, bottom = boxes[those].T
    width, height = right - left, bottom - top
    gap_x = np.maximum(left[:, None], left) - np.minimum(right[:, None], right)  # negative: they overlap by so much
    gap_y = np.maximum(top[:, None], top) - np.minimum(bottom[:, None], bottom)
    tall = np.maximum(bottom[:, None], bottom) - np.minimum(top[:, None], top)
    wide = np.maximum(right[:, None], right) - np.minimum(left[:, None], left)
    gap = np.maximum(np.maximum(gap_x, gap_y), 0.0)
    low = np.minimum(height[:, None], height)
    narrow = np.minimum(width[:, None], width)
    most = np.maximum(np.maximum(height[:, None], height), usual)
    fits = (tall <= _TALL * most) & (wide <= 1.15 * np.maximum(tall, most))
    fragment = (low < _FRAGMENT * usual) | (np.minimum(ink[:, None], ink) < 0.15 * np.maximum(ink[:, None], ink))
    inside = (np.minimum(-gap_x, width) > 0.7 * narrow) & (np.minimum(-gap_y, height) > 0.7 * low)
    near = (gap <= _TOUCH * usual) & fragment
    # the bar of a five, a digit cut in two by a line: one above the other
    stacked = (gap_y <= 0.28 * usual) & (-gap_x >= 0.3 * narrow) & fragment & (tall <= 1.25 * most)
    fine = np.triu(fits & (inside | near | stacked), 1)
    ones, others = np.nonzero(fine)
    order = np.argsort((gap + 0.1 * np.maximum(tall, wide))[ones, others], kind="stable")
    return [(int(those[ones[place]]), int(those[others[place]])) for place in order]


def _around(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


# --- touching digits ---


def _parted(part: np.ndarray, usual: float) -> list[np.ndarray]:
    """The boxes (4,) in a mark (h, w) of one digit, or of several that touch: then cut where least ink is cut."""
    height, width = part.shape
    if width > _WIDE * max(height, 0.8 * usual) and height > 0.5 * usual:
        cut = _cut(part)
        if cut is not None:
            return [piece for half in _halves(part, cut) for piece in _moved(_parted(half[0], usual), half[1], 0)]
    if height > 1.6 * usual and width < 1.4 * usual:
        cut = _cut(part.T)
        if cut is not None:
            return [piece for half in _halves(part.T, cut) for piece in _moved(_parted(half[0].T, usual), 0, half[1])]
    if not part.any():
        return []
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    return [np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=float)]


def _cut(part: np.ndarray) -> int | None:
    """The column at which a mark (h, w) of touching digits comes apart best, or None where there is no such place."""
    height, width = part.shape
    stroke = form.stroke_width(part)
    ink = part.sum(axis=0).astype(float)
    crossings = (np.diff(part.astype(np.int8), axis=0, prepend=0) == 1).sum(axis=0)
    place = np.arange(width)
    count = max(2, round(width / (0.75 * height)))
    targets = width * np.arange(1, count) / count
    off = np.abs(place[:, None] - targets).min(axis=1) / height  # how far from an even share
    cost = ink / stroke + 2.0 * (crossings - 1).clip(0) + 3.0 * off
    cost[: max(1, int(0.2 * height))] = np.inf
    cost[width - max(1, int(0.2 * height)) :] = np.inf
    for column in np.argsort(cost, kind="stable")[: max(8, width // 4)]:
        if not np.isfinite(cost[column]) or ink[column] > 2.2 * stroke or crossings[column] > 1:
            continue
        halves = (part[:, :column], part[:, column:])
        if all(half.any() and np.ptp(np.flatnonzero(half.any(axis=1))) > 0.55 * height for half in halves):
            return int(column)
    return None


def _halves(part: np.ndarray, column: int) -> tuple[tuple[np.ndarray, int], tuple[np.ndarray, int]]:
    return (part[:, :column], 0), (part[:, column:], column)


def _moved(boxes: list[np.ndarray], right: int, down: int) -> list[np.ndarray]:
    return [box + np.array([right, down, right, down]) for box in boxes]
