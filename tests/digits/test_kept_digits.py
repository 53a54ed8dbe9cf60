"""Kept digits as a ZIP: the same digits back, and one sentence for everything else."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from explorer.digits import collection
from explorer.digits.collection import Kept
from explorer.errors import PictureError

CLASSES = tuple("0123456789")
SHAPE = (1, 28, 28)


def some(count: int = 3) -> tuple[Kept, ...]:
    rng = np.random.default_rng(0)
    return tuple(Kept(rng.integers(0, 256, SHAPE, dtype=np.uint8), n % 10, f"drawn, no. {n}") for n in range(count))


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_csv", ".csv").replace("_png", ".png"), content)
    return out.getvalue()


def packed_unusually() -> bytes:
    """A table in bzip2, which zipfile unpacks whole, however little of it is asked for."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("labels.csv", bytes(300_000_000))
    return out.getvalue()


def png(*size: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", size).save(out, "PNG")
    return out.getvalue()


def test_the_same_digits_come_back() -> None:
    digits = some()
    data = collection.to_zip(digits, CLASSES)
    assert data == collection.to_zip(digits, CLASSES)
    again = collection.from_zip(data, CLASSES, SHAPE)
    for one, other in zip(digits, again, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
        assert (one.label, one.source) == (other.label, other.source)


def test_the_zip_can_be_read_without_this_project() -> None:
    digits = some()
    with zipfile.ZipFile(io.BytesIO(collection.to_zip(digits, CLASSES))) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("labels.csv").decode())))
        for row, digit in zip(rows, digits, strict=True):
            assert row["label"] == CLASSES[digit.label]
            np.testing.assert_array_equal(np.asarray(Image.open(archive.open(row["file"]))), digit.pixels[0])


def test_colour_keeps_its_channels() -> None:
    digit = Kept(np.random.default_rng(1).integers(0, 256, (3, 28, 28), dtype=np.uint8), 1)
    again = collection.from_zip(collection.to_zip([digit], CLASSES), CLASSES, (3, 28, 28))
    np.testing.assert_array_equal(again[0].pixels, digit.pixels)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a ZIP"),
        (b"PK\x03\x04 and no more", "not a ZIP"),
        (zipped(other=b""), "lacks 'labels.csv'"),
        (zipped(labels_csv=b""), "no rows"),
        (zipped(labels_csv=b"name,class\na,1\n"), "no rows with a file and a label"),
        (zipped(labels_csv=b"\xff\xfe\x00"), "no table"),
        (zipped(labels_csv=b"file,label\na.png,7\n"), "lacks 'a.png'"),
        (zipped(labels_csv=b"file,label\na.png,77\n", a_png=png(28, 28)), "has the label '77'"),
        (zipped(labels_csv=b"file,label\na.png,7\n", a_png=b"no picture"), "'a.png' in the ZIP: This is a text file"),
        (zipped(labels_csv=b"file,label\na.png,7\n", a_png=png(56, 28)), "is 56 × 28 pixels"),
        (zipped(labels_csv=b"file,label\na.png,7\n", a_png=b"\0" * 200_000), "larger than any kept image"),
        (zipped(labels_csv=b"file,label\n../../etc/passwd,7\n"), "lacks '../../etc/passwd'"),
        (zipped(labels_csv=b"file,label\n" + b"a.png,7\n" * 501, a_png=png(28, 28)), "501 images"),
        (zipped(**{f"x{n}": b"" for n in range(1001)}), "more than 1,000 files"),
        (b"\0" * 5_000_001, "MB"),
        (packed_unusually(), "packed in an unusual way"),
    ],
)
def test_anything_else_gets_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(PictureError) as refusal:
        collection.from_zip(data, CLASSES, SHAPE)
    sentence = str(refusal.value)
    assert words in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


GOOD = collection.to_zip(some(2), CLASSES)


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_zip_is_read_or_refused_in_words(draws: st.DataObject) -> None:
    damaged = bytearray(GOOD)
    for _ in range(draws.draw(st.integers(1, 4))):
        damaged[draws.draw(st.integers(0, len(damaged) - 1))] = draws.draw(st.integers(0, 255))
    try:
        assert len(collection.from_zip(bytes(damaged), CLASSES, SHAPE)) <= 2
    except PictureError as error:
        assert str(error).endswith(".")


def test_joining_keeps_one_of_each_and_has_a_limit() -> None:
    digits = some(4)
    copies = tuple(Kept(digit.pixels.copy(), digit.label, "again") for digit in digits[:2])
    joined = collection.joined(digits[1:], (*copies, digits[0]))
    assert len(joined) == 4
    assert all(digit in joined for digit in digits[1:])
    many = tuple(Kept(np.full(SHAPE, n % 256, np.uint8), n % 10) for n in range(256))
    with pytest.raises(PictureError, match="at most 500"):
        collection.joined(many, tuple(Kept(digit.pixels, (digit.label + 1) % 10) for digit in many))


@pytest.mark.parametrize("key", ["", "../x", "a" * 23, "A" * 24, "a" * 24 + "/"])
def test_only_a_key_names_a_file(key: str) -> None:
    with pytest.raises(PictureError):
        collection.path_of(Path("folder"), key)
    assert collection.path_of(Path("folder"), "a1" * 12) == Path("folder") / f"{'a1' * 12}.zip"
