"""What a data set is like: its classes' means and spread, and which of its images are odd ones."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

NEIGHBOURS = 5


def class_pictures(pixels: np.ndarray, labels: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Each class's mean image and its standard deviation pixel by pixel, (K, C, H, W) float32 in grey levels from 0 to
    255, of images uint8 (N, C, H, W); zeros for a class without images. The deviation is of the images as a whole
    population (divided by n)."""
    means = np.zeros((classes, *pixels.shape[1:]), np.float32)
    spreads = np.zeros_like(means)
    for number in range(classes):
        mine = pixels[labels == number]
        if len(mine):
            # Whole numbers, exact: 60,000 squares of 255 fit into 32 bits.
            total = mine.sum(axis=0, dtype=np.int64)
            squares = np.square(mine, dtype=np.uint16).sum(axis=0, dtype=np.int64)
            means[number] = total / len(mine)
            spreads[number] = np.sqrt((squares * len(mine) - total**2) / len(mine) ** 2)
    return means, spreads


def oddness(rows: np.ndarray, labels: np.ndarray, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """How far each image is from those of its class that are nearest: the mean Euclidean distance of rows (N, D) to
    their ``neighbours`` nearest others with the same label, (N,) float32; fewer where the class has no more, 0 where it
    has none. It is the outlier score of Angiulli & Pizzuti (2002), 'Fast outlier detection in high dimensional spaces',
    within the classes."""
    found = np.zeros(len(rows), np.float32)
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        count = min(neighbours, len(mine) - 1)
        if count:
            search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(rows[mine])
            # Without rows of their own, an image is not its own neighbour, though one like it may be.
            found[mine] = search.kneighbors()[0].mean(axis=1)
    return found
