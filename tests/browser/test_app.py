"""The whole way of a newcomer, in a real browser on a real server: build, train, look inside, mistakes, own digit."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, WebSocket, expect
from settling import LONG, arrived, settled, standing

from explorer.data import load
from explorer.figures.theme import DARK, LIGHT, Palette
from explorer.zoo import load as load_zoo

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]


@pytest.fixture
def visit(app: str, page: Page) -> Callable[[str], Page]:
    def go(path: str = "") -> Page:
        page.goto(f"{app}/{path}")
        arrived(page)
        return page

    return go


def slide(page: Page, label: str, key: str, times: int = 1) -> None:
    """Moves the first slider of that label by arrow keys."""
    thumb = page.get_by_role("slider", name=label).first
    thumb.focus()
    for _ in range(times):
        thumb.press(key)


def picture(pixels: np.ndarray) -> bytes:
    """A digit as somebody would send it: dark on light, large, off-centre, as PNG."""
    large = Image.fromarray(255 - pixels).resize((196, 196), Image.Resampling.BICUBIC)
    paper = Image.new("L", (420, 360), 255)
    paper.paste(large, (150, 40))
    buffer = io.BytesIO()
    paper.save(buffer, "PNG")
    return buffer.getvalue()


def test_a_cold_server_answers_a_deep_link_with_the_right_page(
    serve: Callable[..., Any], tmp_path: Path, page: Page
) -> None:
    server = serve(ROOT / "streamlit_app.py", {"KERNELSCOPE_HOME": str(tmp_path)})
    page.goto(f"{server.url}/mistakes?network=lenet5&digit=7")
    expect(page.locator("h1").first).to_have_text("Mistakes", timeout=LONG)
    expect(page).to_have_title("Mistakes · Kernelscope")
    expect(page.get_by_text("of the test images are read right")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.get_by_role("combobox", name="Current network")).to_have_value("LeNet-5 (bundled)")
    expect(page.get_by_label("Number in the test set")).to_have_value("7")
    page.goto(f"{server.url}/build?network=lenet5&digit=9")  # the first page has a name, too
    expect(page.locator("h1").first).to_have_text("Build & train", timeout=LONG)
    expect(page.get_by_label("Number in the test set")).to_have_value("9", timeout=LONG)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    server.stop()


@pytest.mark.parametrize("width", [1440, 390])
def test_what_stands_on_the_page_stays_there_when_its_widgets_come(
    app: str, open_page: Callable[..., Page], width: int
) -> None:
    page = open_page(viewport={"width": width, "height": 900})
    scripts: list[Route] = []
    page.route(
        re.compile(r"/(Slider|ButtonGroup|Selectbox|NumberInput)\.[^/]*\.js$"), lambda route: scripts.append(route)
    )
    page.goto(app)
    drawn = page.locator(".st-key-architecture .ks-chart[data-drawn]")
    drawn.wait_for(timeout=LONG)
    expect(page.locator("h1").first).to_have_css("font-size", "25.6px")  # the app's own, from the first painting on
    titles = [page.get_by_text(f"Convolution {number}", exact=True) for number in (1, 2)]
    before = [standing(title)["y"] for title in titles]
    assert page.get_by_test_id("stSkeleton").count() > 8
    for script in scripts:
        script.continue_()
    settled(page)
    assert [standing(title)["y"] for title in titles] == before


def test_a_slider_moves_the_drawing_and_an_impossible_network_is_mended(visit: Callable[..., Page]) -> None:
    page = visit()
    stage = page.locator(".st-key-stage")
    expect(stage.get_by_text("225,034 parameters")).to_be_visible(timeout=LONG)
    slide(page, "Kernels", "ArrowRight")  # 32 → 40: 40·10 + 64·(9·40 + 1) + 205,0… instead of 32·10 + 64·(9·32 + 1) …
    expect(stage.get_by_text("229,722 parameters")).to_be_visible()
    # Back to the preset and away again, with texts above that come and go: the slider keeps the keyboard's focus.
    for key, parameters in (("ArrowLeft", "225,034"), ("ArrowRight", "229,722")):
        page.keyboard.press(key)
        expect(stage.get_by_text(f"{parameters} parameters")).to_be_visible()
        settled(page)
    page.locator(".st-key-undo button").first.click()
    expect(stage.get_by_text("225,034 parameters")).to_be_visible()
    settled(page)
    # 11 × 11 twice on a 28 × 28 digit with pooling: the second kernel no longer fits.
    for number in (0, 1):
        thumb = page.get_by_role("slider", name="Kernel size").nth(number)
        thumb.focus()
        thumb.press("End")
        expect(thumb).to_have_attribute("aria-valuetext", "11 × 11")
    alert = page.locator(".stAlert").filter(has_text="conv2").first
    expect(alert).to_contain_text("11×11 kernel")
    expect(page.locator(".st-key-train button")).to_be_disabled()
    # What is changed before the repair stays, also where the fault's sentence does not change.
    kernels = page.get_by_role("slider", name="Kernels").first
    kernels.focus()
    kernels.press("ArrowRight")
    expect(kernels).to_have_attribute("aria-valuetext", "40")
    settled(page)
    expect(page.locator(".st-key-mend button")).to_contain_text("Make it fit: conv2: kernel 11 →")
    page.locator(".st-key-make-it-fit button").click()
    expect(page.locator(".st-key-train button")).to_be_enabled()
    expect(page.locator(".st-key-mend")).to_have_count(0)
    expect(page.get_by_role("slider", name="Kernels").first).to_have_attribute("aria-valuetext", "40")
    expect(page.locator(".stAlert").filter(has_text="conv2")).to_have_count(0)


@pytest.mark.parametrize("width", [1440, 390])
def test_what_is_mended_stays_where_it_was_on_the_screen(app: str, open_page: Callable[..., Page], width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900})
    page.goto(app)
    arrived(page)
    for number in (0, 1):
        thumb = page.get_by_role("slider", name="Kernel size").nth(number)
        thumb.focus()
        thumb.press("End")
        expect(thumb).to_have_attribute("aria-valuetext", "11 × 11")
    title = page.get_by_text("Convolution 2", exact=True)
    mend = page.locator(".st-key-make-it-fit button")
    mend.scroll_into_view_if_needed()
    settled(page)
    before = standing(title)
    mend.click()
    expect(mend).to_have_count(0)
    expect(page.locator(".st-key-train button")).to_be_enabled()
    settled(page)
    after = standing(title)
    assert after["y"] == pytest.approx(before["y"], abs=3)


def test_the_browser_s_back_button_brings_back_what_was_drawn(visit: Callable[..., Page]) -> None:
    page = visit()
    stage = page.locator(".st-key-stage")
    expect(stage.get_by_text("225,034 parameters")).to_be_visible(timeout=LONG)
    presets = page.locator('[data-testid="stButtonGroup"]').first
    for preset, parameters in (("Tiny", "7,646"), ("Softmax", "7,850")):
        presets.get_by_text(preset).first.click()
        expect(stage.get_by_text(f"{parameters} parameters")).to_be_visible()
        settled(page)
    page.go_back()
    expect(stage.get_by_text("7,646 parameters")).to_be_visible()
    settled(page)
    page.go_forward()
    expect(stage.get_by_text("7,850 parameters")).to_be_visible()
    settled(page)
    page.go_back()
    expect(stage.get_by_text("7,646 parameters")).to_be_visible()
    settled(page)
    # It is one step of the app's own undo, too.
    page.locator(".st-key-undo button").first.click()
    expect(stage.get_by_text("7,850 parameters")).to_be_visible()
    settled(page)
    page.reload()
    expect(stage.get_by_text("7,850 parameters")).to_be_visible(timeout=LONG)


def test_a_slider_is_followed_while_it_is_dragged(visit: Callable[..., Page]) -> None:
    page = visit()
    stage, block = page.locator(".st-key-stage"), page.locator("[class*='st-key-block-']").first
    expect(stage.get_by_text("225,034 parameters")).to_be_visible(timeout=LONG)
    slider = block.get_by_role("slider", name="Kernels")
    address = page.url

    def drag_to(place: float) -> None:
        """Along the track: 0 is its left end, 1 its right."""
        track = standing(block.locator(".stSlider").first)
        page.mouse.move(track["x"] + track["width"] * place, track["y"] + track["height"] * 0.6, steps=5)

    def take_hold() -> None:
        thumb = standing(block.get_by_test_id("stSliderThumbValue").first.locator(".."))
        page.mouse.move(thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2)
        page.mouse.down()

    take_hold()
    for place, kernels, parameters, about in (
        (1.2, 512, "506,314", "Your own network."),
        (11 / 21, 32, "225,034", "the network of the article"),  # where it began
        (-0.2, 1, "206,868", "Your own network."),
    ):
        drag_to(place)
        expect(slider).to_have_attribute("aria-valuetext", str(kernels))
        expect(stage.get_by_text(f"{parameters} parameters")).to_be_visible()
        expect(block.get_by_text(f"28 × 28 × 1 → 13 × 13 × {kernels}")).to_be_visible()
        expect(page.get_by_text(about)).to_be_visible()
    assert page.url == address  # which waits until the hand lets go
    drag_to(1.2)
    page.mouse.up()
    expect(stage.get_by_text("506,314 parameters")).to_be_visible()
    expect(page).to_have_url(re.compile("spec="))
    page.locator(".st-key-undo button").first.click()  # all of it is one change
    expect(stage.get_by_text("225,034 parameters")).to_be_visible()
    expect(page.locator(".st-key-undo button").first).to_be_disabled()
    settled(page)
    # Let go where it began, nothing has changed.
    take_hold()
    drag_to(1.2)
    expect(stage.get_by_text("506,314 parameters")).to_be_visible()
    drag_to(11 / 21)
    expect(slider).to_have_attribute("aria-valuetext", "32")
    page.mouse.up()
    expect(stage.get_by_text("225,034 parameters")).to_be_visible()
    expect(page.locator(".st-key-undo button").first).to_be_disabled()


@pytest.fixture(scope="module")
def trained(app: str, browser: Any) -> Iterator[str]:
    """One epoch on 500 digits, by the button; gives the run's id."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.goto(f"{app}/")
    arrived(page)
    page.get_by_role("tab", name="Recipe").click()
    thumb = page.get_by_role("slider", name="Training images")
    thumb.focus()
    thumb.press("Home")
    for _ in range(2):  # 100, 200, 500
        thumb.press("ArrowRight")
    expect(thumb).to_have_attribute("aria-valuetext", "500")
    epochs = page.get_by_role("slider", name="Epochs")
    epochs.focus()
    epochs.press("ArrowRight")
    expect(epochs).to_have_attribute("aria-valuetext", "4")
    page.locator(".st-key-train button").click()
    expect(page.locator(".st-key-run-header")).to_contain_text("Article's network", timeout=LONG)
    # The loss curve is there while training goes on, and is the same element all the while.
    curve = page.locator('[class*="st-key-loss-"] .ks-plot')
    curve.wait_for(timeout=LONG)
    curve.evaluate("element => { element.dataset.seen = 'first' }")
    expect(page.locator(".st-key-run-header")).to_contain_text("Trained", timeout=LONG)
    # Who listens to the page hears it, too.
    expect(page.locator('.st-key-bring-run [role="status"]')).to_contain_text("Trained")
    assert curve.evaluate("element => element.dataset.seen") == "first"
    network = re.search(r"network=([0-9a-f]{8})", page.url)
    assert network, page.url
    yield network[1]
    context.close()


def test_the_drawing_stays_in_sight_and_a_run_takes_its_place(app: str, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{app}/build?controls=recipe")
    stage, drawn = page.locator(".st-key-stage"), page.locator(".st-key-architecture")
    expect(stage.get_by_text("225,034 parameters")).to_be_visible(timeout=LONG)
    arrived(page)

    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 500)")
    expect(page.get_by_role("heading", name="Build & train")).not_to_be_in_viewport()
    expect(drawn).to_be_in_viewport(ratio=1)
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")

    digits = page.get_by_role("slider", name="Training images")
    digits.focus()
    digits.press("Home")
    expect(digits).to_have_attribute("aria-valuetext", "100")
    settled(page)
    page.locator(".st-key-train button").click()
    header = page.locator(".st-key-run-header")
    expect(header).to_contain_text("Trained", timeout=LONG)
    page.wait_for_function(
        "([header, stage]) => Math.abs(header.getBoundingClientRect().top - stage.getBoundingClientRect().top) < 3",
        arg=[header.element_handle(), stage.element_handle()],
    )
    expect(drawn).not_to_be_in_viewport()

    page.get_by_role("tab", name="Network").click()
    page.get_by_role("slider", name="Kernels").first.focus()
    expect(drawn).to_be_in_viewport(ratio=1)

    # The next network begins with this one, whatever is being drawn.
    page.locator('[data-testid="stButtonGroup"]').first.get_by_text("Tiny").first.click()
    expect(stage.get_by_text("7,646 parameters")).to_be_visible()
    settled(page)
    page.locator(".st-key-run-rebuild button").first.click()
    expect(stage.get_by_text("225,034 parameters")).to_be_visible()
    page.locator(".st-key-undo button").first.click()
    expect(stage.get_by_text("7,646 parameters")).to_be_visible()
    context.close()


def test_training_is_seen_and_found_again_after_reloading(visit: Callable[..., Page], trained: str) -> None:
    page = visit(f"?network={trained}")
    expect(page.locator(".st-key-run-header")).to_contain_text("Trained", timeout=LONG)
    expect(page.get_by_text("Test accuracy").first).to_be_visible()
    curve = page.locator('[class*="st-key-loss-"] .ks-plot')
    curve.wait_for(timeout=LONG)
    page.wait_for_function("() => document.querySelector('[class*=st-key-loss-] .ks-plot')._fullData?.length")
    losses = page.evaluate("() => Array.from(document.querySelector('[class*=st-key-loss-] .ks-plot')._fullData[0].y)")
    assert len(losses) >= 3
    assert losses[-1] < losses[0]
    replay = page.get_by_role("slider", name="Replay training: step")
    replay.focus()
    replay.press("Home")
    expect(page.get_by_text("Step 0, epoch 0.00")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("h1").first).to_have_text("Compare", timeout=LONG)
    plot = ".st-key-compare-loss .ks-plot"
    page.wait_for_function(f"() => document.querySelector('{plot}')?._fullData?.length", timeout=LONG)
    # The current run's comes first, whatever it is compared with.
    name, shown = page.evaluate(
        f"() => (({{ name, y }}) => [name, Array.from(y)])(document.querySelector('{plot}')._fullData[0])"
    )
    assert name.endswith(trained[:4])
    assert shown[-1] < shown[0]


def test_look_inside_shows_the_networks_own_answer(visit: Callable[..., Page]) -> None:
    page = visit("inside?network=article&digit=3")
    expect(page.locator('.st-key-flow [data-name="conv1"]')).to_be_visible(timeout=LONG)
    settled(page)
    import torch

    from explorer.data import normalise

    data = load("mnist")
    _, network = load_zoo("article")
    with torch.no_grad():
        shares = network(normalise(torch.tensor(data.test.pixels[3:4]), data.card))[0].softmax(0)
    bars = page.locator(".ks-bars tr")
    expect(bars).to_have_count(10)
    shown = [float(str(text).rpartition(": ")[2]) for text in bars.evaluate_all("rows => rows.map((row) => row.title)")]
    np.testing.assert_allclose(shown, shares.numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("scheme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_a_switch_that_is_off_is_seen(app: str, open_page: Callable[..., Page], scheme: str, palette: Palette) -> None:
    page = open_page(color_scheme=scheme)
    page.goto(f"{app}/inside?network=tiny")
    switch = page.locator(".st-key-all-maps")
    track = switch.locator("label > span + div")
    edge = palette.muted  # which has the contrast of a text: tests/figures/test_theme.py
    red, green, blue = (int(edge[at : at + 2], 16) for at in (1, 3, 5))
    expect(track).to_have_css("box-shadow", re.compile(rf"^rgb\({red}, {green}, {blue}\)"), timeout=LONG)
    switch.get_by_text("All maps").click()
    expect(switch.get_by_role("switch")).to_be_checked()
    expect(track).to_have_css("box-shadow", "none")


def test_what_is_pointed_at_is_called_by_its_own_number(visit: Callable[..., Page]) -> None:
    page = visit("inside?network=lenet5&digit=0")
    strip = page.locator(".st-key-flow")
    first = strip.locator(".tile[aria-label*='conv2, map']").first  # the strongest, not number 0
    expect(first).to_be_visible(timeout=LONG)
    number = str(first.get_attribute("aria-label")).split(",")[0]
    first.locator(".pixels").hover(position={"x": 8, "y": 8})
    tip = strip.locator(".tip:popover-open")
    expect(tip).to_have_text(re.compile(rf"^conv2, map {number}row \d+, column \d+: "))
    units = strip.locator(".tile[aria-label*='dense1, 120 units'] .pixels")
    units.hover(position={"x": 2, "y": 2})
    expect(tip).to_contain_text("dense1, 120 unitsunit 0: ")


def test_a_mistake_is_clicked_explained_and_opened_inside(visit: Callable[..., Page]) -> None:
    page = visit("mistakes?network=lenet5")
    expect(page.get_by_text("of the test images are read right")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("The most confident first")).to_be_visible()
    page.locator(".st-key-mistakes-wall").get_by_role("option").first.click()
    expect(page.get_by_text("The smallest change that makes it right")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Look inside").click()
    expect(page.locator("h1").first).to_have_text("Look inside", timeout=LONG)
    expect(page.locator(".ks-verdict .wrong")).to_be_visible(timeout=LONG)


def test_own_digits_are_read_and_broken_files_get_a_sentence(visit: Callable[..., Page]) -> None:
    page = visit("digits?network=article")
    data = load("mnist")
    index = int(np.flatnonzero(data.test.labels == 3)[0])
    page.locator(".st-key-upload input[type=file]").set_input_files(
        [
            {"name": "three.png", "mimeType": "image/png", "buffer": picture(np.asarray(data.test.pixels[index, 0]))},
            {"name": "broken.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\nnothing more"},
            {"name": "notes.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 words"},
        ]
    )
    expect(page.get_by_text("Reads 3")).to_be_visible(timeout=LONG)
    expect(page.locator(".stAlert")).to_have_count(2)
    assert page.locator(".ks-steps figure").count() >= 5
    page.get_by_role("button", name="Open in Look inside").click()
    expect(page.locator("h1").first).to_have_text("Look inside", timeout=LONG)
    expect(page.get_by_text("your own digit").first).to_be_visible(timeout=LONG)


@pytest.mark.parametrize("path", ["", "inside", "mistakes", "digits", "compare", "learn"])
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_no_page_is_wider_than_the_window(
    app: str, open_page: Callable[..., Page], path: str, width: int, scheme: str
) -> None:
    page = open_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.goto(f"{app}/{path}")
    arrived(page)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


@pytest.mark.parametrize(("width", "pixels", "matrix"), [(1440, 3, 470), (1920, 4, 634), (2560, 5, 799)])
def test_maps_grow_with_the_window_by_whole_pixels(
    app: str, open_page: Callable[..., Page], width: int, pixels: int, matrix: int
) -> None:
    page = open_page(viewport={"width": width, "height": 1000})
    page.goto(f"{app}/inside?network=lenet5&digit=7")
    tiles = page.locator("section[data-name=conv1]").get_by_role("option")
    expect(tiles.first).to_be_visible(timeout=LONG)
    arrived(page)
    small = page.get_by_alt_text("The current digit, true class")
    for picture in (tiles.nth(3).locator(".pixels"), small):
        box = standing(picture)
        assert (box["width"], box["height"]) == (28 * pixels, 28 * pixels)
    beside = standing(page.locator(".ks-verdict"))
    assert beside["x"] > box["x"] + box["width"]

    # What is pointed at, walked to and clicked is what one sees there.
    tiles.nth(3).locator(".pixels").hover(position={"x": 27.5 * pixels, "y": 20.5 * pixels})
    expect(page.locator("section[data-name=conv1] .tip")).to_contain_text("row 20, column 27")
    tiles.nth(1).focus()
    page.keyboard.press("ArrowDown")
    expect(tiles.nth(3)).to_be_focused()
    number = tiles.nth(3).locator(".caption").inner_text()
    page.keyboard.press("Enter")
    scope = page.locator(".st-key-microscope .scope")
    expect(scope.locator(".title")).to_have_text(f"conv1, map {number}", timeout=LONG)
    dot = 10 * (1 if width < 1900 else 1.35 if width < 2500 else 1.7) // 1
    scope.locator(".stage canvas").click(position={"x": 4 + 5.5 * dot, "y": 4 + 9.5 * dot})
    expect(scope.locator(".where")).to_contain_text("row 9, column 5:")

    page.goto(f"{app}/mistakes?network=softmax&digit=7")
    chart = page.locator(".st-key-confusion .ks-chart[data-drawn]")
    expect(chart).to_be_visible(timeout=LONG)
    arrived(page)
    box = standing(chart)
    assert box["height"] == pytest.approx(matrix, abs=1)
    assert page.locator(".st-key-confusion").evaluate("(one) => one.scrollHeight <= one.clientHeight")
    plot = page.locator(".st-key-confusion .ks-plot")
    place = plot.evaluate(
        "(plot) => { const { xaxis: x, yaxis: y } = plot._fullLayout;"
        " return { x: x._offset + x.d2p(4), y: y._offset + y.d2p(9) }; }"
    )
    plot.click(position=place)
    expect(page.get_by_role("combobox", name="Images shown")).to_have_value(re.compile("^9 read as 4"), timeout=LONG)


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("", "Head"),
        ("inside", "conv1"),
        ("mistakes", "Confusion matrix"),
        ("compare", "Who reads what right"),
        ("data", "How many of each class"),
        ("learn", "1. An image is numbers"),
    ],
)
def test_sections_have_headings_that_can_be_jumped_to(visit: Callable[..., Page], path: str, title: str) -> None:
    page = visit(path)
    expect(page.get_by_role("heading", level=2, name=title)).to_be_visible(timeout=LONG)
    settled(page)
    levels = page.get_by_role("heading").evaluate_all("(found) => found.map(({ tagName }) => +tagName[1])")
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(levels)), levels


def test_the_whole_drawing_is_in_sight_on_a_laptop(visit: Callable[..., Page]) -> None:
    page = visit()
    for preset in ("Article's network", "VGG-like"):
        page.locator('[data-testid="stButtonGroup"]').first.get_by_text(preset).click()
        expect(page.locator(".st-key-architecture svg").first).to_have_attribute("aria-label", re.compile(preset))
        frame = page.locator(".st-key-architecture .ks-chart")
        inner, outer = frame.evaluate("element => [element.scrollWidth, element.clientWidth]")
        assert inner == outer < 770
        name = standing(frame.locator("text", has_text=re.compile("^output$")).last)
        assert name["x"] + name["width"] < 1440 - 40


def test_on_a_phone_the_drawing_comes_first_and_scrolls_inside_its_frame(
    app: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(viewport={"width": 390, "height": 844})
    page.goto(f"{app}/")
    page.locator(".st-key-architecture .plot-container").wait_for(timeout=LONG)
    frame = page.locator(".st-key-architecture .ks-chart")
    inner, outer = frame.evaluate("element => [element.scrollWidth, element.clientWidth]")
    assert inner >= 700 > outer
    drawing, block = standing(frame), standing(page.get_by_text("Convolution 1").first)
    assert drawing["y"] < block["y"]


def test_a_map_opens_in_the_microscope_and_the_digit_as_numbers(visit: Callable[..., Page]) -> None:
    page = visit("inside?network=article&digit=3")
    digit = load("mnist").test.pixels[3, 0]
    page.locator('.st-key-flow [data-name="conv1"]').get_by_role("option").nth(1).click()
    scope = page.locator(".st-key-microscope .scope")
    expect(scope.locator(".title")).to_have_text(re.compile(r"conv1, map \d+"), timeout=LONG)
    expect(scope.locator(".where")).to_have_text(re.compile(r"row \d+, column \d+: "))
    expect(scope.locator('.line[data-layer="relu1"]')).to_be_visible()
    expect(page.get_by_text("Its kernel: conv1")).to_be_visible()
    expect(scope).to_be_in_viewport()
    page.get_by_role("button", name="Logits and softmax").click()
    expect(scope.locator(".title")).to_have_text(re.compile(r"output, unit \d"), timeout=LONG)
    expect(scope.locator(".softmax tbody tr")).to_have_count(10)
    page.get_by_role("option", name="as numbers").click()
    expect(scope.locator(".title")).to_have_text("The image as numbers", timeout=LONG)
    scope.evaluate("(root) => root.scope.move(14, 13)")
    scope.locator(".stage canvas").focus()
    page.keyboard.press("ArrowRight")
    expect(scope.locator(".where")).to_have_text(f"row 14, column 14: {digit[14, 14]} of 255")


def test_a_click_on_a_map_moves_the_mark_and_sends_no_maps(app: str, page: Page) -> None:
    received: list[int] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: received.append(len(data)))

    page.on("websocket", listen)
    page.goto(f"{app}/inside?network=article&digit=3")
    flow, title = page.locator(".st-key-flow"), page.locator(".st-key-microscope .scope .title")
    marked = flow.locator(".tile[aria-selected=true]")
    tile = {name: flow.locator(f'[data-name="{name}"] .tile') for name in ("conv1", "conv2", "dense1")}
    expect(tile["conv1"]).to_have_count(16, timeout=LONG)
    settled(page)
    maps = 2 * 16 * 26 * 26 * 4  # bytes of the first convolution and its activation alone, float32
    assert max(received) > maps  # one frame has them all
    received.clear()
    for name, place in (("conv1", 2), ("conv2", 5), ("dense1", 0)):
        tile[name].nth(place).click()
        expect(title).to_have_text(re.compile(name), timeout=LONG)
        settled(page)
        expect(marked).to_have_count(1)
        expect(tile[name].nth(place)).to_have_attribute("aria-selected", "true")
    assert 0 < max(received) < maps
    # By keyboard: the tabulator reaches the one that is marked, and Enter chooses another one.
    tile["conv2"].nth(5).click()
    expect(title).to_have_text(re.compile("conv2"))
    expect(tile["conv2"].nth(5)).to_have_attribute("tabindex", "0")
    tile["conv2"].nth(5).focus()
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    number = tile["conv2"].nth(7).get_attribute("aria-label")
    assert number is not None
    expect(title).to_have_text(re.compile(rf"conv2, map {number.partition(',')[0]}\b"))
    # It stays with its map in another order, for another digit and on the way back, where there is such a map.
    chosen = flow.locator(f'.tile[aria-label="{number}"]')
    for go in (lambda: page.get_by_text("All maps").click(), lambda: page.get_by_text("by number").click()):
        go()
        settled(page)
        expect(chosen).to_have_attribute("aria-selected", "true")
        expect(marked).to_have_count(1)
    field = page.get_by_label("Number in the test set")
    field.fill("8")
    field.press("Enter")
    for step, digit in ((None, "8"), (page.go_back, "3"), (page.go_forward, "8")):
        if step:
            step()
        expect(page.locator(".ks-current")).to_contain_text(f"test image {digit}")
        settled(page)
        expect(chosen).to_have_attribute("aria-selected", "true")
        expect(marked).to_have_count(1)
    page.get_by_role("tab", name="Kernels", exact=True).click()
    expect(flow).to_have_count(0)
    page.get_by_role("tab", name="Maps", exact=True).click()
    expect(chosen).to_have_attribute("aria-selected", "true")
    page.goto(f"{app}/inside?network=tiny&digit=3")  # a session of its own
    expect(flow.locator(".tile").first).to_be_visible(timeout=LONG)
    settled(page)
    expect(marked).to_have_count(0)


@pytest.mark.long
def test_a_run_is_paused_resumed_stopped_and_deleted(visit: Callable[..., Page]) -> None:
    page = visit()
    page.get_by_role("tab", name="Recipe").click()
    slide(page, "Epochs", "End")
    expect(page.get_by_role("slider", name="Epochs")).to_have_attribute("aria-valuetext", "100")
    settled(page)
    page.locator(".st-key-train button").click()
    head, progress = page.locator(".st-key-run-header"), page.locator(".st-key-run-progress")
    expect(progress).to_contain_text("images/s", timeout=LONG)
    # The sidebar refreshes every five seconds meanwhile: it leaves alone what is being typed.
    number = page.get_by_label("Number in the test set")
    number.fill("42")
    page.wait_for_timeout(6_000)
    expect(number).to_have_value("42")
    number.press("Enter")
    expect(page).to_have_url(re.compile("digit=42"))
    for button, state in (("Pause", "Paused"), ("Resume", "Training"), ("Stop", "Stopped early")):
        if button == "Stop":
            expect(progress).to_contain_text("images/s", timeout=LONG)
        head.get_by_role("button", name=button).click()
        expect(head).to_contain_text(state, timeout=LONG)
    page.locator(".st-key-run-actions").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()
    expect(head).to_have_count(0, timeout=LONG)
    expect(page.get_by_role("combobox", name="Current network")).to_have_value("Article's network (bundled)")


def test_on_a_phone_the_menu_gives_way_to_the_page_that_it_leads_to(app: str, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{app}/data")
    expect(page.get_by_role("tab", name="Classes")).to_be_visible(timeout=LONG)
    page.get_by_test_id("stExpandSidebarButton").tap()
    link = page.get_by_test_id("stSidebar").get_by_role("link", name="Mistakes")
    expect(link).to_be_in_viewport(ratio=1)
    for target in (link, page.get_by_test_id("stSidebarCollapseButton").get_by_role("button")):
        box = standing(target)
        assert box["height"] >= 44
    link.tap()
    expect(page.locator("h1").first).to_have_text("Mistakes", timeout=LONG)
    expect(link).not_to_be_in_viewport()
    context.close()
