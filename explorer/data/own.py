"""Data sets that users have brought: kept below the home folder, each under a name that its content decides.

The name ends in the beginning of the content's fingerprint. So it never comes to stand for other images: a run, a link
and a cache that name it mean exactly these, and whoever brings the same files again gets the same data set.
"""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict
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

LONGEST_TITLE, LONGEST_CLASS = 40, 20
FEWEST_CLASSES, MOST_CLASSES = 2, 36
FEWEST_TRAIN = 4
"""Training images that each class needs: some to learn from, and one to validate by."""
MOST_IMAGES = 100_000

_STEM, _DIGITS = 24, 8
_NAME = re.compile(r"[a-z0-9_]{1,40}")
_CARD = TypeAdapter(DataCard)


class Labelled(NamedTuple):
    """Images and their classes: ``pixels`` uint8 (N, C, H, W), ``labels`` int64 (N,)."""

    pixels: np.ndarray
    labels: np.ndarray


def plain(text: str, longest: int) -> str:
    """A title or a class's name as it can stand in any sentence, table and chart: letters, digits and a few signs that
    mean nothing to Markdown or HTML, on one line."""
    text = unicodedata.normalize("NFC", text).replace("_", " ")
    kept = "".join(sign if sign.isalnum() or sign in " -+.,/&()'" else " " for sign in text)
    return " ".join(kept.split()).lstrip(" -+.,/&)'")[:longest].rstrip()


def keep(train: Labelled, test: Labelled, classes: Iterable[str], *, title: str, source: str) -> DataCard:
    """Keeps a data set, whose classes are numbered as in ``classes``, and returns its card.

    The same images with the same classes are kept once, under the title that they had first. Raises DataError, with
    fault and remedy, where they make no data set, and where the disk refuses them.
    """
    names = tuple(plain(name, LONGEST_CLASS) for name in classes)
    _check(train, test, names)
    arrays: Arrays = {
        "train_pixels": train.pixels,
        "train_labels": train.labels,
        "test_pixels": test.pixels,
        "test_labels": test.labels,
    }
    title = plain(title, LONGEST_TITLE) or "Own images"
    name = _name_of(title, arrays, names)
    there = next((one for one in cards() if one.name.endswith(name[-_DIGITS - 1 :])), None)
    if there is not None:
        return there
    brightness = train.pixels / np.float32(255)
    card = DataCard(
        name=name,
        title=title,
        shape=(int(train.pixels.shape[1]), int(train.pixels.shape[2]), int(train.pixels.shape[3])),
        classes=names,
        mean=round(float(brightness.mean(dtype=np.float64)), 4),
        std=max(0.001, round(float(brightness.std(dtype=np.float64)), 4)),
        source=source,
        licence="",
        train_images=len(train.labels),
        test_images=len(test.labels),
        own=True,
    )
    folder = _root() / name
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _arrays.write_folder(folder, arrays, asdict(card))
    except OSError as error:
        raise DataError(
            f"{title} can't be written to {folder.parent} ({error.strerror or error}): make room there, or set "
            "KERNELSCOPE_HOME to a folder that can be written"
        ) from error
    return card


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
    """Bytes on disk."""
    return sum(file.stat().st_size for file in (_root() / card.name).glob("*"))


def delete(card: DataCard) -> None:
    """Removes an own data set. Raises DataError where the disk refuses it."""
    folder = _root() / card.name
    try:
        gone = folder.with_name(f".{folder.name}-deleted")
        shutil.rmtree(gone, ignore_errors=True)
        folder.rename(gone)  # at once, so that nobody reads half of it
        shutil.rmtree(gone)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"{folder} can't be removed ({error.strerror or error}): check the folder's rights") from error


def _check(train: Labelled, test: Labelled, classes: tuple[str, ...]) -> None:
    if not FEWEST_CLASSES <= len(classes) <= MOST_CLASSES:
        counted = "1 class" if len(classes) == 1 else f"{len(classes):,} classes"
        raise DataError(
            f"there {'is' if len(classes) == 1 else 'are'} {counted}: a data set has {FEWEST_CLASSES} to "
            f"{MOST_CLASSES}, so bring images of other or fewer kinds"
        )
    if "" in classes or len(set(classes)) < len(classes):
        raise DataError(
            "two classes have the same name, or one has none, once signs that are neither letters nor digits are left "
            "out: rename them"
        )
    images = len(train.labels) + len(test.labels)
    if images > MOST_IMAGES:
        raise DataError(f"there are {images:,} images: at most {MOST_IMAGES:,} are taken, so bring a part of them")
    for part, some, fewest in (("training", train, FEWEST_TRAIN), ("test", test, 1)):
        counts = np.bincount(some.labels, minlength=len(classes))
        if counts.min() < fewest:
            few = classes[int(counts.argmin())]
            raise DataError(
                f"class {few} has {counts.min()} {part} images, and needs {fewest} at least: bring more of it, or "
                "leave it out"
            )


def _name_of(title: str, arrays: Arrays, classes: tuple[str, ...]) -> str:
    folded = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "_", folded).strip("_")[:_STEM].rstrip("_") or "own"
    named = arrays | {"classes": np.array([ord(sign) for sign in "\n".join(classes)], dtype=np.int64)}
    return f"{stem}_{_arrays.fingerprint(named)[:_DIGITS]}"


def _root() -> Path:
    return home() / "datasets"


@lru_cache(maxsize=256)
def _read_card(folder: Path, stamp: int) -> DataCard | None:  # noqa: ARG001 stamp is the key
    about = _arrays.about(folder)
    try:
        found = None if about is None else _CARD.validate_python(about)
    except ValidationError:
        return None
    return found if found is not None and found.name == folder.name and found.own else None
