"""Digits drawn stroke by stroke on the app's paper, as a pointer would: several ways to write each, bent, leaning,
trembling, with pens of different width. Nobody's digits, and none of MNIST's."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw
from scipy import interpolate

SIDE = 280
Line = tuple[tuple[float, float], ...]

# Strokes through these places, x to the right and y down, 0 to 1; a stroke named in BENT is a curve through them.
WAYS: dict[int, tuple[tuple[Line, ...], ...]] = {
    0: (
        (((0.5, 0.1), (0.22, 0.3), (0.2, 0.65), (0.5, 0.9), (0.8, 0.65), (0.78, 0.3), (0.5, 0.1)),),
        (((0.6, 0.12), (0.3, 0.25), (0.25, 0.7), (0.5, 0.9), (0.72, 0.6), (0.68, 0.25), (0.45, 0.12)),),
    ),
    1: (
        (((0.5, 0.1), (0.5, 0.9)),),
        (((0.32, 0.3), (0.52, 0.1)), ((0.52, 0.1), (0.52, 0.9))),
        (((0.35, 0.28), (0.5, 0.1)), ((0.5, 0.1), (0.5, 0.9)), ((0.3, 0.9), (0.7, 0.9))),
    ),
    2: (
        (
            ((0.25, 0.3), (0.4, 0.12), (0.65, 0.15), (0.7, 0.38), (0.45, 0.65), (0.22, 0.88)),
            ((0.22, 0.88), (0.78, 0.88)),
        ),
        (((0.25, 0.25), (0.5, 0.1), (0.72, 0.3), (0.5, 0.6), (0.25, 0.85), (0.35, 0.75), (0.5, 0.85), (0.78, 0.85)),),
    ),
    3: (
        (((0.28, 0.18), (0.55, 0.1), (0.68, 0.28), (0.45, 0.47), (0.72, 0.65), (0.6, 0.88), (0.25, 0.82)),),
        (
            ((0.25, 0.12), (0.7, 0.12)),
            ((0.7, 0.12), (0.45, 0.42)),
            ((0.45, 0.42), (0.74, 0.62), (0.55, 0.9), (0.25, 0.82)),
        ),
    ),
    4: (
        (((0.55, 0.1), (0.2, 0.6)), ((0.2, 0.6), (0.8, 0.6)), ((0.62, 0.35), (0.62, 0.92))),
        (((0.28, 0.12), (0.26, 0.5)), ((0.26, 0.5), (0.72, 0.5)), ((0.7, 0.1), (0.68, 0.92))),
    ),
    5: (
        (
            ((0.3, 0.12), (0.28, 0.45)),
            ((0.28, 0.45), (0.6, 0.42), (0.72, 0.65), (0.55, 0.88), (0.25, 0.82)),
            ((0.3, 0.12), (0.72, 0.12)),
        ),
    ),
    6: (
        (((0.62, 0.1), (0.35, 0.35), (0.25, 0.65), (0.45, 0.9), (0.7, 0.75), (0.6, 0.55), (0.3, 0.65)),),
        (((0.5, 0.1), (0.28, 0.5), (0.35, 0.85), (0.65, 0.85), (0.68, 0.62), (0.45, 0.55), (0.3, 0.7)),),
    ),
    7: (
        (((0.22, 0.14), (0.76, 0.14)), ((0.76, 0.14), (0.42, 0.9))),
        (((0.22, 0.14), (0.76, 0.14)), ((0.76, 0.14), (0.42, 0.9)), ((0.4, 0.5), (0.72, 0.5))),
    ),
    8: (
        (
            (
                (0.68, 0.22),
                (0.45, 0.1),
                (0.32, 0.28),
                (0.66, 0.6),
                (0.62, 0.86),
                (0.36, 0.86),
                (0.32, 0.62),
                (0.64, 0.36),
                (0.68, 0.22),
            ),
        ),
        (
            ((0.5, 0.1), (0.32, 0.28), (0.5, 0.45), (0.68, 0.28), (0.5, 0.1)),
            ((0.5, 0.45), (0.28, 0.68), (0.5, 0.9), (0.72, 0.68), (0.5, 0.45)),
        ),
    ),
    9: (
        (((0.68, 0.3), (0.48, 0.1), (0.3, 0.3), (0.48, 0.5), (0.68, 0.3)), ((0.68, 0.3), (0.66, 0.6), (0.55, 0.9))),
        (((0.66, 0.2), (0.42, 0.12), (0.32, 0.35), (0.5, 0.5), (0.68, 0.25)), ((0.68, 0.25), (0.68, 0.9))),
    ),
}


def drawing(digit: int, rng: np.random.Generator) -> bytes:
    """A PNG as the paper sends it: black on white, 280 pixels square."""
    ways = WAYS[digit]
    strokes = ways[int(rng.integers(len(ways)))]
    size, lean, turn = rng.uniform(0.35, 0.95), rng.uniform(-0.25, 0.35), np.deg2rad(rng.uniform(-10, 10))
    wide = rng.uniform(0.75, 1.15)
    matrix = size * np.array([[wide * np.cos(turn), -np.sin(turn) - lean], [wide * np.sin(turn), np.cos(turn)]])
    room = max(0.0, 0.5 - 0.5 * size)
    middle = 0.5 + rng.uniform(-room, room, 2)
    bend = rng.normal(0, 0.025, 2)  # every stroke's places move, and the same ones of one digit together
    image = Image.new("L", (4 * SIDE, 4 * SIDE), 255)
    pen = ImageDraw.Draw(image)
    width = rng.uniform(8, 26)
    for stroke in strokes:
        places = np.array(stroke) + bend + rng.normal(0, 0.02, (len(stroke), 2))
        line = (_smooth(places) - 0.5) @ matrix.T + middle + rng.normal(0, 0.002, 2)
        points = [tuple(point) for point in np.clip(line, 0.02, 0.98) * 4 * SIDE]
        pen.line(points, fill=0, width=round(4 * width), joint="curve")
        for x, y in (points[0], points[-1]):  # the pen is round
            pen.ellipse([x - 2 * width, y - 2 * width, x + 2 * width, y + 2 * width], fill=0)
    buffer = BytesIO()
    image.resize((SIDE, SIDE), Image.Resampling.BOX).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def _smooth(places: np.ndarray) -> np.ndarray:
    """A curve through the places, a straight line through two."""
    if len(places) == 2:
        return places
    knots = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))])
    return np.asarray(interpolate.PchipInterpolator(knots, places)(np.linspace(0, knots[-1], 60)))
