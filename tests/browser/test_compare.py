"""Compare in the browser: a digit that only one network reads right, the list of networks, and the way back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from explorer import zoo
from explorer.analysis import evaluate
from explorer.data import load

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("subset")]
ROOT = Path(__file__).parents[2]
LONG = 180_000


def test_from_a_run_to_what_only_one_reads_right_and_back(
    serve: Callable[..., Any], tmp_path: Path, page: Page
) -> None:
    app = serve(ROOT / "streamlit_app.py", {"KERNELSCOPE_HOME": str(tmp_path), "KERNELSCOPE_DATA": ""}).url
    data = load("mnist")
    one, other = (
        evaluate(zoo.load(name)[1], data.test.pixels, data.test.labels, data.card) for name in ("mlp", "softmax")
    )
    right, beside = one.predictions == one.labels, other.predictions == other.labels
    page.goto(f"{app}/compare?network=mlp&digit=7")
    expect(page).to_have_url(re.compile("with=article"), timeout=LONG)  # it says what is compared, from the first
    page.get_by_role("button", name="Remove Article's network").click()
    expect(page.get_by_text("Choose one network or more")).to_be_visible(timeout=LONG)
    page.go_back()
    expect(page).to_have_url(re.compile("with=article"), timeout=LONG)
    expect(page.get_by_text("Who reads what right")).to_be_visible(timeout=LONG)
    page.go_forward()
    expect(page.get_by_text("Choose one network or more")).to_be_visible(timeout=LONG)
    assert "with=" not in page.url

    page.goto(f"{app}/compare?network=mlp&digit=7&with=softmax")
    tiles = page.locator(".st-key-compare-wall").get_by_role("option")
    expect(page.get_by_role("radio", name=re.compile("^Only Multilayer perceptron right"))).to_contain_text(
        f"{(right & ~beside).sum():,}", timeout=LONG
    )
    expect(page.get_by_role("table").filter(has_text="Both wrong")).to_contain_text(f"{(~right & ~beside).sum():,}")

    # Another group, and one of its digits becomes the current one.
    page.get_by_role("radio", name=re.compile("^Only Softmax regression right")).click()
    wanted = int(np.flatnonzero(beside & ~right)[0])
    expect(tiles.first).to_contain_text(f"{one.labels[wanted]} → {one.predictions[wanted]}")
    tiles.first.click()
    number = page.get_by_label("Number in the test set").locator("visible=true")
    expect(number).to_have_value(str(wanted), timeout=LONG)
    expect(page).to_have_url(re.compile(f"digit={wanted}\\b"))
    expect(page).to_have_url(re.compile("with=softmax"))

    # A third network, and back to two: the browser's way back takes the list along.
    page.get_by_role("combobox", name="Compare with").click()
    expect(page.get_by_role("option").first).to_be_visible()
    expect(page.get_by_role("option", name="Select all")).to_have_count(0)  # five at most
    page.keyboard.type("Tiny")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("with=softmax%2Ctiny"), timeout=LONG)
    expect(page.get_by_role("radio", name="Tiny")).to_be_visible(timeout=LONG)
    page.go_back()
    expect(page.get_by_role("radio", name="Tiny")).to_have_count(0, timeout=LONG)
    expect(number).to_have_value(str(wanted))
    page.go_back()
    expect(number).to_have_value("7", timeout=LONG)

    # Another network of the list becomes the current one: both change places, and the way back undoes that at once.
    page.get_by_role("combobox", name="Current network").click()
    page.keyboard.type("Softmax")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("network=softmax.*with=mlp"), timeout=LONG)
    page.go_back()
    expect(page).to_have_url(re.compile("network=mlp.*with=softmax"), timeout=LONG)
    expect(page.get_by_role("button", name="Remove Softmax regression")).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Mistakes").click()
    expect(page.locator("h1").first).to_have_text("Mistakes", timeout=LONG)
    assert "with=" not in page.url


def test_more_seeds_are_trained_by_one_click_and_told_as_they_come(
    serve: Callable[..., Any], tmp_path: Path, page: Page
) -> None:
    env = {"KERNELSCOPE_HOME": str(tmp_path), "KERNELSCOPE_DATA": ""}
    runs = []
    for preset in ("softmax", "mlp"):
        command = [sys.executable, "-m", "explorer", "train", "--preset", preset, "--subset", "500", "--json"]
        told = subprocess.run(
            [*command, "--epochs", "2"], cwd=ROOT, env=os.environ | env, capture_output=True, text=True, check=True
        )
        runs.append(json.loads(told.stdout.splitlines()[-1])["run"])
    app = serve(ROOT / "streamlit_app.py", env).url
    page.goto(f"{app}/compare?network={runs[0]}&with={runs[1]}")
    page.get_by_role("button", name="Train each with 2 more seeds").click(timeout=LONG)
    seeds = page.get_by_role("table").filter(has_text="Mean and standard deviation").get_by_role("row")
    expect(seeds.nth(1)).to_contain_text("under way", timeout=LONG)
    for row in (1, 2):
        expect(seeds.nth(row).get_by_role("cell").first).to_have_text("3", timeout=LONG)
    expect(page.get_by_role("button", name=re.compile("^Stop"))).to_have_count(0)
    expect(
        page.get_by_text(re.compile("more than their seeds explain|nothing can be told from chance"))
    ).to_be_visible()
    # Each is a run of its own, with a name that tells its seed.
    page.get_by_role("combobox", name="Compare with").click()
    page.keyboard.type("seed 2")
    expect(page.get_by_role("option", name=re.compile("seed 2"))).to_have_count(2)
