"""One picture of one digit to MNIST's form: against real MNIST digits, and what the form's makers say of it."""

from __future__ import annotations

from dataclasses import fields
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from explorer.data import load
from explorer.digits import Picture, Preparation, decode, prepare
from explorer.errors import PictureError


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Forty real test digits, uint8 (40, 28, 28)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERNELSCOPE_HOME", str(tmp_path_factory.mktemp("home")))
        return np.array(load("mnist").test.pixels[:40, 0])


def on_paper(digit: np.ndarray, *, size: int = 140, left: int = 60, top: int = 30, paper: int = 235) -> np.ndarray:
    """A digit drawn dark on a larger sheet, off-centre, as RGB."""
    ink = np.asarray(Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC), float) / 255
    sheet = np.full((260, 320), float(paper))
    sheet[top : top + size, left : left + size] *= 1 - 0.85 * ink
    return np.repeat(np.rint(sheet).astype(np.uint8)[..., None], 3, axis=2)


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation of two pictures, 1 for the same one; a pixel's shift, which is rounding, doesn't count."""
    shifts = [(rows, columns) for rows in (-1, 0, 1) for columns in (-1, 0, 1)]
    moved = [np.roll(one, shift, (0, 1)).ravel() for shift in shifts]
    return max(float(np.corrcoef(pixels, other.ravel())[0, 1]) for pixels in moved)


def test_a_digit_in_mnists_form_comes_out_as_it_went_in(digits: np.ndarray) -> None:
    for digit in digits:
        prepared = prepare(digit).pixels
        assert np.abs(prepared.astype(int) - digit).mean() < 2.0
        np.testing.assert_allclose(prepare(prepared).pixels.astype(int), prepared, atol=2)


def test_a_digit_on_paper_comes_out_like_the_digit_itself(digits: np.ndarray) -> None:
    likeness = [alike(prepare(on_paper(digit)).pixels, digit) for digit in digits]
    assert np.median(likeness) > 0.9
    assert min(likeness) > 0.6


def test_polarity_place_and_paper_make_no_difference(digits: np.ndarray) -> None:
    for digit in digits[:12]:
        plain = prepare(on_paper(digit))
        assert plain.polarity == "dark on light"
        turned = prepare(255 - on_paper(digit))
        assert turned.polarity == "light on dark"
        moved = prepare(on_paper(digit, left=150, top=90))
        darker = prepare(on_paper(digit, paper=180))
        for other in (turned, moved, darker):
            assert alike(other.pixels, plain.pixels) > 0.9


def test_the_form_is_mnists(digits: np.ndarray) -> None:
    for digit in digits:
        pixels = prepare(on_paper(digit)).pixels
        assert (pixels.shape, pixels.dtype, pixels.max()) == ((28, 28), np.uint8, 255)
        rows, columns = np.nonzero(pixels > 25)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 in range(18, 22)  # the 20 × 20 box, anti-aliased
        centre = ndimage.center_of_mass(pixels.astype(float))
        assert np.abs(np.array(centre) - 13.5).max() < 1.1


def test_a_shadow_is_evened_out(digits: np.ndarray) -> None:
    shadow = np.linspace(1.0, 0.55, 320)[None, :, None]
    for digit in digits[:12]:
        shaded = np.rint(on_paper(digit) * shadow).astype(np.uint8)
        assert alike(prepare(shaded).pixels, prepare(on_paper(digit)).pixels) > 0.9


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_without_ink_is_refused_in_words(level: int) -> None:
    with pytest.raises(PictureError, match="No ink found"):
        prepare(np.full((50, 60), level, np.uint8))


def test_every_step_is_shown_and_each_switch_changes_it(digits: np.ndarray) -> None:
    picture = on_paper(digits[0])
    picture[10:13, 10:13] = 0  # a speck
    usual = prepare(picture)
    names = [step.name for step in usual.steps]
    assert names == [
        "picture",
        "upright",
        "transparency",
        "grey",
        "background",
        "polarity",
        "ink",
        "specks",
        "crop",
        "stroke",
        "proportions",
        "smooth",
        "centre",
        "contrast",
    ]
    for step in usual.steps:
        assert step.title
        assert step.image.dtype == np.uint8
        assert max(step.image.shape[:2]) <= 320
    np.testing.assert_array_equal(usual.steps[-1].image, usual.pixels)
    for field in fields(Preparation):
        if field.name in ("invert", "upright", "transparency"):  # this picture needs no turn and has no transparency
            continue
        options = Preparation(**{field.name: False})
        step = next(step for step in prepare(picture, options).steps if step.name == field.name)
        assert "Switched off" in step.note, field.name
    assert prepare(picture, Preparation(invert="no")).polarity == "light on dark"
    kept = prepare(picture, Preparation(polarity=False))
    np.testing.assert_array_equal(kept.pixels, 255 - usual.pixels)
    assert kept.polarity == usual.polarity
    np.testing.assert_array_equal(prepare(digits[0], Preparation(polarity=False)).pixels, prepare(digits[0]).pixels)


def test_the_camera_s_turn_can_be_left_out(digits: np.ndarray) -> None:
    lying = np.rot90(on_paper(digits[0]))
    buffer = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    Image.fromarray(lying).save(buffer, "PNG", exif=exif)
    picture = decode(buffer.getvalue())
    upright = prepare(picture)
    assert alike(upright.pixels, digits[0]) > 0.8
    left = prepare(picture, Preparation(upright=False))
    np.testing.assert_array_equal(left.pixels, prepare(lying).pixels)
    shown = {step.name: step for step in left.steps}
    assert "Switched off" in shown["upright"].note
    assert shown["picture"].image.shape == shown["upright"].image.shape == upright.steps[0].image.shape
    assert upright.steps[1].image.shape[:2] == upright.steps[0].image.shape[1::-1]


def test_what_is_transparent_shows_its_own_colours_where_nothing_is_put_behind(digits: np.ndarray) -> None:
    rgb = np.zeros((28, 28, 3), np.uint8)
    rgb[4:8, 4:24] = 255  # hidden
    picture = Picture(rgb, np.where(rgb[..., 0] > 0, 0, digits[0]).astype(np.uint8))
    assert "white" in next(step.note for step in prepare(picture).steps if step.name == "transparency")
    bare = prepare(picture, Preparation(transparency=False))
    np.testing.assert_array_equal(bare.pixels, prepare(rgb).pixels)
    assert "Switched off" in next(step.note for step in bare.steps if step.name == "transparency")


def test_without_proportions_the_box_is_filled_and_without_soft_edges_there_are_no_greys(digits: np.ndarray) -> None:
    one = next(digit for digit in digits if np.ptp(np.nonzero(digit)[1]) < 10)  # a narrow digit
    wide = prepare(on_paper(one), Preparation(proportions=False)).pixels
    assert np.ptp(np.nonzero(wide > 25)[1]) + 1 >= 18
    picture = np.full((100, 100), 255, np.uint8)
    picture[20:80, 45:55] = 0
    hard = prepare(picture, Preparation(smooth=False, stroke=False)).pixels
    assert set(np.unique(hard)) <= {0, 255}


def test_another_shape_has_its_box_in_proportion(digits: np.ndarray) -> None:
    pixels = prepare(on_paper(digits[0]), shape=(1, 56, 56)).pixels
    rows, columns = np.nonzero(pixels > 25)
    assert pixels.shape == (56, 56)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in range(37, 43)


def test_the_box_is_where_the_digit_was(digits: np.ndarray) -> None:
    sheet = on_paper(digits[0])
    rows, columns = np.nonzero(sheet[..., 0] < 150)
    expected = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    np.testing.assert_allclose(prepare(sheet).box, expected, atol=6)


def test_ink_that_is_lost_on_the_way_is_told_in_words() -> None:
    page = np.full((2000, 2000), 255, np.uint8)
    page[700:1300, 1010:1014] = 0  # between the pixels that are taken where edges aren't soft
    with pytest.raises(PictureError, match="No ink is left at this size"):
        prepare(page, Preparation(crop=False, stroke=False, smooth=False))
