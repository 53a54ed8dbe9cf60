"""When a page can be touched: a hand that reaches for what is still being laid out grasps at nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from playwright.sync_api import FloatRect, Locator, Page, expect

LONG = 120_000  # milliseconds; what a server on two cores may take for a page's first time, other tests beside it
STILL = 3  # looks in a row, a tenth of a second apart, at which nothing has moved
Seen = TypeVar("Seen")
LAYOUT = """() => [...document.querySelectorAll('[data-testid="stElementContainer"], [data-testid="stMain"]')]
    .map((one) => { const { x, y, width, height } = one.getBoundingClientRect(); return [x, y, width, height]; })
    .join()"""


def arrived(page: Page) -> None:
    """A page that has just been opened, with a network that has weights, is there as a whole. Raises AssertionError
    where it does not come."""
    expect(page.locator("h1").first).to_be_visible(timeout=LONG)
    expect(page.locator(".ks-verdict")).to_have_count(1, timeout=LONG)  # the last that the server sends
    settled(page)


def settled(page: Page) -> None:
    """The server has answered, every widget's script is there, and nothing moves any more. Raises AssertionError where
    that does not happen, or the page shows an exception."""
    expect(page.get_by_test_id("stStatusWidgetRunningIcon")).to_have_count(0, timeout=LONG)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=LONG)
    _steady(page, lambda: page.evaluate(LAYOUT), "the page")


def standing(element: Locator) -> FloatRect:
    """Where an element is on the screen, in CSS pixels, once it has stopped moving. Raises AssertionError where it is
    not visible, or does not stop."""
    expect(element).to_be_visible(timeout=LONG)
    box = _steady(element.page, element.bounding_box, str(element))
    assert box is not None, f"{element} has gone"
    return box


def _steady(page: Page, look: Callable[[], Seen], what: str) -> Seen:
    seen, since, give_up = look(), 0, time.monotonic() + LONG / 1000
    while since < STILL:
        assert time.monotonic() < give_up, f"{what} does not stop moving"
        page.wait_for_timeout(100)
        now = look()
        seen, since = now, since + 1 if now == seen else 0
    return seen
