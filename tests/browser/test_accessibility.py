"""For everybody: axe-core's rules on every page, and what a keyboard finds where something opens."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from settling import LONG, arrived, settled, standing

pytestmark = pytest.mark.browser
PAGES = (
    "build",
    "build?controls=recipe",
    "inside?network=article&digit=3",
    "mistakes?network=softmax",
    "digits",
    "compare?network=article&with=lenet5",
    "learn",
    "data",
)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
FOCUSED = """() => {
    let found = document.activeElement;
    while (found.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
    const { x, y, width, height } = found.getBoundingClientRect();
    const kept = found.closest("[data-testid]")?.dataset.testid ?? "";
    return { tag: found.tagName, kept, text: found.textContent, x, y, right: x + width, bottom: y + height };
}"""


def shown(page: Page, address: str) -> Page:
    page.goto(address)
    arrived(page)
    return page


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark"), (820, "light")])
@pytest.mark.parametrize("path", PAGES)
def test_no_rule_is_broken(app: str, open_page: Callable[..., Page], path: str, width: int, scheme: str) -> None:
    page = shown(
        open_page(viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"),
        f"{app}/{path}",
    )
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()


def test_a_popover_that_the_keyboard_opens_has_the_focus_and_gives_it_back(app: str, page: Page) -> None:
    shown(page, f"{app}/inside?network=article")
    button = page.locator(".st-key-export button, [data-testid='stPopoverButton']").filter(has_text="Export").first
    button.focus()
    page.keyboard.press("Enter")
    body = page.get_by_test_id("stPopoverBody")
    expect(body.locator("button, a").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(body).to_have_count(0)
    expect(button).to_be_focused()
    button.click()  # a pointer stays where it is
    expect(body).to_be_visible()
    settled(page)
    assert not page.evaluate(FOCUSED)["kept"].startswith("stPopoverBody")


def test_on_a_phone_the_closed_menu_is_not_walked_through(app: str, open_page: Callable[..., Page]) -> None:
    page = shown(open_page(viewport={"width": 390, "height": 844}), f"{app}/learn")
    for _ in range(6):
        page.keyboard.press("Tab")
        place = page.evaluate(FOCUSED)
        if place["text"].startswith("Skip"):
            continue
        assert place["right"] > 0
        if "double_arrow" in place["text"]:
            break
    page.keyboard.press("Enter")
    here = page.get_by_test_id("stSidebar").get_by_role("link", name="Learn")
    expect(here).to_be_focused()
    page.keyboard.press("Escape")
    expect(here).not_to_be_in_viewport()
    expect(page.get_by_test_id("stExpandSidebarButton")).to_be_focused()


def test_a_map_that_the_keyboard_opens_is_gone_on_with_in_the_microscope(app: str, page: Page) -> None:
    shown(page, f"{app}/inside?network=article&digit=3")
    tile = page.locator('.st-key-flow [data-name="conv1"]').get_by_role("option").first
    tile.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    scope = page.locator(".st-key-microscope .scope")
    expect(scope.locator(".stage canvas")).to_be_focused(timeout=LONG)
    where = scope.locator(".where").inner_text()
    page.keyboard.press("ArrowRight")
    expect(scope.locator(".where")).not_to_have_text(where)
    # A click leaves the focus where the pointer is.
    other = page.locator('.st-key-flow [data-name="conv1"]').get_by_role("option").nth(3)
    other.click()
    expect(other).to_be_focused()


def test_the_keyboard_never_stands_under_the_bar(app: str, page: Page) -> None:
    shown(page, app)
    page.get_by_role("slider", name="Kernels").first.focus()
    for _ in range(12):
        page.keyboard.press("Tab")
    seen = 0
    while (place := page.evaluate(FOCUSED))["kept"] != "stMainMenuButton":
        assert place["y"] > 60 or place["tag"] == "MAIN", place
        page.keyboard.press("Shift+Tab")
        seen += 1
    assert seen > 12


@pytest.mark.parametrize(("width", "height"), [(820, 1180), (1024, 768), (844, 390)])
def test_beside_the_open_menu_a_small_window_has_one_column(
    app: str, open_page: Callable[..., Page], width: int, height: int
) -> None:
    page = shown(open_page(viewport={"width": width, "height": height}, has_touch=True), app)
    drawing = standing(page.locator(".st-key-architecture .ks-chart"))
    title = standing(page.get_by_text("Convolution 1", exact=True))
    assert drawing["y"] + drawing["height"] < title["y"]
    assert title["height"] < 30  # one line
    close = page.get_by_test_id("stSidebarCollapseButton")
    expect(close).to_be_visible()  # without a pointer over it
    assert page.get_by_test_id("stMain").evaluate("(main) => main.scrollWidth <= main.clientWidth")
    expect(page.locator(".ks-current")).to_be_hidden()
    close.get_by_role("button").click()
    expect(page.locator(".ks-current")).to_be_visible()
    expect(page.locator(".ks-current")).to_have_text(re.compile("Article's network"))
