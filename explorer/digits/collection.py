"""Digits that a reader keeps with their classes, to test networks on: as a ZIP with a CSV and a PNG each, and back.

A ZIP that comes in is untrusted: only the files that its table names are opened, each within limits.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from explorer.digits.archive import METHODS
from explorer.digits.decode import decode
from explorer.errors import PictureError

TABLE = "labels.csv"
COLUMNS = ("file", "label", "source")
MOST = 500
"""Digits in a collection."""
MOST_BYTES = 5_000_000
"""Of a ZIP."""
LONGEST_SOURCE = 80

_MOST_BYTES_OF_A_FILE = 100_000
_MOST_FILES = 2 * MOST
_KEY = re.compile(r"[0-9a-f]{24}")
_EPOCH = (2000, 1, 1, 0, 0, 0)  # the same digits make the same file


@dataclass(frozen=True, eq=False)
class Kept:
    """A digit in the data set's form, uint8 (C, H, W), its class's number, and where it came from in a word or two."""

    pixels: np.ndarray
    label: int
    source: str = ""


def to_zip(digits: Sequence[Kept], classes: Sequence[str]) -> bytes:
    """A ZIP of ``labels.csv`` (file, label, source) and a PNG a digit."""
    out, text = io.BytesIO(), io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    with zipfile.ZipFile(out, "w") as archive:
        for number, digit in enumerate(digits, start=1):
            name = f"digits/{number:03}.png"
            table.writerow([name, classes[digit.label], digit.source])
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), _png(digit.pixels), zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo(TABLE, _EPOCH), text.getvalue(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def from_zip(data: bytes, classes: Sequence[str], shape: tuple[int, int, int]) -> tuple[Kept, ...]:
    """The digits in a ZIP that :func:`to_zip` made, or one like it. Raises PictureError, one sentence, for all else."""
    if len(data) > MOST_BYTES:
        raise PictureError(
            f"The ZIP has {len(data) / 1e6:,.1f} MB: at most {MOST_BYTES / 1e6:.0f} MB are read, so part it."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if len(archive.infolist()) > _MOST_FILES:
                raise PictureError(f"The ZIP holds more than {_MOST_FILES:,} files: part it.")
            return tuple(_read(archive, row, classes, shape) for row in _rows(archive))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise PictureError("This is not a ZIP, or it is damaged or locked: download it again from here.") from error


def _rows(archive: zipfile.ZipFile) -> list[dict[str, str]]:
    try:
        text = _bytes_of(archive, TABLE).decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise PictureError(f"{TABLE} in the ZIP is no table: write the columns file and label, as UTF-8.") from None
    if not rows or not {"file", "label"} <= set(rows[0]):
        raise PictureError(f"{TABLE} in the ZIP has no rows with a file and a label: write these two columns.")
    if len(rows) > MOST:
        raise PictureError(f"The ZIP holds {len(rows):,} images: at most {MOST} are kept, so part it.")
    return rows


def _read(archive: zipfile.ZipFile, row: dict[str, str], classes: Sequence[str], shape: tuple[int, int, int]) -> Kept:
    name, label = (row.get("file") or "")[:120], (row.get("label") or "").strip()[:40]
    if label not in classes:
        raise PictureError(f"{name!r} has the label {label!r} in {TABLE}: there are {', '.join(classes)}.")
    try:
        picture = decode(_bytes_of(archive, name), name)
    except PictureError as error:
        raise PictureError(f"{name!r} in the ZIP: {error}") from None
    if picture.rgb.shape[:2] != shape[1:]:
        raise PictureError(
            f"{name!r} in the ZIP is {picture.rgb.shape[1]} × {picture.rgb.shape[0]} pixels: a kept image has "
            f"{shape[2]} × {shape[1]}, so upload it as a picture instead."
        )
    pixels = picture.rgb[..., : shape[0]].transpose(2, 0, 1)
    return Kept(np.ascontiguousarray(pixels), classes.index(label), _plain(row.get("source") or ""))


def _bytes_of(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        entry = archive.getinfo(name)
    except KeyError:
        raise PictureError(f"The ZIP lacks {name!r}: download it again from here.") from None
    if entry.compress_type not in METHODS:
        raise PictureError(f"{name!r} in the ZIP is packed in an unusual way: pack it with plain ZIP compression.")
    with archive.open(entry) as file:
        content = file.read(_MOST_BYTES_OF_A_FILE + 1)  # whatever size the entry claims
    if len(content) > _MOST_BYTES_OF_A_FILE:
        raise PictureError(f"{name!r} in the ZIP is larger than any kept image: download it again from here.")
    return content


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:LONGEST_SOURCE]


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(buffer, "PNG")
    return buffer.getvalue()


# --- on the server ---


def path_of(folder: Path, key: str) -> Path:
    """The file of a collection. Raises PictureError for text that is no key."""
    if not _KEY.fullmatch(key):
        raise PictureError("This address names no test set: open the page without it.")
    return folder / f"{key}.zip"


def joined(digits: Iterable[Kept], more: Iterable[Kept]) -> tuple[Kept, ...]:
    """Both, without those of ``more`` that are there already. Raises PictureError for more than ``MOST``."""
    all_of_them = {(digit.pixels.tobytes(), digit.label): digit for digit in [*more, *digits]}
    there = {(digit.pixels.tobytes(), digit.label): digit for digit in digits}
    found = tuple({**there, **all_of_them}.values())
    if len(found) > MOST:
        raise PictureError(f"That would be {len(found):,} images: at most {MOST} are kept, so remove some first.")
    return found
