"""The lessons, read from start to end in a real browser, each question answered; the lab's first run is a real one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from settling import LONG, settled, standing

from explorer.figures.theme import DARK, LIGHT
from explorer.ui.lessons.chapters import CHAPTERS

pytestmark = pytest.mark.browser
CURRENT = ".st-key-chapters [aria-checked=true]"
CHART, SCOPE = ".ks-plot .plot-container", ".scope .stage canvas"
WALL = ".tile"
LIVE = {  # by chapter, what its widget consists of
    "image": (".st-key-pixel-image " + CHART, ".st-key-pixel-numbers " + CHART),
    "convolution": (WALL, SCOPE),
    "kernels": (WALL, ".st-key-lesson-kernel-close " + CHART, ".st-key-lesson-map-close " + CHART),
    "stride": (".ks-formula", SCOPE),
    "activation": (".st-key-lesson-curve " + CHART, ".st-key-lesson-before " + CHART),
    "pooling": (WALL, SCOPE),
    "softmax": (SCOPE,),
    "loss": (".st-key-lesson-descent " + CHART,),
    "splits": (WALL,),
    "overfitting": (".st-key-lab-act-0 button",),
    "choices": (".st-key-lesson-kind-convolution a",),
    "looks": (WALL,),
}


def opened(page: Page, number: int) -> None:
    """The chapter is there, and its widget, whole."""
    chapter = CHAPTERS[number]
    expect(page.locator("h2").first).to_have_text(f"{number + 1}. {chapter.title}", timeout=LONG)
    settled(page)
    expect(page.locator(CURRENT)).to_contain_text(chapter.title)
    assert f"chapter={chapter.name}" in page.url


def choices(page: Page) -> Locator:
    return page.locator('.st-key-lesson-question [role="radio"]')


def test_the_chapters_are_read_from_start_to_end_and_each_question_is_answered(app: str, page: Page) -> None:
    page.goto(f"{app}/learn?digit=7")
    for number, chapter in enumerate(CHAPTERS):
        opened(page, number)
        text = chapter.text.replace("**", "")
        expect(page.locator('[data-testid="stMarkdown"]', has_text=text).first).to_be_visible()
        widget = page.locator(".st-key-lesson-widget")
        for part in LIVE[chapter.name]:
            expect(widget.locator(part).first).to_be_visible(timeout=LONG)
        expect(choices(page).first).to_be_visible(timeout=LONG)
        alerts = page.locator(".st-key-lesson-question .stAlert")
        expect(alerts).to_have_count(0)
        # One wrong answer at least among the first two: each is judged at once, and the right one always told.
        texts = choices(page).all_inner_texts()
        told = set()
        for place in range(2):
            choices(page).nth(place).click()
            expect(alerts.first).to_contain_text(texts[place], timeout=LONG)
            told.add(alerts.last.inner_text())
        assert len(told) == 1, "the right answer does not depend on the one that was chosen"
        expect(page.get_by_text(f"Chapters, {number + 1} of {len(CHAPTERS)} done")).to_be_visible(timeout=LONG)
        expect(page.locator(CURRENT)).to_have_text(f"✓ {chapter.title}")
        expect(page.locator(".st-key-lesson-widget .stAlert")).to_have_count(0)
        expect(page.locator('[data-testid="stException"]')).to_have_count(0)
        following = page.locator(".st-key-lesson-next button")
        if number < len(CHAPTERS) - 1:
            following.focus()
            page.keyboard.press("Enter")
        else:
            expect(following).to_be_disabled()
    # A link holds where one is, and the browser what is done.
    page.goto(page.url)
    opened(page, len(CHAPTERS) - 1)
    expect(page.get_by_text(f"Chapters, {len(CHAPTERS)} of {len(CHAPTERS)} done")).to_be_visible(timeout=LONG)
    page.locator(".st-key-chapters").get_by_text(CHAPTERS[3].title).click()
    opened(page, 3)
    page.locator(".st-key-lesson-back button").click()
    opened(page, 2)


def test_what_is_done_is_the_readers_own_and_no_link_tells_it(app: str, open_page: Callable[..., Page]) -> None:
    def done(page: Page, *names: str) -> None:
        expect(page.get_by_text(f"Chapters, {len(names)} of {len(CHAPTERS)} done")).to_be_visible(timeout=LONG)
        settled(page)
        ticks = page.locator('.st-key-chapters [role="radio"]').filter(has_text="✓")
        expect(ticks).to_have_text([f"✓ {chapter.title}" for chapter in CHAPTERS if chapter.name in names])
        assert "done" not in page.url

    page = open_page()
    page.goto(f"{app}/learn?digit=7&done=softmax.loss")  # as earlier versions wrote it
    opened(page, 0)
    done(page)
    choices(page).first.click()
    done(page, "image")
    page.locator(".st-key-lesson-next button").click()
    opened(page, 1)
    choices(page).first.click()
    done(page, "image", "convolution")
    page.go_back()  # no answer stands between
    opened(page, 0)
    done(page, "image", "convolution")
    page.reload()
    opened(page, 0)
    done(page, "image", "convolution")
    link = page.url
    another_tab = page.context.new_page()
    another_tab.set_default_timeout(LONG)
    another_tab.goto(link)
    opened(another_tab, 0)
    done(another_tab, "image", "convolution")
    other = open_page()
    other.goto(link)
    opened(other, 0)
    done(other)
    choices(other).first.click()
    done(other, "image")
    other.evaluate("localStorage.setItem('kernelscope-chapters-done', '{')")  # what is no list is none
    other.reload()
    opened(other, 0)
    done(other)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_by_keyboard_the_answers_are_looked_over_before_one_is_given(
    app: str, open_page: Callable[..., Page], theme: str
) -> None:
    page = open_page(color_scheme=theme)
    page.goto(f"{app}/learn?chapter=kernels")
    opened(page, 2)
    alerts = page.locator(".st-key-lesson-question .stAlert")
    chosen = page.locator('.st-key-lesson-question [role="radio"][aria-checked="true"]')
    # That they can be chosen is seen: muted has the contrast of a text (tests/figures/test_theme.py).
    muted = {"light": LIGHT, "dark": DARK}[theme].muted
    red, green, blue = (int(muted[at : at + 2], 16) for at in (1, 3, 5))
    for option in choices(page).all():
        expect(option).to_have_css("border-color", f"rgb({red}, {green}, {blue})")
    choices(page).first.focus()
    for place, key in ((1, "ArrowRight"), (2, "ArrowRight"), (1, "ArrowLeft")):
        page.keyboard.press(key)
        expect(choices(page).nth(place)).to_be_focused()
        expect(chosen).to_have_count(0)
    settled(page)
    expect(alerts).to_have_count(0)
    page.keyboard.press("Space")
    expect(alerts.first).to_contain_text(choices(page).nth(1).inner_text(), timeout=LONG)
    expect(chosen).to_have_count(1)
    expect(choices(page).nth(1)).to_be_focused()
    page.keyboard.press("Space")  # an answer that was given is not taken back
    settled(page)
    expect(chosen).to_have_count(1)


def test_sliders_move_the_formula_and_a_kernel_is_the_same_in_all_chapters(app: str, page: Page) -> None:
    page.goto(f"{app}/learn?chapter=stride&digit=7")
    formula = page.locator(".ks-formula b")
    expect(formula).to_have_text("⌊(28 + 2·0 − 3) / 1⌋ + 1 = 26", timeout=LONG)
    for label in ("Stride", "Padding"):
        thumb = page.get_by_role("slider", name=label)
        thumb.focus()
        thumb.press("ArrowRight")
    expect(formula).to_have_text("⌊(28 + 2·1 − 3) / 2⌋ + 1 = 14", timeout=LONG)
    page.locator(".st-key-lesson-kernels-stride").get_by_role("option").nth(5).click()
    expect(page.get_by_text("Kernel 5 on the 28 × 28 digit: 196 positions")).to_be_visible(timeout=LONG)
    page.locator(".st-key-chapters").get_by_text("Pooling").click()
    expect(page.get_by_text("pool1, map 5")).to_be_visible(timeout=LONG)


@pytest.mark.long
def test_a_run_of_the_lab_is_started_watched_and_found_again(app: str, page: Page) -> None:
    page.goto(f"{app}/learn?chapter=overfitting")
    page.locator(".st-key-lab-act-0 button").click(timeout=LONG)
    expect(page.locator(".st-key-lab-act-0 button")).to_have_text(re.compile("Stop"), timeout=LONG)
    curves = page.locator(".st-key-lab-curves .ks-plot .plot-container")
    expect(curves).to_be_visible(timeout=LONG)
    page.locator(".st-key-lab-act-0").get_by_text("Done").wait_for(timeout=LONG)
    gap = page.locator(".st-key-lesson-widget .ks-table tbody tr")
    expect(gap).to_have_count(1, timeout=LONG)
    found = re.search(r"([\d.]+)%\s+([\d.]+)%\s+(−?[\d.]+) points", gap.inner_text())
    assert found, gap.inner_text()
    train, validation, apart = (float(number.replace("−", "-")) for number in found.groups())
    assert train > 99
    assert apart == pytest.approx(train - validation, abs=0.11)
    assert apart > 5, "100 digits are learned by heart, new ones are not"
    page.goto(f"{app}/learn?chapter=overfitting")
    expect(page.locator(".st-key-lesson-widget .ks-table tbody tr")).to_have_count(1, timeout=LONG)
    expect(page.locator(".st-key-lab-all button")).to_have_text(re.compile("Start the others"))


@pytest.mark.long
def test_on_a_phone_next_is_at_the_thumb_and_a_chapter_begins_at_its_top(
    app: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True)
    page.goto(f"{app}/learn?chapter=splits")
    opened(page, 8)
    expect(page.locator(CURRENT)).to_be_in_viewport(ratio=1)
    page.locator('[data-testid="stMain"]').evaluate("element => element.scrollTo(0, 500)")
    following = page.locator(".st-key-lesson-next button")
    box = standing(following)
    assert box["y"] + box["height"] <= 844
    assert box["height"] >= 40
    following.tap()
    opened(page, 9)
    expect(page.locator(CURRENT)).to_be_in_viewport(ratio=1)
    page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollTop === 0")
    for chapter in CHAPTERS:
        page.goto(f"{app}/learn?chapter={chapter.name}")
        opened(page, CHAPTERS.index(chapter))
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, chapter.name


def test_a_row_of_chapters_that_comes_late_still_shows_where_one_is(app: str, open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 390, "height": 844})
    held: list[Route] = []
    page.route(re.compile(r"ButtonGroup[^/]*\.js$"), lambda route: held.append(route))
    page.goto(f"{app}/learn?chapter=splits")
    page.locator(".st-key-lesson-top [data-testid='stBidiComponentIsolated']").wait_for(state="attached", timeout=LONG)
    expect(page.locator("h2").first).to_have_text(f"9. {CHAPTERS[8].title}", timeout=LONG)
    expect(page.locator(CURRENT)).to_have_count(0)
    assert held, "the row's script has another name: this test holds nothing back"
    for route in held:
        route.continue_()
    opened(page, 8)
    expect(page.locator(CURRENT)).to_be_in_viewport(ratio=1)
    # Away and back, on the same page: another row, the same chapter.
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Build").evaluate("link => link.click()")
    expect(page.locator("h1").first).to_have_text("Build & train", timeout=LONG)
    page.go_back()
    opened(page, 8)
    expect(page.locator(CURRENT)).to_be_in_viewport(ratio=1)


def test_a_hyperparameter_leads_to_its_control(app: str, page: Page) -> None:
    for name, tab in (("Weight decay", "Recipe"), ("Kernel size", "Network")):
        page.goto(f"{app}/learn?chapter=choices")
        opened(page, [chapter.name for chapter in CHAPTERS].index("choices"))
        page.locator(".st-key-lesson-widget").get_by_role("link", name=name, exact=True).click()
        expect(page.locator("h1").first).to_have_text("Build & train", timeout=LONG)
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true", timeout=LONG)
        expect(page.get_by_role("slider", name=name).first).to_be_visible(timeout=LONG)
