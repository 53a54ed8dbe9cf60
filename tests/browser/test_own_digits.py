"""Own digits in a real browser: what is none is rejected, and a step switched off changes the answer."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from settling import LONG
from test_draw import ANSWER, ONE, SEVEN, begin, line, reads, tool

from explorer.data import CARDS, load
from explorer.digits.collection import Kept, to_zip

pytestmark = pytest.mark.browser
SCRIBBLE = tuple((0.8 if number % 2 else 0.2, 0.2 + 0.05 * number) for number in range(13))  # to and fro


def test_a_scribble_is_rejected_with_its_raw_answer_and_a_digit_is_not(page: Page, app: str) -> None:
    begin(page, app)
    line(page, SCRIBBLE)
    expect(page.locator(ANSWER)).to_contain_text(re.compile(r"This does not look like a digit\. Raw answer: \d, "))
    expect(page.locator(ANSWER)).to_contain_text("It is more like ")
    tool(page, "Clear")
    line(page, SEVEN)
    reads(page, "7")
    expect(page.locator(ANSWER)).not_to_contain_text("does not look like a digit")


def test_a_step_switched_off_changes_the_answer_until_all_are_on(page: Page, app: str) -> None:
    begin(page, app)
    line(page, SEVEN)
    reads(page, "7")
    switches = page.locator(".st-key-steps-drawing")
    switches.get_by_text("Light on black", exact=True).click()
    expect(page.get_by_text(re.compile(r"With all steps: 7, .* Without Light on black: \d, "))).to_be_visible()
    expect(page.locator(".ks-steps")).to_contain_text("Switched off.")
    page.get_by_role("button", name="All on").click()
    reads(page, "7")
    expect(page.get_by_text("With all steps")).to_have_count(0)


def keep(page: Page, digit: str) -> None:
    page.get_by_role("button", name="Keep in my test set").first.click()
    page.get_by_test_id("stPopoverBody").get_by_text(digit, exact=True).click()
    expect(page.get_by_text(f"Kept as a {digit}:")).to_be_visible()
    page.keyboard.press("Escape")


def test_what_a_zip_adds_is_told(page: Page, app: str, tmp_path: Path) -> None:
    """Also where the script runs again at once, which swallows a toast that is the first of its kind."""
    test = load("mnist").test
    path = tmp_path / "mine.zip"
    kept = [Kept(np.asarray(test.pixels[number]), int(test.labels[number]), "drawn") for number in (0, 1, 2)]
    path.write_bytes(to_zip(kept, CARDS["mnist"].classes))
    page.goto(f"{app}/digits")
    page.get_by_role("tab", name="My test set").click()
    expect(page.get_by_text("Here your own digits will stand")).to_be_visible(timeout=LONG)
    page.locator("input[type=file]").last.set_input_files(path)
    expect(page.get_by_text("3 digits added.")).to_be_visible()


@pytest.mark.long
def test_two_digits_are_kept_downloaded_brought_back_and_scored(page: Page, app: str, tmp_path: Path) -> None:
    begin(page, app)
    for points, digit in ((SEVEN, "7"), (ONE, "1")):
        line(page, points)
        expect(page.locator(ANSWER)).to_contain_text(re.compile(rf"{digit}, (> )?\d+\.\d% sure"))
        keep(page, digit)
        tool(page, "Clear")
        expect(page.locator(ANSWER)).to_contain_text("Draw one digit, large.")
    page.get_by_role("tab", name="My test set").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download as ZIP").click()
    path = tmp_path / "mine.zip"
    saved.value.save_as(path)
    assert len(zipfile.ZipFile(path).namelist()) == 3

    page.goto(f"{app}/digits")  # another session
    page.get_by_role("tab", name="My test set").click()
    expect(page.get_by_text("Here your own digits will stand")).to_be_visible()
    page.locator("input[type=file]").last.set_input_files(path)
    expect(page.get_by_text("2 digits added.")).to_be_visible()
    table = page.locator(".ks-table", has_text="Mine right")
    expect(table.get_by_role("row", name=re.compile(r"^LeNet-5 [\d.]+%.*\d of 2"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"reads 2 of 2 right"))).to_be_visible()
