"""Mistakes, explained, in the browser; and the current digit's way through links and the browser's history."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from scipy.spatial.distance import cdist

from explorer import zoo
from explorer.analysis import evaluate, mistakes
from explorer.analysis.robust import robustness
from explorer.data import load
from explorer.data.splits import stratified_sample
from explorer.digits.link import to_text

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("subset")]
ROOT = Path(__file__).parents[2]
LONG = 180_000


@pytest.fixture(scope="module")
def app(serve: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    home = tmp_path_factory.mktemp("home")
    return str(serve(ROOT / "streamlit_app.py", {"KERNELSCOPE_HOME": str(home), "KERNELSCOPE_DATA": ""}).url)


def address(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def test_a_misread_digit_is_clicked_explained_and_a_neighbour_becomes_the_current_one(app: str, page: Page) -> None:
    data, network = load("mnist"), zoo.load("softmax")[1]
    answers = evaluate(network, data.test.pixels, data.test.labels, data.card)
    second = int(mistakes(answers)[1])
    page.goto(f"{app}/mistakes?network=softmax")
    page.locator(".st-key-mistakes-wall").get_by_role("option").nth(1).click(timeout=LONG)
    label, read = data.test.labels[second], answers.predictions[second]
    expect(page.get_by_text(f"True class {label}, read as {read}")).to_be_visible(timeout=LONG)
    assert address(page)["digit"] == str(second)
    for name in ("shift", "rotation", "scale", "noise"):
        expect(page.locator(f".st-key-flip-chart-{name} .plot-container")).to_be_visible(timeout=LONG)
    expect(page.get_by_text(re.compile("others answer"))).to_be_visible()
    page.get_by_role("button", name="Find them").click()
    tiles = page.locator(".st-key-neighbour-wall").get_by_role("option")
    tiles.first.click(timeout=LONG)
    flat = [np.asarray(part.pixels).reshape(len(part), -1) / 255 for part in (data.train, data.test)]
    nearest = int(cdist(flat[1][second : second + 1], flat[0])[0].argmin())  # the features before softmax: pixels
    expect(page).to_have_url(re.compile(f"digit=train-{nearest}"), timeout=LONG)
    number = page.get_by_label("Number in the test set").locator("visible=true")
    expect(number).to_have_attribute("placeholder", f"training {nearest}")
    expect(page.locator(".ks-verdict")).to_contain_text(f"true: {data.train.labels[nearest]}")


@pytest.mark.long
def test_the_chart_of_two_networks_holds_the_analysis_own_counts(app: str, page: Page) -> None:
    data = load("mnist")
    page.goto(f"{app}/mistakes?network=softmax&digit=4")
    page.get_by_role("tab", name="How robust is it").click(timeout=LONG)
    page.get_by_role("combobox", name="Compare with").click(timeout=LONG)
    page.get_by_role("option", name="Multilayer perceptron").click()
    page.keyboard.press("Escape")  # while the list is open, the rest can't be reached
    page.get_by_role("radio", name="Attack: FGSM").click(timeout=LONG)
    page.get_by_role("button", name=re.compile("Count Attack: FGSM for")).click(timeout=LONG)
    plot = ".st-key-robust-chart .ks-plot"
    page.wait_for_function(f"() => document.querySelector('{plot}')?._fullData?.length === 2", timeout=LONG)
    shown = page.evaluate(f"() => document.querySelector('{plot}')._fullData.map((line) => [line.name, [...line.y]])")
    numbers = stratified_sample(data.test.labels, 1_000)
    for name, shares in shown:
        known = {"Softmax regression": "softmax", "Multilayer perceptron": "mlp"}[name]
        found = robustness(
            zoo.load(known)[1], data.test.pixels[numbers], data.test.labels[numbers], data.card, "fgsm", numbers=numbers
        )
        np.testing.assert_allclose(shares, found["correct"] / 1_000, atol=2e-3)  # two digits, on another machine's sums
    expect(page.locator(".st-key-robust-wall").get_by_role("img")).to_have_count(8)
    expect(page.get_by_role("button", name="Download all counts as CSV")).to_be_visible()


@pytest.mark.long
def test_back_and_forward_links_and_reloading_keep_the_digit(app: str, page: Page) -> None:
    number = page.get_by_label("Number in the test set").locator("visible=true")

    def at(heading: str, digit: str, network: str = "tiny") -> None:
        expect(page.locator("h1").first).to_have_text(heading, timeout=LONG)
        expect(number).to_have_value(digit, timeout=LONG)
        expect(page).to_have_url(re.compile(f"network={network}&digit={digit or 'own'}"), timeout=LONG)

    page.goto(f"{app}/mistakes?network=tiny&digit=7")
    at("Mistakes", "7")
    for digit in ("9", "12"):
        number.fill(digit)
        number.press("Enter")
        at("Mistakes", digit)
    page.get_by_role("link", name="Your digits").first.click()
    at("Your digits", "12")
    for go, heading, digit in (
        (page.go_back, "Mistakes", "12"),
        (page.go_back, "Mistakes", "9"),
        (page.go_back, "Mistakes", "7"),
        (page.go_forward, "Mistakes", "9"),
        (page.go_forward, "Mistakes", "12"),
        (page.go_forward, "Your digits", "12"),
    ):
        go()
        at(heading, digit)
    page.reload()
    at("Your digits", "12")
    # A link with a digit of somebody's own, opened cold; it follows through the pages.
    pixels = np.asarray(load("mnist").test.pixels[3])[:, ::-1, ::-1].copy()
    page.goto(f"{app}/learn?network=tiny&digit=own&own={to_text(pixels)}")
    at("Learn", "")
    page.get_by_role("link", name="Your digits").first.click()
    at("Your digits", "")
    assert address(page)["own"] == to_text(pixels)
    expect(page.get_by_role("img", name="The current digit, your own")).to_be_visible()
    page.reload()
    at("Your digits", "")
    expect(page.get_by_role("img", name="The current digit, your own")).to_be_visible()
