"""What a kernel looks for, in the browser: a job with its progress, patches that lead to their digit, on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_patches_are_found_and_lead_to_their_digit(
    serve: Callable[..., Any], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    # Without MNIST's files: the job reads the 1,000 test digits of the bundled subset.
    nowhere = {"KERNELSCOPE_HOME": str(tmp_path), "KERNELSCOPE_DATA": str(tmp_path / "none")}
    app = serve(ROOT / "streamlit_app.py", nowhere).url
    page = open_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.goto(f"{app}/inside?network=lenet5")
    page.get_by_role("tab", name="Kernels", exact=True).click()
    page.get_by_role("radio", name="what they look for").click()
    # It begins by itself, and shows how far it is until the patches are there.
    expect(page.get_by_role("button", name="Cancel").or_(page.get_by_text("A tile holds the nine"))).to_be_visible()
    expect(page.get_by_text("A tile holds the nine")).to_be_visible()
    tile = page.get_by_role("option", name="conv1, kernel 2: best test image")
    tile.click()
    nine = page.locator(".st-key-exciting-nine").get_by_role("option")
    expect(nine).to_have_count(9)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    told = str(nine.nth(3).get_attribute("aria-label"))
    found = re.search(r"test image (\d+), class (\d)", told)
    assert found is not None
    nine.nth(3).click()
    expect(page).to_have_url(re.compile(rf"digit={found[1]}\b"))
    expect(page.get_by_role("option", name="conv1, kernel 2: best test image")).to_be_visible()
