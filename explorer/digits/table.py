"""A table of digits, as MNIST is passed around in CSV: one digit a row, pixels 0 to 255, with or without label."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from math import prod

import numpy as np

from explorer.errors import PictureError

MOST_BYTES = 64_000_000
MOST_ROWS = 20_000
_LONGEST_HEAD = 100_000
_LABELS = {"label", "class", "digit", "y", "target"}


def is_table(data: bytes, name: str = "") -> bool:
    """Whether a file is such a table: named like one, or text whose first line has hundreds of commas."""
    first = data[:20_000].split(b"\n", 1)[0]
    return name.lower().endswith((".csv", ".txt")) or (b"\x00" not in first and first.count(b",") > 100)


def parts_of(data: bytes, rows: int) -> Iterator[tuple[int, bytes]]:
    """A long table's bytes, so many rows at a time, under its header if it has one: the number of the first row, and
    these rows."""
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    head = data[: data.find(b"\n") + 1]
    headed = 0 < len(head) < _LONGEST_HEAD and not all(map(_is_number, _names(head)))
    start, first = len(head) if headed else 0, 1
    while start < len(data):
        end = start
        for _ in range(rows):
            end = data.find(b"\n", end) + 1
            if not end:
                end = len(data)
                break
        yield first, (head if headed else b"") + data[start:end]
        start, first = end, first + rows


def digits_in(
    data: bytes, shape: tuple[int, int, int], classes: int, *, first: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """The pixels, uint8 (N, C, H, W), and the labels, int (N,), -1 where there are none, of a table's bytes.

    A row has C · H · W numbers, or one more: the label, in the first column unless the header names the last one.
    ``first`` is the number of its first row, in what is told. Raises PictureError, one sentence, where it is no such
    table.
    """
    columns = prod(shape)
    lines = data.count(b"\n") + 1
    if len(data) > MOST_BYTES or lines > MOST_ROWS + 2:
        raise PictureError(
            f"The table has {lines:,} lines and {len(data) / 1e6:,.0f} MB: at most {MOST_ROWS:,} rows and "
            f"{MOST_BYTES // 10**6} MB are read, so split it."
        )
    head = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    line = head.split(b"\n", 1)[0]
    if line.count(b",") > columns:
        raise PictureError(_columns(line.count(b",") + 1, columns))
    names = _names(line)
    headed = not all(_is_number(name) for name in names)
    body = head.partition(b"\n")[2] if headed else head
    if not body.strip():
        raise PictureError("There is no row in this table: each row is one image.")
    try:
        rows = BytesIO(body)
        values = np.loadtxt(rows, delimiter=",", dtype=np.float32, ndmin=2, quotechar='"', comments=None)
    except (ValueError, UnicodeDecodeError):
        raise PictureError(
            "This table can't be read: each row needs the same number of numbers, with commas between them; a label, "
            "too, is a number."
        ) from None
    if values.shape[1] not in (columns, columns + 1):
        raise PictureError(_columns(values.shape[1], columns))
    labels = np.full(len(values), -1)
    if values.shape[1] == columns + 1:
        place = columns if headed and names[-1] in _LABELS and names[0] not in _LABELS else 0
        labels = values[:, place]
        values = np.delete(values, place, axis=1)
        wrong = ~np.isin(labels, np.arange(classes))
        if wrong.any():
            raise PictureError(f"Row {int(wrong.argmax()) + first:,} has a label that is none of 0 to {classes - 1}.")
    fine = np.isfinite(values) & (values >= 0) & (values <= 255)
    if not fine.all():
        row = int((~fine).any(axis=1).argmax()) + first
        raise PictureError(f"Row {row:,} has a pixel outside 0 to 255.")
    if 0 < values.max() <= 1:
        raise PictureError("All pixels are between 0 and 1: multiply them by 255, so that full ink is 255.")
    return np.rint(values).astype(np.uint8).reshape(-1, *shape), labels.astype(int)


def _columns(found: int, columns: int) -> str:
    return f"This table has {found:,} columns: an image has {columns:,} pixels, and may have a label before."


def _names(line: bytes) -> list[str]:
    return [name.strip().strip('"').lower() for name in line.decode("utf-8", "replace").strip().split(",")]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
