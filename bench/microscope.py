"""The microscope while the pointer moves: time to calculate and draw a frame, frames a second, bytes of its data."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Page
from report import report
from serving import ROOT, chromium, serving

from explorer.spec import Activation, Conv, Flatten, ModelSpec, Output, to_link

APP = ROOT / "tests" / "browser" / "apps" / "microscope.py"
# As the pointer would: another position in every frame. The time of a drawing ends when the page's layout is done, too.
MOVE = """async (root, frames) => {
  const scope = root.scope, { rows, columns } = scope.section;
  const work = [], intervals = [];
  let before = await new Promise(requestAnimationFrame);
  for (let frame = 1; frame <= frames; frame++) {
    const place = (frame * 7) % (rows * columns);
    scope.move(Math.floor(place / columns), place % columns);
    cancelAnimationFrame(scope.request);
    scope.request = undefined;
    const began = performance.now();
    scope.draw();
    root.getBoundingClientRect();
    work.push(performance.now() - began);
    const now = await new Promise(requestAnimationFrame);
    intervals.push(now - before);
    before = now;
  }
  return { work, intervals, bytes: scope.bytes.length };
}"""


def measure(page: Page, url: str, channels: int, frames: int) -> None:
    first = () if channels == 1 else (Conv(kernels=channels, kernel_size=3), Activation(function="relu"))
    model = ModelSpec(layers=(*first, Conv(kernels=8, kernel_size=3), Activation(function="relu"), Flatten(), Output()))
    page.goto(f"{url}/?spec={to_link(model)}&seed=0")
    layer = "conv1" if channels == 1 else "conv2"
    page.get_by_role("combobox", name="layer").click()
    page.get_by_role("option", name=layer, exact=True).click()
    page.locator(".scope .title", has_text=layer).wait_for()
    page.wait_for_timeout(1_000)
    found = page.locator(".scope").evaluate(MOVE, frames)
    name = f"microscope, {channels} input maps" if channels > 1 else "microscope, 1 input map"
    ordered = sorted(found["work"])
    report(
        f"{name}: a frame's work",
        found["work"],
        "ms",
        limit=16.7,
        slowest_5_percent=round(ordered[-len(ordered) // 20], 2),
    )
    frequency = [1_000 / interval for interval in found["intervals"] if interval > 0]
    report(f"{name}: frames a second", frequency, "1/s", higher_is_better=True)
    report(f"{name}: data", [found["bytes"] / 1_000], "kB")


def app_in(folder: Path) -> Path:
    """The app in a folder of its own, because the static folder is made beside it."""
    return Path(shutil.copy(APP, folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer frames")
    frames = 60 if parser.parse_args().quick else 300
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        serving(app_in(Path(folder)), Path(folder)) as app,
    ):
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        for channels in (1, 16, 64):
            measure(page, app.url, channels, frames)


if __name__ == "__main__":
    main()
