"""Digits as people picture them, and letters, signs and words that are none."""

from __future__ import annotations

import numpy as np

from explorer.errors import DataError
from explorer.outliers import fonts
from explorer.outliers.pen import SIDE, bent, fitted, pictured, redrawn
from explorer.outliers.sources import Sources, pen_width, smooth

_TRIES = 500


def handwritten(rng: np.random.Generator, sources: Sources) -> tuple[np.ndarray, int]:
    """An MNIST digit, or a font's, with another pen, as a picture, and its label."""
    if rng.random() < 0.25:
        label = int(rng.integers(10))
        ink = _of_fonts(str(label), rng, sources)
        ink = bent(ink, rng) if rng.random() < 0.7 else ink
    else:
        number = int(rng.integers(len(sources.labels)))
        label = int(sources.labels[number])
        ink = smooth(sources.pixels[number, 0])
    width = pen_width(rng)
    if rng.random() < 0.7:
        ink = redrawn(ink, width)
    if width > 0.04 and rng.random() < 0.2:  # a thinner pen's strokes would be cut to pieces
        ink = _ruled(ink, rng)
    return pictured(ink, rng), label


def _ruled(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What is left where a paper's lines were taken out: gaps and stubs."""
    ink = ink.copy()
    gap, first = int(rng.integers(10, 24)), int(rng.integers(10))
    for axis in range(int(rng.integers(1, 3))):
        rows = ink if axis == 0 else ink.T
        for row in range(first, SIDE, gap):
            rows[row] = rows[row] * rng.uniform(0, 0.6) if rng.random() < 0.5 else np.maximum(rows[row - 1], rows[row])
            if rng.random() < 0.15:  # a stub stays
                begin = int(rng.integers(SIDE))
                rows[row, begin : begin + 8] = 1.0
    return ink


def letter(rng: np.random.Generator, sources: Sources) -> np.ndarray:
    """A letter of a font, mostly with another pen and another hand."""
    return _written(fonts.LETTERS, rng, sources)


def strange_letter(rng: np.random.Generator, sources: Sources) -> np.ndarray:
    """A letter with an accent, a Greek or Cyrillic one."""
    return _written(fonts.MORE_LETTERS, rng, sources)


def sign(rng: np.random.Generator, sources: Sources) -> np.ndarray:
    """A sign such as # or &."""
    return _written(fonts.SIGNS, rng, sources)


def word(rng: np.random.Generator, sources: Sources) -> np.ndarray:
    """Two or three letters or digits that touch."""
    text = "".join(rng.choice(list(fonts.LETTERS + "0123456789"), int(rng.integers(2, 4))))
    parts = [_cut(_of_fonts(one, rng, sources)) for one in text]
    height = max(len(part) for part in parts)
    parts = [np.pad(part, ((height - len(part), 0), (0, 0))) for part in parts]
    overlap = int(rng.integers(0, 6))
    ink = parts[0]
    for part in parts[1:]:
        wide = np.zeros((height, ink.shape[1] + part.shape[1] - overlap), dtype=np.float32)
        wide[:, : ink.shape[1]] = ink
        wide[:, -part.shape[1] :] = np.maximum(wide[:, -part.shape[1] :], part)
        ink = wide
    return pictured(bent(fitted(ink, 0.8), rng, most=0.5), rng)


def _of_fonts(texts: str, rng: np.random.Generator, sources: Sources) -> np.ndarray:
    """One of these characters of any font that has it, (SIDE, SIDE). Raises DataError where hardly one has any."""
    for _ in range(_TRIES):
        file = sources.fonts[int(rng.integers(len(sources.fonts)))]
        ink = fonts.character(file, texts[int(rng.integers(len(texts)))])
        if ink is not None:
            return ink
    raise DataError(f"these fonts have next to none of {texts:.20}: name folders with more of them")


def _written(characters: str, rng: np.random.Generator, sources: Sources) -> np.ndarray:
    ink = _of_fonts(characters, rng, sources)
    if rng.random() < 0.8:
        ink = bent(ink, rng)
    if rng.random() < 0.7:
        ink = redrawn(ink, pen_width(rng))
    return pictured(ink, rng)


def _cut(ink: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0.1), np.flatnonzero(ink.max(axis=0) > 0.1)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
