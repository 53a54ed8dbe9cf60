"""The microscope in a real browser: what it calculates and shows equals PyTorch, over every kind of layer, and while
the pointer moves nothing goes to the server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, WebSocket, expect
from scopes import (
    FLAT,
    PUBLISHED,
    STRIDED,
    as_if_trained,
    by_channel,
    choose,
    close,
    exact,
    move,
    network_and_digit,
    settled,
    shown,
)
from settling import standing
from strategies import working_models
from torch import nn
from torch.nn import functional as F

from explorer.analysis import capture
from explorer.analysis.section import section
from explorer.models import build
from explorer.shapes import trace
from explorer.spec import Activation, BatchNorm, Dropout, ModelSpec, to_link
from explorer.ui.components import microscope

if TYPE_CHECKING:  # another folder's conftest may be the one of that name while this runs
    from conftest import OpenPage, Serve

pytestmark = pytest.mark.browser
ONE_BY_ONE = BatchNorm | Activation | Dropout
APP = Path(__file__).parent / "apps" / "microscope.py"


@pytest.fixture(scope="module")
def app(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("app")
    return serve(Path(shutil.copy(APP, folder))).url


@pytest.mark.parametrize(
    ("model", "seed"), [(STRIDED, 1), (FLAT, 2), (PUBLISHED, 5)], ids=["strided", "flat", "published"]
)
def test_every_layer_s_numbers_equal_pytorch_s(page: Page, app: str, model: ModelSpec, seed: int) -> None:
    network, pixels = network_and_digit(model, seed)
    image, outputs = exact(network, pixels)
    page.goto(f"{app}/?spec={to_link(model)}&seed={seed}")
    generator = np.random.default_rng(seed)
    for place, (name, module) in enumerate(network.named_children()):
        scope = choose(page, name)
        output = outputs[name]
        number = int(page.get_by_label("number").input_value())
        if output.ndim == 1:
            wanted = output[min(number, len(output) - 1)]
            assert close(settled(scope)["value"], wanted, 0.1), name
            assert close(shown(scope, name), wanted, 0.1), name
            continue
        rows, columns = output.shape[1:]
        corners = [(0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1)]
        inside = [(int(generator.integers(rows)), int(generator.integers(columns))) for _ in range(3)]
        for row, column in corners + inside:
            reading = move(scope, row, column)
            assert (reading["row"], reading["column"]) == (row, column)
            assert close(reading["value"], output[0, row, column], 0.1), (name, row, column)
            assert close(shown(scope, name), output[0, row, column], 0.1), (name, row, column)
            if isinstance(module, nn.Conv2d):
                given = image if place == 0 else outputs[list(outputs)[place - 1]]
                sums = by_channel(module, given)[:, row, column]
                assert all(close(one, other, 0.1) for one, other in zip(reading["sums"], sums, strict=True))
            if isinstance(module, nn.MaxPool2d):
                given = outputs[list(outputs)[place - 1]][0]
                window = given[row * 2 : row * 2 + 3, column * 2 : column * 2 + 3].reshape(-1)
                assert reading["winner"] == int(window.argmax())


def test_hovering_asks_nothing_of_the_server_and_keys_and_the_table_give_the_same(page: Page, app: str) -> None:
    sent: list[Any] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(frame))

    page.on("websocket", listen)
    page.on("request", lambda request: sent.append(request.url))
    network, pixels = network_and_digit(STRIDED, 3)
    _, outputs = exact(network, pixels)
    page.goto(f"{app}/?spec={to_link(STRIDED)}&seed=3")
    scope = choose(page, "conv2")
    settled(scope)
    page.wait_for_timeout(500)
    assert any(not isinstance(one, str) for one in sent), "another layer is asked for: the network is listened to"
    sent.clear()
    canvas = scope.locator(".stage canvas")
    bounds = standing(canvas)
    seen = set()
    for step in range(12):
        page.mouse.move(bounds["x"] + 10 + 18 * step, bounds["y"] + 10 + 17 * step)
        reading = settled(scope)
        seen.add((reading["row"], reading["column"]))
        assert close(reading["value"], outputs["conv2"][0, reading["row"], reading["column"]], 0.1)
    assert len(seen) > 3
    canvas.focus()
    scope.evaluate("(root) => root.scope.move(2, 2)")
    for key, place in (
        ("ArrowRight", (2, 3)),
        ("ArrowDown", (3, 3)),
        ("Home", (3, 0)),
        ("End", (3, 6)),
        ("ArrowUp", (2, 6)),
    ):
        page.keyboard.press(key)
        reading = settled(scope)
        assert (reading["row"], reading["column"]) == place
    scope.get_by_role("button", name="One step on").click()
    assert settled(scope)["row"] == 3
    scope.get_by_text("As a table").click()
    maps = scope.locator("table", has_text="Input maps, the largest first")
    expect(maps.locator("tbody tr")).to_have_count(6)
    reading = settled(scope)
    listed = {
        int(row.locator("td").first.inner_text()): float(row.locator("td").last.get_attribute("data-value") or "nan")
        for row in maps.locator("tbody tr").all()
    }
    assert listed == dict(enumerate(reading["sums"]))
    sizes = [abs(value) for value in listed.values()]
    assert sizes == sorted(sizes, reverse=True)
    products = scope.locator("table", has_text="Row, column").locator("tbody tr td:last-child")
    channel = int(maps.locator("tbody tr td").first.inner_text())
    total = sum(float(cell.get_attribute("data-value") or "nan") for cell in products.all())
    assert close(total, reading["sums"][channel], 1.0)
    assert sent == []


def test_a_finger_taps_a_place_and_it_stays_chosen(open_page: OpenPage, app: str) -> None:
    network, pixels = network_and_digit(STRIDED, 3)
    _, outputs = exact(network, pixels)
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page.goto(f"{app}/?spec={to_link(STRIDED)}&seed=3")
    scope = choose(page, "conv1")
    canvas = scope.locator(".stage canvas")
    canvas.scroll_into_view_if_needed()
    bounds = standing(canvas)
    seen = set()
    for share in (0.15, 0.5, 0.85):
        page.touchscreen.tap(bounds["x"] + share * bounds["width"], bounds["y"] + 0.6 * bounds["height"])
        reading = settled(scope)
        place = (reading["row"], reading["column"])
        assert close(reading["value"], outputs["conv1"][0, *place], 0.1)
        assert close(shown(scope, "conv1"), outputs["conv1"][0, *place], 0.1)
        seen.add(place)
    assert len(seen) == 3
    assert settled(scope)["column"] == place[1], "the finger has gone, the place is still chosen"
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_play_slides_over_the_map_and_a_unit_is_chosen_in_its_strip(page: Page, app: str) -> None:
    page.goto(f"{app}/?spec={to_link(FLAT)}&seed=4")
    scope = choose(page, "conv1")
    scope.evaluate("(root) => root.scope.move(0, 0)")
    scope.get_by_role("button", name="Play: slide over the whole map").click()
    scope.evaluate("""async (root) => {
      while (root.scope.row === 0 && root.scope.column < 3) await new Promise(requestAnimationFrame);
    }""")
    scope.get_by_role("button", name="Pause").click()
    stopped = scope.locator(".where").inner_text()
    page.wait_for_timeout(600)
    assert scope.locator(".where").inner_text() == stopped
    scope = choose(page, "dense1")
    canvas = scope.locator(".stage canvas")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#shown")).to_have_text("dense1 1")
    expect(scope.locator(".title")).to_have_text("dense1, unit 1")
    network, pixels = network_and_digit(FLAT, 4)
    _, outputs = exact(network, pixels)
    assert close(settled(scope)["value"], outputs["dense1"][1], 0.1)
    back = scope.locator(".back figure")
    expect(back).to_have_count(3)
    scope = choose(page, "output")
    rows = scope.locator(".softmax tbody tr")
    expect(rows).to_have_count(10)  # `all` waits for nothing, and the title is there a frame earlier
    probabilities = [float(row.locator("td").last.get_attribute("data-value") or "nan") for row in rows.all()]
    np.testing.assert_allclose(probabilities, outputs["output"].softmax(0).numpy(), rtol=1e-5)


# --- the arithmetic alone, on random networks ---

COMPONENTS = Path(microscope.__file__).parent
CALCULATE = """([facts, arrays, places]) => {
  const section = { ...facts, arrays: {} };
  for (const [name, [shape, values]] of Object.entries(arrays)) {
    section.arrays[name] = { shape, data: Float32Array.from(values) };
  }
  return places.map(([row, column]) => {
    switch (section.kind) {
      case "convolution": return calculations.convolve(section, row, column).value;
      case "pooling": return calculations.pool(section, row, column).value;
      case "dense": return calculations.connect(section).value;
      default: {
        const before = section.arrays.inputs.data[row * section.arrays.inputs.shape[2] + column];
        return calculations.own(section, before, calculations.follow(before, section.steps));
      }
    }
  });
}"""


@pytest.fixture(scope="module")
def calculator(browser: Browser) -> Iterator[Page]:
    """A blank page with the microscope's functions."""
    page = browser.new_page()
    names = "convolve, pool, connect, follow, own, softmax, decimals, brief"
    scripts = ("pixels.js", "microscope_math.js", "microscope_draw.js")
    texts = "\n".join((COMPONENTS / name).read_text("utf-8") for name in scripts)
    page.evaluate(f"() => {{ {texts}\nwindow.calculations = {{ {names} }}; }}")
    yield page
    page.close()


def test_a_cell_s_number_has_two_digits_also_where_weights_are_small(calculator: Page) -> None:
    written = """cases => cases.map(([limit, ...values]) =>
      values.map((value) => calculations.brief(value, calculations.decimals(limit))))"""
    cases = [
        ([255, 254.4, -12.34, 0.5, 0], ["254", "−12.3", "0.50", "0"]),
        ([2.8, -0.4242, 0.001, -0.001], ["−0.42", "0.00", "0.00"]),
        ([0.094, 0.0943, -0.0071, 0], [".094", "−.007", "0"]),
        ([0.0042, -0.00417, 0.0001], ["−.0042", ".0001"]),
        ([0, 0], ["0"]),
    ]
    assert calculator.evaluate(written, [given for given, _ in cases]) == [wanted for _, wanted in cases]


def test_of_equals_in_a_pooling_window_the_first_wins_as_in_pytorch(calculator: Page) -> None:
    maps = np.array([[[0, 0, 3, 1], [0, 0, 1, 3], [-1, -2, 5, 4], [-3, -1, 4, 2]]], np.float32)
    _, winners = F.max_pool2d(torch.tensor(maps), 2, return_indices=True)
    pooled = """values => [[0, 0], [0, 1], [1, 0], [1, 1]].map(([row, column]) => {
      const inputs = { shape: [1, 4, 4], data: Float32Array.from(values) };
      const section = { mode: "max", window: [2, 2], stride: 2, arrays: { inputs } };
      const { winner, equals } = calculations.pool(section, row, column);
      return [(2 * row + (winner >> 1)) * 4 + 2 * column + (winner & 1), equals];
    })"""
    found = calculator.evaluate(pooled, maps.reshape(-1).tolist())
    assert [winner for winner, _ in found] == winners.reshape(-1).tolist()
    assert [equals for _, equals in found] == [4, 2, 2, 1]


@settings(max_examples=60)
@given(working_models(), st.integers(0, 2**31))
def test_the_browser_s_arithmetic_equals_pytorch_s_on_random_networks(
    calculator: Page, made: tuple[ModelSpec, tuple[int, int, int]], seed: int
) -> None:
    model, shape = made
    layers = trace(model, shape, 2)
    network = build(model, shape, 2, seed=seed).eval()
    generator = torch.Generator().manual_seed(seed)
    as_if_trained(network, generator)
    image = torch.randn(shape, generator=generator)
    with torch.no_grad(), capture(network) as seen:
        network(image[None])
    given_outputs = {name: output[0].numpy() for name, output in seen.items()}
    for layer in layers:
        number = seed % layer.output[0]
        cut = section(network, layers, image.numpy(), given_outputs, layer.name, number)
        rows, columns = layer.output[1:] or (1, 1)
        places = [(0, 0), (rows - 1, columns - 1), (rows // 2, 0), (seed % rows, seed % columns)]
        facts = {**cut.facts, "kind": cut.kind, "layer": cut.layer, "base": cut.base}
        arrays = {name: (list(array.shape), array.reshape(-1).tolist()) for name, array in cut.arrays.items()}
        found = calculator.evaluate(CALCULATE, [facts, arrays, places])
        # PyTorch in float64 from the same float32 numbers on, over the layers that are calculated in one go.
        begins = next(one for one in layers if one.name == cut.base)
        first = begins.index + (cut.kind == "elementwise" and not isinstance(begins.layer, ONE_BY_ONE))
        expected = (image if first == 0 else seen[layers[first - 1].name][0])[None].double()
        with torch.no_grad():
            for one in layers[first : layer.index + 1]:
                expected = network.double().get_submodule(one.name)(expected)
        network.float()
        expected = expected[0]
        wanted = [expected[number] if expected.ndim == 1 else expected[number, row, column] for row, column in places]
        assert all(close(one, other, 1e-6) for one, other in zip(found, wanted, strict=True)), (
            layer.name,
            found,
            wanted,
        )


def test_many_input_maps_add_up_to_pytorch_s_own_float32(calculator: Page) -> None:
    """512 maps of 5 × 5 weights: in single precision the order of 12,800 additions shows, at 1e-5 of the terms it
    doesn't."""
    generator = torch.Generator().manual_seed(7)
    inputs = torch.randn((512, 6, 6), generator=generator)
    kernel, bias = torch.randn((512, 5, 5), generator=generator) / 100, torch.randn((1,), generator=generator)
    expected = F.conv2d(inputs[None], kernel[None], bias, stride=2, padding=2)[0, 0]
    sizes = F.conv2d(inputs[None].abs(), kernel[None].abs(), stride=2, padding=2)[0, 0]
    facts = {"kind": "convolution", "layer": "conv", "stride": 2, "pad": 2, "bias": float(bias), "steps": []}
    facts["seen"] = list(range(len(inputs)))
    arrays = {"inputs": inputs, "kernel": kernel}
    places = [[row, column] for row in range(3) for column in range(3)]
    given = {name: (list(tensor.shape), tensor.reshape(-1).tolist()) for name, tensor in arrays.items()}
    found = calculator.evaluate(CALCULATE, [facts, given, places])
    assert all(map(close, found, expected.flatten(), (0.01 * sizes).flatten().tolist()))
