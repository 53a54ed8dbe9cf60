"""Many pictures of digits and of none, prepared as users' pictures are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from explorer import data
from explorer.data import Dataset
from explorer.digits import prepare
from explorer.errors import PictureError
from explorer.outliers import fonts
from explorer.outliers.kinds import KINDS
from explorer.outliers.sources import Sources
from explorer.outliers.written import handwritten
from explorer.spec import DataSpec

DIGITS, OTHERS = 3_500, 8_000
"""How many are prepared for fitting, beside all of MNIST's as they are."""
VALIDATION = 1_000
"""How many digits the threshold is chosen by, of each way; as many others are counted."""

Progress = Callable[[float], None]


class Drawn(NamedTuple):
    """Prepared pictures, uint8 (N, 1, 28, 28), and what they show (N,): a digit's class, or the number of a kind."""

    pixels: np.ndarray
    shows: np.ndarray


def families(folders: Iterable[Path]) -> list[Path]:
    """The folders' own folders, each a family of fonts, by path."""
    return sorted(path for folder in folders for path in folder.iterdir() if path.is_dir())


def sources(found: Dataset, folders: Iterable[Path], *, part: str) -> Sources:
    """What pictures of a ``part``, 'train' or 'validation', are made of: other digits and other fonts in each.

    Every sixth family's fonts are for validation, and in that part alone.
    Raises DataError where there are no fonts.
    """
    chosen = getattr(data.split(found, DataSpec()), part)
    every = families(folders)
    mine = every[::6] if part == "validation" else [path for n, path in enumerate(every) if n % 6]
    return Sources(np.asarray(found.train.pixels[chosen]), np.asarray(found.train.labels[chosen]), fonts.files(mine))


def digits(made_of: Sources, count: int, seed: int, progress: Progress = lambda _share: None) -> Drawn:
    """Digits with many pens, on paper and on screens. The same seed and sources give the same pictures."""
    return _drawn(lambda rng: handwritten(rng, made_of), count, seed, progress)


def others(made_of: Sources, count: int, seed: int, progress: Progress = lambda _share: None) -> Drawn:
    """Pictures of no digit. The same seed and sources give the same pictures.

    What is prepared to a narrow bar is left out, whatever it was: it may pass for a 1.
    """
    weights = np.array([kind.weight for kind in KINDS.values()])
    every = list(KINDS.values())

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, int]:
        number = int(rng.choice(len(every), p=weights / weights.sum()))
        return every[number].draw(rng, made_of), number

    return _drawn(draw, count, seed, progress, unless=_is_bar)


def _is_bar(pixels: np.ndarray) -> bool:
    """Whether the ink of a field, uint8 (H, W), is three times as high as wide."""
    rows, columns = (np.flatnonzero((pixels > 127).any(axis=axis)) for axis in (1, 0))
    return bool(len(rows) == 0 or np.ptp(rows) + 1 >= 3 * (np.ptp(columns) + 1))


def _drawn(
    draw: Callable[[np.random.Generator], tuple[np.ndarray, int]],
    count: int,
    seed: int,
    progress: Progress,
    unless: Callable[[np.ndarray], bool] = lambda _pixels: False,
) -> Drawn:
    rng = np.random.default_rng(seed)
    pixels: list[np.ndarray] = []
    shows: list[int] = []
    while len(pixels) < count:
        picture, what = draw(rng)
        try:
            prepared = prepare(picture).pixels
        except PictureError:  # nothing but paper was left of it
            continue
        if unless(prepared):
            continue
        pixels.append(prepared[None])
        shows.append(what)
        progress(len(pixels) / count)
    return Drawn(np.stack(pixels), np.array(shows))
