"""What the microscope's browser tests share: PyTorch's own numbers, what the microscope says, and what it draws."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from playwright.sync_api import Locator, Page, expect
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import published
from explorer.analysis import capture
from explorer.analysis.capture import to_input
from explorer.data.cards import CARDS
from explorer.models import Network, build
from explorer.modules import ChannelAffine, UnevenConv2d
from explorer.spec import (
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    ModelSpec,
    Output,
    Pool,
)

CARD = CARDS["mnist"]

# --- PyTorch's side ---

STRIDED = ModelSpec(
    layers=(
        Conv(kernels=6, kernel_size=4, stride=2, padding=1),
        BatchNorm(),
        Activation(function="leaky_relu"),
        Pool(mode="average", size=2, stride=2),
        Conv(kernels=5, kernel_size=2, padding="same", bias=False),
        Activation(function="gelu"),
        GlobalAveragePool(),
        Dense(units=7),
        Activation(function="tanh"),
        Output(),
    )
)
FLAT = ModelSpec(
    layers=(
        Conv(kernels=4, kernel_size=5, padding=2),
        Activation(function="sigmoid"),
        Pool(mode="max", size=3, stride=2),
        Conv(kernels=3, kernel_size=3, stride=3, padding=3),
        Activation(function="relu"),
        Dropout(rate=0.3),
        Flatten(),
        Dense(units=9),
        BatchNorm(),
        Activation(function="relu"),
        Output(),
    )
)


PUBLISHED = published.lenet5()


def as_if_trained(network: Network, generator: torch.Generator) -> None:
    """Batch normalisation with statistics, scales and shifts as training may leave them."""
    for module in network:
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.running_mean.uniform_(-0.5, 0.5, generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
            with torch.no_grad():
                module.weight.uniform_(-1.5, 1.5, generator=generator)
                module.bias.uniform_(-0.5, 0.5, generator=generator)
        if isinstance(module, ChannelAffine):
            with torch.no_grad():
                module.weight.uniform_(-1.5, 1.5, generator=generator)
                module.bias.uniform_(-0.5, 0.5, generator=generator)


def network_and_digit(model: ModelSpec, seed: int) -> tuple[Network, np.ndarray]:
    """As apps/microscope.py makes them."""
    network = build(model, CARD.shape, 10, seed=seed).eval()
    generator = torch.Generator().manual_seed(seed)
    as_if_trained(network, generator)
    return network, torch.randint(0, 256, CARD.shape, generator=generator).to(torch.uint8).numpy()


def exact(network: Network, pixels: np.ndarray) -> tuple[Tensor, dict[str, Tensor]]:
    """The normalised input and every layer's output in float64, without the batch."""
    image = to_input(network, pixels[None], CARD).double()
    with torch.no_grad(), capture(network.double()) as seen:
        network(image)
    return image[0], {name: output[0] for name, output in seen.items()}


def close(actual: float, expected: float | Tensor, scale: float = 0.0) -> bool:
    """To 1e-5 relative; ``scale`` is what the terms of a sum are as large as, where they may cancel out."""
    wanted = float(expected)
    return abs(actual - wanted) <= 1e-5 * max(abs(wanted), scale, 1e-12)


def zeros_around(module: nn.Conv2d) -> tuple[int, int, int, int]:
    """How many zeros PyTorch puts left, right, above and below."""
    if isinstance(module, UnevenConv2d):
        return module.uneven
    down, across = (int(zeros) for zeros in module.padding)
    return across, across, down, down


def by_channel(module: nn.Conv2d, inputs: Tensor, number: int = 0) -> Tensor:
    """What each input map adds to output map ``number``, (C, rows, columns): a convolution in as many groups."""
    weight = module.weight[number][:, None]
    padded = F.pad(inputs, zeros_around(module))[None]
    return F.conv2d(padded, weight, stride=module.stride, groups=len(inputs))[0].detach()


def patch(module: nn.Conv2d, inputs: Tensor, row: int, column: int) -> tuple[Tensor, Tensor]:
    """What lies under the kernel, (C, k, k), and where that is padding, bool (k, k)."""
    size = module.kernel_size[0]
    inside = F.pad(torch.ones_like(inputs[0]), zeros_around(module))
    top, left = row * module.stride[0], column * module.stride[1]
    window = (..., slice(top, top + size), slice(left, left + size))
    return F.pad(inputs, zeros_around(module))[window], inside[window] == 0


# --- the microscope's side ---


def settled(scope: Locator) -> dict[str, Any]:
    """The microscope's reading, after it has drawn."""
    script = """async (root) => {
      for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
      const { row, column, value, sums, total, before, winner } = root.scope.reading;
      return { row, column, value, sums: sums && [...sums], total, before, winner };
    }"""
    return dict(scope.evaluate(script))


def move(scope: Locator, row: int, column: int) -> dict[str, Any]:
    scope.evaluate("(root, [row, column]) => root.scope.move(row, column)", [row, column])
    return settled(scope)


def shown(scope: Locator, layer: str) -> float:
    """The number at the end of the layer's last line of the equations, in full. What is to be read there is it, too,
    to four digits."""
    line = scope.locator(f'.line[data-layer="{layer}"]').last
    value = float(line.get_attribute("data-value") or "nan")
    assert alike(line.locator("b").inner_text(), value, 4), (layer, line.inner_text(), value)
    return value


def read(text: str) -> float:
    """A number as the pages write it: −1,234.5 or 1.20 × 10⁻⁵."""
    plain = text.replace("−", "-").replace(",", "").replace(" × 10", "e")
    return float(plain.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))


def alike(text: str, value: float | Tensor, digits: int) -> bool:
    """Whether a text is that number, rounded to so many significant digits."""
    wanted = float(value)
    return abs(read(text) - wanted) <= 0.501 * 10.0 ** (1 - digits) * abs(wanted) + 1e-9


def table(scope: Locator, caption: str) -> list[list[str | float]]:
    """A table's rows by the beginning of its caption: numbers in full, other cells as they are."""
    captioned = scope.page.locator("caption", has_text=re.compile(f"^{caption}"))
    body = scope.locator("table", has=captioned).locator("tbody")
    script = """(body) => [...body.rows].map((row) => [...row.cells].map((cell) =>
      cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value)))"""
    found: list[list[str | float]] = body.evaluate(script)
    return found


def choose(page: Page, layer: str) -> Locator:
    """Opens another layer in tests/browser/apps/microscope.py."""
    box = page.get_by_role("combobox", name="layer")
    box.click()
    page.get_by_role("option", name=layer, exact=True).click()
    expect(page.locator("#shown")).to_have_text(f"{layer} {page.get_by_label('number').input_value()}")
    scope = page.locator(".scope")
    expect(scope.locator(".title")).to_contain_text(layer)
    return scope


# --- what it draws ---

# Keeps what was drawn on each canvas since it was last cleared; to be run before the page's own scripts.
RECORDER = """(() => {
  const drawn = new WeakMap();
  const pens = CanvasRenderingContext2D.prototype;
  const watch = (name, tell) => {
    const own = pens[name];
    pens[name] = function (...given) {
      if (name === "clearRect") drawn.set(this.canvas, []);
      else drawn.get(this.canvas)?.push({ kind: name, ...tell(this, ...given) });
      return own.apply(this, given);
    };
  };
  watch("clearRect");
  watch("fillRect", (_, x, y, width, height) => ({ box: [x, y, width, height] }));
  watch("strokeRect", (pen, x, y, width, height) => ({
    box: [x, y, width, height], dashed: pen.getLineDash().length > 0, line: pen.lineWidth,
  }));
  watch("fillText", (_, text, x, y) => ({ text, box: [x, y, 0, 0] }));
  watch("drawImage", (_, image, x, y, width, height) => ({ box: [x, y, width, height] }));
  window.drawn = (canvas) => drawn.get(canvas) ?? [];
})();"""


@dataclass
class Line:
    """One input map as the microscope draws it: the numbers in its cells as texts, the cells that are drawn as padding
    (dashed and not filled), and boxes (x, y, width, height): the map's, those around it dashed or not, the ring's."""

    channel: int | None = None
    numbers: dict[str, list[str]] = field(default_factory=lambda: {"patch": [], "kernel": [], "products": []})
    padding: dict[str, list[bool]] = field(default_factory=lambda: {"patch": [], "kernel": [], "products": []})
    total: str = ""
    image: tuple[float, ...] = ()
    rim: tuple[float, ...] = ()
    dashed: bool = False
    ring: tuple[float, ...] = ()


def lines_drawn(scope: Locator) -> list[Line]:
    """The input maps of a convolution that are on the canvas now, from the top down."""
    found: list[Line] = []
    part, filled = "map", True
    for operation in scope.locator(".list canvas").evaluate("(canvas) => window.drawn(canvas)"):
        match operation:
            case {"kind": "drawImage", "box": box}:
                found.append(Line(image=tuple(box)))
                part = "map"
            case {"kind": "strokeRect", "box": box, "dashed": dashed} if part == "map" and not found[-1].rim:
                found[-1].rim, found[-1].dashed = tuple(box), dashed
            case {"kind": "strokeRect", "box": box, "line": 2} if part == "map":
                found[-1].ring = tuple(box)
                part = "patch"
            case {"kind": "fillRect"}:
                filled = True
            case {"kind": "strokeRect", "dashed": True}:
                filled = False
            case {"kind": "fillText", "text": "×" | "=" | "Σ" as sign}:
                part = {"×": "kernel", "=": "products", "Σ": "total"}[sign]
            case {"kind": "fillText", "text": text} if part in found[-1].numbers:
                found[-1].numbers[part].append(text)
                found[-1].padding[part].append(not filled)
            case {"kind": "fillText", "text": text} if text.startswith("input map "):
                found[-1].channel = int(text.removeprefix("input map "))
            case {"kind": "fillText", "text": text}:
                found[-1].total = text
    return found


def rounded_alike(texts: list[str], values: Tensor) -> bool:
    """Whether a grid's texts are these values, each rounded to the places that its text has."""
    wanted = values.reshape(-1).tolist()
    places = [len(text.partition(".")[2]) for text in texts]
    if len(texts) != len(wanted):
        return False
    apart = [abs(read(text) - value) for text, value in zip(texts, wanted, strict=True)]
    return all(one <= 0.501 * 10.0**-place for one, place in zip(apart, places, strict=True))


def colours(canvas: Locator) -> np.ndarray:
    """A canvas's pixels, uint8 (H, W, 4)."""
    script = """(canvas) => [canvas.height, canvas.width,
      [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]]"""
    height, width, values = canvas.evaluate(script)
    return np.array(values, np.uint8).reshape(height, width, 4)
