"""The tab 'What it rests on' in the browser: on a phone, over the image and bare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_maps_are_seen_over_the_digit_and_bare(
    serve: Callable[..., Any], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    app = serve(ROOT / "streamlit_app.py", {"KERNELSCOPE_HOME": str(tmp_path)}).url
    page = open_page(viewport={"width": 390, "height": 844})
    page.goto(f"{app}/inside?network=tiny")
    page.get_by_role("tab", name="What it rests on").click()
    over = page.get_by_role("img", name="over the image")
    expect(over).to_have_count(16)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0

    page.get_by_role("radio", name="bare", exact=True).click()
    expect(over).to_have_count(0)
    tile = page.locator(".st-key-rests-grad-cam")
    expect(tile.get_by_role("img", name="Grad-CAM")).to_have_count(2)
    tile.get_by_role("img", name="Grad-CAM, this network").hover()
    expect(tile.locator(".tip")).to_contain_text("Grad-CAM, this network")
