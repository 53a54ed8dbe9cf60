"""What the microscope draws, in a real browser: patches with their padding, a unit's products on the maps they come
from, activation functions with the current value. The canvases' own pixels and numbers against PyTorch."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, Page, expect
from plotly.colors import sample_colorscale, unlabel_rgb
from reference import FUNCTIONS
from scopes import (
    FLAT,
    RECORDER,
    STRIDED,
    alike,
    by_channel,
    choose,
    close,
    colours,
    exact,
    lines_drawn,
    move,
    network_and_digit,
    patch,
    read,
    rounded_alike,
    settled,
    shown,
    table,
    zeros_around,
)
from settling import standing
from torch import nn

from explorer.figures.theme import DARK, LIGHT, Palette
from explorer.spec import Activation, Conv, Flatten, ModelSpec, Output, to_link

if TYPE_CHECKING:  # another folder's conftest may be the one of that name while this runs
    from conftest import OpenPage, Serve

pytestmark = pytest.mark.browser
APP = Path(__file__).parent / "apps" / "microscope.py"


@pytest.fixture(scope="module")
def app(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("app")
    return serve(Path(shutil.copy(APP, folder))).url


# --- patches ---


@pytest.mark.parametrize(
    ("model", "layers"),
    [(STRIDED, ("conv1", "conv2")), (FLAT, ("conv1", "conv2"))],
    ids=["even kernels", "odd kernels"],
)
def test_padding_is_drawn_as_such_and_every_cell_holds_pytorchs_number(
    page: Page, app: str, model: ModelSpec, layers: tuple[str, ...]
) -> None:
    """A 4 × 4 kernel with stride 2 and padding 1, a 2 × 2 one with "same" (zeros right and below only), 5 × 5 with
    padding 2, and 3 × 3 with padding 3, which at a corner sees nothing else."""
    network, pixels = network_and_digit(model, 5)
    image, outputs = exact(network, pixels)
    page.add_init_script(RECORDER)
    page.goto(f"{app}/?spec={to_link(model)}&seed=5")
    some = False
    for layer in layers:
        scope = choose(page, layer)
        scope.locator(".as-table").evaluate("(table) => { table.open = true }")
        module = network.get_submodule(layer)
        assert isinstance(module, nn.Conv2d)
        given = image if layer == "conv1" else outputs[list(outputs)[list(outputs).index(layer) - 1]]
        rows, columns = outputs[layer].shape[1:]
        for row, column in (
            (0, 0),
            (0, columns - 1),
            (rows - 1, 0),
            (rows - 1, columns - 1),
            (rows // 2, columns // 2),
        ):
            move(scope, row, column)
            _, zero = patch(module, given, row, column)
            _a_patch_is_drawn(scope, module, given, row, column)
            expect(scope.locator("caption", has_text=f"row {row}, column {column}")).to_be_visible()
            named = [line[0] for line in table(scope, "Input map \\d")]
            assert [name == "padding" for name in named] == zero.reshape(-1).tolist()
            some |= bool(zero.any())
    assert some


def _a_patch_is_drawn(scope: Locator, module: nn.Conv2d, given: torch.Tensor, row: int, column: int) -> None:
    values, zero = patch(module, given, row, column)
    size, height = module.kernel_size[0], given.shape[1]
    left, right, top, _ = zeros_around(module)
    sums = by_channel(module, given)[:, row, column]
    drawn = lines_drawn(scope)
    assert drawn
    for line in drawn:
        channel = line.channel or 0
        weight = module.weight[0, channel].detach()
        assert line.padding["patch"] == zero.reshape(-1).tolist(), (row, column)
        assert not any(line.padding["kernel"] + line.padding["products"])
        assert {text for text, at in zip(line.numbers["patch"], line.padding["patch"], strict=True) if at} <= {"0"}
        assert rounded_alike(line.numbers["patch"], values[channel])
        assert rounded_alike(line.numbers["kernel"], weight)
        assert rounded_alike(line.numbers["products"], weight * values[channel])
        assert alike(line.total, sums[channel], 3)
        # The map lies in a dashed rim as wide as the zeros, where there are any; the ring lies on the patch.
        dot = line.image[2] / given.shape[2]
        assert line.dashed == (left + right > 0)
        assert line.rim[2] + 1 == pytest.approx((height + _reached(module, height)) * dot)
        assert line.image[0] - line.rim[0] + 0.5 == pytest.approx(left * dot)
        assert line.ring[0] + 1 - line.image[0] == pytest.approx((column * module.stride[1] - left) * dot)
        assert line.ring[1] + 1 - line.image[1] == pytest.approx((row * module.stride[0] - top) * dot)
        assert line.ring[2] - 2 == pytest.approx(size * dot)
        assert line.ring[0] - 1 >= 0, "the ring is not cut off"


def _reached(module: nn.Conv2d, height: int) -> int:
    """How many rows of zeros the kernel comes to, above and below."""
    _, _, top, below = zeros_around(module)
    size, stride = module.kernel_size[0], module.stride[0]
    rows = (height + top + below - size) // stride + 1
    return top + max(0, (rows - 1) * stride + size - top - height)


def test_all_input_maps_are_reached_the_largest_contribution_first(page: Page, app: str) -> None:
    model = ModelSpec(layers=(Conv(kernels=24, kernel_size=3), Conv(kernels=2, kernel_size=3), Flatten(), Output()))
    network, pixels = network_and_digit(model, 6)
    _, outputs = exact(network, pixels)
    page.add_init_script(RECORDER)
    page.goto(f"{app}/?spec={to_link(model)}&seed=6")
    scope = choose(page, "conv2")
    move(scope, 3, 4)
    module = network.get_submodule("conv2")
    assert isinstance(module, nn.Conv2d)
    sums = by_channel(module, outputs["conv1"])[:, 3, 4]
    listed = scope.locator(".list")
    listed.focus()
    seen: dict[int | None, str] = {}
    for _ in range(40):
        settled(scope)
        seen |= {line.channel: line.total for line in lines_drawn(scope)}
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(60)
        if len(seen) == 24:
            break
    assert list(seen) == sums.abs().argsort(descending=True).tolist()
    assert all(alike(total, sums[channel or 0], 3) for channel, total in seen.items())


# --- back onto the maps ---


def _expected(palette: Palette, shares: np.ndarray) -> np.ndarray:
    """The signed scale at −1 to 1 by Plotly's own interpolation, (…, 3); in its middle is the page."""
    stops = [*palette.signed]
    stops[len(stops) // 2] = palette.background
    scale = [[place / (len(stops) - 1), stop] for place, stop in enumerate(stops)]
    found = sample_colorscale(scale, (shares.ravel() / 2 + 0.5).tolist())
    return np.array([unlabel_rgb(colour) for colour in found]).reshape(*shares.shape, 3)


@pytest.mark.parametrize(("scheme", "palette"), [("light", LIGHT), ("dark", DARK)])
@pytest.mark.parametrize("model", [FLAT, STRIDED], ids=["flattened maps", "means of maps"])
def test_a_units_products_are_drawn_back_onto_the_maps_they_come_from(
    open_page: OpenPage, app: str, model: ModelSpec, scheme: str, palette: Palette
) -> None:
    network, pixels = network_and_digit(model, 7)
    _, outputs = exact(network, pixels)
    page = open_page(color_scheme=scheme)
    sent: list[str] = []
    page.goto(f"{app}/?spec={to_link(model)}&seed=7")
    scope = choose(page, "dense1")
    settled(scope)
    module = network.get_submodule("dense1")
    assert isinstance(module, nn.Linear)
    weights = module.weight[0].detach()
    if model is FLAT:
        source, maps = "dropout1", outputs["dropout1"]
        products = weights.reshape(maps.shape) * maps
    else:
        source, maps = "gelu1", outputs["gelu1"]
        products = weights[:, None, None] * maps / maps[0].numel()
    bias = float(module.bias.detach()[0])
    assert close(float(products.sum()) + bias, outputs["dense1"][0], 0.1), "the oracle's own sum is PyTorch's value"
    sums, limit = products.sum((1, 2)), float(products.abs().max())
    order = sums.abs().argsort(descending=True).tolist()
    expect(scope.locator(".caption")).to_contain_text(re.compile(f"maps? of {source}"))
    tiles = scope.locator(".back figure")
    expect(tiles).to_have_count(len(maps))
    for tile, channel in zip(tiles.all(), order, strict=True):
        name, _, total = tile.locator("figcaption").inner_text().partition(": ")
        assert name == f"map {channel}"
        assert alike(total, sums[channel], 3)
        drawn = colours(tile.locator("canvas")).astype(int)
        assert np.abs(drawn[..., :3] - _expected(palette, (products[channel] / limit).numpy())).max() <= 2
    # Under the pointer the product itself, without asking the server.
    page.on("request", lambda request: sent.append(request.url))
    under = scope.locator(".under")
    for place in (0, len(order) - 1):
        channel, canvas = order[place], tiles.nth(place).locator("canvas")
        canvas.scroll_into_view_if_needed()
        bounds = standing(canvas)
        height, width = maps.shape[1:]
        for row, column in ((0, 0), (height - 1, width // 2), (1, width - 1)):
            across, down = (column + 0.5) / width, (row + 0.5) / height
            page.mouse.move(bounds["x"] + across * bounds["width"], bounds["y"] + down * bounds["height"])
            expect(under).to_contain_text(f"map {channel}, row {row}, column {column}: ")
            wanted = products[channel, row, column]
            assert close(float(under.get_attribute("data-value") or "nan"), wanted, limit)
            assert alike(under.inner_text().rpartition("= ")[2], wanted, 4)
    assert sent == []
    # All of them as a table.
    scope.get_by_text("As a table").click()
    if model is FLAT:
        listed = {int(line[0]): line[1] for line in table(scope, "Maps of dropout1")}
        assert list(listed) == order
        assert all(close(float(listed[channel]), sums[channel], limit) for channel in order)
        scope.locator("select").select_option(str(order[-1]))
        page.set_viewport_size({"width": 1300, "height": 900})  # drawn anew, and still that map's
        page.wait_for_timeout(500)
        lines, wanted = table(scope, f"Map {order[-1]}$"), products[order[-1]].reshape(-1)
    else:
        lines = table(scope, "All products")
        places = [int(str(line[0]).removeprefix("mean of map ")) for line in lines]
        assert places == sums.argsort(descending=True).tolist()
        wanted = sums[places]
    assert len(lines) == len(wanted)
    assert all(close(float(line[-1]), one, limit) for line, one in zip(lines, wanted, strict=True))


# --- activation functions ---

WITH_TANH = ModelSpec(layers=(Conv(kernels=2, kernel_size=3), Activation(function="tanh"), Flatten(), Output()))


@pytest.mark.parametrize(
    ("model", "functions"),
    [
        (STRIDED, {"leaky_relu1": "leaky_relu", "gelu1": "gelu"}),
        (FLAT, {"sigmoid1": "sigmoid", "relu1": "relu"}),
        (WITH_TANH, {"tanh1": "tanh"}),
    ],
    ids=["leaky ReLU and GELU", "sigmoid and ReLU", "tanh"],
)
def test_each_activation_is_a_curve_with_the_current_value_marked(
    page: Page, app: str, model: ModelSpec, functions: dict[str, str]
) -> None:
    network, pixels = network_and_digit(model, 8)
    _, outputs = exact(network, pixels)
    page.goto(f"{app}/?spec={to_link(model)}&seed=8")
    for layer, function in functions.items():
        scope = choose(page, layer)
        before = outputs[list(outputs)[list(outputs).index(layer) - 1]][0]
        lowest, highest = (int(place(before)) for place in (torch.argmin, torch.argmax))
        for at in (lowest, highest, before.numel() // 3):
            row, column = divmod(at, before.shape[1])
            move(scope, row, column)
            line = scope.locator(f'.line[data-layer="{layer}"]')
            assert close(shown(scope, layer), outputs[layer][0, row, column], 0.1)
            _a_curve_is_drawn(line, function, float(before[row, column]), float(outputs[layer][0, row, column]))


def _a_curve_is_drawn(line: Locator, function: str, value: float, result: float) -> None:
    said = re.fullmatch(r"from (\S+) to (\S+) across, (\S+) to (\S+) up", line.locator(".limits").inner_text())
    assert said
    left, right, low, high = map(read, said.groups())
    assert left <= value <= right
    pixels = colours(line.locator(".curve")).astype(float)
    pixels = pixels[..., :3] * pixels[..., 3:] / 255 + 255 - pixels[..., 3:]  # on the page's white
    height, width = pixels.shape[:2]

    def across(x: float) -> float:
        return (x - left) / (right - left) * width

    def down(y: float) -> float:
        return height - 2 - (y - low) / (high - low) * (height - 4)

    accent = np.array([int(LIGHT.accent[at : at + 2], 16) for at in (1, 3, 5)])
    marked = np.argwhere(np.abs(pixels - accent).max(axis=2) < 24) + 0.5
    assert len(marked) > 25, "a dot of 8 pixels"
    assert marked[:, 1].mean() == pytest.approx(across(value), abs=0.7)
    assert marked[:, 0].mean() == pytest.approx(down(result), abs=0.7)
    dark = np.clip(160 - pixels.max(axis=2), 0, None)  # the curve's ink; dot and axes are lighter
    checked = 0
    for column in range(2, width - 2):
        x = left + (column + 0.5) / width * (right - left)
        y = float(FUNCTIONS[function](torch.tensor(x, dtype=torch.double)))
        if abs(column + 0.5 - across(value)) < 8 or not low < y < high:
            continue
        assert dark[:, column].sum() > 0, (function, column)
        middle = (dark[:, column] * (np.arange(height) + 0.5)).sum() / dark[:, column].sum()
        assert middle == pytest.approx(down(y), abs=1.0), (function, x)
        checked += 1
    assert checked > width / 2
