"""The painter in a real browser: arithmetic against PyTorch, painting by pointer and keyboard, what Python hears."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, Page, WebSocket, expect
from settling import standing
from torch.nn import functional as F

from explorer import networks
from explorer.analysis.classic import classics

if TYPE_CHECKING:  # another folder's conftest may be the one of that name while this runs
    from conftest import OpenPage, Serve

pytestmark = pytest.mark.browser
APP = Path(__file__).parent / "apps" / "painter.py"


@pytest.fixture(scope="module")
def app(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("app")
    return serve(Path(shutil.copy(APP, folder)), {"KERNELSCOPE_HOME": str(folder / "home")}).url


@pytest.fixture
def bench(page: Page, app: str) -> Page:
    return _open(page, app)


def _open(page: Page, app: str) -> Page:
    page.goto(app)
    expect(page.locator(".st-key-painter .cell")).to_have_count(9)
    return page


def _set(page: Page, **values: int | str) -> None:
    """Sets the app's fields, and waits until Python has answered."""
    for name, value in values.items():
        if name == "start":
            page.get_by_role("radio", name=str(value), exact=True).click()
        else:
            field = page.get_by_label(name, exact=True)
            field.fill(str(value))
            field.press("Enter")
        place = ["size", "stamp", "image", "start"].index(name)
        pattern = " ".join(str(value) if index == place else r"\S+" for index in range(4))
        expect(page.locator("#seen")).to_have_text(re.compile(f"^{pattern}$"))


def _cell(page: Page, index: int) -> Locator:
    return page.locator(".st-key-painter .cell").nth(index)


def _shown(page: Page) -> tuple[np.ndarray, np.ndarray]:
    """The kernel (k, k) and its map (H, W) as the browser has them, after what waits to be drawn."""
    found: Any = page.locator(".st-key-painter .painter").evaluate(
        """(root) => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
          const { kernel, values, shape } = root.shown;
          done({ kernel: [...kernel], values: [...values], shape });
        })))"""
    )
    size = round(len(found["kernel"]) ** 0.5)
    return np.array(found["kernel"]).reshape(size, size), np.array(found["values"]).reshape(found["shape"])


def _pixels(image: int) -> np.ndarray:
    """The app's pictures."""
    shape = (3 if image == 9 else 1, 28, 26 if image else 28)
    return np.random.default_rng(image).integers(0, 256, shape).astype(np.uint8)


def _expected(image: int, kernel: np.ndarray) -> np.ndarray:
    pixels = torch.tensor(_pixels(image), dtype=torch.float64)[None] / 255
    weight = torch.tensor(kernel, dtype=torch.float64).expand(1, pixels.shape[1], -1, -1)
    return F.conv2d(pixels, weight)[0, 0].numpy()


def _agrees(page: Page, image: int) -> np.ndarray:
    kernel, values = _shown(page)
    np.testing.assert_allclose(values, _expected(image, kernel), rtol=1e-9, atol=1e-9)
    return kernel


# --- arithmetic -----------------------------------------------------------------------------------------------------


def test_each_size_gives_the_map_that_pytorch_gives(bench: Page):
    _set(bench, start="random")
    for stamp, size in enumerate((1, 2, 3, 4, 5, 8, 11), start=1):
        _set(bench, size=size, stamp=stamp)
        expect(bench.locator(".st-key-painter .cell")).to_have_count(size * size)
        kernel = _agrees(bench, 0)
        np.testing.assert_array_equal(kernel, np.random.default_rng(size).uniform(-1, 1, (size, size)).round(3))
    _set(bench, image=4)  # not square
    _agrees(bench, 4)
    _set(bench, image=9)  # three channels
    _agrees(bench, 9)


def test_what_is_drawn_and_said_is_the_map(bench: Page):
    bench.set_viewport_size({"width": 1440, "height": 1300})  # nothing has to scroll, which would hide the tip
    kernel, values = _shown(bench)
    np.testing.assert_array_equal(kernel, classics(3)["vertical edge"])
    assert values.shape == (26, 26)
    expect(bench.locator(".st-key-painter .map figcaption")).to_have_text("map, 26 × 26")
    limit = np.abs(values).max()
    ends = bench.locator(".st-key-painter .scale").inner_text().split()
    assert [text.replace("−", "-") for text in ends] == [f"{-limit:.2f}", f"{limit:.2f}"]
    frame = bench.locator(".st-key-painter .map .frame")
    box = standing(frame)
    pixel = box["width"] / 26
    tip = bench.locator(".st-key-painter .tip")
    expect(tip).to_be_hidden()
    for row, column in ((0, 0), (7, 12), (25, 25)):
        frame.hover(position={"x": (column + 0.5) * pixel, "y": (row + 0.5) * pixel})
        expect(tip).to_be_visible()
        expect(tip).to_contain_text(f"map, row {row}, column {column}: ")
        said = float(tip.inner_text().split(": ")[1].replace("−", "-"))
        assert said == pytest.approx(values[row, column], rel=1e-3)
        patch = standing(bench.locator(".st-key-painter .digit .mark"))
        digit = standing(bench.locator(".st-key-painter .digit .frame"))
        assert (patch["x"] - digit["x"]) / pixel == pytest.approx(column, abs=0.05)
        assert (patch["y"] - digit["y"]) / pixel == pytest.approx(row, abs=0.05)
        assert patch["width"] / pixel == pytest.approx(3, abs=0.05)
    bench.locator(".st-key-painter .digit .frame").hover(position={"x": 5.5 * pixel, "y": 2.5 * pixel})
    expect(tip).to_have_text(re.compile("^image, row 2, column 5: "))
    assert float(tip.inner_text().split(": ")[1]) == pytest.approx(_pixels(0)[0, 2, 5] / 255, rel=1e-3)
    bench.locator("#seen").hover()
    expect(tip).to_be_hidden()


# --- painting -------------------------------------------------------------------------------------------------------


def test_painting_by_pointer_asks_nobody(page: Page, app: str):
    sent: list[object] = []
    requests: list[str] = []
    page.on("websocket", lambda socket: _listen(socket, sent))
    _open(page, app)
    expect(page.locator("#seen")).to_be_visible()
    sent.clear()
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_label("Brush value").fill("-0.5")
    page.get_by_label("Brush value").press("Enter")
    grid = standing(page.locator(".st-key-painter .grid"))
    side = grid["width"] / 3
    page.mouse.move(grid["x"] + side / 2, grid["y"] + side / 2)
    page.mouse.down()
    page.mouse.move(grid["x"] + 2.5 * side, grid["y"] + side / 2, steps=8)
    page.mouse.move(grid["x"] + 2.5 * side, grid["y"] + 1.5 * side, steps=4)
    page.mouse.up()
    page.mouse.move(grid["x"] + 0.5 * side, grid["y"] + 2.5 * side)  # no button, no paint
    wanted = classics(3)["vertical edge"].copy()
    wanted[0] = wanted[1, 2] = -0.5
    np.testing.assert_array_equal(_agrees(page, 0), wanted)
    page.locator(".st-key-painter .slide").fill("0.3")
    _cell(page, 8).click()
    page.get_by_role("button", name="Clear").focus()
    kernel = _agrees(page, 0)
    assert kernel[2, 2] == 0.3
    page.get_by_role("button", name="Clear").click()
    assert not _agrees(page, 0).any()
    assert not sent
    assert not requests


def _listen(socket: WebSocket, sent: list[object]) -> None:
    socket.on("framesent", lambda data: sent.append(data))


def test_everything_by_keyboard(bench: Page):
    cell = _cell(bench, 4)
    cell.focus()
    keys = [
        "+",
        "+",
        "ArrowRight",
        "-",
        "ArrowDown",
        "0",
        ".",
        "2",
        "5",
        "-",
        "ArrowLeft",
        "Delete",
        "Home",
        "7",
        "Escape",
    ]
    for key in keys:
        bench.keyboard.press(key)
    wanted = classics(3)["vertical edge"].copy()
    wanted[1, 1], wanted[1, 2], wanted[2, 2], wanted[2, 1], wanted[2, 0] = 0.2, 0.9, -0.25, 0, 7
    np.testing.assert_array_equal(_agrees(bench, 0), wanted)
    expect(_cell(bench, 8)).to_have_attribute("aria-label", "row 2, column 2: −0.2500")
    expect(_cell(bench, 6)).to_be_focused()
    for key in ("ArrowLeft", "ArrowDown", "End", "ArrowRight", "Space"):  # the rim holds
        bench.keyboard.press(key)
    expect(_cell(bench, 8)).to_be_focused()
    wanted[2, 2] = 1
    np.testing.assert_array_equal(_agrees(bench, 0), wanted)
    for key in ("1", "2", "3", "4"):  # at most three digits, and at most 100
        bench.keyboard.press(key)
    assert _agrees(bench, 0)[2, 2] == 100
    assert bench.locator(".st-key-painter .cell[tabindex='0']").count() == 1
    expect(bench.get_by_role("grid", name="Kernel, 3 × 3")).to_be_visible()


# --- Python ---------------------------------------------------------------------------------------------------------


def test_the_painted_kernel_arrives_in_python(bench: Page):
    _cell(bench, 4).focus()
    for key in "0.125":
        bench.keyboard.press(key)
    bench.get_by_role("button", name="Use in first layer").click()
    expect(bench.locator("#used")).to_contain_text("0.125")
    wanted = classics(3)["vertical edge"].copy()
    wanted[1, 1] = 0.125
    np.testing.assert_array_equal(ast.literal_eval(bench.locator("#used").inner_text()), wanted)
    np.testing.assert_array_equal(_agrees(bench, 0), wanted)  # and stays


def test_what_is_painted_stays_until_python_sends_another(bench: Page):
    _cell(bench, 0).click()
    painted = _agrees(bench, 0)
    assert painted[0, 0] == 1
    _set(bench, image=4)
    np.testing.assert_array_equal(_agrees(bench, 4), painted)
    bench.get_by_text("shown", exact=True).click()
    expect(bench.locator(".st-key-painter .cell")).to_have_count(0)
    bench.get_by_text("shown", exact=True).click()
    expect(bench.locator(".st-key-painter .cell")).to_have_count(9)
    np.testing.assert_array_equal(_agrees(bench, 4), painted)
    _set(bench, stamp=1)
    np.testing.assert_array_equal(_agrees(bench, 4), classics(3)["vertical edge"])
    _set(bench, start="none")
    _cell(bench, 0).click()
    painted = _agrees(bench, 4)
    for size, part in ((5, np.s_[1:4, 1:4]), (3, np.s_[:, :])):
        _set(bench, size=size)
        expect(bench.locator(".st-key-painter .cell")).to_have_count(size * size)
        kernel = _agrees(bench, 4)
        np.testing.assert_array_equal(kernel[part], painted)
        assert np.count_nonzero(kernel) == np.count_nonzero(painted)


def test_a_learned_kernel_is_brought_to_the_bench_painted_and_used(page: Page, app: str):
    page.goto(f"{app}/?part=bench")
    cells = page.locator(".st-key-bench-painter .cell")
    expect(cells).to_have_count(9)
    weights = dict(networks.load("lenet5").named_parameters())["conv1.weight"].detach().numpy()[:, 0]
    tile = page.locator(".st-key-bench-learned .tile").nth(1)
    name = tile.get_attribute("aria-label")
    assert name is not None
    tile.click()
    expect(cells).to_have_count(25)
    wanted = weights[int(name.rpartition("kernel ")[2])]
    shown = page.locator(".st-key-bench-painter .painter").evaluate("(root) => root.shown.kernel")
    np.testing.assert_allclose(shown, (wanted / np.abs(wanted).max()).ravel(), atol=0.00051)
    expect(page.get_by_role("radio", name="vertical edge", exact=True)).to_have_attribute("aria-checked", "false")
    cells.nth(12).focus()
    page.keyboard.press("7")
    page.get_by_role("button", name="Use in first layer").click()
    expect(page.get_by_role("button", name="Train the rest with it")).to_be_visible()
    used = np.array(ast.literal_eval(page.locator("#used").inner_text()))
    shown[12] = 7
    np.testing.assert_array_equal(used.ravel(), shown)
    page.get_by_role("radio", name="blur", exact=True).click()
    expect(cells.nth(12)).to_have_text("1")
    expect(cells).to_have_count(25)


@pytest.mark.parametrize("size", [3, 11])
def test_on_a_phone_it_fits_and_is_painted_by_finger(open_page: OpenPage, app: str, size: int):
    phone = open_page(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = _open(phone, app)
    _set(page, size=size, stamp=1)
    expect(page.locator(".st-key-painter .cell")).to_have_count(size * size)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for part in (".grid", ".digit .frame", ".map .frame"):
        box = standing(page.locator(f".st-key-painter {part}"))
        assert box["x"] + box["width"] <= 390
    _cell(page, 0).tap()
    assert _agrees(page, 0)[0, 0] == 1
