"""The browser's back and forward buttons: each step is heard, however soon it comes, and the address stays true."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from settling import LONG, settled

from explorer.data import load

pytestmark = pytest.mark.browser


def at(page: Page, digit: str, image: str = "") -> None:
    """The page shows a digit, and its address says so."""
    image = image or f"test image {digit}"
    expect(page.locator(".ks-current")).to_have_text(re.compile(rf"· {image}\s*$"), timeout=LONG)
    expect(page).to_have_url(re.compile(rf"digit={digit}$"))
    settled(page)


def choose(page: Page, digit: str) -> None:
    field = page.get_by_label("Number in the test set").locator("visible=true")
    field.fill(digit)
    field.press("Enter")
    at(page, digit)


def test_steps_that_follow_one_another_quickly_are_all_heard_and_leave_the_page_as_it_is(app: str, page: Page) -> None:
    page.goto(f"{app}/inside?network=lenet5&digit=1")
    at(page, "1")
    kernels = page.get_by_role("tab", name="Kernels", exact=True)
    kernels.click()
    expect(page.locator(".st-key-kernels-conv1")).to_be_visible()
    for digit in "23456":
        choose(page, digit)
    entries = page.evaluate("history.length")
    place = 6
    for burst in ([-1, -1], [1, -1], [-1, -1, 1], [1], [-1, -1, -1], [1, 1], [1, -1, 1], [1, 1, -1], [1]):
        for step in burst:
            place += step
            # As the buttons do it, and without waiting for what comes of it.
            page.evaluate("step => new Promise((done) => { onpopstate = done; history.go(step) })", step)
        at(page, str(place))
        expect(kernels).to_have_attribute("aria-selected", "true")
        expect(page.locator(".st-key-kernels-conv1")).to_be_visible()
    assert page.evaluate("history.length") == entries


@pytest.mark.parametrize(("link", "split"), [("99999", "test"), ("train-99999", "training")])
def test_back_at_a_link_whose_digit_there_is_not_the_address_is_true(
    app: str, page: Page, link: str, split: str
) -> None:
    data = load("mnist")
    number = len(data.test if split == "test" else data.train) - 1
    last, image = link.replace("99999", str(number)), f"{split} image {number:,}"
    page.goto(f"{app}/inside?network=lenet5&digit={link}")
    at(page, last, image)
    choose(page, "4")
    page.go_back()
    at(page, last, image)
    page.go_back()  # the link itself
    at(page, last, image)
    page.go_forward()
    at(page, last, image)
    page.go_forward()
    at(page, "4")


def test_forward_is_heard_before_the_reloaded_page_has_its_first_answer(app: str, page: Page) -> None:
    held: list[str | bytes] = []
    hold = False

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda message: server.send(message))
        server.on_message(lambda message: held.append(message) if hold else socket.send(message))
        sockets.append(socket)

    sockets: list[WebSocketRoute] = []
    page.route_web_socket(re.compile("_stcore/stream"), between)
    page.goto(f"{app}/inside?network=lenet5&digit=3")
    at(page, "3")
    choose(page, "8")
    page.go_back()
    at(page, "3")
    hold = True
    page.reload(wait_until="commit")
    while not held:  # the page has asked, and the server's answer is on its way
        page.wait_for_timeout(50)
    page.evaluate("new Promise((done) => { onpopstate = done; history.forward() })")
    expect(page).to_have_url(re.compile("digit=8$"))
    hold = False
    for message in held:
        sockets[-1].send(message)
    at(page, "8")
    page.go_back()
    at(page, "3")
