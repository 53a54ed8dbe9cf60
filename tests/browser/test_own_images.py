"""Own images in a browser: a ZIP is brought, looked at, kept, learned from, and its mistakes are shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from labelled_files import KINDS, packed, shapes
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
LONG = 180_000
ROOT = Path(__file__).parents[2]


def test_a_zip_of_shapes_becomes_a_data_set_and_is_learned(
    serve: Callable[..., Any], page: Page, tmp_path: Path
) -> None:
    server = serve(ROOT / "streamlit_app.py", {"KERNELSCOPE_HOME": str(tmp_path / "home")})
    page.goto(f"{server.url}/data?network=softmax")
    page.get_by_role("tab", name="Your own").click()
    files = page.locator(".st-key-own-data-files-0 input[type=file]")
    files.set_input_files({"name": "shapes.zip", "mimeType": "application/zip", "buffer": packed(shapes(20))})
    keep = page.locator(".st-key-own-data-keep button")
    expect(keep).to_be_visible(timeout=LONG)
    expect(page.get_by_role("radio", name="turned round")).to_be_checked()
    for name in KINDS:
        expect(page.get_by_role("cell", name=name, exact=True)).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Three shapes")
    keep.click()
    expect(page.get_by_text("is kept: 3 classes, 48 images to learn from and 12 to test")).to_be_visible(timeout=LONG)

    page.get_by_role("button", name="Go and train on it").click()
    page.locator(".st-key-train button").click(timeout=LONG)
    told = page.get_by_text("Test accuracy")
    expect(told).to_contain_text("of 12", timeout=LONG)
    assert "network=softmax" not in page.url

    page.get_by_role("link", name="Mistakes").first.click()
    expect(page.get_by_text("of 12 wrong")).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Data", exact=True).first.click()
    expect(page.get_by_text("which Article's network · three shapes")).to_be_visible(timeout=LONG)
