"""What is drawn and is no digit: scribbles, marks, boxes, faces, blots, signs of no alphabet."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from explorer.outliers.pen import SIDE, bent, pictured, stroked
from explorer.outliers.sources import Sources, pen_width


def glyph(rng: np.random.Generator, _sources: Sources) -> np.ndarray:
    """A letter of no alphabet: three to six strokes and arcs, mostly joined."""
    lines = []
    end = rng.uniform(0.2, 0.8, 2)
    for _ in range(int(rng.integers(3, 7))):
        begin = end if rng.random() < 0.6 else rng.uniform(0.2, 0.8, 2)
        lines.append(_line(begin, rng) if rng.random() < 0.5 else _arc(begin, rng))
        end = lines[-1][-1]
    return _pictured_lines(lines, rng)


def wandering(rng: np.random.Generator, _sources: Sources) -> np.ndarray:
    """A scribble: a pen whose direction drifts, and which turns back at the edge."""
    steps = int(rng.integers(40, 160))
    turn = np.cumsum(rng.normal(0, rng.uniform(0.02, 0.1), steps)) + rng.uniform(-0.1, 0.1)
    heading = np.cumsum(turn) + rng.uniform(0, 2 * np.pi)
    path = 0.5 + np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1) * rng.uniform(0.02, 0.06), axis=0)
    inside = 0.1 + 0.8 * np.abs((path - 0.1) / 0.8 % 2 - 1)  # mirrored at the edges
    return _pictured_lines([inside], rng)


def looping(rng: np.random.Generator, _sources: Sources) -> np.ndarray:
    """A scribble: a curve of three to six waves in each direction."""
    t = np.linspace(0, 2 * np.pi * rng.uniform(0.7, 1), 200)
    waves = np.arange(1, int(rng.integers(4, 8)))
    path = sum(
        rng.normal(0, 1, 2) * np.stack([np.cos(n * t + rng.uniform(0, 7)), np.sin(n * t + rng.uniform(0, 7))], axis=1)
        for n in waves
    )
    return _pictured_lines([_spread(np.asarray(path))], rng)


def corners(rng: np.random.Generator, _sources: Sources) -> np.ndarray:
    """A scribble of straight strokes, five to fifteen corners at random."""
    return _pictured_lines([rng.uniform(0.12, 0.88, (int(rng.integers(6, 16)), 2))], rng)


def to_and_fro(rng: np.random.Generator, _sources: Sources) -> np.ndarray:
    """Strokes side by side in any direction, joined or not, or in two directions."""
    count = int(rng.integers(4, 12))
    lines = []
    for angle in rng.uniform(0, np.pi, int(rng.integers(1, 3))):
        across = np.linspace(-0.35, 0.35, count) + rng.normal(0, 0.01, count)
        half = rng.uniform(0.2, 0.4, (count, 2))
        ends = np.stack([np.stack([-half[:, 0], half[:, 1]], axis=1), np.stack([across, across], axis=1)], axis=2)
        if rng.random() < 0.5:
            ends[1::2] = ends[1::2, ::-1]
            ends = ends.reshape(1, -1, 2)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        lines += [np.clip(one @ turn + 0.5, 0.05, 0.95) for one in ends]
    return _pictured_lines(lines, rng)


def coil(rng: np.random.Generator, _sources: Sources) -> np.ndarray:
    """A spiral, or loops in a row."""
    turns = rng.uniform(2.2, 6)
    t = np.linspace(0, 1, 250)
    angle = 2 * np.pi * turns * t + rng.uniform(0, 7)
    round_ = np.stack([np.cos(angle), rng.uniform(0.5, 1) * np.sin(angle)], axis=1)
    path = round_ * (0.1 + t[:, None]) if rng.random() < 0.5 else round_ + t[:, None] * rng.uniform(2, 6) * [1, 0.2]
    return _pictured_lines([_spread(path)], rng)


def frame(rng: np.random.Generator, _sources: Sources) -> np.ndarray:
    """A polygon of three to six corners, or a box with round corners: empty, double, or with something in it."""
    count = int(rng.choice([3, 4, 4, 4, 5, 6]))
    angles = 2 * np.pi * (np.arange(count + 1) + 0.5) / count + rng.normal(0, 0.05)
    sides = rng.uniform(0.6, 1, 2)
    round_ = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    round_ = round_ / np.abs(round_).max(axis=0) * sides
    outline = 0.5 + 0.38 * round_ + rng.normal(0, 0.015, round_.shape)
    outline[-1] = outline[0]
    lines = [outline]
    what = rng.random()
    if what < 0.15:
        lines.append(0.5 + (outline - 0.5) * rng.uniform(0.5, 0.8))
    elif what < 0.5:
        lines += crossing(rng, rng.uniform(0.15, 0.36))
    elif what < 0.6:
        lines.append(_line(outline[0], rng))
    elif what < 0.7:
        lines.append(0.5 + rng.uniform(-0.15, 0.15, (int(rng.integers(3, 8)), 2)))
    return _pictured_lines(lines, rng)


def mark(rng: np.random.Generator, _sources: Sources) -> np.ndarray:
    """A cross, a tick, an arrow, a star, strokes beside each other."""
    what = int(rng.integers(5))
    if what == 0:
        lines = crossing(rng, 0.36)
    elif what == 1:
        low = rng.uniform((0.3, 0.6), (0.5, 0.85))
        lines = [np.stack([low - rng.uniform((0.1, 0.1), (0.25, 0.3)), low, rng.uniform((0.7, 0.1), (0.9, 0.3))])]
    elif what == 2:
        lines = [np.array([(0.12, 0.5), (0.88, 0.5)]), np.array([(0.65, 0.3), (0.88, 0.5), (0.65, 0.7)])]
        lines = [turned_by(line, rng.uniform(0, 7)) for line in lines]
    elif what == 3:
        angles = np.arange(int(rng.integers(3, 5))) * np.pi / 3 + rng.uniform(0, 3)
        lines = [0.5 + 0.36 * np.outer([-1, 1], [np.cos(angle), np.sin(angle)]) for angle in angles]
    else:
        places = np.linspace(0.25, 0.75, int(rng.integers(2, 6)))
        angle = rng.uniform(0, 7)
        lines = [turned_by(np.array([(0.2, y), (0.8, y)]) + rng.normal(0, 0.02, (2, 2)), angle) for y in places]
    return _pictured_lines(lines, rng)


def face(rng: np.random.Generator, _sources: Sources) -> np.ndarray:
    """A drawn face: outline, eyes, mouth."""
    t = np.linspace(0, 2 * np.pi, 60)
    round_ = np.stack([np.cos(t), np.sin(t)], axis=1)
    eyes = [0.5 + rng.uniform(0.02, 0.06) * round_ + at for at in ((-0.13, -0.1), (0.13, -0.1))]
    mouth = 0.5 + rng.uniform(0.1, 0.2) * round_[(t > 0.3) & (t < 2.8)] * [1, rng.uniform(-0.8, 0.8)] + [0, 0.08]
    return _pictured_lines([0.5 + 0.36 * round_ * rng.uniform(0.75, 1, 2), *eyes, mouth], rng)


def blobs(rng: np.random.Generator, _sources: Sources) -> np.ndarray:
    """Spots of ink: noise, blurred and cut at a level."""
    noise = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), rng.uniform(2, 12))
    return pictured((noise > np.quantile(noise, rng.uniform(0.5, 0.95))).astype(np.float32), rng)


def _line(begin: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.stack([begin, rng.uniform(0.15, 0.85, 2)])


def _arc(begin: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of a circle that starts at ``begin``."""
    first, sweep = rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 6) * rng.choice([-1, 1])
    t = first + np.linspace(0, sweep, 40)
    path = rng.uniform(0.08, 0.25) * np.stack([np.cos(t), np.sin(t)], axis=1)
    return np.asarray(np.clip(path - path[0] + begin, 0.05, 0.95))


def crossing(rng: np.random.Generator, half: float) -> list[np.ndarray]:
    slopes = rng.uniform(0.5, 1, 2)
    ends = 0.5 + half * np.array([[(-1, -slopes[0]), (1, slopes[0])], [(1, -slopes[1]), (-1, slopes[1])]])
    return list(ends + rng.normal(0, 0.02, ends.shape))


def turned_by(line: np.ndarray, angle: float) -> np.ndarray:
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray((line - 0.5) @ turn + 0.5)


def _spread(path: np.ndarray) -> np.ndarray:
    """A path (points, 2) moved and scaled into the picture, its proportions kept."""
    low, high = path.min(axis=0), path.max(axis=0)
    return np.asarray(0.5 + 0.76 * (path - (low + high) / 2) / (high - low).max())


def _pictured_lines(lines: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    ink = stroked(lines, pen_width(rng, 0.1))
    return pictured(bent(ink, rng, most=0.7) if rng.random() < 0.5 else ink, rng)
