"""Images as arrays in files: NumPy's ``.npz`` as Keras, MedMNIST and we name them, and MNIST's own IDX files.

Nothing is unpickled, and a header's claim is checked against the file before memory is taken for it.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

import numpy as np

from explorer.digits.archive import METHODS
from explorer.errors import PictureError
from explorer.labelled.fit import grey

MOST_BYTES = 120_000_000
"""Of one array, unpacked: 100,000 images of 28 × 28 bytes, with room."""
MOST_SIDE = 512

_PAIRS = (
    ("x_train", "y_train", "train"),
    ("x_test", "y_test", "test"),
    ("train_images", "train_labels", "train"),
    ("val_images", "val_labels", "train"),
    ("test_images", "test_labels", "test"),
    ("images", "labels", ""),
    ("x", "y", ""),
    ("data", "target", ""),
)
_NAMES = ("classes", "class_names", "label_names", "target_names")
_UINT8 = 8


class Block(NamedTuple):
    """Images of one part of a data set ("train", "test", or "" where that is not said). ``grey``: uint8 (N, h, w);
    ``labels``: text (N,)."""

    grey: np.ndarray
    labels: np.ndarray
    part: str


# --- .npz ---


def is_npz(data: bytes) -> bool:
    """Whether a file is a ZIP of NumPy arrays and nothing else."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()[:100]
    except Exception:  # untrusted bytes: the reader may raise anything
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def in_npz(data: bytes) -> Iterator[Block]:
    """The blocks of an ``.npz``. Raises PictureError, one sentence, where it holds no labelled images."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        members = {one.filename.removesuffix(".npy").lower(): one for one in archive.infolist()}
        pairs = [pair for pair in _PAIRS if pair[0] in members and pair[1] in members]
        if not pairs:
            raise PictureError(
                f"It holds {', '.join(list(members)[:6])}: name the arrays x_train, y_train, x_test and y_test, or "
                "train_images, train_labels, test_images and test_labels, or images and labels."
            )
        named = next((members[name] for name in _NAMES if name in members), None)
        classes = None if named is None else _array(archive, named).ravel()
        for images, labels, part in pairs:
            made = _grey(_array(archive, members[images]), images)
            yield Block(made, _labels(_array(archive, members[labels]), len(made), classes, labels), part)


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    name = member.filename
    if member.compress_type not in METHODS:
        raise PictureError(f"{name} is packed in an unusual way: save it with numpy.savez_compressed.")
    try:
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = header(file)
            size = math.prod(shape) * dtype.itemsize
            if dtype.hasobject:
                raise PictureError(f"{name} holds Python objects, which are not read: save numbers, or text for names.")
            if size > MOST_BYTES:
                raise PictureError(
                    f"{name} unpacks to {size / 1e6:,.0f} MB: at most {MOST_BYTES // 10**6} MB are read, so save bytes "
                    "(uint8), or fewer images."
                )
            if size > member.file_size:
                raise PictureError(f"{name} claims more than it holds: save it again.")
        with archive.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except PictureError:
        raise
    except Exception as error:  # untrusted bytes: a wrong checksum, a lying header
        raise PictureError(f"{name} is damaged or no NumPy array: save it again.") from error


def _grey(images: np.ndarray, name: str) -> np.ndarray:
    """Images of any usual form to uint8 (N, h, w). Raises PictureError."""
    if images.ndim == 4 and images.shape[-1] in (1, 3, 4):
        channels = images[..., :3]
    elif images.ndim == 4 and images.shape[1] in (1, 3):
        channels = np.moveaxis(images, 1, -1)
    elif images.ndim == 3:
        channels = images[..., None]
    else:
        shape = " × ".join(map(str, images.shape)) or "one number"
        raise PictureError(f"{name} is {shape}: images are N × height × width, or with 1 or 3 channels.")
    if not len(images) or not 1 <= min(channels.shape[1:3]) <= max(channels.shape[1:3]) <= MOST_SIDE:
        sides = f"{channels.shape[2]} × {channels.shape[1]}"
        raise PictureError(f"{name} has {len(images):,} images of {sides} pixels: at most {MOST_SIDE} a side are read.")
    if channels.dtype == bool:
        channels = channels.astype(np.uint8) * np.uint8(255)
    elif channels.dtype.kind not in "uif":
        raise PictureError(f"{name} holds {channels.dtype}, no numbers: save pixels from 0 to 255.")
    elif channels.dtype != np.uint8:
        # a minimum or maximum of something that is not a number is none either, and fails both comparisons
        low, high = float(channels.min()), float(channels.max())
        if not (low >= 0 and high <= 255):
            raise PictureError(f"{name} has pixels from {low:g} to {high:g}: they go from 0 to 255, or from 0 to 1.")
        channels = np.rint(channels * 255 if high <= 1 and channels.dtype.kind == "f" else channels).astype(np.uint8)
    if channels.shape[-1] == 1:
        return np.ascontiguousarray(channels[..., 0])
    return np.stack([grey(np.ascontiguousarray(image)) for image in channels])


def _labels(labels: np.ndarray, count: int, classes: np.ndarray | None, name: str) -> np.ndarray:
    if labels.ndim == 2 and labels.shape[1] > 1:
        one_hot = labels.dtype.kind in "biuf" and bool(((labels == 0) | (labels == 1)).all())
        if not one_hot or not (labels.sum(axis=1) == 1).all():
            raise PictureError(f"{name} gives an image several labels, and here each has one: choose one class a row.")
        labels = labels.argmax(axis=1)
    labels = labels.ravel()
    if len(labels) != count:
        raise PictureError(f"{name} has {len(labels):,} labels for {count:,} images: save as many of both.")
    if labels.dtype.kind == "f" and (labels == np.rint(labels)).all():
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "biuU":
        raise PictureError(f"{name} holds {labels.dtype}: labels are whole numbers or text.")
    if classes is not None and labels.dtype.kind in "iu" and classes.dtype.kind == "U":
        if labels.min() < 0 or labels.max() >= len(classes):
            raise PictureError(f"{name} has label {labels.max()}, and there are {len(classes)} names of classes.")
        return np.asarray(classes[labels])
    return labels.astype(str)


# --- IDX ---


def is_idx(data: bytes) -> bool:
    """Whether a file is IDX (see http://yann.lecun.com/exdb/mnist/), packed by gzip or not."""
    return _unzipped(data, 4)[:3] == bytes((0, 0, _UINT8)) and _unzipped(data, 4)[3:4] in (b"\x01", b"\x03")


def read_idx(data: bytes) -> np.ndarray:
    """The bytes of an IDX file, (N,) or (N, h, w). Raises PictureError."""
    data = _unzipped(data, MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise PictureError(f"It holds more than {MOST_BYTES // 10**6} MB, which are not read: bring a part of it.")
    count = data[3]
    shape = tuple(int(side) for side in np.frombuffer(data, ">u4", count, 4)) if len(data) >= 4 + 4 * count else ()
    if len(shape) != count or len(data) != 4 + 4 * count + math.prod(shape):
        raise PictureError("It is cut off or damaged: copy it again.")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * count).reshape(shape)


def paired(files: dict[str, np.ndarray]) -> Iterator[Block]:
    """IDX files by name, images and labels that belong together. Raises PictureError for one that is left over."""
    rest = dict(files)
    for name, images in files.items():
        other = next((one for one in rest if one != name and _stem(one) == _stem(name) and rest[one].ndim == 1), None)
        if images.ndim != 3 or other is None:
            continue
        del rest[name]
        part = "test" if any(word in name.lower() for word in ("t10k", "test")) else "train"
        yield Block(_grey(images, name), _labels(rest.pop(other), len(images), None, other), part)
    if rest:
        raise PictureError(f"{', '.join(rest)}: bring a file of images and its file of labels, named alike.")


def _stem(name: str) -> str:
    return name.lower().replace("images", "").replace("labels", "").replace("idx1", "").replace("idx3", "")


def _unzipped(data: bytes, most: int) -> bytes:
    """What gzip packed, at most so many bytes of it, or the bytes themselves."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return zlib.decompressobj(wbits=31).decompress(data, most)
    except zlib.error:
        return b""
