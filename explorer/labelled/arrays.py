"""Images as arrays in files: NumPy's ``.npz`` as Keras, MedMNIST and we name them, and MNIST's own IDX files.

Nothing is unpickled, and what a header claims is checked before memory is taken for it.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from explorer.data.own import MOST_CLASSES, MOST_IMAGES
from explorer.digits import archive
from explorer.errors import PictureError
from explorer.labelled.fit import grey
from explorer.labelled.found import part_of

MOST_BYTES = 120_000_000
"""Of one array, unpacked: 100,000 images of 28 × 28 bytes, with room; and of all IDX files together twice as much."""
MOST_SIDE = 512

_MOST_MEMBERS = 100
_LONGEST_NAME = 100  # characters of a class
_FAMILIES = (
    (("x_train", "y_train", "train"), ("x_test", "y_test", "test")),
    (
        ("train_images", "train_labels", "train"),
        ("val_images", "val_labels", "train"),
        ("test_images", "test_labels", "test"),
    ),
    (("images", "labels", ""),),
    (("x", "y", ""),),
    (("data", "target", ""),),
)
"""Names of images and labels that belong together, and the part that they are. Only one family is read: a file that has
everything, and it in parts, too, would put what tests among what is learned from."""
_NAMES = ("classes", "class_names", "label_names", "target_names")
_UINT8 = 8


@dataclass(frozen=True, eq=False)
class Block:
    """Images of one part of a data set ("train", "test", or "" where that is not said).

    ``images``: numbers (N, h, w, C), C 1 or 3, that ``factor`` makes 0 to 255. ``kinds``: the names of the classes that
    occur; ``labels``: numbers into these (N,). ``name``: where they are from.
    """

    images: np.ndarray
    factor: float
    kinds: list[str]
    labels: np.ndarray
    part: str
    name: str

    def grey(self, number: int) -> np.ndarray:
        """One image, uint8 (h, w)."""
        image = self.images[number]
        if image.dtype != np.uint8 or self.factor != 1:
            image = np.rint(image * self.factor).astype(np.uint8)
        return np.ascontiguousarray(image[..., 0]) if image.shape[-1] == 1 else grey(np.ascontiguousarray(image))


# --- .npz ---


def is_npz(data: bytes) -> bool:
    """Whether a file is a ZIP of NumPy arrays and nothing else."""
    if not archive.is_archive(data):
        return False
    try:
        with archive.opened(data, most_files=_MOST_MEMBERS, most_bytes=2 * MOST_BYTES) as (_, members):
            return all(one.filename.endswith(".npy") for one in members)
    except PictureError:
        return False


def in_npz(data: bytes, name: str) -> Iterator[Block]:
    """The blocks of an ``.npz``. Raises PictureError, one sentence, where it holds no labelled images."""
    with archive.opened(data, most_files=_MOST_MEMBERS, most_bytes=2 * MOST_BYTES) as (zipped, found):
        members = {one.filename.removesuffix(".npy").lower(): one for one in found}
        family = next(
            (some for some in _FAMILIES if any(images in members and labels in members for images, labels, _ in some)),
            None,
        )
        if family is None:
            raise PictureError(
                f"It holds {', '.join(list(members)[:6])}: name the arrays x_train, y_train, x_test and y_test, or "
                "train_images, train_labels, test_images and test_labels, or images and labels."
            )
        named = next((members[one] for one in _NAMES if one in members), None)
        classes = None if named is None else _classes(_array(zipped, named), named.filename)
        for images, labels, part in family:
            if images in members and labels in members:
                found_images, factor = _images(_array(zipped, members[images]), images)
                kinds, numbers = _labels(_array(zipped, members[labels]), len(found_images), classes, labels)
                yield Block(found_images, factor, kinds, numbers, part or part_of(name), f"{name}, {images}")


def _array(zipped: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    name = member.filename
    if member.compress_type not in archive.METHODS:
        raise PictureError(f"{name} is packed in an unusual way: save it with numpy.savez_compressed.")
    try:
        with zipped.open(member) as file:
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
        if shape and shape[0] > MOST_IMAGES:
            raise PictureError(f"{name} has {shape[0]:,} rows: at most {MOST_IMAGES:,} images are read, so save fewer.")
        with zipped.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except PictureError:
        raise
    except Exception as error:  # untrusted bytes: a wrong checksum, a lying header
        raise PictureError(f"{name} is damaged or no NumPy array: save it again.") from error


def _images(images: np.ndarray, name: str) -> tuple[np.ndarray, float]:
    """Images of any usual form as (N, h, w, C), and the factor that makes them 0 to 255. Raises PictureError."""
    if images.ndim == 4 and images.shape[-1] in (1, 3, 4):
        channels = images[..., :3]
    elif images.ndim == 4 and images.shape[1] in (1, 3):
        channels = np.moveaxis(images, 1, -1)
    elif images.ndim == 3:
        channels = images[..., None]
    else:
        shape = " × ".join(map(str, images.shape)) or "one number"
        raise PictureError(f"{name} is {shape}: images are N × height × width, or with 1 or 3 channels.")
    if not len(images):
        raise PictureError(f"There is no image in {name}.")
    sides = channels.shape[1:3]
    if not 1 <= min(sides) <= max(sides) <= MOST_SIDE:
        raise PictureError(f"{name} has images of {sides[1]} × {sides[0]} pixels: 1 to {MOST_SIDE} a side are read.")
    if channels.dtype.kind not in "buif":
        raise PictureError(f"{name} holds {channels.dtype}, no numbers: save pixels from 0 to 255.")
    # A minimum or maximum of something that is not a number is none either, and fails both comparisons.
    low, high = float(channels.min()), float(channels.max())
    if not (low >= 0 and high <= 255):
        raise PictureError(f"{name} has pixels from {low:g} to {high:g}: they go from 0 to 255, or from 0 to 1.")
    return channels, 255.0 if high <= 1 else 1.0


def _classes(names: np.ndarray, member: str) -> list[str]:
    """The names of classes by their numbers. Raises PictureError."""
    names = names.ravel()
    if names.dtype.kind not in "US" or len(names) > MOST_CLASSES or names.dtype.itemsize > 4 * _LONGEST_NAME:
        raise PictureError(
            f"{member} names classes: at most {MOST_CLASSES}, as text of at most {_LONGEST_NAME} characters."
        )
    found = [_text(name) for name in names]
    if len(set(found)) < len(found):
        raise PictureError(f"{member} has the same name twice: give each class its own.")
    return found


def _labels(labels: np.ndarray, count: int, classes: list[str] | None, name: str) -> tuple[list[str], np.ndarray]:
    """The names of the classes that occur, and numbers into these (N,). Raises PictureError."""
    if labels.ndim == 2 and labels.shape[1] > 1:
        one_hot = labels.dtype.kind in "biuf" and bool(((labels == 0) | (labels == 1)).all())
        if not one_hot or not (labels.sum(axis=1) == 1).all():
            raise PictureError(f"{name} gives an image several labels, and here each has one: choose one class a row.")
        labels = labels.argmax(axis=1)
    labels = labels.ravel()
    if len(labels) != count:
        raise PictureError(f"{name} has {len(labels):,} labels for {count:,} images: save as many of both.")
    if labels.dtype.kind == "f" and bool((np.abs(labels) < 2**53).all()) and bool((labels == np.rint(labels)).all()):
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "biuUS" or labels.dtype.itemsize > 4 * _LONGEST_NAME:
        raise PictureError(
            f"{name} holds {labels.dtype}: labels are whole numbers, or text of at most {_LONGEST_NAME} characters."
        )
    kinds, numbers = np.unique(labels, return_inverse=True)
    if len(kinds) > MOST_CLASSES:
        raise PictureError(
            f"{name} has {len(kinds):,} different labels: there are at most {MOST_CLASSES} classes here."
        )
    if classes is not None and kinds.dtype.kind in "biu":
        outside = [int(kind) for kind in kinds if not 0 <= int(kind) < len(classes)]
        if outside:
            raise PictureError(f"{name} has label {outside[0]}, and there are {len(classes)} names of classes.")
        return [classes[int(kind)] for kind in kinds], numbers
    return [_text(kind) for kind in kinds], numbers


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


# --- IDX ---


def is_idx(data: bytes) -> bool:
    """Whether a file is IDX (see http://yann.lecun.com/exdb/mnist/), packed by gzip or not."""
    head = _unzipped(data, 4)
    return head[:3] == bytes((0, 0, _UINT8)) and head[3:4] in (b"\x01", b"\x03")


def read_idx(data: bytes) -> np.ndarray:
    """The bytes of an IDX file, (N,) or (N, h, w). Raises PictureError."""
    data = _unzipped(data, MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise PictureError(f"It holds more than {MOST_BYTES // 10**6} MB, which are not read: bring a part of it.")
    count = data[3] if len(data) > 3 else 0
    shape = tuple(int(side) for side in np.frombuffer(data, ">u4", count, 4)) if len(data) >= 4 + 4 * count else ()
    if not count or len(shape) != count or len(data) != 4 + 4 * count + math.prod(shape):
        raise PictureError("It is cut off or damaged: copy it again.")
    if shape[0] > MOST_IMAGES:
        raise PictureError(f"It has {shape[0]:,} rows: at most {MOST_IMAGES:,} images are read, so bring a part of it.")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * count).reshape(shape)


def paired(files: Mapping[str, np.ndarray]) -> Iterator[Block]:
    """IDX files by name, images and labels that belong together. Raises PictureError for one that is left over."""
    rest = dict(files)
    for name, images in files.items():
        other = next((one for one in rest if one != name and _stem(one) == _stem(name) and rest[one].ndim == 1), None)
        if images.ndim != 3 or other is None:
            continue
        del rest[name]
        found, factor = _images(images, name)
        kinds, numbers = _labels(rest.pop(other), len(images), None, other)
        yield Block(found, factor, kinds, numbers, part_of(name) or "train", name)
    if rest:
        raise PictureError(f"{', '.join(rest)}: bring a file of images and its file of labels, named alike.")


def _stem(name: str) -> str:
    return name.lower().replace("images", "").replace("labels", "").replace("idx1", "").replace("idx3", "")


def _unzipped(data: bytes, most: int) -> bytes:
    """What gzip packed, at most so many bytes of it, or the bytes themselves; nothing where it is damaged."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return zlib.decompressobj(wbits=31).decompress(data, most)
    except zlib.error:
        return b""
