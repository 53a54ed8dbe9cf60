"""A sheet of twelve digits in a real browser: uploaded, read on the screen, and its boxes corrected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from settling import standing
from sheets_drawn import ROWS, sheet

pytestmark = pytest.mark.browser
READ = "\n".join(ROWS)


def box(page: Page, number: int) -> Locator:
    """The number's box in reading order, from 1."""
    return page.get_by_role("button", name=re.compile(rf"^Box {number} of "))


def reads(page: Page, text: str) -> None:
    expect(page.locator("[data-testid=stCode]")).to_have_text(text)


def uploaded(page: Page, app: str, folder: Path) -> Locator:
    """The boxes of a sheet of twelve digits."""
    file = folder / "twelve.png"
    file.write_bytes(sheet(line=170, shadow=0.4).png)
    page.goto(f"{app}/digits")
    page.get_by_role("tab", name="Upload").click()
    page.locator(".st-key-upload input[type=file]").set_input_files(file)
    boxes = page.locator(".boxes .box")
    expect(boxes).to_have_count(12)
    return boxes


def test_a_sheet_is_read_and_its_boxes_are_corrected(page: Page, app: str, tmp_path: Path) -> None:
    boxes = uploaded(page, app, tmp_path)
    reads(page, READ)
    expect(box(page, 1)).to_have_attribute("aria-label", re.compile(r"^Box 1 of 12: 2, (> )?\d+\.\d% sure, else \d"))

    # by the pointer: the first box is drawn out over the second digit, then put back
    box(page, 1).click()
    handle = standing(box(page, 1).locator(".handle.se"))
    second = standing(box(page, 2))
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(second["x"] + second["width"], second["y"] + second["height"], steps=5)
    page.mouse.up()
    widened = standing(box(page, 1))
    assert widened["width"] > 3 * second["width"]
    page.get_by_role("button", name="Undo").click()
    reads(page, READ)

    # by the keyboard: deleted, brought back, said to be something else
    box(page, 1).focus()
    page.keyboard.press("Delete")
    expect(boxes).to_have_count(11)
    reads(page, READ[1:])
    page.keyboard.press("Control+z")
    expect(boxes).to_have_count(12)
    reads(page, READ)
    box(page, 12).focus()
    page.keyboard.press("8")
    reads(page, READ[:-1] + "8")
    expect(box(page, 12)).to_have_attribute("aria-label", "Box 12 of 12: 8, as you said")


def test_boxes_begin_and_go_on_by_the_keyboard_alone(page: Page, app: str, tmp_path: Path) -> None:
    boxes = uploaded(page, app, tmp_path)

    # A click on the paper lets the box go, whose focus stays: the next arrow moves it.
    box(page, 1).click()
    before = standing(box(page, 1))
    stage = standing(page.locator(".boxes .stage"))
    page.mouse.click(stage["x"] + 3, stage["y"] + 3)
    expect(box(page, 1)).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("ArrowDown")
    expect(box(page, 1)).to_have_attribute("aria-pressed", "true")
    after = standing(box(page, 1))
    assert after["y"] > before["y"]

    for left in range(11, -1, -1):
        page.keyboard.press("Delete")
        expect(boxes).to_have_count(left)
    expect(page.get_by_text("Nothing was found")).to_be_visible()
    page.get_by_role("button", name="Add", exact=True).focus()
    page.keyboard.press("Enter")
    expect(boxes).to_have_count(1)
    expect(boxes.first).to_be_focused()
    page.keyboard.press("Shift+ArrowRight")
    expect(box(page, 1)).to_have_attribute("aria-label", re.compile("^Box 1 of 1: "))
