"""Many files at once: pictures, archives of pictures, tables; a little at a time, so that nobody waits for all."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np

from explorer.digits import archive, read, table
from explorer.digits.prepare import SHAPE
from explorer.errors import PictureError

log = logging.getLogger(__name__)

File = tuple[str, bytes]


class Gathering:
    """Digits gathered from files. ``names``: where each comes from; ``faults``: the files that are not read, and why.

    ``done`` of ``total`` files are through. Several threads may ask it to go on: one at a time does.
    """

    def __init__(self, files: Sequence[File], *, shape: tuple[int, int, int] = SHAPE, classes: int = 10) -> None:
        self.shape = shape
        self.classes = classes
        self.names: list[str] = []
        self.faults: list[tuple[str, str]] = []
        self.done = 0
        self.total = len(files)
        self.finished = False
        self._pixels: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []
        self._work = self._through(files)
        self._one_at_a_time = threading.Lock()

    def go_on(self, seconds: float) -> bool:
        """Works for about so long; whether all is done."""
        with self._one_at_a_time:
            end = time.monotonic() + seconds
            while not self.finished and time.monotonic() < end:
                self.finished = next(self._work, True) is True
            return self.finished

    @property
    def pixels(self) -> np.ndarray:
        """uint8 (N, C, H, W)."""
        return np.concatenate([np.empty((0, *self.shape), dtype=np.uint8), *self._pixels])

    @property
    def labels(self) -> np.ndarray:
        """int (N,), -1 where a digit's class is not known."""
        return np.concatenate([np.empty(0, dtype=int), *self._labels])

    def _through(self, files: Sequence[File]) -> Iterator[None]:
        for name, data in files:
            try:
                if table.is_table(data, name):
                    pixels, labels = table.digits_in(data, self.shape, self.classes)
                    self._take([f"{name}, row {row:,}" for row in range(1, len(pixels) + 1)], pixels, labels)
                elif archive.is_archive(data):
                    yield from self._unpacked(name, data)
                else:
                    self._picture(name, data)
            except Exception as error:
                self._fault(name, error)
            self.done += 1
            yield

    def _unpacked(self, name: str, data: bytes) -> Iterator[None]:
        for inner, content in archive.files_in(data):
            full = f"{name}: {inner}"
            if isinstance(content, PictureError):
                self.faults.append((full, str(content)))
            else:
                try:
                    self._picture(full, content)
                except Exception as error:
                    self._fault(full, error)
            yield

    def _fault(self, name: str, error: Exception) -> None:
        """Notes why a file can't be read. Also what nobody has foreseen must not end the work on all the others."""
        if isinstance(error, PictureError):
            self.faults.append((name, str(error)))
            return
        log.error("%s could not be read", name, exc_info=error)
        self.faults.append((name, "It could not be read; the server's log says why."))

    def _picture(self, name: str, data: bytes) -> None:
        found = read(data, name, shape=self.shape)
        pixels = np.stack([np.repeat(digit.pixels[None], self.shape[0], axis=0) for digit in found])
        names = [name] if len(found) == 1 else [f"{name}, no. {place}" for place in range(1, len(found) + 1)]
        self._take(names, pixels, np.full(len(found), -1))

    def _take(self, names: list[str], pixels: np.ndarray, labels: np.ndarray) -> None:
        self.names += names
        self._pixels.append(pixels)
        self._labels.append(labels)
