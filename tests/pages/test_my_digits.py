"""My test set: digits are kept with their classes, go out and come back, and every network is scored on them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest_pages import elements, shown_wall
from streamlit.testing.v1 import AppTest
from test_digits import SEVEN, png, texts, url

from explorer import networks, zoo
from explorer.analysis import wilson
from explorer.data.cards import find_card
from explorer.data.tensors import as_tensor, normalise
from explorer.digits import collection, read
from explorer.digits.collection import Kept
from explorer.ui.components import draw

Open = Callable[..., AppTest]
ONE = [(140, 40), (140, 240)]
CARD = find_card("mnist")
READERS = [card for card in zoo.entries() if card.spec.data.dataset == CARD.name]


def prepared(points: list[tuple[int, int]]) -> np.ndarray:
    return read(png(points))[0].pixels.reshape(CARD.shape)


def guesses(name: str, pixels: list[np.ndarray]) -> list[int]:
    found: list[int] = networks.load(name)(normalise(as_tensor(np.stack(pixels)), CARD)).argmax(1).tolist()
    return found


def table(tested: AppTest) -> str:
    return next(
        (str(item.proto.body) for item in elements(tested) if "Mine right" in str(getattr(item.proto, "body", ""))), ""
    )


@pytest.fixture
def drawn(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    monkeypatch.setattr(draw, "drawn", lambda _: draw.Message(1, url(png(SEVEN))))
    return lambda **params: open_app("digits", **params)


def with_digits(tested: AppTest, *digits: Kept) -> AppTest:
    tested.session_state["my_digits"] = {CARD.name: digits}
    tested.session_state["digits-tab"] = "My test set"
    return tested.run()


def test_a_drawing_is_kept_with_its_class(drawn: Callable[..., AppTest]) -> None:
    tested = drawn(network="lenet5")
    assert not tested.exception
    tested.button_group(key="keep-drawing").set_value(7).run()
    assert not tested.exception
    (digit,) = tested.session_state["my_digits"]["mnist"]
    np.testing.assert_array_equal(digit.pixels, prepared(SEVEN))
    assert (digit.label, digit.source) == (7, "drawn")
    tested.button_group(key="keep-drawing").set_value(7).run()
    assert len(tested.session_state["my_digits"]["mnist"]) == 1  # the same once more


def test_every_network_is_scored_beside_mnist(drawn: Callable[..., AppTest]) -> None:
    pixels = [prepared(SEVEN), prepared(ONE)]
    tested = with_digits(drawn(network="lenet5"), Kept(pixels[0], 7, "drawn"), Kept(pixels[1], 4, "a <b>slip</b>"))
    for _ in range(20):
        if table(tested).count("<tr>") == len(READERS) + 1:
            break
        tested.run()
    assert not tested.exception
    for card in READERS:
        right = sum(guess == label for guess, label in zip(guesses(card.name, pixels), (7, 4), strict=True))
        low, high = wilson(right, 2)
        assert f">{card.title.replace(chr(39), '&#x27;')}<" in table(tested)
        assert f">{card.test.accuracy:.2%}<" in table(tested)
        assert f">{right} of 2<" in table(tested)
        assert f">{low:.0%} to {high:.0%}<" in table(tested)
    captions = shown_wall(tested, "my-digits-wall").header["captions"]
    first, second = guesses("lenet5", pixels)
    assert captions == ["7 ✓" if first == 7 else f"7 ✗ {first}", "4 ✓" if second == 4 else f"4 ✗ {second}"]
    tested.session_state["my_digits_chosen"] = 1
    tested.run()
    tested.button(key="remove-kept").click().run()
    assert [digit.label for digit in tested.session_state["my_digits"]["mnist"]] == [7]


def test_they_stay_in_the_session_unless_they_shall_be_on_the_server(
    drawn: Callable[..., AppTest], tmp_path: Path
) -> None:
    tested = with_digits(drawn(), Kept(prepared(SEVEN), 7, "drawn"))
    folder = tmp_path / "home" / "test-sets"
    assert not folder.exists()
    tested.toggle(key="keep-on-server").set_value(True).run()
    (file,) = folder.iterdir()
    assert tested.query_params["mine"] == [file.stem] or tested.query_params["mine"] == file.stem
    assert collection.from_zip(file.read_bytes(), CARD.classes, CARD.shape)[0].label == 7

    again = with_kept(drawn(mine=file.stem))
    assert [digit.label for digit in again.session_state["my_digits"]["mnist"]] == [7]
    again.toggle(key="keep-on-server").set_value(False).run()
    assert not list(folder.iterdir())
    assert len(again.session_state["my_digits"]["mnist"]) == 1  # in the session still
    assert "mine" not in again.query_params


def test_each_data_set_has_its_own(drawn: Callable[..., AppTest], tmp_path: Path) -> None:
    tested = with_digits(drawn(network="lenet5"), Kept(prepared(SEVEN), 7, "drawn"))
    tested.toggle(key="keep-on-server").set_value(True).run()
    (file,) = (tmp_path / "home" / "test-sets").iterdir()
    clothes = with_kept(drawn(network="fashion_lenet5", mine=file.stem))
    assert not clothes.exception
    assert any(info.value.startswith("Here your own pictures will stand") for info in clothes.info)
    clothes.button_group(key="keep-drawing").set_value(3).run()
    assert not clothes.exception
    assert [digit.label for digit in clothes.session_state["my_digits"]["fashion_mnist"]] == [3]
    # The other data set's digits are neither shown as clothes nor written over.
    assert [digit.label for digit in collection.from_zip(file.read_bytes(), CARD.classes, CARD.shape)] == [7]
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def with_kept(tested: AppTest) -> AppTest:
    tested.session_state["digits-tab"] = "My test set"
    return tested.run()


@pytest.mark.parametrize("key", ["0" * 24, "../../etc/passwd", "x"])
def test_an_address_without_a_test_set_is_told_and_does_no_harm(drawn: Callable[..., AppTest], key: str) -> None:
    tested = with_kept(drawn(mine=key))
    assert not tested.exception
    assert not tested.error
    assert tested.session_state["my_digits"]["mnist"] == ()
    assert "Here your own digits will stand" in texts(tested)


def test_a_zip_comes_back_and_a_bad_one_gets_a_sentence(
    drawn: Callable[..., AppTest],
) -> None:
    digits = (Kept(prepared(SEVEN), 7, "drawn"), Kept(prepared(ONE), 1, "drawn"))
    data: Any = collection.to_zip(digits, CARD.classes)
    assert len(zipfile.ZipFile(io.BytesIO(data)).namelist()) == 3
    tested = with_kept(drawn())
    tested.file_uploader(key="kept-upload-0").set_value(("mine.zip", data, "application/zip")).run()
    assert not tested.exception
    assert [digit.label for digit in tested.session_state["my_digits"]["mnist"]] == [7, 1]
    tested.file_uploader(key="kept-upload-1").set_value(("mine.zip", b"no zip", "application/zip")).run()
    assert "not a ZIP" in texts(tested)
    assert len(tested.session_state["my_digits"]["mnist"]) == 2
