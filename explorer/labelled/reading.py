"""Reading files of labelled pictures a little at a time, so that progress is seen and nobody else waits."""

from __future__ import annotations

import logging
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np

from explorer.data.own import MOST_IMAGES
from explorer.digits import SHAPE, archive, decode, prepare, table
from explorer.errors import DataError, PictureError
from explorer.labelled import arrays
from explorer.labelled.fit import Fit, fitted, scaled
from explorer.labelled.found import PARTS, Found, Names, listed, part_of, placed, settle

File = tuple[str, bytes]

MOST_FILES = 60_000
"""Of one archive. From 65,535 on its directory has another form."""
MOST_FAULTS = 1_000
"""Of which is told what they are; others are counted."""
LABELS = "labels.csv"
"""The name of a table of files and their classes."""
_MOST_LABELS = 256
_ROWS = 2_000  # of a table at a time
_LONGEST_NAME = 120  # characters of a file's name, in what is told of it

_NO_LABEL = f"It has no class: it lies in no folder of a class's name, and no {LABELS} names it."
_ALONE = "A picture alone has no class: put each class's pictures into a folder, and all folders into one ZIP."

log = logging.getLogger(__name__)


class Reading:
    """Images read from files, each made 28 × 28 grey by ``fit``.

    ``images`` are found so far, and ``share`` of the bytes are through. ``faults``: the files that are not read, and
    why; ``not_read`` counts them. ``finished``: there is nothing more to do, also where that failed. Several threads
    may ask it to go on: one at a time does.
    """

    def __init__(self, files: Sequence[File], fit: Fit = "whole") -> None:
        self.fit = fit
        self.faults: list[tuple[str, str]] = []
        self.not_read = 0
        self.images = 0
        self.share = 0.0
        self.finished = False
        self._names = Names()
        self._grey: list[np.ndarray] = []
        self._numbers: list[int] = []
        self._parts: list[int] = []
        self._idx: dict[str, np.ndarray] = {}
        self._several = False
        self._error: DataError | None = None
        self._work = self._through(files)
        self._one_at_a_time = threading.Lock()

    def go_on(self, seconds: float) -> bool:
        """Works for about so long; whether all is done. Raises DataError, then and whenever it is asked again, where
        what is there can't be a data set: too many images, or classes without names of their own."""
        with self._one_at_a_time:
            end = time.monotonic() + seconds
            try:
                while not self.finished and time.monotonic() < end:
                    self.finished = next(self._work, True) is True
            except DataError as error:
                self._error, self.finished = error, True
            if self._error is not None:
                raise self._error
            return self.finished

    @cached_property
    def found(self) -> Found:
        """What the files hold together, once all is done. Raises DataError where that is nothing."""
        if self._error is not None:
            raise self._error
        if not self.images:
            raise DataError(
                "there are no labelled images in these files: bring a ZIP with a folder of pictures for each class, or "
                "arrays, a table or IDX files with labels"
            )
        return settle(np.stack(self._grey), np.array(self._numbers), np.array(self._parts), self._names.plain())

    def _through(self, files: Sequence[File]) -> Iterator[None]:
        total, before = max(1, sum(len(data) for _, data in files)), 0
        self._several = len(files) > 1
        for name, data in files:
            yield from self._noting(name, self._file(name, data, before / total, len(data) / total))
            before += len(data)
            self.share = before / total
        yield from self._noting("IDX files", self._idx_files())

    def _noting(self, name: str, work: Iterator[None]) -> Iterator[None]:
        """The same work, whose faults are noted: also what nobody has foreseen must not end the work on all others."""
        try:
            yield from work
        except DataError:
            raise
        except Exception as error:
            if not isinstance(error, PictureError):
                log.error("%s could not be read", ascii(name), exc_info=error)
            told = str(error) if isinstance(error, PictureError) else "It could not be read; the server's log says why."
            self._fault(name, told)
        yield

    def _file(self, name: str, data: bytes, begun: float, weight: float) -> Iterator[None]:
        if arrays.is_npz(data):
            for block in arrays.in_npz(data, name):
                yield from self._block(block)
        elif archive.is_archive(data):
            yield from self._archive(name, data, begun, weight)
        elif arrays.is_idx(data):
            self._keep_idx(name, data)
        elif table.is_table(data, name):
            yield from self._table(name, data)
        else:
            decode(data, name)  # says what it is, where it is no picture
            raise PictureError(_ALONE)

    def _archive(self, name: str, data: bytes, begun: float, weight: float) -> Iterator[None]:
        with archive.opened(data, most_files=MOST_FILES) as (zipped, members):
            table_of_files, in_table = self._table_of_files(zipped, members)
            places = placed([one.filename for one in members])
            for done, (one, place) in enumerate(zip(members, places, strict=True), start=1):
                if one is table_of_files:
                    continue
                place = in_table.get(one.filename, ("", "")) if table_of_files else place
                full = f"{name}: {one.filename}" if self._several else one.filename
                yield from self._noting(full, self._member(zipped, one, place))
                self.share = begun + weight * done / len(members)

    @staticmethod
    def _table_of_files(
        zipped: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo]
    ) -> tuple[zipfile.ZipInfo | None, dict[str, tuple[str, str]]]:
        """The table that says which file is of which class, as *My test set* has it, and what it says; None, where the
        folders do."""
        for one in members:
            path = PurePosixPath(one.filename)
            if path.name.lower() == LABELS:
                content = archive.unpacked(zipped, one)
                found = listed(content, str(path.parent)) if isinstance(content, bytes) else {}
                if found:
                    return one, found
        return None, {}

    def _member(self, zipped: zipfile.ZipFile, one: zipfile.ZipInfo, place: tuple[str, str]) -> Iterator[None]:
        content = archive.unpacked(zipped, one, most=arrays.MOST_BYTES)
        if isinstance(content, PictureError):
            raise content
        label, part = place
        if arrays.is_idx(content):
            self._keep_idx(one.filename, content)
        elif table.is_table(content, one.filename) and not one.filename.lower().endswith(".txt"):  # README.txt
            yield from self._table(one.filename, content)
        else:
            picture = decode(content, one.filename)
            if not label:
                raise PictureError(_NO_LABEL)
            self._take(fitted(picture, self.fit), self._names.number(label), part)

    def _table(self, name: str, data: bytes) -> Iterator[None]:
        part = part_of(name)
        for first, some in table.parts_of(data, _ROWS):
            pixels, labels = table.digits_in(some, SHAPE, _MOST_LABELS, first=first)
            if (labels < 0).any():
                raise PictureError("This table has no labels: put each row's class, a number, before its pixels.")
            for image, label in zip(pixels, labels, strict=True):
                self._take(self._fitted(image[0]), self._names.number(str(label)), part)
                yield

    def _keep_idx(self, name: str, data: bytes) -> None:
        found = arrays.read_idx(data)
        if sum(one.nbytes for one in self._idx.values()) + found.nbytes > 2 * arrays.MOST_BYTES:
            raise PictureError("These files hold more together than is read: bring a part of them.")
        self._idx[name] = found

    def _idx_files(self) -> Iterator[None]:
        for block in arrays.paired(self._idx):
            yield from self._block(block)

    def _block(self, block: arrays.Block) -> Iterator[None]:
        numbers = [self._names.number(kind) for kind in block.kinds]
        for row, label in enumerate(block.labels.tolist()):
            try:
                self._take(self._fitted(block.grey(row)), numbers[label], block.part)
            except PictureError as error:
                self._fault(f"{block.name}, image {row:,}", str(error))
            yield

    def _fitted(self, grey: np.ndarray) -> np.ndarray:
        return prepare(grey).pixels if self.fit == "mark" else scaled(grey)

    def _take(self, grey: np.ndarray, number: int, part: str) -> None:
        self.images += 1
        if self.images > MOST_IMAGES:
            raise DataError(f"there are more than {MOST_IMAGES:,} images: bring a part of them")
        self._grey.append(grey)
        self._numbers.append(number)
        self._parts.append(PARTS.index(part))

    def _fault(self, name: str, told: str) -> None:
        self.not_read += 1
        if len(self.faults) < MOST_FAULTS:
            name = "".join(sign if sign.isprintable() else "�" for sign in name)
            short = (
                name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME // 2]}…{name[-_LONGEST_NAME // 2 :]}"
            )
            self.faults.append((short, told))
