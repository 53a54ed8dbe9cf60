"""Many digits at once: archives and tables, good and bad, and files gathered a little at a time."""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO

import numpy as np
import odd_files
import pytest
from sheets_drawn import ROWS, sheet

from explorer.digits import archive, batch, read, table
from explorer.digits.batch import Gathering
from explorer.errors import PictureError

SHAPE = (1, 28, 28)
PNG = odd_files.saved(odd_files.digit("L", (28, 28)), "PNG")


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as packed:
        for name, data in files:
            packed.writestr(name, data)
    return out.getvalue()


def changed(data: bytes, local: int, central: int, value: bytes) -> bytes:
    """A ZIP of one file with other bytes at these places of its local and its central header."""
    out = bytearray(data)
    directory = data.index(b"PK\x01\x02")
    out[local : local + len(value)] = value
    out[directory + central : directory + central + len(value)] = value
    return bytes(out)


def encrypted() -> bytes:
    return changed(zipped(("a.png", PNG)), 6, 8, b"\x01\x00")


def gathered(*files: tuple[str, bytes]) -> Gathering:
    found = Gathering(files, shape=SHAPE)
    while not found.go_on(10):
        pass
    return found


def test_what_nobody_has_foreseen_in_one_file_does_not_end_the_work_on_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def odd(data: bytes, name: str, *, shape: tuple[int, int, int]) -> object:
        if "odd" in name:
            raise np.linalg.LinAlgError("singular matrix")
        return read(data, name, shape=shape)

    monkeypatch.setattr(batch, "read", odd)
    found = gathered(("odd.png", PNG), ("a.png", PNG), ("all.zip", zipped(("odd.png", PNG), ("b.png", PNG))))
    assert found.names == ["a.png", "all.zip: b.png"]
    assert found.faults == [
        (name, "It could not be read; the server's log says why.") for name in ("odd.png", "all.zip: odd.png")
    ]
    assert found.done == found.total == 3


def test_an_archive_s_pictures_are_read_and_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_RATIO", 50)
    bomb = odd_files.png(20_000, 20_000)
    data = zipped(
        ("a.png", PNG),
        ("folder/b.png", PNG),
        ("folder/", b""),
        ("__MACOSX/._a.png", b"more"),
        (".DS_Store", b"more"),
        ("../out.png", PNG),
        ("/root.png", PNG),
        ("C:\\temp\\x.png", PNG),
        ("inner.zip", zipped(("c.png", PNG))),
        ("bomb.png", bomb),
        ("zeros.png", bytes(3_000_000)),
        ("huge.png", bytes(21_000_000)),
        ("note.txt", b"two words"),
        ("empty.png", b""),
    )
    found = gathered(("all.zip", data))
    assert found.names == ["all.zip: a.png", "all.zip: folder/b.png"]
    faults = {name.removeprefix("all.zip: "): text for name, text in found.faults}
    assert set(faults) == {
        "../out.png", "/root.png", "C:\\temp\\x.png", "inner.zip", "bomb.png", "zeros.png", "huge.png", "note.txt",
        "empty.png",
    } or "C:/temp/x.png" in faults  # fmt: skip
    assert "leads out" in faults["../out.png"]
    assert "leads out" in faults["/root.png"]
    assert "a ZIP archive" in faults["inner.zip"]
    assert "20,000 × 20,000" in faults["bomb.png"] or "megapixels" in faults["bomb.png"]
    assert "50 times its packed size" in faults["zeros.png"]
    assert "21.0 MB" in faults["huge.png"]
    assert "a text file" in faults["note.txt"]
    assert "empty" in faults["empty.png"]
    np.testing.assert_array_equal(found.pixels[0, 0], read(PNG)[0].pixels)
    assert (found.labels == -1).all()


def _many() -> bytes:
    return zipped(*((f"{number}.png", b"") for number in range(10_000)), method=zipfile.ZIP_STORED)


def _claims_many() -> bytes:
    data = bytearray(zipped(("a.png", PNG)))
    struct.pack_into("<H", data, data.rfind(b"PK\x05\x06") + 10, 0xFFFF)
    return bytes(data)


def _lying() -> bytes:
    return changed(zipped(("a.png", bytes(1000))), 22, 24, struct.pack("<I", 250_000_000))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_many, "10,000 files: at most 2,000"),
        (_claims_many, "65,535 files: at most 2,000"),
        (encrypted, "encrypted"),
        (_lying, "unpacks to 250 MB"),
        (lambda: zipped(), "no file"),
        (lambda: zipped(("a.png", PNG))[:-30], "damaged"),
        (lambda: b"PK\x03\x04" + bytes(200), "damaged"),
    ],
)
def test_an_archive_that_is_not_read_gets_one_sentence(make, words) -> None:  # type: ignore[no-untyped-def]
    found = gathered(("all.zip", make()))
    assert not found.names
    ((name, text),) = found.faults
    assert name == "all.zip"
    assert words in text
    assert text.count(". ") == 0


def test_a_wrong_checksum_and_an_unusual_packing_are_told_of_the_file() -> None:
    data = bytearray(zipped(("a.png", PNG), method=zipfile.ZIP_STORED))
    data[data.index(PNG) + 20] ^= 0xFF
    assert "damaged" in gathered(("a.zip", bytes(data))).faults[0][1]
    assert "unusual" in gathered(("a.zip", zipped(("a.png", PNG), method=zipfile.ZIP_BZIP2))).faults[0][1]


@pytest.mark.parametrize("name", [b".", b"./", b"a/..", b"\0", b"\0a.png"])
def test_a_file_of_an_odd_name_spoils_no_other(name: bytes) -> None:
    stands_for = "?" * len(name)  # zipfile itself writes no empty names
    data = zipped((stands_for, PNG), ("good.png", PNG)).replace(stands_for.encode(), name)
    found = gathered(("a.zip", data))
    assert found.finished
    assert [name for name in found.names if "good.png" in name]


def rows(count: int = 12, *, label: str = "", seed: int = 0) -> tuple[bytes, np.ndarray, np.ndarray]:
    """A table's bytes, its pixels (N, 784) and labels. ``label``: '' for none, 'first' or 'last'."""
    rng = np.random.default_rng(seed)
    pixels, labels = rng.integers(0, 256, (count, 784)), rng.integers(0, 10, count)
    parts = {"": [pixels], "first": [labels[:, None], pixels], "last": [pixels, labels[:, None]]}[label]
    text = "\n".join(",".join(map(str, row)) for row in np.hstack(parts))
    return text.encode(), pixels, labels


HEADER = ",".join(f"pixel{number}" for number in range(784))


@pytest.mark.parametrize(
    ("label", "header"),
    [("", ""), ("", HEADER), ("first", ""), ("first", f"label,{HEADER}"), ("last", f"{HEADER},class")],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_is_read_with_label_and_header_or_without(label: str, header: str, end: str) -> None:
    body, pixels, labels = rows(label=label)
    data = (header.encode() + b"\n" if header else b"") + body + b"\n"
    found, truth = table.digits_in(b"\xef\xbb\xbf" + data.replace(b"\n", end.encode()), SHAPE, 10)
    np.testing.assert_array_equal(found.reshape(-1, 784), pixels)
    np.testing.assert_array_equal(truth, labels if label else np.full(len(pixels), -1))
    assert table.is_table(data)
    assert found.dtype == np.uint8


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"1,2,3\n4,5,6", "3 columns"),
        (b"label\n", "no row"),
        (b"", "no row"),
        (b",".join([b"300"] * 784), "Row 1 has a pixel outside 0 to 255"),
        (b",".join([b"nan"] * 784), "Row 1 has a pixel outside 0 to 255"),
        (b",".join([b"0.5"] * 784), "multiply them by 255"),
        (b"\n".join([b",".join([b"7"] * 784), b"1,2"]), "same number of numbers"),
        (b",".join([b"x"] * 784) + b"\n" + b",".join([b"y"] * 784), "same number of numbers"),
        (b",".join([b"12"] + [b"7"] * 784), "Row 1 has a label"),
        (b"\n" * 30_000, "30,001 lines"),
        (b"\xff\xfe\x00bad,\x00", ""),
    ],
)
def test_a_table_that_is_not_read_gets_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(PictureError) as error:
        table.digits_in(data, SHAPE, 10)
    assert words in str(error.value)
    assert str(error.value).endswith(".")


def test_ten_thousand_rows_are_gathered() -> None:
    body, pixels, labels = rows(500, label="first")
    found = gathered(("digits.csv", b"\n".join([body] * 20)))
    assert found.pixels.shape == (10_000, 1, 28, 28)
    np.testing.assert_array_equal(found.pixels[-1].ravel(), pixels[-1])
    np.testing.assert_array_equal(found.labels[:500], labels)
    assert found.names[9_999] == "digits.csv, row 10,000"


def test_files_are_gathered_a_little_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(batch.time, "monotonic", lambda: float(next(clock)))
    found = Gathering([("a.png", PNG), ("b.png", b"nothing"), ("sheet.png", sheet().png)], shape=SHAPE)
    turns = 0
    while not found.go_on(1.5):
        turns += 1
    assert turns >= 2
    assert found.done == found.total == 3
    assert found.names == ["a.png", *(f"sheet.png, no. {number}" for number in range(1, len("".join(ROWS)) + 1))]
    assert [name for name, _ in found.faults] == ["b.png"]
