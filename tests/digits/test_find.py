"""Several digits in one picture: found, in reading order, and each prepared as if it were alone."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import sheets_drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from sheets_drawn import Drawn, sheet

from explorer.digits import Box, Picture, decode, find, prepare, prepare_box, several, survey
from explorer.digits.find import reading_order
from explorer.errors import PictureError


def overlap(one: Box | tuple[int, ...], other: Box | tuple[int, ...]) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    area = max(width, 0) * max(height, 0)
    return area / sum([(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)], -area)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two digits (28, 28), the second moved by at most one pixel."""
    moves = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return max(float(np.corrcoef(one.ravel(), np.roll(other, move, (0, 1)).ravel())[0, 1]) for move in moves)


SHEETS = {
    "plain": {},
    "tilted": {"fall": 0.06, "step": 170},
    "shadow": {"shadow": 0.6},
    "ruled": {"line": 170},
    "squared": {"line": 185, "squares": True},
    "ruled as dark as the ink": {"line": 45},
    "light on dark": {"paper": 25, "ink": 230},
    "pale": {"paper": 225, "ink": 175},
    "one row": {"rows": ("31415",), "step": 160, "size": (900, 300)},
    "small": {"size": (2000, 1500)},
}


@pytest.mark.parametrize("options", SHEETS.values(), ids=SHEETS)
def test_every_digit_is_found_in_reading_order(options: dict[str, object]) -> None:
    drawn = sheet(**options)
    found = survey(decode(drawn.png))
    assert len(found.boxes) == len(drawn.text)
    assert several(found)
    for box, there in zip(found.boxes, drawn.boxes, strict=True):
        assert overlap(box, there) > 0.6, (box, there)


def test_a_digit_of_a_sheet_is_prepared_as_if_it_were_alone() -> None:
    drawn = sheet(line=170, shadow=0.4)
    found = survey(decode(drawn.png))
    for box, there in zip(found.boxes, drawn.boxes, strict=True):
        alone = Image.new("L", (300, 300), 255)
        alone.paste(sheet().image.crop(there), (100, 100))
        assert likeness(prepare(np.asarray(alone)).pixels, prepare_box(found, box).pixels) > 0.88


def test_a_picture_or_its_survey_give_the_same() -> None:
    picture = decode(sheet().png)
    found = survey(picture)
    assert find(picture) == find(found) == found.boxes
    one, other = prepare_box(picture, found.boxes[0]), prepare_box(found, found.boxes[0])
    np.testing.assert_array_equal(one.pixels, other.pixels)
    assert one.box == found.boxes[0]
    page = ("upright", "transparency", "grey")  # steps that are taken for the whole page
    steps = [step.name for step in prepare(np.asarray(sheet().image)).steps if step.name not in page]
    assert [step.name for step in one.steps] == steps
    assert one.polarity == "dark on light"
    assert prepare_box(found, found.boxes[0], (3, 32, 32)).pixels.shape == (32, 32)


def test_boxes_are_in_the_pixels_of_the_upright_picture() -> None:
    drawn = sheet()
    large = drawn.image.resize((3600, 2800))
    out = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    large.transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", exif=exif)
    for box, there in zip(find(decode(out.getvalue())), drawn.boxes, strict=True):
        assert overlap(box, tuple(4 * side for side in there)) > 0.6


def test_a_box_without_ink_gets_a_sentence() -> None:
    found = survey(decode(sheet().png))
    with pytest.raises(PictureError, match="no ink in this box"):
        prepare_box(found, Box(0, 0, 40, 40))
    with pytest.raises(PictureError, match="no ink in this box"):
        prepare_box(found, Box(5000, 5000, 5040, 5040))


def test_a_neighbour_s_stroke_in_a_box_is_left_out() -> None:
    image = Image.new("L", (900, 400), 255)
    pen = ImageDraw.Draw(image)
    pen.line([(100, 100), (200, 100), (140, 300)], fill=0, width=18)  # a seven
    pen.line([(300, 90), (190, 200), (320, 205), (300, 300)], fill=0, width=18)  # whose neighbour reaches over to it
    pen.text((500, 120), "56", fill=0, font=sheets_drawn.FONT)
    found = survey(Picture(np.repeat(np.asarray(image)[..., None], 3, axis=2), size=image.size))
    alone = Image.new("L", (300, 400), 255)
    ImageDraw.Draw(alone).line([(100, 100), (200, 100), (140, 300)], fill=0, width=18)
    pixels = prepare_box(found, Box(90, 80, 214, 320)).pixels
    assert likeness(prepare(np.asarray(alone)).pixels, pixels) > 0.93


@pytest.mark.parametrize("size", [(28, 28), (60, 80), (400, 300), (1600, 1200)])
def test_one_digit_stays_one(size: tuple[int, int]) -> None:
    image = Image.new("L", size, 240)
    width, height = size
    pen = ImageDraw.Draw(image)
    corners = [(0.3 * width, 0.2 * height), (0.7 * width, 0.2 * height), (0.45 * width, 0.8 * height)]
    pen.line(corners, fill=20, width=max(2, min(size) // 12))
    assert not several(survey(decode(_png(image))))


def test_a_blank_page_has_no_digits() -> None:
    assert find(decode(_png(Image.new("L", (300, 400), 230)))) == ()
    noise = np.random.default_rng(0).normal(200, 6, (400, 500)).clip(0, 255).astype(np.uint8)
    assert find(decode(_png(Image.fromarray(noise)))) == ()


def test_touching_digits_are_parted() -> None:
    image = Image.new("L", (700, 400), 255)
    pen = ImageDraw.Draw(image)
    for left in (100, 250, 400):  # sevens in a row, each bar ending at the next one
        pen.line([(left, 100), (left + 140, 100), (left + 60, 300)], fill=0, width=14)
        pen.line([(left, 100), (left + 152, 100)], fill=0, width=8)
    assert len(find(decode(_png(image)))) == 3


def test_a_five_and_its_bar_are_one_digit() -> None:
    image = Image.new("L", (700, 400), 255)
    pen = ImageDraw.Draw(image)
    for left in (60, 260, 460):
        pen.line([(left, 120), (left, 196)], fill=0, width=12)
        pen.arc([left - 10, 180, left + 100, 300], 210, 150, fill=0, width=12)
        pen.line([(left + 18, 104), (left + 95, 100)], fill=0, width=12)
    assert len(find(decode(_png(image)))) == 3


def test_printed_boxes_are_no_digits() -> None:
    image = Image.new("L", (1000, 300), 250)
    pen = ImageDraw.Draw(image)
    for number, digit in enumerate("4807352"):
        left = 80 + 120 * number
        pen.rectangle([left, 80, left + 120, 200], outline=60, width=3)
        pen.text((left + 34, 84), digit, fill=20, font=sheets_drawn.FONT)
    assert len(find(decode(_png(image)))) == 7


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.integers(1, 8), min_size=1, max_size=6),
    tilt=st.floats(-0.06, 0.06),
    seed=st.integers(0, 2**16),
)
def test_reading_order_is_by_rows_also_on_a_tilted_page(rows: list[int], tilt: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = []
    for row, count in enumerate(rows):
        for column in range(count):
            x, y = 100 * column + rng.uniform(-15, 15), 130 * row + rng.uniform(-8, 8)
            width, height = rng.uniform(20, 60), rng.uniform(60, 85)
            y += tilt * x
            boxes.append((x, y - height / 2, x + width, y + height / 2))
    shuffled = rng.permutation(len(boxes))
    order = reading_order(np.array(boxes)[shuffled])
    np.testing.assert_array_equal(shuffled[order], np.arange(len(boxes)))


def _png(image: Image.Image) -> bytes:
    return Drawn(image, "", ()).png
