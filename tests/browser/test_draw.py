"""The paper in a real browser: drawn by pointer, finger and keyboard, read by the default network, undone, kept."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Error, Page, Route, WebSocket, expect
from settling import standing

if TYPE_CHECKING:  # another folder's conftest may be the one of that name while this runs
    from conftest import OpenPage

pytestmark = pytest.mark.browser
Line = Sequence[tuple[float, float]]

SEVEN: Line = ((0.27, 0.22), (0.74, 0.22), (0.45, 0.82))
ONE: Line = ((0.53, 0.16), (0.48, 0.84))
TWO: Line = (
    (0.30, 0.32), (0.36, 0.22), (0.48, 0.17), (0.60, 0.20), (0.66, 0.30), (0.64, 0.42), (0.55, 0.55),
    (0.43, 0.67), (0.31, 0.80), (0.50, 0.79), (0.72, 0.80),
)  # fmt: skip
ANSWER = ".st-key-draw .answer"
PAPER = ".st-key-draw .paper"


def begin(page: Page, app: str) -> Page:
    page.goto(f"{app}/digits")
    expect(page.locator(PAPER)).to_be_visible()
    expect(page.locator(ANSWER)).to_contain_text("Draw one digit, large.")
    return page


def line(page: Page, points: Line, *, lift: bool = True) -> None:
    left, top, side = page.locator(PAPER).evaluate(
        "paper => { const { x, y, width } = paper.getBoundingClientRect(); return [x, y, width]; }"
    )
    places = [(left + x * side, top + y * side) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(x, y, steps=4)
    if lift:
        page.mouse.up()


def reads(page: Page, answer: str) -> None:
    expect(page.locator(ANSWER)).to_contain_text(re.compile(rf"Reads {answer}, (> )?\d+\.\d% sure"))


def ink(page: Page) -> np.ndarray:
    """What is on the paper, bool (H, W), True where there is ink."""
    url = page.locator(f"{PAPER} canvas").evaluate("canvas => canvas.toDataURL('image/png')")
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return np.asarray(image.convert("L")) < 128


def tool(page: Page, name: str) -> None:
    page.locator(".st-key-draw").get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize(("points", "answer"), [(SEVEN, "7"), (ONE, "1"), (TWO, "2")])
def test_a_drawn_digit_is_read_right(page: Page, app: str, points: Line, answer: str) -> None:
    begin(page, app)
    expect(page.get_by_text("How it was prepared")).to_have_count(0)
    before = standing(page.locator(PAPER))
    line(page, points)
    reads(page, answer)
    expect(page.locator(".st-key-draw .maps .tile")).to_have_count(16)
    canvas = standing(page.locator(".st-key-draw .maps .bands canvas").first)
    assert canvas["width"] > 200
    expect(page.get_by_text("How it was prepared")).to_be_visible()
    assert page.locator(".ks-steps figure:visible").count() >= 8
    assert standing(page.locator(PAPER)) == before  # nothing moved under the hand


def test_the_network_answers_while_the_pen_is_down(page: Page, app: str) -> None:
    begin(page, app)
    line(page, SEVEN, lift=False)
    reads(page, "7")
    assert page.locator(".st-key-draw").get_by_role("button", name="Undo", exact=True).is_disabled()
    page.mouse.up()
    expect(page.locator(".st-key-draw").get_by_role("button", name="Undo", exact=True)).to_be_enabled()


def test_undo_redo_clear_and_eraser(page: Page, app: str) -> None:
    begin(page, app)
    assert not ink(page).any()
    line(page, ONE)
    reads(page, "1")
    one = ink(page)
    line(page, ((0.1, 0.5), (0.9, 0.5)))
    assert ink(page).sum() > one.sum()
    tool(page, "Undo")
    np.testing.assert_array_equal(ink(page), one)
    reads(page, "1")
    tool(page, "Clear")
    assert not ink(page).any()
    expect(page.locator(ANSWER)).to_contain_text("Draw one digit, large.")
    tool(page, "Undo")  # also what was cleared comes back
    np.testing.assert_array_equal(ink(page), one)
    reads(page, "1")
    tool(page, "Redo")
    assert not ink(page).any()
    page.locator(PAPER).focus()
    page.keyboard.press("Control+z")
    np.testing.assert_array_equal(ink(page), one)
    page.keyboard.press("Control+Shift+z")
    assert not ink(page).any()
    page.keyboard.press("Control+z")
    reads(page, "1")
    # A button that the keyboard has used up hands over to the paper.
    page.locator(PAPER).focus()
    redo = page.locator(".st-key-draw").get_by_role("button", name="Redo", exact=True)
    for _ in range(5):  # pen, eraser, undo
        page.keyboard.press("Tab")
        if redo.evaluate("button => button.matches(':focus')"):
            break
    page.keyboard.press("Enter")
    assert not ink(page).any()
    expect(page.locator(PAPER)).to_be_focused()
    page.keyboard.press("Control+z")
    reads(page, "1")
    tool(page, "Eraser")
    page.get_by_role("slider", name="Width").fill("44")
    line(page, ONE)
    assert not ink(page).any()
    expect(page.locator(ANSWER)).to_contain_text("Draw one digit, large.")


def test_a_wider_pen_draws_wider_lines(page: Page, app: str) -> None:
    begin(page, app)
    areas = []
    for width in ("6", "24", "44"):
        page.get_by_role("slider", name="Width").fill(width)
        line(page, ONE)
        areas.append(ink(page).any(axis=0).sum())
        assert page.locator(".st-key-draw .dot").evaluate("dot => dot.clientWidth") == pytest.approx(int(width), abs=1)
        tool(page, "Clear")
    assert areas[0] < areas[1] < areas[2]


def test_the_keyboard_draws_a_one(page: Page, app: str) -> None:
    begin(page, app)
    paper, hint = page.locator(PAPER), page.locator(".st-key-draw .hint")
    paper.focus()
    for _ in range(13):
        page.keyboard.press("ArrowUp")
    expect(hint).to_contain_text("The pen is up.")
    assert not ink(page).any()
    page.keyboard.press("Space")
    expect(hint).to_contain_text("The pen is down.")
    for _ in range(26):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(hint).to_contain_text("The pen is up.")
    reads(page, "1")
    rows = np.flatnonzero(ink(page).any(axis=1))
    assert np.ptp(rows) == pytest.approx(840 * (0.65 + 24 / 420), abs=4)
    page.keyboard.press("ArrowRight")  # the lifted pen leaves nothing
    drawn = ink(page)
    page.keyboard.press("Shift+ArrowRight")
    np.testing.assert_array_equal(ink(page), drawn)
    page.keyboard.press("Control+z")
    assert not ink(page).any()


def test_a_finger_draws_and_the_page_does_not_scroll(open_page: OpenPage, app: str) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme="dark")
    begin(page, app)
    box = standing(page.locator(PAPER))
    assert box["width"] >= 340
    places = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in TWO]
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [places[0]]})
    for place in places[1:]:
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [place]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    reads(page, "2")
    assert standing(page.locator(PAPER)) == box
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    answer = standing(page.locator(ANSWER))
    assert answer["y"] > box["y"] + box["height"]  # beside or below, never above


def test_the_drawing_survives_tabs_and_pages_and_goes_on_as_the_current_digit(page: Page, app: str) -> None:
    begin(page, app)
    line(page, SEVEN)
    reads(page, "7")
    drawn = ink(page)
    page.get_by_role("tab", name="Upload").click()
    expect(page.locator(".st-key-upload")).to_be_visible()
    page.get_by_role("tab", name="Draw").click()
    reads(page, "7")
    np.testing.assert_array_equal(ink(page), drawn)
    page.get_by_role("link", name="Mistakes").click()
    expect(page.locator("h1").first).to_have_text("Mistakes")
    page.get_by_role("link", name="Your digits").click()
    reads(page, "7")
    np.testing.assert_array_equal(ink(page), drawn)
    page.locator(".st-key-open-drawing button").click()
    expect(page.locator("h1").first).to_have_text("Look inside")
    expect(page.get_by_text("your own digit").first).to_be_visible()


def test_the_download_is_the_drawing(page: Page, app: str) -> None:
    begin(page, app)
    line(page, SEVEN)
    reads(page, "7")
    with page.expect_download() as download:
        page.locator(".st-key-download-drawing button").click()
    assert download.value.suggested_filename == "drawing.png"
    with Image.open(io.BytesIO(Path(download.value.path()).read_bytes())) as image:
        grey = np.asarray(image.convert("L"))
    assert grey.shape == (280, 280)
    shown = ink(page).reshape(280, 3, 280, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(1 - grey / 255, shown, atol=0.35)  # the same ink, edges smoothed


def test_only_the_servers_address_is_asked_while_one_draws_and_python_once_the_pen_is_up(page: Page, app: str) -> None:
    told: list[int] = []
    asked: list[str] = []

    def follow(socket: WebSocket) -> None:
        def count(data: str | bytes) -> None:
            text = data if isinstance(data, bytes) else data.encode()
            told.append(text.count(b"data:image/png"))

        socket.on("framesent", count)

    page.on("websocket", follow)
    page.on("request", lambda request: asked.append(request.url) if "/api/drawing" in request.url else None)
    begin(page, app)
    page.clock.install()
    page.clock.pause_at(2_000_000_000)
    line(page, ONE, lift=False)
    assert not asked  # no time has passed
    for _ in range(3):
        page.clock.run_for(300)
    page.clock.resume()
    reads(page, "1")
    assert len(asked) == 1  # the line has not changed since
    assert sum(told) == 0
    page.mouse.up()
    expect(page.get_by_text("How it was prepared")).to_be_visible()
    assert sum(told) == 1
    assert len(asked) == 1
    line(page, ((0.1, 0.5), (0.9, 0.5)))
    expect(page.locator(ANSWER)).not_to_contain_text("Reads 1")
    assert len(asked) > 1


def test_without_the_servers_address_python_answers(page: Page, app: str) -> None:
    page.route("**/api/drawing*", lambda route: route.abort())
    begin(page, app)
    line(page, SEVEN)
    reads(page, "7")
    tool(page, "Clear")
    expect(page.locator(ANSWER)).to_contain_text("Draw one digit, large.")


def test_an_answer_that_comes_late_changes_nothing(page: Page, app: str) -> None:
    begin(page, app)
    held: list[Route] = []
    page.route("**/api/drawing*", lambda route: held.append(route))
    line(page, SEVEN)
    reads(page, "7")  # by Python's run, which is not kept waiting
    page.unroute("**/api/drawing*")
    tool(page, "Clear")
    line(page, ONE)
    reads(page, "1")
    for route in held:
        with suppress(Error):  # given up by the page
            route.continue_()
    page.wait_for_timeout(500)
    reads(page, "1")


def test_only_the_open_tab_asks_for_the_camera(page: Page, app: str) -> None:
    page.add_init_script(
        "window.asked = 0; const media = navigator.mediaDevices;"
        "if (media) media.getUserMedia = () => { window.asked += 1; return Promise.reject(new Error('no camera')); };"
    )
    begin(page, app)
    line(page, ONE)
    reads(page, "1")
    assert page.evaluate("window.asked") == 0
    expect(page.get_by_test_id("stCameraInput")).to_have_count(0)
    page.get_by_role("tab", name="Camera").click()
    expect(page.get_by_test_id("stCameraInput")).to_be_visible()
    page.wait_for_function("window.asked > 0")
