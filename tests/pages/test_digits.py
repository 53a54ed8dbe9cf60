"""Your digits: what the page makes of drawings, good and bad, as the browser would send them."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from html import escape
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from conftest_pages import elements, shown_beside_paper
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from explorer import networks
from explorer.data.cards import find_card
from explorer.data.tensors import as_tensor, normalise
from explorer.digits import read
from explorer.errors import PictureError
from explorer.ui import digits
from explorer.ui.components import draw
from explorer.ui.text import sure

Open = Callable[..., AppTest]
SEVEN = [(70, 60), (205, 60), (125, 230)]


def png(points: list[tuple[int, int]] | None = None) -> bytes:
    """A PNG as the canvas makes it, black lines on white."""
    image = Image.new("RGB", (draw.SIDE, draw.SIDE), "white")
    if points:
        ImageDraw.Draw(image).line(points, fill="black", width=16, joint="curve")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


@pytest.fixture
def drawn(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """``drawn(message, network=…)`` opens the page where the browser has sent a message."""

    def begin(message: Any, **params: str) -> AppTest:
        monkeypatch.setattr(draw, "drawn", lambda _: draw.Message(1, message))
        return open_app("digits", **params)

    return begin


def texts(tested: AppTest) -> str:
    return "\n".join(str(item.value) for item in [*tested.markdown, *tested.caption, *tested.error, *tested.info])


def answer(tested: AppTest) -> str:
    return shown_beside_paper(tested)[0]["answer"]


def button(tested: AppTest, key: str) -> Any:
    return tested.button(key=key)


@pytest.mark.parametrize("message", [None, ""])
def test_empty_paper_gets_a_sentence_and_nothing_else(drawn: Callable[..., AppTest], message: str | None) -> None:
    tested = drawn(message)
    assert not tested.exception
    assert not tested.error
    assert "Draw one digit, large." in answer(tested)
    assert "Reads" not in answer(tested)
    assert shown_beside_paper(tested)[1] is None
    assert button(tested, "open-drawing").disabled
    assert not [item for item in elements(tested) if getattr(item, "type", "") == "camera_input"]


@pytest.mark.parametrize("name", ["article", "allconv", "lenet5", "vgg"])
def test_a_drawing_is_read_as_pytorch_reads_its_prepared_form(drawn: Callable[..., AppTest], name: str) -> None:
    data = png(SEVEN)
    tested = drawn(url(data), network=name)
    assert not tested.exception
    assert not tested.error
    known, model = networks.find(name), networks.load(name)
    card = find_card(known.spec.data.dataset)
    pixels = read(data, shape=card.shape)[0].pixels.reshape(1, *card.shape)
    seen: dict[str, np.ndarray] = {}
    first = next(module for module in model.modules() if type(module).__name__ == "Conv2d")
    first.register_forward_hook(lambda _module, _inputs, output: seen.update(maps=output.detach()[0].numpy()))
    probabilities = model(normalise(as_tensor(pixels), card)).detach().double().softmax(1)[0]
    guess = int(probabilities.argmax())
    assert f"Reads <b>{card.classes[guess]}</b>, {escape(sure(probabilities[guess]))}" in answer(tested)
    wall = shown_beside_paper(tested)[1]
    assert wall is not None
    numbers = [int(text) for text in wall.header["captions"]]
    assert len(numbers) == min(16, len(seen["maps"]))
    assert numbers == sorted(set(numbers))
    if name == "article":  # ReLU directly after the first convolution
        expected = np.maximum(seen["maps"], 0)
        np.testing.assert_allclose(wall.pixels, expected[numbers], rtol=1e-4, atol=1e-5)
        weight = np.abs(expected).mean(axis=(1, 2))
        assert weight[numbers].min() >= np.delete(weight, numbers).max(initial=0.0) - 1e-6


def test_the_default_network_reads_a_drawn_seven_and_every_step_is_shown(drawn: Callable[..., AppTest]) -> None:
    tested = drawn(url(png(SEVEN)))
    assert "Reads <b>7</b>" in answer(tested)
    strip = next(item for item in elements(tested) if "ks-steps" in str(getattr(item.proto, "body", "")))
    steps = read(png(SEVEN))[0].steps
    assert strip.proto.body.count("<figcaption") == len(steps)
    assert all(step.title in strip.proto.body for step in steps)


def test_a_network_without_convolution_has_no_maps(drawn: Callable[..., AppTest]) -> None:
    tested = drawn(url(png(SEVEN)), network="mlp")
    assert not tested.exception
    title, wall = shown_beside_paper(tested)
    assert "no convolution" in title["maps"]
    assert wall is None


def paper() -> None:
    from explorer import networks
    from explorer.ui import drawing

    drawing.show(networks.find("article"))


def test_only_the_button_makes_the_drawing_the_current_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    went: list[str] = []
    monkeypatch.setattr(st, "switch_page", lambda page, **_: went.append(page))
    monkeypatch.setattr(draw, "drawn", lambda _: draw.Message(1, url(png(SEVEN))))
    tested = AppTest.from_function(paper, default_timeout=60).run()
    assert "own_digit" not in tested.session_state
    button(tested, "open-drawing").click().run()
    assert not tested.exception
    assert not tested.error
    assert went == ["pages/inside.py"]
    np.testing.assert_array_equal(tested.session_state["own_digit"][0], read(png(SEVEN))[0].pixels)


@pytest.mark.parametrize(
    "message",
    [
        7,
        ["x"],
        {"a": 1},
        "hello",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "data:image/png;base64,???",
        url(b"no picture"),
        url(b""),
        url(png(SEVEN)[:200]),
        url(png()),
        url(b"\x89PNG\r\n\x1a\n" + b"0" * 500_000),
    ],
)
def test_what_is_no_drawing_gets_one_sentence(drawn: Callable[..., AppTest], message: Any) -> None:
    tested = drawn(message)
    assert not tested.exception
    assert not tested.error
    said = answer(tested)
    assert said.count('class="fault" role="alert"') == 1
    assert "Reads" not in said
    assert button(tested, "open-drawing").disabled


@pytest.mark.parametrize(
    ("said", "number"),
    [
        (None, 0),
        ({"number": 3, "picture": "p"}, 3),
        ({"number": -1, "picture": "p"}, 0),
        ({"number": ""}, 0),
        ("p", 0),
    ],
)
def test_a_message_has_a_number(monkeypatch: pytest.MonkeyPatch, said: Any, number: int) -> None:
    monkeypatch.setattr(st, "session_state", {"draw": {"drawing": said}})
    assert draw.drawn("draw").number == number
    if number == 0 and said is not None:  # what is no message is refused as a picture, too
        with pytest.raises(PictureError):
            draw.decoded(draw.drawn("draw").picture)


def test_a_message_that_is_no_picture_is_refused_before_decoding() -> None:
    assert draw.decoded(url(b"abc")) == b"abc"
    with pytest.raises(PictureError, match="not arrive"):
        draw.decoded("data:image/png;base64," + "A" * draw.LONGEST)


def test_an_upload_opens_its_tab_and_a_late_callback_is_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    session: dict[str, object] = {}
    monkeypatch.setattr(st, "session_state", session)
    digits._open_uploaded()
    assert session == {}
    session["upload"] = [SimpleNamespace(name="three.png")]
    digits._open_uploaded()
    assert session["digits-tab"] == "Upload"


def photograph() -> None:
    import io
    from types import SimpleNamespace

    import streamlit as st
    from PIL import Image, ImageDraw

    from explorer import networks
    from explorer.ui import digits

    image = Image.new("RGB", (640, 480), (214, 208, 198))
    ImageDraw.Draw(image).line([(250, 120), (390, 120), (310, 380)], fill=(30, 40, 90), width=22, joint="curve")
    out = io.BytesIO()
    image.save(out, "JPEG")
    photo = SimpleNamespace(getvalue=out.getvalue, name="camera.jpg")
    st.camera_input = lambda *_args, **_options: photo
    digits._camera(networks.find("article"))


def test_a_photograph_goes_the_uploads_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "camera_input", st.camera_input)  # put back afterwards
    tested = AppTest.from_function(photograph, default_timeout=60).run()
    assert not tested.exception
    assert not tested.error
    assert "Reads **7**" in texts(tested)
    assert button(tested, "open-camera").label == "Open in Look inside"
