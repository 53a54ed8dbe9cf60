"""A picture with several digits on the page, without a browser: what is shown, and what a correction does."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from conftest_pages import elements
from PIL import Image
from sheets_drawn import ROWS, Drawn, sheet
from streamlit.testing.v1 import AppTest

from explorer import networks, rejection
from explorer.data.cards import find_card
from explorer.data.tensors import as_tensor, normalise
from explorer.digits import Box, decode, prepare_box, survey
from explorer.ui import cache, readings, text
from explorer.ui.components import boxes
from explorer.ui.components.boxes import corrected

Open = Callable[..., AppTest]
SHEET = sheet(line=170)
SIZE = SHEET.image.size


@pytest.fixture
def uploaded(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[AppTest, list[dict[str, Any]]]]:
    """``uploaded(data, kept)`` opens the page with a file whose boxes were corrected to those kept; gives also what the
    component was given."""

    def begin(data: bytes, message: Any = None, **params: str) -> tuple[AppTest, list[dict[str, Any]]]:
        file = SimpleNamespace(name="sheet.png", file_id="f", getvalue=lambda: data)
        given: list[dict[str, Any]] = []
        monkeypatch.setattr(st, "file_uploader", lambda *_, **__: [file])
        monkeypatch.setattr(boxes, "_mount", lambda **arguments: given.append(arguments["data"]))
        if message is not None:
            monkeypatch.setattr(boxes, "corrected", lambda *_: message)
        return open_app("digits", **params), given

    return begin


def reading(tested: AppTest) -> str:
    return next(str(item.value) for item in tested.code)


def test_a_sheet_is_read_row_by_row_as_pytorch_reads_its_digits(uploaded: Any) -> None:
    tested, given = uploaded(SHEET.png)
    assert not tested.exception
    found = survey(decode(SHEET.png))
    known, model = networks.find("article"), networks.load("article")
    card = find_card(known.spec.data.dataset)
    pixels = np.stack([prepare_box(found, box).pixels[None] for box in found.boxes])
    shares = model(normalise(as_tensor(pixels), card)).detach().double().softmax(1)
    reasons = rejection.judge(model, cache.trust(known), pixels, card, found.boxes).reasons
    said = ["?" if why else card.classes[int(row.argmax())] for row, why in zip(shares, reasons, strict=True)]
    assert reading(tested).replace("\n", "") == "".join(said)
    assert len(reading(tested).splitlines()) == len(ROWS)
    data = given[-1]
    assert [tuple(one["box"]) for one in data["boxes"]] == list(found.boxes)
    for one, row in zip(data["boxes"], shares, strict=True):
        said = data["answers"][str(one["id"])]
        assert said["text"].rstrip("?") == card.classes[int(row.argmax())]  # with a mark where it looks like no digit
        assert text.sure(float(row.max())) in said["detail"]
    assert data["size"] == list(SIZE)
    assert data["dark"]
    assert data["picture"].startswith("data:image/jpeg;base64,")


def test_corrected_boxes_are_read_again(uploaded: Any) -> None:
    found = survey(decode(SHEET.png))
    kept = [boxes.Boxed(7, tuple(found.boxes[3])), boxes.Boxed(9, (0, 0, 30, 30)), boxes.Boxed(11, found.boxes[0], 5)]
    tested, given = uploaded(SHEET.png, kept)
    assert not tested.exception
    assert reading(tested).replace("\n", "") == "–58" or reading(tested).splitlines()[-1] == "58"
    answers = given[-1]["answers"]
    assert answers["9"]["detail"] == "there is no ink in this box"
    assert answers["9"]["doubtful"]


def test_one_digit_is_shown_with_its_steps_until_the_user_says_it_is_several(uploaded: Any) -> None:
    tested, given = uploaded(Drawn(SHEET.image.crop((60, 70, 180, 165)), "", ()).png)
    assert not tested.exception
    assert not given
    assert [item for item in elements(tested) if "ks-steps" in str(getattr(item.proto, "body", ""))]
    tested.session_state["kind-f"] = "Several things"
    tested.run()
    assert len(given[-1]["boxes"]) == 1


def test_a_page_without_digits_says_what_to_do(uploaded: Any) -> None:
    blank = Drawn(Image.new("L", (400, 300), 240), "", ()).png
    tested, _ = uploaded(blank)
    tested.session_state["kind-f"] = "Several things"
    tested.run()
    assert not tested.exception
    assert any("Nothing was found" in item.value for item in tested.info)


@pytest.mark.parametrize(
    "message",
    [
        None, 3, "boxes", {}, {"stamp": "s"}, {"stamp": "other", "boxes": []}, {"stamp": "s", "boxes": [1]},
        {"stamp": "s", "boxes": [{"id": 1, "box": [0, 0, 5]}]},
        {"stamp": "s", "boxes": [{"id": 1, "box": [0, 0, 5, "6"]}]},
        {"stamp": "s", "boxes": [{"id": True, "box": [0, 0, 5, 6]}]},
        {"stamp": "s", "boxes": [{"id": 1, "box": [0, 0, 5, float("inf")]}]},
        {"stamp": "s", "boxes": [{"id": 1, "box": [0, 0, 5, 6], "label": -1}]},
    ],
)  # fmt: skip
def test_what_is_no_list_of_boxes_is_not_taken(message: Any) -> None:
    assert corrected(message, "s", (100, 80)) is None


def test_boxes_from_the_browser_stay_inside_the_picture() -> None:
    message = {"stamp": "s", "boxes": [{"id": 4, "box": [-50, 70, 400, 20], "label": 3}] * 2}
    (one,) = corrected(message, "s", (100, 80)) or []
    assert one == boxes.Boxed(4, (0, 70, 100, 73), 3)
    assert Box(*one.box).width == 100


def test_the_csv_has_a_row_a_digit_and_no_formula() -> None:
    card = find_card("mnist")
    shares = np.full((2, 10), 0.01)
    shares[0, 3], shares[0, 5], shares[1, 1], shares[1, 7] = 0.8, 0.12, 0.9, 0.05
    table = readings.Readings(
        ["=cmd()", 'a"b,c.png'], np.zeros((2, 1, 28, 28), np.uint8), shares, np.array([-1, 7]), ["", "A, b."]
    )
    assert readings.as_csv(table, card).decode().splitlines() == [
        "source,answer,probability,runner_up,runner_up_probability,label,doubt",
        "'=cmd(),3,0.800000,5,0.120000,,",
        '"a""b,c.png",1,0.900000,7,0.050000,7,"A, b."',
    ]
    assert table.score == (0, 1)


def test_the_table_says_how_sure_as_everywhere_and_sorts_by_the_number() -> None:
    shares = np.full((2, 10), 1e-7)
    shares[0, 3], shares[1, 7] = 0.9999991, 0.9
    table = readings.Readings(["a", "b"], np.zeros((2, 1, 28, 28), np.uint8), shares, np.array([-1, -1]), ["", ""])
    rows = readings._frame(table, find_card("mnist"), np.arange(2))
    assert rows.data["Sure"].tolist() == [0.9999991, 0.9]
    assert re.findall(r"<td[^>]*>([<>& \w;.]*%)</td>", rows.to_html()) == ["> 99.9%", "90.0%"]


def test_what_looks_like_no_digit_is_said_wherever_it_is_read(
    uploaded: Any, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "doubts", lambda _, pixels, *__: ["Odd."] + [""] * (len(pixels) - 1))
    tested, _ = uploaded(SHEET.png)
    assert not tested.exception
    assert reading(tested).count("?") == 1
    count = len("".join(ROWS)) - 1
    assert any(f"**{count} digits** in {len(ROWS)} rows" in str(item.value) for item in tested.markdown)
    assert any("One box looks like no digit: ? here" in str(item.value) for item in tested.caption)
    shown = tested.dataframe[0].value
    assert shown["Looks like no digit"].tolist() == ["Odd."] + [""] * count
    assert [read.endswith("?") for read in shown["Read"]] == [True] + [False] * count
    # somebody knows better
    tested, _ = uploaded(SHEET.png, [boxes.Boxed(7, survey(decode(SHEET.png)).boxes[0], 5)])
    assert reading(tested) == "5"
    assert "Looks like no digit" not in tested.dataframe[0].value

    files = [SimpleNamespace(name=f"{n}.png", file_id=str(n), getvalue=lambda: SHEET.png) for n in range(4)]
    monkeypatch.setattr(st, "file_uploader", lambda *_, **__: files)
    tested = open_app("digits")
    while not tested.dataframe:
        tested.run()
    assert any(f"**{4 * count + 3} digits**, 1 more look like no digit" in str(item.value) for item in tested.markdown)


def test_a_table_of_digits_is_scored_against_its_labels(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from explorer.data import load

    test = load("mnist").test
    pixels, labels = np.asarray(test.pixels[:70]).reshape(70, -1), np.asarray(test.labels[:70]).copy()
    labels[3] = (labels[3] + 1) % 10
    text = "\n".join(",".join(map(str, [label, *row])) for label, row in zip(labels, pixels, strict=True)).encode()
    file = SimpleNamespace(name="digits.csv", file_id="f", getvalue=lambda: text)
    monkeypatch.setattr(st, "file_uploader", lambda *_, **__: [file])
    tested = open_app("digits")
    tested.run()
    assert not tested.exception
    known, model = networks.find("article"), networks.load("article")
    images = normalise(as_tensor(pixels.reshape(-1, 1, 28, 28)), find_card(known.spec.data.dataset))
    right = int((model(images).argmax(1).numpy() == labels).sum())
    assert any(f"**{right} of 70 right**" in str(item.value) for item in tested.markdown)
    assert len(tested.dataframe[0].value) == readings.PAGE


def test_what_is_not_read_of_many_files_is_told(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [
        SimpleNamespace(name=f"file {number}.png", file_id=str(number), getvalue=lambda number=number: b"x" * number)
        for number in range(14)
    ]
    monkeypatch.setattr(st, "file_uploader", lambda *_, **__: files)
    tested = open_app("digits")
    tested.run()
    assert not tested.exception
    (warning,) = tested.warning
    assert "14 files were not read" in warning.value
    assert "**file 1\\.png, file 2\\.png, file 3\\.png** and 10 more: This is a text file" in warning.value
