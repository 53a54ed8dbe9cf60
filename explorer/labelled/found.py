"""What was found in the files, and what a data set of it would be: classes, what is learned from, what tests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from explorer.data.own import Labelled
from explorer.data.splits import stratified_order
from explorer.digits import SHAPE
from explorer.labelled.fit import border

TEST_SHARE = 5
"""Where the files don't say what is for testing, one of so many images of each class is."""

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
        return Found(self.classes, train, test, self.told, not self.dark)


def settle(grey: np.ndarray, labels: np.ndarray, parts: np.ndarray) -> Found:
    """Images, uint8 (N, H, W), with their labels and parts (text, (N,)), as a data set.

    Classes that are numbers come in their order, others by the alphabet. Where no image is said to be for testing, each
    fifth of a class is, always the same ones.
    """
    names = sorted(set(labels.tolist()), key=_order)
    numbers = np.searchsorted(np.array(sorted(names)), labels)  # into the sorted text
    place = np.array([names.index(name) for name in sorted(names)], dtype=np.int64)
    classes = place[numbers] if len(labels) else np.empty(0, dtype=np.int64)
    tests = parts == "test"
    told = bool(tests.any() and not tests.all())
    if not told:
        tests = np.zeros(len(classes), dtype=bool)
        order = stratified_order(classes, seed=0)
        for number in range(len(names)):
            members = order[classes[order] == number]
            tests[members[: max(1, len(members) // TEST_SHARE)]] = True
    pixels = grey.reshape(-1, *SHAPE)
    train, test = (Labelled(pixels[chosen], classes[chosen]) for chosen in (~tests, tests))
    return Found(tuple(names), train, test, told, bool(len(grey) and np.median(border(grey)) > 127))


def placed(names: list[str]) -> list[tuple[str, str]]:
    """For each file of an archive by its path: its class, "" where it lies in no folder, and its part, "" where none
    is said.

    ``train/circle/1.png`` and ``shapes/test/circle/1.png`` say both, as torchvision's ImageFolder has it;
    ``shapes/circle/old/1.png`` says the class alone, where all files lie in ``shapes``, and ``shapes/README`` neither.
    """
    folders = [PurePosixPath(name.replace("\\", "/")).parts[:-1] for name in names]
    shared = 0
    while _all_share(folders, shared) and any(len(one) > shared + 1 for one in folders):
        shared += 1
    found = []
    for parts in folders:
        rest = parts[shared:]
        at = next((place for place, part in enumerate(rest) if part.lower() in _PARTS), None)
        inner = rest if at is None else rest[at + 1 :]
        part = _part_of(parts)
        found.append((inner[0] if inner else "", part))
    return found


def part_of(name: str) -> str:
    """The part that a file's name says, as ``sign_test.csv`` does; "" where it says none."""
    return next((_PARTS[word] for word in re.split(r"[^a-z0-9]+", name.lower()) if word in _PARTS), "")


def _all_share(folders: list[tuple[str, ...]], place: int) -> bool:
    """Whether the folder at this place is the same for all, and is none that says a part."""
    first = folders[0][place] if folders and len(folders[0]) > place else ""
    return first.lower() not in {"", *_PARTS} and all(len(one) > place and one[place] == first for one in folders)


def _part_of(folders: tuple[str, ...]) -> str:
    return next((_PARTS[one.lower()] for one in folders if one.lower() in _PARTS), "")


def _order(name: str) -> tuple[int, float, str]:
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0.0, name.casefold())
