"""The time slider, and a weight typed in 'Change it': what is on the screen against the weights it should be of."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from settling import standing

from explorer import networks, weights
from explorer.analysis import activations, evaluate
from explorer.data import load
from explorer.figures import theme
from explorer.models import Network, build
from explorer.runs import service
from explorer.runs.artifacts import run_folder
from explorer.spec import Activation, Conv, Flatten, ModelSpec, Output, Pool, RunSpec
from explorer.training.events import Snapshot
from explorer.training.snapshots import write_snapshot

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
SPEC = RunSpec(
    name="growing",
    model=ModelSpec(layers=(Conv(kernels=3, kernel_size=3), Activation(), Pool(), Flatten(), Output())),
)
STEPS = (0, 5, 20)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run with snapshots, in the home that the server gets, too. Its weights are random ones of its steps."""
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path / "home"))
    final = build(SPEC.model, (1, 28, 28), 10, seed=99)
    made = service.add(SPEC, weights.pack(final, SPEC), {})
    for step in STEPS:
        network = build(SPEC.model, (1, 28, 28), 10, seed=step)
        write_snapshot(
            run_folder(made).snapshots,
            Snapshot(
                step=step,
                epoch=step / 10,
                weights={name: tensor.numpy() for name, tensor in network.state_dict().items()},
                complete=True,
                loss=1.0,
                accuracy=0.1,
                images=10,
                confusion=np.eye(10, dtype=np.int64),
                probes=np.arange(10),
                labels=np.arange(10),
                probabilities=np.full((10, 10), 0.1, np.float32),
            ),
        )
    return made


def hovered(wall: Locator) -> str:
    """What the first map of a wall says of its top left value."""
    pixels = wall.locator(".tile .pixels").first
    pixels.hover(position={"x": 4, "y": 4})
    tip = wall.locator(".tip")
    expect(tip).to_be_visible()
    return str(tip.text_content())


def shows(page: Page, network: Network) -> None:
    """Maps, probabilities and kernels on the screen are those of this network."""
    data = load("mnist")
    wanted = activations(network, np.asarray(data.test.pixels[0]), data.card)
    guess = int(wanted["probabilities"].argmax())
    page.get_by_role("tab", name="Maps").click()
    expect(page.locator(".ks-bars tr").nth(guess)).to_contain_text(f"{wanted['probabilities'][guess]:.1%}")
    maps = page.locator('.st-key-flow [data-name="conv1"]')
    expect(maps.locator(".tile")).to_have_count(3)
    expect(page.locator(".ks-verdict")).to_contain_text(f"{wanted['probabilities'][guess]:.1%} sure")
    strongest = int(np.argmax(np.abs(wanted["conv1"].astype(np.float64)).mean((1, 2))))
    assert theme.significant(float(wanted["conv1"][strongest, 0, 0]), 4) in hovered(maps)
    page.get_by_role("tab", name="Kernels").click()
    kernels = page.locator(".st-key-kernels-conv1")
    expect(kernels.locator(".tile")).to_have_count(3)
    assert theme.significant(float(network.conv1.weight[0, 0, 0, 0]), 4) in hovered(kernels)


def test_the_slider_moves_everything_and_a_link_shows_the_same(
    serve: Callable[..., Any], open_page: Callable[..., Page], run: str, tmp_path: Path
) -> None:
    app = serve(ROOT / "streamlit_app.py", {"KERNELSCOPE_HOME": str(tmp_path / "home")}).url
    page = open_page()
    page.goto(f"{app}/inside?network={run}")
    slider = page.get_by_role("slider", name="Moment of its training")
    expect(slider).to_have_attribute("aria-valuetext", "trained")
    expect(page.locator(".ks-bars")).to_be_visible()
    entries = page.evaluate("history.length")
    slider.focus()
    slider.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "step 20, epoch 2.0")
    expect(page).to_have_url(re.compile("snapshot=20"))
    shows(page, networks.load(run, snapshot=20))
    slider.focus()
    slider.press("Home")
    expect(page).to_have_url(re.compile("snapshot=0"))
    shows(page, networks.load(run, snapshot=0))
    # A moment is no step of the reader's: nothing that the slider passed is in the way back.
    assert page.evaluate("history.length") == entries

    other = open_page()
    other.goto(f"{app}/inside?network={run}&snapshot=5")
    expect(other.get_by_role("slider", name="Moment of its training")).to_have_attribute(
        "aria-valuetext", "step 5, epoch 0.50"
    )
    shows(other, networks.load(run, snapshot=5))
    other.get_by_role("button", name="Show it as it is now").click()
    expect(other.get_by_role("slider", name="Moment of its training")).to_have_attribute("aria-valuetext", "trained")
    shows(other, networks.load(run))


@pytest.mark.long
def test_a_weight_is_typed_and_all_test_digits_are_counted_anew(
    serve: Callable[..., Any], open_page: Callable[..., Page], run: str, tmp_path: Path
) -> None:
    app = serve(ROOT / "streamlit_app.py", {"KERNELSCOPE_HOME": str(tmp_path / "home")}).url
    page = open_page()
    page.goto(f"{app}/inside?network={run}")
    page.get_by_role("tab", name="Change it").click()
    expect(page.get_by_text("Nothing yet")).to_be_visible()
    page.get_by_text("Its weights as numbers").click()
    table = page.locator('.st-key-change-one [data-testid="data-grid-canvas"]').first
    expect(table).to_be_visible()
    table.evaluate("element => element.scrollIntoView({block: 'center'})")
    expect(page.get_by_text("Rows from top to bottom")).to_be_visible()
    expect(page.locator(".ks-bars")).to_be_visible()
    page.wait_for_timeout(1000)  # for the table, which draws itself and tells nobody when it has
    size = standing(table)
    # Below the head, the first row's first number.
    page.mouse.click(size["x"] + 30, size["y"] + 52)
    page.wait_for_timeout(500)
    page.keyboard.press("Enter")  # opens the cell
    cell = page.locator("#portal input")
    expect(cell).to_be_visible()
    cell.fill("2.5")
    cell.press("Enter")
    changed = copy.deepcopy(networks.load(run))
    changed.conv1.weight[0, 0, 0, 0] = 2.5
    data = load("mnist")
    before, after = (
        evaluate(one, data.test.pixels, data.test.labels, data.card) for one in (networks.load(run), changed)
    )
    expect(page.get_by_text(f"{before.accuracy:.2%} → {after.accuracy:.2%}")).to_be_visible()
    expect(page.get_by_text("conv1, kernel 0: weights for input map 0 written by hand")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Nothing yet")).to_be_visible()
