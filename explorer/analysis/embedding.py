"""Many images as points of a plane, near where a layer says much the same of them: by PCA or t-SNE."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass

import numpy as np
from scipy.linalg import orthogonal_procrustes
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from explorer.analysis.features import principal

COMPONENTS = 50
"""What t-SNE starts from: its author reduces to 50 principal components first (van der Maaten, t-SNE's FAQ)."""
PERPLEXITY = 30.0
ITERATIONS = 1000


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane of the first two principal components of some rows: their ``mean`` (D,) and both ``axes`` (2, D), of
    length 1, or 0 where nothing varies that way."""

    mean: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Plane:
        """The plane that shows most of the rows' (N, D) variance."""
        axes = np.zeros((2, rows.shape[1]), np.float32)
        count = min(2, *rows.shape)
        if np.ptp(rows, axis=0).any():
            axes[:count] = PCA(count, random_state=0).fit(rows).components_
        return cls(rows.mean(axis=0, dtype=np.float64).astype(np.float32), axes)

    def place(self, rows: np.ndarray) -> np.ndarray:
        """Where rows (N, D) lie, (N, 2) float32. Rows of the same layer at another moment of its training may be given:
        with one plane for all moments, nothing jumps."""
        positions: np.ndarray = (rows - self.mean) @ self.axes.T
        return positions

    def seen(self, rows: np.ndarray) -> float:
        """The share of the rows' variance that the plane shows, 0 to 1."""
        whole = float(rows.var(axis=0, dtype=np.float64).sum())
        return min(1.0, float(self.place(rows).var(axis=0, dtype=np.float64).sum()) / whole) if whole else 0.0


def tsne_map(
    rows: np.ndarray, start: np.ndarray, *, seed: int = 0, progress: Callable[[float], None] | None = None
) -> np.ndarray:
    """Rows (N, D), N at least 8, as a t-SNE map (N, 2) float32 (van der Maaten & Hinton 2008), of their first 50
    principal components. It begins at ``start`` (N, 2), a PCA map, and in the end is turned and mirrored, not
    stretched, so that it lies as nearly like that as can be: so maps of several moments don't jump.

    ``progress`` is told the share done, every 50 of 1,000 steps, by scikit-learn's reports on standard output, which
    are caught: call this in a process or a thread that has it to itself. Whatever ``progress`` raises ends the work.
    """
    reduced, _ = principal(rows, COMPONENTS)
    spread = float(start[:, 0].std())
    if not spread or not reduced.any():
        return np.zeros((len(rows), 2), np.float32)  # all rows are alike
    begin = start / spread * 1e-4  # as scikit-learn begins from PCA
    chosen = TSNE(
        init=np.ascontiguousarray(begin, np.float32),
        perplexity=min(PERPLEXITY, (len(rows) - 1) / 3),
        max_iter=ITERATIONS,
        random_state=seed,
        n_jobs=1,
        verbose=2 if progress else 0,
    )
    with redirect_stdout(_Reports(progress)) if progress else nullcontext():
        positions = chosen.fit_transform(reduced)
    return turned(positions, start).astype(np.float32)


def turned(positions: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A map (N, 2), centred, turned and mirrored so that its points lie as near as can be to those of another."""
    centred = positions - positions.mean(axis=0)
    turn, _ = orthogonal_procrustes(centred, like - like.mean(axis=0))
    result: np.ndarray = centred @ turn
    return result


class _Reports(io.TextIOBase):
    """Takes scikit-learn's lines on its progress instead of standard output."""

    def __init__(self, progress: Callable[[float], None]) -> None:
        self._progress = progress

    def write(self, text: str) -> int:
        step = re.match(r"\[t-SNE\] Iteration (\d+)", text)
        if step:
            self._progress(min(1.0, int(step[1]) / ITERATIONS))
        return len(text)
