"""Reading files of labelled pictures a little at a time, so that progress is seen and nobody else waits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np

from explorer.data.own import MOST_IMAGES
from explorer.digits import SHAPE, archive, decode, prepare, table
from explorer.errors import DataError, PictureError
from explorer.labelled import arrays
from explorer.labelled.fit import Fit, fitted, scaled
from explorer.labelled.found import Found, part_of, placed, settle

File = tuple[str, bytes]

MOST_FILES = 60_000
"""Of one archive. From 65,535 on its directory has another form."""
_MOST_LABELS = 256
_TURN = 100  # images of an array between two looks at the clock

log = logging.getLogger(__name__)


class Reading:
    """Images read from files, each made 28 × 28 grey by ``fit``. ``faults``: the files that are not read, and why.

    ``images`` are found so far, and ``share`` of the bytes are through. Several threads may ask it to go on: one at a
    time does.
    """

    def __init__(self, files: Sequence[File], fit: Fit = "whole") -> None:
        self.fit = fit
        self.faults: list[tuple[str, str]] = []
        self.images = 0
        self.share = 0.0
        self.finished = False
        self._grey: list[np.ndarray] = []
        self._labels: list[np.ndarray] = []
        self._parts: list[np.ndarray] = []
        self._work = self._through(files)
        self._one_at_a_time = threading.Lock()

    def go_on(self, seconds: float) -> bool:
        """Works for about so long; whether all is done. Raises DataError where there are too many images."""
        with self._one_at_a_time:
            end = time.monotonic() + seconds
            while not self.finished and time.monotonic() < end:
                self.finished = next(self._work, True) is True
            return self.finished

    def found(self) -> Found:
        """What the files hold together. Raises DataError where that is nothing."""
        if not self.images:
            why = f" ({self.faults[0][0]}: {self.faults[0][1]})" if self.faults else ""
            raise DataError(f"there are no labelled images in these files{why}")
        return settle(*(np.concatenate(each) for each in (self._grey, self._labels, self._parts)))

    def _through(self, files: Sequence[File]) -> Iterator[None]:
        total, before = max(1, sum(len(data) for _, data in files)), 0
        idx: dict[str, np.ndarray] = {}
        for name, data in files:
            begun, weight = before / total, len(data) / total
            try:
                if arrays.is_npz(data):
                    for block in arrays.in_npz(data):
                        yield from self._block(block)
                elif archive.is_archive(data):
                    yield from self._unpacked(name, data, begun, weight)
                elif arrays.is_idx(data):
                    idx[name] = arrays.read_idx(data)
                elif table.is_table(data, name):
                    yield from self._table(name, data)
                else:
                    decode(data, name)  # says what it is, where it is no picture
                    raise PictureError(
                        "A picture alone has no class: put each class's pictures into a folder, and all "
                        "folders into one ZIP."
                    )
            except DataError:
                raise
            except Exception as error:
                self._fault(name, error)
            before += len(data)
            self.share = before / total
            yield
        if idx:
            try:
                for block in arrays.paired(idx):
                    yield from self._block(block)
            except PictureError as error:
                self._fault("IDX files", error)

    def _unpacked(self, name: str, data: bytes, begun: float, weight: float) -> Iterator[None]:
        places = self._places(data)
        for done, (inner, content) in enumerate(archive.files_in(data, most_files=MOST_FILES), start=1):
            label, part = places[inner]
            try:
                if isinstance(content, PictureError):
                    raise content
                if table.is_table(content, inner):
                    yield from self._table(inner, content)
                elif not label:
                    raise PictureError("It lies in no folder, and the folder's name is the class.")
                else:
                    self._take(fitted(decode(content, inner), self.fit)[None], np.array([label]), part)
            except DataError:
                raise
            except Exception as error:
                self._fault(f"{name}: {inner}", error)
            self.share = begun + weight * done / len(places)
            yield

    @staticmethod
    def _places(data: bytes) -> dict[str, tuple[str, str]]:
        names = archive.names_in(data, most_files=MOST_FILES)
        return dict(zip(names, placed(names), strict=True))

    def _table(self, name: str, data: bytes) -> Iterator[None]:
        pixels, labels = table.digits_in(data, SHAPE, _MOST_LABELS)
        if (labels < 0).any():
            raise PictureError("This table has no labels: put each row's class, a number, before its pixels.")
        yield from self._block(arrays.Block(pixels[:, 0], labels.astype(str), part_of(name)))

    def _block(self, block: arrays.Block) -> Iterator[None]:
        for start in range(0, len(block.labels), _TURN):
            some = slice(start, start + _TURN)
            kept, rows = [], []
            for row, grey in enumerate(block.grey[some], start=start):
                try:
                    kept.append(prepare(grey).pixels if self.fit == "mark" else scaled(grey))
                    rows.append(row)
                except PictureError as error:
                    self._fault(f"image {row:,}", error)
            if kept:
                self._take(np.stack(kept), block.labels[rows], block.part)
            yield

    def _take(self, grey: np.ndarray, labels: np.ndarray, part: str) -> None:
        self.images += len(labels)
        if self.images > MOST_IMAGES:
            raise DataError(f"there are more than {MOST_IMAGES:,} images: bring a part of them")
        self._grey.append(grey)
        self._labels.append(labels.astype(str))
        self._parts.append(np.full(len(labels), part, dtype="U5"))

    def _fault(self, name: str, error: Exception) -> None:
        """Notes why a file can't be read. Also what nobody has foreseen must not end the work on all the others."""
        if isinstance(error, PictureError):
            self.faults.append((name, str(error)))
            return
        log.error("%s could not be read", name, exc_info=error)
        self.faults.append((name, "It could not be read; the server's log says why."))
