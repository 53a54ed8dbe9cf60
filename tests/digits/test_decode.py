"""Bytes to pixels: every mode and format against the picture that was saved, every refusal against its words."""

from __future__ import annotations

import warnings
from io import BytesIO

import numpy as np
import odd_files
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from explorer.digits import decode
from explorer.digits.decode import LONGEST_SIDE, MAX_PIXELS
from explorer.errors import PictureError

UPRIGHT = np.asarray(odd_files.digit("L"))


@pytest.mark.parametrize("name", odd_files.NAMES)
def test_every_odd_file_is_read_or_refused_with_its_sentence(name: str) -> None:
    data, expected = odd_files.make(name)
    if expected == odd_files.READ:
        picture = decode(data, name)
        assert picture.rgb.dtype == np.uint8
        assert picture.rgb.ndim == 3
        assert max(picture.rgb.shape) <= LONGEST_SIDE
        return
    with pytest.raises(PictureError) as refusal:
        decode(data, name)
    sentence = str(refusal.value)
    assert expected in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert ": " in sentence, "a fault, a colon, a remedy"


@pytest.mark.parametrize(
    "name",
    [
        *("grey.png", "sixteen_bit.png", "sixteen_bit.tif", "integers.tif", "floats.tif", "cmyk.jpg", "cmyk.tif"),
        *("ycbcr.tif", "lab.tif", "grey_alpha.png", "rgba.webp", "palette.bmp", "animated.gif", "animated.webp"),
        *("animated.png", "pages.tif", "a_jpeg.png", *(f"orientation_{tag}.jpg" for tag in range(1, 9))),
    ],
)
def test_the_pixels_are_those_that_were_saved(name: str) -> None:
    picture = decode(odd_files.make(name)[0])
    assert picture.alpha is None
    assert picture.rgb.shape == (*UPRIGHT.shape, 3)
    # Deep greys are stretched to the whole range, CMYK and JPEG are not exact: the drawing is what must be the same.
    dark = picture.rgb.mean(axis=2) < 128
    assert (dark == (UPRIGHT < 128)).mean() > 0.99


@pytest.mark.parametrize("tag", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_the_orientation_tag_is_obeyed_in_every_format_that_has_it(kind: str, tag: int) -> None:
    picture = decode(odd_files.oriented(tag, kind))
    assert ((picture.rgb[..., 0] < 128) == (UPRIGHT < 128)).mean() > 0.99
    lying = picture.as_it_lies()
    if kind != "TIFF":  # which Pillow turns while it loads
        assert picture.orientation == tag
        assert (lying.rgb.shape == picture.rgb.shape) == (tag < 5 or UPRIGHT.shape[0] == UPRIGHT.shape[1])
        raw = np.asarray(Image.open(BytesIO(odd_files.oriented(tag, kind))).convert("RGB"))
        assert np.abs(raw.astype(int) - lying.rgb).max() <= 3


def test_transparency_is_kept_apart_from_colour() -> None:
    picture = decode(odd_files.make("palette_with_transparency.png")[0])
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha > 0, UPRIGHT <= 128)
    assert np.array_equal(picture.rgb[picture.alpha > 0], np.full(((UPRIGHT <= 128).sum(), 3), 10))


def test_an_opaque_alpha_channel_is_none() -> None:
    assert decode(odd_files.saved(odd_files.digit("RGBA"), "PNG")).alpha is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("animated.gif", "several pictures"),
        ("pages.tif", "several pictures"),
        ("a_jpeg.png", "the content is JPEG"),
        ("sixteen_bit.png", "20 to 240"),
    ],
)
def test_what_a_reader_should_know_is_noted(name: str, words: str) -> None:
    notes = decode(odd_files.make(name)[0], name).notes
    assert any(words in note for note in notes)


def test_a_plain_picture_has_no_notes() -> None:
    assert decode(odd_files.make("grey.png")[0], "grey.PNG").notes == ()


def test_a_large_picture_is_averaged_down_and_says_by_how_much() -> None:
    picture = decode(odd_files.make("large_but_allowed.png")[0])
    assert picture.size == (4_000, 3_900)
    assert picture.rgb.shape[:2] == (1_950, 2_000)
    assert picture.factor == 2
    whole = np.asarray(odd_files.digit("L", size=(4_000, 3_900)))
    blocks = whole.reshape(1_950, 2, 2_000, 2).mean(axis=(1, 3), dtype=np.float32)
    assert np.abs(picture.rgb[..., 0] - blocks).max() <= 1


def test_a_large_jpeg_keeps_its_proportions() -> None:
    picture = decode(odd_files.saved(odd_files.digit(size=(4_600, 3_000)), "JPEG"))
    assert picture.size == (4_600, 3_000)
    height, width = picture.rgb.shape[:2]
    assert max(height, width) <= LONGEST_SIDE
    assert width / height == pytest.approx(4_600 / 3_000, rel=0.002)
    assert picture.factor == pytest.approx(4_600 / width)


def test_the_largest_size_is_read_and_one_row_more_is_not() -> None:
    rows = MAX_PIXELS // 1_000
    allowed = odd_files.saved(Image.new("1", (1_000, rows)), "PNG")
    assert decode(allowed).size == (1_000, rows)
    with pytest.raises(PictureError, match="megapixels"):
        decode(odd_files.saved(Image.new("1", (1_000, rows + 1)), "PNG"))


def test_damaged_metadata_does_not_cost_the_picture() -> None:
    data = odd_files.saved(odd_files.digit(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert decode(data).rgb.shape == (80, 60, 3)


def test_warnings_are_neither_raised_nor_switched_off_for_others() -> None:
    before = list(warnings.filters)
    assert decode(odd_files.make("animated.png")[0]).rgb.size
    assert warnings.filters == before


def check(data: bytes) -> None:
    """The bytes are read, or refused with a sentence: nothing else is raised."""
    try:
        picture, sentence = decode(data), "."
    except PictureError as refusal:
        picture, sentence = None, str(refusal)
    assert sentence.endswith(".")
    assert picture is None or picture.rgb.dtype == np.uint8


@given(st.binary(max_size=400))
@example(b"BM")
@example(b"RIFF\x00\x00\x00\x00WEBP")
@example(b"\xff\xfe")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    check(data)


@given(
    st.sampled_from(["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=12),
    st.integers(0, 10_000),
)
def test_any_damage_to_a_sound_file_is_read_or_refused(kind: str, edits: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(SOUND[kind])
    for place, value in edits:
        data[place % len(data)] = value
    check(bytes(data[: max(1, len(data) - cut % 50)]))


SOUND = {kind: odd_files.saved(odd_files.digit(), kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")}


@given(
    st.integers(1, 40), st.integers(8, 40), st.sampled_from(["PNG", "BMP", "TIFF"]), st.randoms(use_true_random=False)
)
def test_lossless_files_come_back_exactly(width: int, height: int, kind: str, random: object) -> None:
    pixels = np.random.default_rng(random.getrandbits(32)).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    assert np.array_equal(decode(buffer.getvalue()).rgb, pixels)
