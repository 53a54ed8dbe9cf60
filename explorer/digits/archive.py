"""A ZIP of pictures: what is in it, within fixed limits that are checked before anything is unpacked.

Nothing is written to disk, so a name is only a label; one that would lead out of a folder is refused all the same.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import PurePosixPath

from explorer.digits.decode import MAX_BYTES
from explorer.errors import PictureError

MOST_FILES = 2_000
MOST_UNPACKED = 200_000_000
"""Bytes of all files together."""
MOST_RATIO = 100
"""A file's size over its packed size, from a megabyte on: pictures are packed already."""

_END, _END_SIZE, _LISTED = b"PK\x05\x06", 22, b"PK\x01\x02"
_LONGEST_NAME = 500
_ENTRY = 46 + 300  # bytes of a directory's entry: its fixed part, and a long name
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Packings that are read: zipfile unpacks others whole, however little of a file is asked for."""


def is_archive(data: bytes) -> bool:
    return data[:4] in (b"PK\x03\x04", _END)


def files_in(data: bytes) -> Iterator[tuple[str, bytes | PictureError]]:
    """The archive's files by name, unpacked one at a time, or in a file's place what is wrong with it.

    Folders and what systems add (``__MACOSX``, names that begin with a dot) are passed over. Raises PictureError, one
    sentence, where the archive as a whole is not read.
    """
    with opened(data) as (archive, found):
        for one in found:
            yield one.filename, unpacked(archive, one)


@contextmanager
def opened(
    data: bytes, *, most_files: int = MOST_FILES, most_bytes: int = MOST_UNPACKED
) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """The archive and what is in it, without folders and what systems add; all limits on the whole are checked. Raises
    PictureError as :func:`files_in` does."""
    if len(data) > most_bytes:
        raise PictureError(f"The archive has {len(data) / 1e6:,.0f} MB: at most {most_bytes // 10**6} MB are read.")
    _few(data, most_files)
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except Exception as error:  # untrusted bytes: the reader may raise anything
        raise PictureError("This ZIP archive is damaged or cut off: pack or send it again.") from error
    with archive:
        found = [one for one in archive.infolist() if not one.filename.endswith("/") and not _added(one.filename)]
        if not found:
            raise PictureError("There is no file in this ZIP archive: pack some pictures into it.")
        if len(found) > most_files:
            raise PictureError(_too_many(len(found), most_files))
        if any(one.flag_bits & 0x1 for one in found):
            raise PictureError("This ZIP archive is encrypted: pack its pictures without a password.")
        size = sum(one.file_size for one in found)
        if size > most_bytes:
            raise PictureError(
                f"This ZIP archive unpacks to {size / 1e6:,.0f} MB: at most {most_bytes // 10**6} MB are read, so "
                "split it."
            )
        yield archive, found


def _few(data: bytes, most: int) -> None:
    """Refuses a directory of too many files before it is read, whatever it says of itself. Raises PictureError."""
    at = data.rfind(_END, max(0, len(data) - _END_SIZE - 65_535))
    if at < 0 or at + _END_SIZE > len(data):
        raise PictureError("This ZIP archive is damaged or cut off: pack or send it again.")
    said, size = struct.unpack_from("<HI", data, at + 10)
    count = max(said, data.count(_LISTED, max(0, at - size), at))
    # There are folders in it, too, and what systems add.
    if said == 0xFFFF or count > max(3 * MOST_FILES, 2 * most) or size > max(3 * MOST_FILES, most) * _ENTRY:
        raise PictureError(_too_many(count, most))


def _too_many(count: int, most: int) -> str:
    return f"This ZIP archive holds {count:,} files: at most {most:,} are read, so split it."


def _added(name: str) -> bool:
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or (path.name.startswith(".") and path.name != "..")


def unpacked(archive: zipfile.ZipFile, one: zipfile.ZipInfo, *, most: int = MAX_BYTES) -> bytes | PictureError:
    """What a file holds, at most so many bytes of it, or what is wrong with it."""
    if len(one.filename) > _LONGEST_NAME:
        return PictureError(f"Its name has more than {_LONGEST_NAME} characters: shorten it and pack it again.")
    path = PurePosixPath(one.filename.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        return PictureError("Its name is empty or leads out of the archive's folder: rename it and pack it again.")
    if one.compress_type not in METHODS:
        return PictureError("It is packed in an unusual way: pack it with plain ZIP compression.")
    if one.file_size > most:
        return PictureError(f"It unpacks to {one.file_size / 1e6:,.1f} MB: at most {most // 10**6} MB are read.")
    if one.file_size > max(1_000_000, MOST_RATIO * one.compress_size):
        return PictureError(f"It unpacks to more than {MOST_RATIO} times its packed size, which no picture does.")
    try:
        with archive.open(one) as file:
            return file.read(one.file_size + 1)
    except Exception:  # untrusted bytes: a wrong checksum, a lying header, an overlap
        return PictureError("It is damaged: pack or send it again.")
