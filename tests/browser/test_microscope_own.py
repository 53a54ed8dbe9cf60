"""The microscope on a network that somebody built with the sliders and trained: what is on the screen, for every layer,
against PyTorch with the weights that the training left."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from playwright.sync_api import Locator, Page, WebSocket, expect
from scopes import RECORDER, alike, by_channel, close, exact, lines_drawn, patch, rounded_alike, settled, shown, table
from settling import LONG, arrived, standing
from torch import Tensor, nn

from explorer import networks
from explorer.data import load
from explorer.models import Network
from explorer.shapes import totals, trace
from explorer.spec import (
    Activation,
    BatchNorm,
    Conv,
    DataSpec,
    Dense,
    Flatten,
    GlobalAveragePool,
    ModelSpec,
    Output,
    Pool,
    RunSpec,
    TrainSpec,
    to_link,
)

if TYPE_CHECKING:  # another folder's conftest may be the one of that name while this runs
    from conftest import Serve

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
DIGIT = 3
SECOND = (Conv(kernels=8, kernel_size=3, padding="same"), Activation(), Pool(mode="max", size=2, stride=2))
HEAD = (Dense(units=16), Activation(), Output())
BEGUN = RunSpec(
    name="begun",
    model=ModelSpec(layers=(Conv(kernels=6, kernel_size=3), Activation(), *SECOND, Flatten(), *HEAD)),
    data=DataSpec(train_size=100),
    train=TrainSpec(epochs=2, batch_size=20),
)
BUILT = ModelSpec(
    layers=(
        Conv(kernels=6, kernel_size=4, stride=2, padding=1),
        BatchNorm(),
        Activation(),
        Pool(mode="average", size=2, stride=2),
        *SECOND,
        GlobalAveragePool(),
        *HEAD,
    )
)


def build_and_train(page: Page, url: str) -> str:
    """From a link, by the first block's controls and the button; gives the run's id."""
    page.goto(f"{url}/?spec={to_link(BEGUN)}")
    arrived(page)
    for label, presses, says in (("Kernel size", 1, "4 × 4"), ("Stride", 1, "2"), ("Padding", 2, "1")):
        thumb = page.get_by_role("slider", name=label).first
        thumb.focus(timeout=LONG)
        for _ in range(presses):
            thumb.press("ArrowRight")
        expect(thumb).to_have_attribute("aria-valuetext", says)
    page.locator('[class*="st-key-more-"] summary').first.click()
    page.locator('[class*="st-key-batch_norm-"] label').first.click()
    page.locator('[class*="st-key-pool-"]').first.get_by_text("average", exact=True).click()
    page.locator('[class*="st-key-bridge-"]').get_by_text("Global average pooling", exact=True).click()
    parameters = totals(trace(BUILT, (1, 28, 28), 10)).parameters
    expect(page.locator(".st-key-stage").get_by_text(f"{parameters:,} parameters")).to_be_visible(timeout=LONG)
    page.locator(".st-key-train button").click()
    expect(page.locator(".st-key-run-header")).to_contain_text("Trained", timeout=2 * LONG)
    found = re.search(r"network=([0-9a-f]{8})", page.url)
    assert found, page.url
    return found[1]


def open_layer(page: Page, name: str) -> tuple[Locator, int]:
    """Clicks a layer's first map; gives the microscope and the map's or unit's number."""
    if name == "output":
        page.get_by_role("button", name="Logits and softmax").click()
    else:
        page.locator(f'.st-key-flow [data-name="{name}"]').get_by_role("option").first.click(timeout=LONG)
    scope = page.locator(".st-key-microscope .scope")
    expect(scope.locator(".title")).to_have_text(re.compile(rf"^{name}, (unit|map|mean of map) \d+$"), timeout=LONG)
    expect(page.locator('[data-testid="stStatusWidgetRunningIcon"]')).to_have_count(0, timeout=LONG)
    settled(scope)
    page.wait_for_timeout(300)
    return scope, int(scope.locator(".title").inner_text().rpartition(" ")[2])


def is_on_the_screen(scope: Locator, name: str, expected: Tensor, scale: float) -> None:
    """In the heading, in the last of the layer's equations, and in the same equation as a table."""
    assert alike(scope.locator(".where").inner_text().replace("value", ":").rpartition(": ")[2], shown(scope, name), 4)
    assert close(shown(scope, name), expected, scale), name
    title, where = scope.locator(".title").inner_text(), scope.locator(".where").inner_text()
    at = f", {where.partition(':')[0]}" if where.startswith("row") else ""
    expect(scope.locator("caption", has_text=re.compile(f"^{title}{at}$"))).to_be_visible()
    written = [line[2] for line in table(scope, f"{title}{at}$") if line[0] == name]
    assert written[-1] == shown(scope, name)


@pytest.mark.timeout(900)
@pytest.mark.long
def test_every_layer_of_a_network_built_and_trained_by_hand(
    serve: Serve, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path / "home"))
    server = serve(ROOT / "streamlit_app.py", {"KERNELSCOPE_HOME": str(tmp_path / "home")})
    sent: list[Any] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(frame))

    page.add_init_script(RECORDER)
    page.on("websocket", listen)
    page.on("request", lambda request: sent.append(request.url))
    run = build_and_train(page, server.url)
    assert networks.find(run).spec.model == BUILT
    network = networks.load(run)
    image, outputs = exact(network, load("mnist").test.pixels[DIGIT])
    page.goto(f"{server.url}/inside?network={run}&digit={DIGIT}")
    source = image
    for name, output in outputs.items():
        scope, number = open_layer(page, name)
        scope.locator(".as-table").evaluate("(table) => { table.open = true }")
        assert sent, "a layer was asked for"
        sent.clear()
        scale = float(output.abs().max())
        if output.ndim == 1:
            is_on_the_screen(scope, name, output[number], scale)
        else:
            _over_a_map(page, scope, network, name, source, output[number], number)
        assert sent == [], f"{name}: hovering, keys and the table ask nothing of the server"
        source = output
    probabilities = [float(line[-1]) for line in table(scope, "Softmax")]
    for found, wanted in zip(probabilities, outputs["output"].softmax(0), strict=True):
        assert found == pytest.approx(float(wanted), rel=1e-5)
    server.stop()


def _over_a_map(
    page: Page, scope: Locator, network: Network, name: str, source: Tensor, output: Tensor, number: int
) -> None:
    """Hovers over two corners and the middle, then goes on by key; every time all is PyTorch's."""
    rows, columns = output.shape
    scale, module = float(output.abs().max()), network.get_submodule(name)
    canvas = scope.locator(".stage canvas")
    canvas.scroll_into_view_if_needed()
    bounds = standing(canvas)
    dot = (bounds["width"] - 8) / columns
    for row, column in ((0, 0), (rows - 1, columns - 1), (rows // 2, columns // 2)):
        page.mouse.move(bounds["x"] + 4 + (column + 0.5) * dot, bounds["y"] + 4 + (row + 0.5) * dot)
        expect(scope.locator(".where")).to_have_text(re.compile(f"^row {row}, column {column}: "))
        is_on_the_screen(scope, name, output[row, column], scale)
        _is_explained(scope, module, source, row, column, number)
    canvas.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    row = max(0, rows // 2 - 1)
    expect(scope.locator(".where")).to_have_text(re.compile(f"^row {row}, column 0: "))
    is_on_the_screen(scope, name, output[row, 0], scale)
    _is_explained(scope, module, source, row, 0, number)


def _is_explained(scope: Locator, module: nn.Module, source: Tensor, row: int, column: int, number: int) -> None:
    """Patch and products of a convolution as they are drawn and listed, the window of a pooling layer."""
    if isinstance(module, nn.Conv2d):
        values, zero = patch(module, source, row, column)
        sums = by_channel(module, source, number)[:, row, column]
        limit = float(source.abs().max())
        listed = table(scope, "Input maps, the largest first")
        assert all(close(float(line[1]), sums[int(str(line[0]))], limit) for line in listed)
        assert [int(str(line[0])) for line in listed] == sorted(range(len(sums)), key=lambda at: -abs(float(sums[at])))
        drawn = lines_drawn(scope)
        assert drawn
        for line in drawn:
            channel = line.channel or 0
            weight = module.weight[number, channel].detach()
            assert line.padding["patch"] == zero.reshape(-1).tolist()
            assert rounded_alike(line.numbers["patch"], values[channel])
            assert rounded_alike(line.numbers["kernel"], weight)
            assert rounded_alike(line.numbers["products"], weight * values[channel])
            assert alike(line.total, sums[channel], 3)
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        size = int(module.kernel_size)  # type: ignore[arg-type]
        window = source[number, row * size : (row + 1) * size, column * size : (column + 1) * size].reshape(-1)
        listed = table(scope, "The window")
        assert torch.tensor([line[2] for line in listed]) == pytest.approx(window, rel=1e-5, abs=1e-6)
        if isinstance(module, nn.AvgPool2d):
            assert {line[3] for line in listed} == {"counts"}
        else:
            assert [line[3] for line in listed].index("kept") == int(window.argmax())
