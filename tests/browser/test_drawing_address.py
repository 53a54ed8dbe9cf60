"""The server's own address for drawings, asked as the page asks it, and as it should not be asked."""

from __future__ import annotations

import base64
import io
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image, ImageDraw

from explorer import networks
from explorer.ui import drawing
from explorer.ui.components import draw, frames
from explorer.ui.components.wall import Payload


def picture(*points: tuple[int, int]) -> str:
    image = Image.new("RGB", (draw.SIDE, draw.SIDE), "white")
    ImageDraw.Draw(image).line(points, fill="black", width=16, joint="curve")
    out = io.BytesIO()
    image.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


SEVEN = picture((70, 60), (205, 60), (125, 230))


def ask(app: str, body: str | bytes, headers: dict[str, str] | None = None, **asked: Any) -> tuple[int, bytes]:
    data = body if isinstance(body, bytes) else body.encode()
    request = urllib.request.Request(f"{app}/api/drawing?{urlencode(asked)}", data, headers or {}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def texts(reply: bytes) -> dict[str, str]:
    header: dict[str, str] = frames.unpack(reply)[0]
    return header


@pytest.mark.parametrize(
    ("network", "moment", "without"),
    [("robust", None, ()), ("lenet5", None, ("centre", "stroke")), ("article", "first", ()), ("mlp", None, ())],
)
def test_the_reply_is_what_the_page_shows(app: str, network: str, moment: str | None, without: tuple[str, ...]) -> None:
    known = networks.find(network)
    asked: dict[str, Any] = {"network": network}
    if moment:
        first = networks.moments(known)[0]
        known, asked["moment"] = known.at(first.step), first.step
    if without:
        asked["without"] = ",".join(without)
    status, reply = ask(app, SEVEN, **asked)
    assert status == 200
    expected, wall = frames.unpack(drawing.reply(known, drawing.look(known, SEVEN, frozenset(without))))
    assert texts(reply) == expected
    shown = frames.unpack(reply)[1]
    assert bool(shown) == bool(wall) == (network != "mlp")
    if shown:
        np.testing.assert_allclose(Payload.unpack(shown).pixels, Payload.unpack(wall).pixels, rtol=1e-4, atol=1e-5)


def test_moments_and_steps_change_the_answer(app: str) -> None:
    moment = networks.moments(networks.find("article"))[0].step
    answers = [
        texts(ask(app, SEVEN, **asked)[1])["bars"]
        for asked in (
            {"network": "article"},
            {"network": "article", "moment": moment},
            {"network": "article", "without": "crop,proportions,centre"},
        )
    ]
    assert len(set(answers)) == 3


def test_empty_paper_and_what_is_no_picture_get_their_sentence(app: str) -> None:
    assert "Draw one digit, large." in texts(ask(app, "", network="robust")[1])["answer"]
    for body in ("hello", b"\xff\xfe", "data:image/png;base64,???", "data:image/png;base64,aGVsbG8="):
        status, reply = ask(app, body, network="robust")
        assert status == 200
        assert 'class="fault"' in texts(reply)["answer"]


def test_what_cannot_be_answered_says_why_and_harms_nothing(app: str) -> None:
    assert ask(app, SEVEN, network="nobody's") == (404, b'there is no network "nobody\'s" any more')
    assert ask(app, SEVEN)[0] == 404
    assert ask(app, "A" * (draw.LONGEST + 1), network="robust")[0] == 413
    assert ask(app, SEVEN, {"Sec-Fetch-Site": "cross-site"}, network="robust")[0] == 403
    assert ask(app, SEVEN, {"Sec-Fetch-Site": "same-origin"}, network="robust", moment="x", without="x,,y")[0] == 200
