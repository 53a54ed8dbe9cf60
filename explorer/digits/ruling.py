"""Ruled, squared and boxed paper: which pixels of a mask are printed lines, not strokes. Masks are bool (H, W).

A line is thin, straight and long. What is thin in one direction is found by the lengths of runs of True, so lines may
be tilted, gently bent and crossed by strokes; a stroke that crosses a line is not thin there and stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

_EIGHT = np.ones((3, 3), dtype=bool)
_MOST = 200  # pieces that are looked at, the longest first: a picture of a fence has thousands
_STEEPEST = 0.25


def runs(mask: np.ndarray, axis: int) -> np.ndarray:
    """For each True pixel the length of the run of True along ``axis`` that it lies in, else 0: int16 (H, W).

    Sides up to 32,766 pixels.
    """
    side = mask.shape[axis]
    places = np.arange(side, dtype=np.int16)
    places = places[:, None] if axis == 0 else places
    before = np.maximum.accumulate(np.where(mask, np.int16(-1), places), axis=axis)
    backwards = np.flip(np.where(mask, np.int16(side), places), axis=axis)
    after = np.flip(np.minimum.accumulate(backwards, axis=axis), axis=axis)
    return np.where(mask, after - before - np.int16(1), np.int16(0))


def lines(mask: np.ndarray, *, thickest: int, longest: float) -> np.ndarray:
    """The pixels of all printed lines at most ``thickest`` pixels thick, near to level or upright.

    ``longest``: a line is at least as long in all. Thin pieces that end at a line at both ends, as the sides of printed
    boxes, are lines too.
    """
    turned = np.ascontiguousarray(mask.T)
    level, upright = _pieces(mask, thickest), _pieces(turned, thickest)
    across = _drawn(mask.shape, _in_line(level, thickest, longest))
    down = _drawn(turned.shape, _in_line(upright, thickest, longest)).T
    for _ in range(2):  # a box's sides hang on its top, and others on them
        ends = ndimage.binary_dilation(across, iterations=thickest)
        down = down | _drawn(turned.shape, _between(upright, ends.T, thickest)).T
        ends = ndimage.binary_dilation(down, iterations=thickest)
        across = across | _drawn(mask.shape, _between(level, ends, thickest))
    return np.asarray((across | down) & mask)


@dataclass(frozen=True, eq=False)
class _Piece:
    """A thin, straight piece that runs from left to right: its pixels, and the straight line y = a + b · x."""

    x: np.ndarray
    y: np.ndarray
    start: int
    stop: int
    a: float
    b: float

    @property
    def length(self) -> int:
        return self.stop - self.start


def _pieces(mask: np.ndarray, thickest: int) -> list[_Piece]:
    """The thin pieces of a mask, the longest first, each at least a few times as long as thick."""
    thin = mask & (runs(mask, 0) <= thickest)
    gaps = runs(~thin, 1)
    labels, count = ndimage.label(thin | ((gaps > 0) & (gaps <= thickest)), structure=_EIGHT)
    found = ndimage.find_objects(labels)
    shortest = 4 * thickest
    wide = [number for number in range(count) if found[number][1].stop - found[number][1].start >= shortest]
    wide.sort(key=lambda number: found[number][1].start - found[number][1].stop)
    pieces = (_piece(labels, thin, found[number], number + 1, thickest) for number in wide[:_MOST])
    return [piece for piece in pieces if piece is not None and piece.length >= shortest]


def _piece(labels: np.ndarray, thin: np.ndarray, at: tuple[slice, slice], number: int, thickest: int) -> _Piece | None:
    """Of a piece's pixels those on one gently bent curve, or None where they make no straight piece."""
    y, x = np.nonzero((labels[at] == number) & thin[at])
    if len(x) < 3 * thickest:
        return None
    kept = np.ones(len(x), dtype=bool)
    middle = x - x.mean()
    for _ in range(4):  # strokes that hang on the line would pull the curve off it
        curve = np.polynomial.polynomial.polyfit(middle[kept], y[kept], 2)
        off = np.abs(y - np.polynomial.polynomial.polyval(middle, curve))
        kept = off <= max(1.0, min(2.0 * float(np.median(off[kept])), 2.0 * thickest))
        if kept.sum() < 3 * thickest:
            return None
    x, y = x[off <= thickest] + at[1].start, y[off <= thickest] + at[0].start
    slope = abs(float(curve[1])) + abs(float(curve[2])) * len(np.unique(x))
    if not len(x) or len(np.unique(x)) < 0.6 * np.ptp(x) or slope > _STEEPEST:
        return None
    b, a = np.polyfit(x, y, 1)
    return _Piece(x, y, int(x.min()), int(x.max()) + 1, float(a), float(b))


def _in_line(pieces: list[_Piece], thickest: int, longest: float) -> list[_Piece]:
    """The pieces that lie on a line of the page: one long piece, or several one behind the other."""
    out: dict[int, _Piece] = {}
    for seed in pieces:
        if id(seed) in out or seed.length < 0.3 * longest:
            continue
        line = [seed]
        for piece in sorted(pieces, key=lambda one: abs(one.start + one.stop - seed.start - seed.stop)):
            if piece is not seed and _continues(line, piece, thickest):
                line.append(piece)
        total = sum(piece.length for piece in line)
        span = max(piece.stop for piece in line) - min(piece.start for piece in line)
        if total >= longest and (seed.length >= longest or total >= 0.5 * span):
            out |= {id(piece): piece for piece in line}
    return list(out.values())


def _continues(line: list[_Piece], piece: _Piece, thickest: int) -> bool:
    """Whether a piece lies on the straight line through the nearest piece of a line that has begun."""
    middle = (piece.start + piece.stop) / 2
    near = min(line, key=lambda one: max(one.start - piece.stop, piece.start - one.stop))
    long = max(line, key=lambda one: one.length) if near.length < 10 * thickest else near
    away = max(0, near.start - piece.stop, piece.start - near.stop)
    b = long.b
    expected = near.a + near.b * (near.start + near.stop) / 2 + b * (middle - (near.start + near.stop) / 2)
    level = abs(piece.a + piece.b * middle - expected) <= 0.75 * thickest + 0.01 * away
    return level and abs(piece.b - b) < 0.06


def _between(pieces: list[_Piece], ends: np.ndarray, thickest: int) -> list[_Piece]:
    """The pieces both of whose ends lie on ``ends``, bool (H, W)."""

    def on(x: int, piece: _Piece) -> bool:
        y = round(piece.a + piece.b * x)
        return 0 <= y < ends.shape[0] and bool(ends[y, max(0, x - thickest) : x + thickest + 1].any())

    return [piece for piece in pieces if on(piece.start, piece) and on(piece.stop - 1, piece)]


def _drawn(shape: tuple[int, ...], pieces: list[_Piece]) -> np.ndarray:
    out = np.zeros(shape, dtype=bool)
    for piece in pieces:
        out[piece.y, piece.x] = True
    return out
