"""Pictures of digits and of none: of the right form, the same for the same seed, from disjoint fonts and digits."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from explorer import data
from explorer.analysis.digit_or_not import OTHERS
from explorer.data import Dataset
from explorer.errors import DataError
from explorer.outliers import draw, fonts, pen
from explorer.outliers.kinds import KINDS
from explorer.outliers.sources import Sources
from explorer.outliers.written import handwritten


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven families of one font, the one that comes with Pillow."""
    folder = tmp_path_factory.mktemp("fonts")
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    assert isinstance(font.path, BytesIO)
    for number in range(7):
        (folder / f"family{number}").mkdir()
        (folder / f"family{number}" / f"font{number}.ttf").write_bytes(font.path.getvalue())
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERNELSCOPE_HOME", str(tmp_path_factory.mktemp("home")))
        return data.load("mnist")


@pytest.fixture(scope="module")
def made_of(whole: Dataset, families: Path) -> Sources:
    return draw.sources(whole, [families], part="train")


def test_fonts_and_digits_of_the_two_parts_are_disjoint(whole: Dataset, families: Path, made_of: Sources) -> None:
    held_out = draw.sources(whole, [families], part="validation")
    assert [Path(file).stem for file in held_out.fonts] == ["font0", "font6"]
    assert len(made_of.fonts) == 5
    assert not set(held_out.fonts) & set(made_of.fonts)
    assert len(held_out.labels) + len(made_of.labels) == len(whole.train.labels)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "strange_letter"])
def test_every_kind_draws_grey_pictures_that_are_not_empty_and_not_all_the_same(name: str, made_of: Sources) -> None:
    drawn = [KINDS[name].draw(np.random.default_rng(seed), made_of) for seed in (0, 1, 1)]
    for picture in drawn:
        assert picture.dtype == np.uint8
        assert picture.ndim == 2
        assert np.ptp(picture) > 20
    np.testing.assert_array_equal(drawn[1], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1])
    assert 0 <= KINDS[name].like < len(OTHERS)


def test_digits_keep_their_class_and_pictures_are_prepared(made_of: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "MORE_LETTERS", "AEN")  # the font of the tests is an English one
    picture, label = handwritten(np.random.default_rng(5), made_of)
    assert picture.dtype == np.uint8
    assert 0 <= label < 10
    told: list[float] = []
    digits = draw.digits(made_of, 12, seed=3, progress=told.append)
    others = draw.others(made_of, 12, seed=3)
    assert told[-1] == 1.0
    for drawn in (digits, others):
        assert drawn.pixels.shape == (12, 1, 28, 28)
        assert drawn.pixels.dtype == np.uint8
        for field in drawn.pixels[:, 0]:
            rows, columns = np.nonzero(field > 25)
            assert max(np.ptp(rows), np.ptp(columns)) + 1 in range(16, 22)  # fills the box of a prepared digit
    np.testing.assert_array_equal(draw.digits(made_of, 12, seed=3).pixels, digits.pixels)


def test_digits_are_read_as_what_they_are_said_to_be(made_of: Sources) -> None:
    from explorer import zoo
    from explorer.analysis.trust import logits_of

    digits = draw.digits(made_of, 60, seed=1)
    card, network = zoo.load("robust")
    guesses = logits_of(network, digits.pixels, data.cards.CARDS[card.spec.data.dataset]).argmax(1)
    assert (guesses == digits.shows).mean() > 0.9


def test_a_font_s_characters_are_ink_in_the_middle_and_missing_ones_are_none(made_of: Sources) -> None:
    ink = fonts.character(made_of.fonts[0], "4")
    assert ink is not None
    assert ink.shape == (pen.SIDE, pen.SIDE)
    rows = np.flatnonzero(ink.max(axis=1) > 0.5)
    assert rows[0] + rows[-1] == pytest.approx(pen.SIDE, abs=3)
    assert fonts.character(made_of.fonts[0], "\U00013000") is None  # a hieroglyph
    with pytest.raises(DataError, match="next to none"):
        KINDS["strange_letter"].draw(np.random.default_rng(0), made_of)
    assert not set(fonts.LETTERS) & set(fonts.LIKE_DIGITS)
    with pytest.raises(DataError, match="no fonts"):
        fonts.files([Path(__file__).parent])


def test_strokes_are_as_wide_as_the_pen() -> None:
    line = pen.stroked([np.array([(0.2, 0.5), (0.8, 0.5)])], 0.1)
    assert (line[:, pen.SIDE // 2] > 0.5).sum() == pytest.approx(0.1 * pen.SIDE, abs=1.5)
    again = pen.redrawn(line, 0.05)
    assert (again[:, pen.SIDE // 2] > 0.5).sum() == pytest.approx(0.05 * pen.SIDE, abs=1.5)


def test_what_passes_for_a_one_is_no_outlier() -> None:
    field = np.zeros((28, 28), np.uint8)
    assert draw._is_bar(field)
    field[4:24, 12:16] = 255
    assert draw._is_bar(field)
    assert not draw._is_bar(field.T)
    field[20:24, 8:20] = 255
    assert not draw._is_bar(field)
