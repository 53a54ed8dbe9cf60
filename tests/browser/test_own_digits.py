"""Own digits in a real browser: what is none is rejected, and a step switched off changes the answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect
from serving import ROOT
from test_draw import ANSWER, SEVEN, begin, line, reads, tool

if TYPE_CHECKING:
    from conftest import Serve

pytestmark = pytest.mark.browser
SCRIBBLE = tuple((0.8 if number % 2 else 0.2, 0.2 + 0.05 * number) for number in range(13))  # to and fro


@pytest.fixture(scope="module")
def app(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    home = tmp_path_factory.mktemp("home")
    return serve(ROOT / "streamlit_app.py", {"KERNELSCOPE_HOME": str(home)}).url


def test_a_scribble_is_rejected_with_its_raw_answer_and_a_digit_is_not(page: Page, app: str) -> None:
    begin(page, app)
    line(page, SCRIBBLE)
    expect(page.locator(ANSWER)).to_contain_text(re.compile(r"This does not look like a digit\. Raw answer: \d, "))
    expect(page.locator(ANSWER)).to_contain_text("Strangeness")
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
