"""The switches under the strip of steps: what they do to the picture and to the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from html import escape
from typing import Any

import pytest
from conftest_pages import elements, shown_beside_paper
from streamlit.testing.v1 import AppTest
from test_digits import SEVEN, png, texts, url

from explorer import networks
from explorer.data.cards import find_card
from explorer.data.tensors import as_tensor, normalise
from explorer.digits import Preparation, prepare, read
from explorer.digits.decode import decode
from explorer.ui import preparation
from explorer.ui.components import draw
from explorer.ui.text import sure

Open = Callable[..., AppTest]


def answer(name: str, pixels: Any) -> str:
    card = find_card("mnist")
    shares = networks.load(name)(normalise(as_tensor(pixels.reshape(1, *card.shape)), card)).double().softmax(1)[0]
    return f"**{card.classes[int(shares.argmax())]}**, {sure(float(shares.max()))}"


def test_every_switch_of_the_preparation_is_offered() -> None:
    assert set(preparation.titles()) == {field.name for field in fields(Preparation)} - {"invert"}
    assert preparation.options(frozenset({"centre"})) == Preparation(centre=False)
    assert preparation.options(preparation.ALL) == Preparation()


def test_a_step_switched_off_changes_picture_and_answer_and_all_on_brings_both_back(
    open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = png(SEVEN)
    monkeypatch.setattr(draw, "drawn", lambda _: draw.Message(1, url(data)))
    tested = open_app("digits", network="lenet5")
    pills = tested.button_group(key="steps-drawing")
    assert pills.value == list(preparation.titles())
    assert tested.button(key="all-steps-drawing").disabled
    assert "With all steps" not in texts(tested)

    pills.set_value([name for name in pills.value if name not in ("polarity", "centre")]).run()
    assert not tested.exception
    whole = read(data)[0].pixels
    less = prepare(decode(data), Preparation(polarity=False, centre=False)).pixels
    assert f"With all steps: {answer('lenet5', whole)}." in texts(tested)
    assert f"Without Light on black and Centre by mass: {answer('lenet5', less)}." in texts(tested)
    strip = next(item for item in elements(tested) if "ks-steps" in str(getattr(item.proto, "body", "")))
    assert strip.proto.body.count("Switched off.") == 2

    tested.button(key="all-steps-drawing").click().run()
    assert "With all steps" not in texts(tested)
    guess, sure_of_it = answer("lenet5", whole).removeprefix("**").split("**, ")
    assert f"Reads <b>{guess}</b>, {escape(sure_of_it)}" in shown_beside_paper(tested)[0]["answer"]
