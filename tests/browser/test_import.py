"""The sidebar's Import in a browser: the file that Export gives comes back as a network of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from explorer import export, networks

pytestmark = pytest.mark.browser
LONG = 180_000
ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_an_exported_file_is_uploaded_and_becomes_the_current_network(
    serve: Callable[..., Any], page: Page, tmp_path: Path
) -> None:
    server = serve(ROOT / "streamlit_app.py", {"KERNELSCOPE_HOME": str(tmp_path / "home")})
    page.goto(f"{server.url}/mistakes?network=lenet5")
    page.locator(".st-key-import").get_by_role("button", name="Import").click()
    files = page.locator("input[type=file]")

    files.set_input_files({"name": "no.pt", "mimeType": "", "buffer": b"no weights"})
    page.locator(".st-key-import-it button").click(timeout=LONG)
    expect(page.get_by_text("neither a safetensors file nor a PyTorch state dict")).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Remove no.pt").click()

    content = export.packed(networks.find("softmax"), "safetensors")
    files.set_input_files({"name": "away.safetensors", "mimeType": "", "buffer": content})
    expect(page.get_by_text("as the file says itself")).to_be_visible(timeout=LONG)
    page.get_by_label("Name", exact=True).fill("back again")
    page.locator(".st-key-import-it button").click()
    told = page.get_by_test_id("stAlert").filter(has_text="is the current network now")
    expect(told).to_contain_text("back again", timeout=LONG)
    expect(page.get_by_text("of test images right · imported")).to_be_visible()
    assert "network=softmax" not in page.url
    assert "network=lenet5" not in page.url
