"""What was found in the files, and what a data set of it would be: classes, what is learned from, what tests."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np

from explorer.data.own import LONGEST_CLASS, MOST_CLASSES, Labelled, plain
from explorer.data.splits import stratified_order
from explorer.digits import SHAPE
from explorer.digits.sniff import EXTENSIONS
from explorer.errors import DataError
from explorer.labelled.fit import border

TEST_SHARE = 5
"""Where the files don't say what is for testing, one of so many images of each class is."""
PARTS = ("", "train", "test")
"""What a file or folder says of its images; the first: nothing."""

_LONGEST_PATH = 500
_PARTS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "train"),  # what validates is split off here
    **dict.fromkeys(("test", "testing", "tst", "t10k"), "test"),
}


@dataclass(frozen=True, eq=False)
class Found:
    """``train`` and ``test`` images of ``classes``. ``told``: the files say which is which. ``dark``: most images are
    dark on light, unlike MNIST's."""

    classes: tuple[str, ...]
    train: Labelled
    test: Labelled
    told: bool
    dark: bool

    @property
    def images(self) -> int:
        return len(self.train.labels) + len(self.test.labels)

    def turned(self) -> Found:
        """The same with dark for light."""
        train, test = (Labelled(255 - some.pixels, some.labels) for some in (self.train, self.test))
        return replace(self, train=train, test=test, dark=not self.dark)

    def named(self, names: Sequence[str]) -> Found:
        """The same with other names for the classes, in their order. Raises DataError where there are more or fewer
        names than classes; whether they can be told apart, :func:`~explorer.data.own.fault` says."""
        if len(names) != len(self.classes):
            raise DataError(
                f"there are {len(self.classes)} classes and {len(names)} names: give one for each, in their order"
            )
        return replace(self, classes=tuple(plain(name, LONGEST_CLASS) for name in names))


class Names:
    """The classes' names as they come, each with a number. What makes them unfit for a data set ends the reading."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}  # as the files have them
        self._plain: dict[str, str] = {}  # as they are shown, and what the files call them

    def number(self, given: str) -> int:
        """Raises DataError where two names become one, one becomes nothing, or there are too many."""
        if given not in self._given:
            name = plain(given, LONGEST_CLASS)
            shown = ascii(given[: 2 * LONGEST_CLASS])
            if not name:
                raise DataError(f"the class {shown} has a name without a letter, a digit or a sign: rename it")
            if name in self._plain:
                other = ascii(self._plain[name][: 2 * LONGEST_CLASS])
                raise DataError(f"the classes {other} and {shown} would both be called {name}: rename one of them")
            if len(self._given) == MOST_CLASSES:
                raise DataError(
                    f"there are more than {MOST_CLASSES} classes, the most that a data set has here: bring images of "
                    "fewer kinds, and look whether labels are what you take for them"
                )
            self._given[given] = len(self._given)
            self._plain[name] = given
        return self._given[given]

    def plain(self) -> list[str]:
        """As they are shown, by their numbers."""
        return list(self._plain)


def settle(grey: np.ndarray, numbers: np.ndarray, parts: np.ndarray, names: Sequence[str]) -> Found:
    """Images, uint8 (N, H, W), with their classes (N,), numbers into ``names``, and parts (N,), numbers into ``PARTS``,
    as a data set.

    Classes that are numbers come in their order, then others by the alphabet. Where no image is said to be for testing,
    or all are, each fifth of a class is, always the same ones.
    """
    ordered = sorted(names, key=_order)
    place = np.array([ordered.index(name) for name in names], dtype=np.int64)
    classes = place[numbers]
    tests = parts == PARTS.index("test")
    told = bool(tests.any() and not tests.all())
    if not told:
        tests = np.zeros(len(classes), dtype=bool)
        order = stratified_order(classes, seed=0)
        for number in range(len(names)):
            members = order[classes[order] == number]
            tests[members[: max(1, len(members) // TEST_SHARE)]] = True
    pixels = grey.reshape(-1, *SHAPE)
    train, test = (Labelled(pixels[chosen], classes[chosen]) for chosen in (~tests, tests))
    return Found(tuple(ordered), train, test, told, bool(np.median(border(grey)) > 127))


def placed(names: Sequence[str]) -> list[tuple[str, str]]:
    """For each file of an archive by its path: its class, "" where it lies in no folder, and its part, "" where none
    is said.

    ``train/circle/1.png``, ``shapes/test/circle/1.png`` and ``circle/test/1.png`` say both, the first two as
    torchvision's ImageFolder has it; ``shapes/circle/old/1.png`` says the class alone, where all pictures lie in
    ``shapes``.
    """
    paths = [PurePosixPath(name.replace("\\", "/") if len(name) <= _LONGEST_PATH else "") for name in names]
    pictures = [path.parts[:-1] for path in paths if path.suffix.lower() in EXTENSIONS]
    shared = 0
    while _all_share(pictures, shared) and any(len(one) > shared + 1 for one in pictures):
        shared += 1
    return [_placed(path.parts[shared:-1]) for path in paths]


def listed(table: bytes, folder: str) -> dict[str, tuple[str, str]]:
    """Class and part of the files that a table with the columns ``file`` and ``label``, and ``split`` where there is
    one, names, as paths from the table's folder; nothing where it is no such table."""
    try:
        rows = csv.DictReader(io.StringIO(table.decode("utf-8-sig"), newline=""))
        columns = {name.strip().lower(): name for name in rows.fieldnames or ()}
        if not {"file", "label"} <= set(columns):
            return {}
        found = {}
        for row in rows:
            path = str(PurePosixPath(folder, (row[columns["file"]] or "").strip()))
            split = (row.get(columns.get("split", "")) or "").strip().lower()
            found[path] = (row[columns["label"]] or "").strip(), _PARTS.get(split, "")
        return found
    except (UnicodeDecodeError, csv.Error):
        return {}


def _placed(folders: tuple[str, ...]) -> tuple[str, str]:
    # A folder says a part where classes lie in it, or where it lies in a class; else it is a class of that name.
    if len(folders) > 1 and folders[0].lower() in _PARTS:
        return folders[1], _PARTS[folders[0].lower()]
    if len(folders) == 2 and folders[1].lower() in _PARTS:
        return folders[0], _PARTS[folders[1].lower()]
    return (folders[0] if folders else ""), ""


def _all_share(folders: list[tuple[str, ...]], place: int) -> bool:
    """Whether the folder at this place is the same for all, and is none that says a part."""
    first = folders[0][place] if folders and len(folders[0]) > place else ""
    return first.lower() not in {"", *_PARTS} and all(len(one) > place and one[place] == first for one in folders)


def part_of(name: str) -> str:
    """The part that a file's name says, as ``sign_test.csv`` does; "" where it says none."""
    return next((_PARTS[word] for word in re.split(r"[^a-z0-9]+", name.lower()) if word in _PARTS), "")


def _order(name: str) -> tuple[float, list[tuple[int, str]], str]:
    """Numbers first, then text as people order it: c2 before c10."""
    try:
        number = float(name)
    except ValueError:
        number = math.nan
    runs = re.findall(r"([0-9]+)|([^0-9]+)", name.casefold())
    return (
        number if math.isfinite(number) else math.inf,
        [(int(digits), "") if digits else (-1, text) for digits, text in runs],
        name,
    )
