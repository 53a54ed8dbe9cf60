"""Marks, the connected parts of a mask, and which of them make up a digit. Masks are bool (H, W)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

SPECK = 0.03  # a mark smaller than this share of the digit's largest one is a speck
NEAR = 0.25  # marks belong together up to this distance, in the digit's longer side
SMALLEST = 0.08  # a digit is at least this share of the picture's longer side, where there is anything else in it
MOST = 500  # more marks are never looked at: a picture of noise has a million


@dataclass(frozen=True, eq=False)
class Digit:
    """``mask``: the digit's marks; ``others``: how many more are as large as a digit; ``likely``: False where its
    largest mark is a speck, or belongs to the picture's edge, and was only taken because there is nothing else."""

    mask: np.ndarray
    others: int
    likely: bool


def one_digit(mask: np.ndarray) -> Digit:
    """The marks (connected, diagonals too) that make up one digit.

    They are the largest mark that does not belong to the picture's edge, and all that are near it and not specks.
    """
    labels, areas = _largest(mask)
    if not len(areas):
        return Digit(mask, 0, likely=False)
    boxes = np.array([(r.start, c.start, r.stop, c.stop) for r, c in ndimage.find_objects(labels)])
    long_sides = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    free = ~_at_the_edge(labels, boxes)
    likely = bool((free & (long_sides >= SMALLEST * max(mask.shape))).any())
    free |= not likely
    main = int(np.where(free, areas, 0).argmax())
    kept = _near(boxes, main, free & (areas >= SPECK * areas[main]))
    others = free & ~kept & (areas >= 0.2 * areas[main]) & (long_sides >= 0.25 * long_sides[main])
    return Digit(np.concatenate([[False], kept])[labels], int(others.sum()), likely)


def _largest(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest marks numbered from 1, int (H, W), 0 elsewhere, and their areas: never more than ``MOST``."""
    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    areas = np.bincount(labels[mask], minlength=count + 1)[1:]
    if count <= MOST:
        return labels, areas
    largest = np.argsort(areas)[-MOST:]
    number = np.zeros(count + 1, dtype=labels.dtype)
    number[largest + 1] = np.arange(1, MOST + 1)
    return number[labels], areas[largest]


def _near(boxes: np.ndarray, main: int, worthy: np.ndarray) -> np.ndarray:
    """bool (marks,): the main mark and, again and again, all worthy ones that are near those taken already."""
    more = np.arange(len(boxes)) == main
    kept: np.ndarray = more
    while more.any():
        kept = kept | more
        top, left = boxes[kept, :2].min(axis=0)
        bottom, right = boxes[kept, 2:].max(axis=0)
        apart = np.maximum.reduce([boxes[:, 0] - bottom, top - boxes[:, 2], boxes[:, 1] - right, left - boxes[:, 3]])
        more = worthy & ~kept & (apart <= NEAR * max(bottom - top, right - left))
    return kept


def _at_the_edge(labels: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """bool (marks,): which lie along the picture's edge or run from edge to edge, as a table, a shadow, a sheet's end.

    A stroke ends at one place of the edge at most, but for a digit that fills the picture; that is not a frame, which
    covers a whole side and leaves the middle free.
    """
    height, width = labels.shape
    ring = labels.copy()
    ring[1:-1, 1:-1] = 0
    touching = ndimage.find_objects(ring, max_label=len(boxes))
    spread = [0 if at is None else max(at[0].stop - at[0].start, at[1].stop - at[1].start) for at in touching]
    fills = (boxes[:, 2] - boxes[:, 0] > 0.8 * height) & (boxes[:, 3] - boxes[:, 1] > 0.8 * width)
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    along = np.max([np.bincount(side, minlength=len(boxes) + 1) / len(side) for side in sides], axis=0)[1:]
    middle = labels[height // 4 : height - height // 4, width // 4 : width - width // 4]
    frame = (along > 0.9) & (np.bincount(middle.ravel(), minlength=len(boxes) + 1)[1:] == 0)
    return np.asarray((np.array(spread) >= 0.2 * min(height, width)) & (~fills | frame))
