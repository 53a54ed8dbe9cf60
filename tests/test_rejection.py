"""What is rejected: by the bundled network for digits, by calibration for other data, and always with a sentence."""

from __future__ import annotations

import logging
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import hands
import nondigits
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from explorer import calibration, data, networks, rejection, zoo
from explorer.analysis import digit_or_not, trust
from explorer.data import Dataset
from explorer.data.cards import CARDS
from explorer.digits import decode, prepare
from explorer.errors import WeightsError

CARD, CLOTHES = CARDS["mnist"], CARDS["fashion_mnist"]
PACKED = (zoo.DIRECTORY / rejection.FILE).read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERNELSCOPE_HOME", str(tmp_path_factory.mktemp("home")))
        return data.load("mnist")


def prepared(pictures: list[bytes]) -> np.ndarray:
    return np.stack([prepare(decode(picture)).pixels[None] for picture in pictures])


def rejected(pixels: np.ndarray) -> np.ndarray:
    return rejection.judge(zoo.load("softmax")[1], None, pixels, CARD).rejected


def test_of_mnist_s_digits_one_in_fifty_is_rejected_at_most(whole: Dataset) -> None:
    assert rejected(np.asarray(whole.test.pixels)).mean() <= 0.02


@pytest.mark.parametrize("digit", range(10))
def test_digits_are_accepted_however_they_are_written(digit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a foot or a flag, a bar, open or closed, with pens of 8 to 26 pixels on 280. Nobody tuned to them."""
    rng = np.random.default_rng(digit)
    for way in hands.WAYS[digit]:
        monkeypatch.setitem(hands.WAYS, digit, (way,))
        drawn = prepared([hands.drawing(digit, rng) for _ in range(15)])
        assert rejected(drawn).sum() <= 1, way


@pytest.mark.parametrize(
    ("kind", "most"),
    [("scribble", 2), ("hatching", 0), ("empty_box", 1), ("crossed_box", 0), ("cross", 1), ("face", 5), ("thing", 3)],
)
def test_what_nobody_tuned_to_is_rejected(kind: str, most: int) -> None:
    rng = np.random.default_rng(1)
    assert (~rejected(prepared([nondigits.KINDS[kind](rng) for _ in range(20)]))).sum() <= most


def test_letters_of_a_font_that_it_has_not_seen_are_rejected_and_its_digits_are_not() -> None:
    font = ImageFont.load_default(90)

    def drawn(text: str) -> bytes:
        image, file = Image.new("L", (160, 160), 255), BytesIO()
        ImageDraw.Draw(image).text((45, 25), text, fill=0, font=font)
        image.save(file, "PNG")
        return file.getvalue()

    assert not rejected(prepared([drawn(digit) for digit in "0123456789"])).any()
    assert (~rejected(prepared([drawn(letter) for letter in nondigits.LETTERS]))).mean() < 0.1
    assert (~rejected(prepared([drawn(sign) for sign in "#&@%?+*$"]))).sum() <= 1


def test_the_verdict_comes_with_a_sentence_and_the_network_s_own_probabilities(whole: Dataset) -> None:
    known, network = networks.find("lenet5"), zoo.load("lenet5")[1]
    found = calibration.find(known)
    assert found is not None
    box = np.full((100, 100), 255, np.uint8)
    box[20:80, 20:80] = 0
    box[25:75, 25:75] = 255
    pixels = np.stack([whole.test.pixels[0], prepare(box).pixels[None], np.zeros((1, 28, 28), np.uint8)])
    verdict = rejection.judge(network, found, pixels, CARD)
    assert verdict.rejected.tolist() == [False, True, True]
    accepted, framed, empty = verdict.reasons
    assert accepted == ""
    assert framed.startswith("It is more like a ")
    assert "next to no ink" in empty
    np.testing.assert_array_equal(verdict.probabilities, trust.judge(network, found, pixels, CARD).probabilities)
    bare = rejection.judge(network, None, pixels, CARD)
    assert bare.reasons == verdict.reasons
    np.testing.assert_allclose(bare.probabilities, trust.softmax(trust.logits_of(network, pixels, CARD)))
    speck = rejection.judge(network, found, pixels[:1], CARD, [(3, 3, 9, 8)])
    assert "speck" in speck.reasons[0]


def test_of_other_data_a_network_s_own_calibration_tells(whole: Dataset) -> None:
    network = zoo.load("lenet5")[1]
    clothes = replace(whole, card=CLOTHES)  # digits by another name
    spec = networks.find("lenet5").spec
    assert not rejection.can_reject(CLOTHES, None)
    assert rejection.can_reject(CARD, None)
    few = calibration.pictures(replace(clothes, train=replace_first(whole, 600)), spec.data)
    found = calibration.fit(network, few)
    assert found.strangeness is not None
    noise = np.random.default_rng(0).integers(0, 120, (1, 1, 28, 28), dtype=np.uint8)
    verdict = rejection.judge(network, found, noise, CLOTHES)
    assert "Strangeness" in verdict.reasons[0]
    letter = np.asarray(whole.test.pixels[:1])
    assert rejection.judge(network, None, letter, CLOTHES).reasons == ("",)
    # A coat fills its field as no digit does, and is a coat all the same; a speck is nothing in any data set.
    full = np.full((1, 1, 28, 28), 255, np.uint8)
    assert rejection.judge(network, None, full, CLOTHES).reasons == ("",)
    assert "more than in any digit" in rejection.judge(network, None, full, CARD).reasons[0]
    assert rejection.judge(network, None, full, CLOTHES, [(3, 3, 9, 8)]).reasons == ("It is only a speck of ink.",)


def replace_first(whole: Dataset, count: int) -> data.Images:
    return data.Images(whole.train.pixels[:count], whole.train.labels[:count])


def test_what_is_kept_is_read_back_and_a_missing_file_rejects_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, whole: Dataset
) -> None:
    found = rejection.unpack(PACKED)
    pixels = np.asarray(whole.test.pixels[:20])
    folder = tmp_path / "new"
    rejection.keep(replace(found, threshold=1.5), "a test", directory=folder)
    again = rejection.digit_or_not(folder)
    assert again is not None
    assert again.threshold == 1.5
    np.testing.assert_array_equal(
        digit_or_not.look(again.network, pixels, CARD).log_odds, digit_or_not.look(found.network, pixels, CARD).log_odds
    )
    monkeypatch.setattr(zoo, "DIRECTORY", tmp_path / "nowhere")
    with caplog.at_level(logging.WARNING):
        assert not rejection.can_reject(CARD, None)
    assert "nothing tells digits" in caplog.text
    monkeypatch.setattr(zoo, "DIRECTORY", folder)
    assert rejection.can_reject(CARD, None)


@given(st.data())
def test_damaged_bytes_are_a_network_of_this_form_or_refused_in_words(draws: st.DataObject) -> None:
    damaged = bytearray(PACKED)
    for _ in range(draws.draw(st.integers(1, 3))):
        damaged[draws.draw(st.integers(0, 3_000))] = draws.draw(st.integers(0, 255))
    if draws.draw(st.booleans()):
        damaged = damaged[: draws.draw(st.integers(0, len(damaged)))]
    try:
        found = rejection.unpack(bytes(damaged))
    except WeightsError as error:
        assert str(error)
    else:
        assert np.isfinite(found.threshold)
