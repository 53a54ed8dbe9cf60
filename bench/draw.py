"""From the lifted pen to the screen: how soon the bars show what was drawn, in a real browser with the default network.

A stroke counts that was finished before the pause after which a drawing is sent while the pen is down, so that its
answer can only come from lifting it; the time ends a frame after the bars have changed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page
from report import report
from serving import APP, chromium, serving

LIMIT = 150  # milliseconds at the median
PAUSE = 100  # milliseconds: components/draw.js
DIGITS = (
    ((0.3, 0.22), (0.72, 0.22), (0.45, 0.82)),
    ((0.48, 0.18), (0.5, 0.84)),
    ((0.34, 0.2), (0.32, 0.5), (0.68, 0.5), (0.62, 0.2), (0.64, 0.85)),
    ((0.3, 0.3), (0.5, 0.2), (0.66, 0.35), (0.32, 0.8), (0.72, 0.8)),
)
WATCH = """() => {
  const within = (element) => element.querySelector('.ks-bars') ?? [...element.querySelectorAll('*')]
    .map(({ shadowRoot }) => shadowRoot?.querySelector('.ks-bars')).find(Boolean);
  const bars = () => within(document.querySelector('.st-key-draw'))?.innerHTML;
  const before = bars();
  let lifted;
  let pressed;
  addEventListener('pointerdown', () => { pressed = performance.now(); }, { capture: true, once: true });
  addEventListener('pointerup', () => { lifted = performance.now(); }, { capture: true, once: true });
  window.drawn = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('the bars did not change in ten seconds')), 10000);
    const look = () => {
      const now = bars();
      if (lifted === undefined || !now || now === before) requestAnimationFrame(look);
      else requestAnimationFrame(() => resolve([lifted - pressed, performance.now() - lifted]));
    };
    look();
  });
}"""


def draw(page: Page, points: list[tuple[float, float]]) -> tuple[float, float]:
    """Draws one line, from empty paper on; gives the milliseconds that the pen was down, and from there to the changed
    bars."""
    left, top, side = page.locator(".st-key-draw .paper").evaluate(
        "paper => { const { x, y, width } = paper.getBoundingClientRect(); return [x, y, width]; }"
    )
    places = [(left + x * side, top + y * side) for x, y in points]
    page.evaluate(WATCH)
    page.mouse.move(*places[0])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(x, y)
    page.mouse.up()
    down, answered = page.evaluate("() => window.drawn")
    return float(down), float(answered)


def measure(browser: Browser, url: str, runs: int) -> list[float]:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(f"{url}/digits")
    page.locator(".st-key-draw .ks-bars").wait_for(timeout=60_000)
    page.wait_for_timeout(5_000)
    chance = random.Random(0)
    times: list[float] = []
    number = 0
    while len(times) <= runs:
        number += 1
        shift = chance.uniform(-0.08, 0.08), chance.uniform(-0.08, 0.08)  # another drawing each time: none is cached
        down, time = draw(page, [(x + shift[0], y + shift[1]) for x, y in DIGITS[number % len(DIGITS)]])
        if down < PAUSE:
            times.append(time)
        elif number > 5 * runs:
            sys.exit("this machine is too busy: hardly a stroke was done before the page asked for an answer")
        page.wait_for_timeout(600)
        page.get_by_role("button", name="Clear", exact=True).click()
        page.wait_for_timeout(600)
    return times[1:]  # the first one opens the network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer strokes")
    runs = 8 if parser.parse_args().quick else 40
    with tempfile.TemporaryDirectory() as name, chromium() as browser, serving(APP, Path(name)) as app:
        times = measure(browser, app.url, runs)
    slowest = round(sorted(times)[-max(1, len(times) // 20)], 1)
    report("pen-up to the changed bars", times, "ms", limit=LIMIT, slowest_5_percent=slowest)


if __name__ == "__main__":
    main()
