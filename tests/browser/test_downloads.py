"""The sidebar's Export: what the browser gets is the file that the command line writes."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from playwright.sync_api import Page, expect
from settling import LONG

from explorer import export, networks, weights
from explorer.figures import theme

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("scheme", "palette"), [("light", theme.LIGHT), ("dark", theme.DARK)])
def test_what_buttons_say_can_be_read(
    serve: Callable[..., Any], open_page: Callable[..., Page], tmp_path: Path, scheme: str, palette: theme.Palette
) -> None:
    server = serve(ROOT / "streamlit_app.py", {"KERNELSCOPE_HOME": str(tmp_path / "home")})
    page = open_page(color_scheme=scheme)
    page.goto(f"{server.url}/mistakes?network=softmax")
    button = page.locator(".st-key-export").get_by_role("button", name="Export")
    button.click(timeout=LONG)
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(button).to_have_css("color", _css(palette.accent))
    page.goto(f"{server.url}/build")
    train = page.locator(".st-key-train button")
    expect(train).to_have_css("color", _css(palette.background), timeout=LONG)
    expect(train).to_have_css("background-color", _css(palette.accent))


def _css(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


@pytest.mark.long
def test_the_three_files_are_downloaded_from_the_sidebar(serve: Callable[..., Any], page: Page, tmp_path: Path) -> None:
    server = serve(ROOT / "streamlit_app.py", {"KERNELSCOPE_HOME": str(tmp_path / "home")})
    page.goto(f"{server.url}/mistakes?network=softmax")
    page.locator(".st-key-export").get_by_role("button", name="Export").click()
    found = {}
    for label in ("Weights", "PyTorch script", "ONNX model"):
        # Made when it is asked for: the ONNX export alone keeps a core busy for seconds.
        with page.expect_download(timeout=LONG) as download:
            page.get_by_role("button", name=label).click(timeout=LONG)
        found[download.value.suggested_filename] = Path(download.value.path()).read_bytes()
    known = networks.find("softmax")
    assert set(found) == {"softmax.safetensors", "softmax.py", "softmax.onnx"}
    assert found["softmax.safetensors"] == export.packed(known, "safetensors")
    assert found["softmax.py"] == export.packed(known, "python")
    assert ast.parse(found["softmax.py"])
    assert weights.spec_of(found["softmax.safetensors"]) == known.spec
    onnx.checker.check_model(onnx.load_from_string(found["softmax.onnx"]))
    expect(page.get_by_role("button", name="ONNX model")).to_be_enabled()
