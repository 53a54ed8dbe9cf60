"""Data sets that users have brought: kept below the home folder, each under a name that its content decides.

The name ends in the beginning of the content's fingerprint. So it does not come to stand for other images: a run, a
link and a cache that name it mean exactly these, and whoever brings the same files again gets the same data set.
"""

from __future__ import annotations

import math
import re
import shutil
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import TypeAdapter, ValidationError

from explorer.data import _arrays
from explorer.data._arrays import Arrays
from explorer.data.card import DataCard
from explorer.errors import DataError
from explorer.home import home

LONGEST_TITLE, LONGEST_CLASS = 40, 32
FEWEST_CLASSES, MOST_CLASSES = 2, 36
FEWEST_TRAIN = 4
"""Training images that each class needs."""
MOST_IMAGES = 100_000
MOST_BYTES = 2_000_000_000
"""Of all own data sets on one machine together."""

_STEM, _DIGITS = 24, 12
_NAME = re.compile(r"[a-z0-9_]{1,40}")
_CARD = TypeAdapter(DataCard)


class Labelled(NamedTuple):
    """Images and their classes: ``pixels`` uint8 (N, C, H, W), ``labels`` int64 (N,)."""

    pixels: np.ndarray
    labels: np.ndarray


def plain(text: str, longest: int) -> str:
    """A title or a class's name as it can stand in any sentence, table and chart: letters, digits and signs that mean
    nothing to Markdown or HTML, on one line."""
    text = unicodedata.normalize("NFC", text[: 10 * longest]).replace("_", " ")
    kept = " ".join("".join(sign if _is_plain(sign) else " " for sign in text).split())
    kept = re.sub(r"(?i)\b(www)\.", r"\1 ", kept)  # what Markdown makes a link of
    return kept.lstrip(" .,/&)'")[:longest].rstrip()


def _is_plain(sign: str) -> bool:
    kind = unicodedata.category(sign)
    return kind[0] in "LMN" or sign in " -+.,/&()'×÷±" or kind == "So"


def keep(
    train: Labelled, test: Labelled, classes: Iterable[str], *, title: str, source: str, marks: bool = False
) -> DataCard:
    """Keeps a data set, whose classes are numbered as in ``classes``, and returns its card.

    The same images with the same classes are kept once, under the title that they had first. Raises DataError, with
    fault and remedy, where they make no data set, and where there is no room for them.
    """
    names = tuple(plain(name, LONGEST_CLASS) for name in classes)
    if (told := fault(train, test, names)) is not None:
        raise DataError(told)
    arrays: Arrays = {
        "train_pixels": train.pixels,
        "train_labels": train.labels,
        "test_pixels": test.pixels,
        "test_labels": test.labels,
    }
    title = plain(title, LONGEST_TITLE) or "Own images"
    fingerprint = _arrays.fingerprint(arrays | {"classes": np.frombuffer("\n".join(names).encode(), np.uint8)})
    mean, std = _brightness(train.pixels)
    card = DataCard(
        name=f"{_stem(title)}_{fingerprint[:_DIGITS]}",
        title=title,
        shape=(int(train.pixels.shape[1]), int(train.pixels.shape[2]), int(train.pixels.shape[3])),
        classes=names,
        mean=mean,
        std=std,
        source=source,
        licence="",
        train_images=len(train.labels),
        test_images=len(test.labels),
        own=True,
        marks=marks,
    )
    try:
        with _lock():
            return _there(fingerprint) or _written(card, arrays)
    except OSError as error:
        raise DataError(
            f"{title} can't be written to {_root()} ({error.strerror or error}): make room there, or set "
            "KERNELSCOPE_HOME to a folder that can be written"
        ) from error


def _there(fingerprint: str) -> DataCard | None:
    """What was kept of the same content, whole."""
    same = next((one for one in cards() if one.name.endswith(f"_{fingerprint[:_DIGITS]}")), None)
    return same if same is not None and _arrays.open_folder(_root() / same.name) is not None else None


def _written(card: DataCard, arrays: Arrays) -> DataCard:
    _prune()
    needed = sum(array.nbytes for array in arrays.values())
    used = sum(size(one) for one in cards())
    if used + needed > MOST_BYTES:
        raise DataError(
            f"own data sets take {used / 1e9:.1f} GB here, and {MOST_BYTES / 1e9:.0f} GB is the most: remove one that "
            "is no longer needed"
        )
    _arrays.write_folder(_root() / card.name, arrays, asdict(card))
    return card


def _prune() -> None:
    """Removes what a process that was killed left half written or half removed."""
    for left in _root().glob(".*-*"):
        shutil.rmtree(left, ignore_errors=True)


def _brightness(pixels: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of bytes, as 0 to 1, to four digits."""
    counts = np.zeros(256, dtype=np.int64)
    for start in range(0, len(pixels), 1_000):  # bincount makes eight bytes of each
        counts += np.bincount(pixels[start : start + 1_000].reshape(-1), minlength=256)
    levels = np.arange(256) / 255
    mean = float((counts * levels).sum() / counts.sum())
    deviation = math.sqrt(float((counts * (levels - mean) ** 2).sum() / counts.sum()))
    return round(mean, 4), max(0.001, round(deviation, 4))


@contextmanager
def _lock() -> Iterator[None]:
    """One at a time keeps or removes."""
    from filelock import FileLock  # here, because nothing else needs it

    _root().mkdir(parents=True, exist_ok=True)
    with FileLock(_root() / ".lock"):
        yield


def cards() -> list[DataCard]:
    """What was brought and can be read, by title."""
    try:
        folders = sorted(_root().iterdir())
    except OSError:  # nothing was brought yet
        return []
    found = [one for folder in folders if not folder.name.startswith(".") and (one := card(folder.name)) is not None]
    return sorted(found, key=lambda one: (one.title.casefold(), one.name))


def card(name: str) -> DataCard | None:
    """The card of that name, None where there is none or it can't be read."""
    if not _NAME.fullmatch(name):
        return None
    index = _root() / name / _arrays.INDEX
    try:
        stamp = index.stat().st_mtime_ns
    except OSError:
        return None
    return _read_card(index.parent, stamp)


def load(card: DataCard) -> tuple[Arrays, str]:
    """The images of an own data set, mapped into memory, and their fingerprint. Raises DataError where they are gone or
    damaged."""
    found = _arrays.open_folder(_root() / card.name)
    if found is None or set(found.arrays) != {"train_pixels", "train_labels", "test_pixels", "test_labels"}:
        raise DataError(
            f"the files of {card.title} in {_root() / card.name} are damaged: delete this folder and bring the images "
            "again"
        )
    return found.arrays, found.fingerprint


def size(card: DataCard) -> int:
    """Bytes on disk; 0 where it has just gone."""
    try:
        return sum(file.stat().st_size for file in (_root() / card.name).glob("*"))
    except OSError:
        return 0


def rename(card: DataCard, title: str) -> DataCard:
    """Gives an own data set another title; its name, by which runs and links know it, stays. Raises DataError where
    nothing is left of the title, and where the disk refuses it."""
    if not (title := plain(title, LONGEST_TITLE)):
        raise DataError("a data set's name needs a letter or a digit: write one")
    renamed = replace(card, title=title)
    folder = _root() / card.name
    try:
        with _lock():
            _arrays.say(folder, asdict(renamed))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} can't be written ({error}): check the folder's rights and the disk") from error
    return renamed


def delete(card: DataCard, *, users: Callable[[], Sequence[str]] = lambda: ()) -> None:
    """Removes an own data set. ``users`` names who needs it, and is asked when nobody can keep or remove any. Raises
    DataError where somebody does, or the disk refuses it."""
    folder = _root() / card.name
    gone = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    try:
        with _lock():
            if needed := users():
                more = f" and {len(needed) - 3} more" if len(needed) > 3 else ""
                raise DataError(
                    f"{', '.join(needed[:3])}{more} learned from {card.title}, and can't be looked into without it: "
                    "delete these runs first"
                )
            folder.rename(gone)  # at once, so that nobody reads half of it
            shutil.rmtree(gone)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"{folder} can't be removed ({error.strerror or error}): check the folder's rights") from error


def fault(train: Labelled, test: Labelled, classes: Sequence[str]) -> str | None:
    """What keeps these from being a data set, and the remedy; None where nothing does."""
    if not FEWEST_CLASSES <= len(classes) <= MOST_CLASSES:
        if len(classes) == 1:
            return (
                f"there is 1 class, {classes[0]}: a data set has {FEWEST_CLASSES} to {MOST_CLASSES}, each in a folder "
                "or under a label of its own"
            )
        return (
            f"there are {len(classes):,} classes: a data set has {FEWEST_CLASSES} to {MOST_CLASSES}, so bring images "
            "of fewer kinds"
        )
    if "" in classes or len(set(classes)) < len(classes):
        return "two classes have the same name, or one has none: rename them"
    images = len(train.labels) + len(test.labels)
    if images > MOST_IMAGES:
        return f"there are {images:,} images: at most {MOST_IMAGES:,} are taken, so bring a part of them"
    for part, some, fewest in (("training", train, FEWEST_TRAIN), ("test", test, 1)):
        counts = np.bincount(some.labels, minlength=len(classes))
        if counts.min() < fewest:
            few = classes[int(counts.argmin())]
            return (
                f"class {few} has {counts.min()} {part} images, and needs {fewest} at least: bring more of it, or "
                "leave it out"
            )
    if (train.pixels == train.pixels[:1]).all():
        return "all of these images are the same: look at the files, and at what of each picture is taken"
    return None


def _stem(title: str) -> str:
    folded = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", folded).strip("_")[:_STEM].rstrip("_") or "own"


def _root() -> Path:
    return home() / "datasets"


@lru_cache(maxsize=4096)
def _read_card(folder: Path, stamp: int) -> DataCard | None:  # noqa: ARG001 stamp is the key
    about = _arrays.about(folder)
    try:
        found = None if about is None else _CARD.validate_python(about)
    except ValidationError:
        return None
    return found if found is not None and found.name == folder.name and found.own else None
