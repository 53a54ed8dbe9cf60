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

_END, _END_SIZE = b"PK\x05\x06", 22
_ENTRY = 46 + 300  # bytes of a directory's entry: its fixed part, and a long name
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Packings that are read: zipfile unpacks others whole, however little of a file is asked for."""


def is_archive(data: bytes) -> bool:
    return data[:4] in (b"PK\x03\x04", _END)


def names_in(data: bytes, *, most_files: int = MOST_FILES) -> list[str]:
    """The names of the archive's files, in order. Raises PictureError as :func:`files_in` does."""
    with _opened(data, most_files) as (_, found):
        return [one.filename for one in found]


def files_in(data: bytes, *, most_files: int = MOST_FILES) -> Iterator[tuple[str, bytes | PictureError]]:
    """The archive's files by name, unpacked one at a time, or in a file's place what is wrong with it.

    Folders and what systems add (``__MACOSX``, names that begin with a dot) are passed over. Raises PictureError, one
    sentence, where the archive as a whole is not read.
    """
    with _opened(data, most_files) as (archive, found):
        for one in found:
            yield one.filename, _unpacked(archive, one)


@contextmanager
def _opened(data: bytes, most_files: int) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """The archive and its files, all limits on the whole checked. Raises PictureError."""
    if len(data) > MOST_UNPACKED:
        raise PictureError(f"The archive has {len(data) / 1e6:,.0f} MB: at most {MOST_UNPACKED // 10**6} MB are read.")
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
        unpacked = sum(one.file_size for one in found)
        if unpacked > MOST_UNPACKED:
            raise PictureError(
                f"This ZIP archive unpacks to {unpacked / 1e6:,.0f} MB: at most {MOST_UNPACKED // 10**6} MB are read, "
                "so split it."
            )
        yield archive, found


def _few(data: bytes, most: int) -> None:
    """Refuses a directory of too many files before it is read. Raises PictureError."""
    at = data.rfind(_END, max(0, len(data) - _END_SIZE - 65_535))
    if at < 0 or at + _END_SIZE > len(data):
        raise PictureError("This ZIP archive is damaged or cut off: pack or send it again.")
    count, size = struct.unpack_from("<HI", data, at + 10)
    if count == 0xFFFF or size > 3 * most * _ENTRY or count > 3 * most:
        raise PictureError(_too_many(count, most))


def _too_many(count: int, most: int) -> str:
    return f"This ZIP archive holds {count:,} files: at most {most:,} are read, so split it."


def _added(name: str) -> bool:
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or (path.name.startswith(".") and path.name != "..")


def _unpacked(archive: zipfile.ZipFile, one: zipfile.ZipInfo) -> bytes | PictureError:
    path = PurePosixPath(one.filename.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        return PictureError("Its name is empty or leads out of the archive's folder: rename it and pack it again.")
    if one.compress_type not in METHODS:
        return PictureError("It is packed in an unusual way: pack it with plain ZIP compression.")
    if one.file_size > MAX_BYTES:
        return PictureError(f"It unpacks to {one.file_size / 1e6:,.1f} MB: at most {MAX_BYTES // 10**6} MB are read.")
    if one.file_size > max(1_000_000, MOST_RATIO * one.compress_size):
        return PictureError(f"It unpacks to more than {MOST_RATIO} times its packed size, which no picture does.")
    try:
        with archive.open(one) as file:
            return file.read(one.file_size + 1)
    except Exception:  # untrusted bytes: a wrong checksum, a lying header, an overlap
        return PictureError("It is damaged: pack or send it again.")
