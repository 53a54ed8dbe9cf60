"""A digit in a link: whatever was put in comes out, and nothing damaged or enormous is believed."""

from __future__ import annotations

import base64
import re
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from explorer.data import load
from explorer.digits.link import LONGEST, from_text, to_text
from explorer.errors import PictureError

SHAPE = (1, 28, 28)


@given(hnp.arrays(np.uint8, st.sampled_from([SHAPE, (3, 5, 4), (1, 1, 1)])))
def test_a_picture_comes_back_as_it_was(pixels: np.ndarray) -> None:
    text = to_text(pixels)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    back = from_text(text, pixels.shape)
    np.testing.assert_array_equal(back, pixels)
    assert back.dtype == np.uint8
    assert back.flags.writeable


def test_real_digits_make_short_links_and_noise_still_fits() -> None:
    digits = load("mnist").test.pixels[:50]
    assert np.median([len(to_text(np.asarray(digit))) for digit in digits]) < 400
    assert len(to_text(np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8))) < LONGEST


@given(st.text(max_size=400) | st.text("abcXYZ019-_", max_size=400))
def test_any_text_is_a_picture_or_one_sentence(text: str) -> None:
    with pytest.raises(PictureError, match="link"):
        from_text(text, SHAPE)


@given(st.data())
def test_a_changed_character_is_noticed(draws: st.DataObject) -> None:
    pixels = np.asarray(load("mnist").test.pixels[3])
    text = to_text(pixels)
    place = draws.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + draws.draw(st.sampled_from("aZ7-_")) + text[place + 1 :]
    try:
        back = from_text(changed, SHAPE)
    except PictureError:
        return
    np.testing.assert_array_equal(back, pixels)  # bits that mean nothing, at the end or in the header


def test_a_bomb_is_not_unpacked() -> None:
    bomb = base64.urlsafe_b64encode(zlib.compress(bytes(2_000_000), 9)).decode().rstrip("=")
    assert len(bomb) < LONGEST
    for text in (bomb, "A" * (LONGEST + 1), to_text(np.zeros((1, 28, 27), np.uint8)), ""):
        with pytest.raises(PictureError):
            from_text(text, SHAPE)
