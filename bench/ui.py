"""From the hand to the screen: a slider, another digit, another page; and many who watch one run live."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Browser, Page
from report import report
from serving import APP, chromium, serving
from viewers import Viewer

CURVE = "[class*=st-key-loss-] .ks-plot"

# Waits, inside the browser, for a change of an element's text, and gives the milliseconds since the key was pressed;
# fails after ten seconds.
WATCH = """selector => {
  const before = document.querySelector(selector).textContent;
  window.changed = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`${selector} did not change`)), 10000);
    document.addEventListener("keydown", () => { window.pressed = performance.now(); }, {capture: true, once: true});
    const look = () => {
      const now = document.querySelector(selector);
      if (window.pressed && now && now.textContent !== before) {
        requestAnimationFrame(() => resolve(performance.now() - window.pressed));
      } else { requestAnimationFrame(look); }
    };
    window.pressed = undefined; look();
  });
}"""


def keyed(page: Page, selector: str, key: str) -> float:
    """Milliseconds from a key press to the changed text of an element on the screen."""
    page.evaluate(WATCH, selector)
    page.keyboard.press(key)
    return float(page.evaluate("() => window.changed"))


def open_page(browser: Browser, url: str) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(url)
    page.locator("h1").first.wait_for(timeout=60_000)
    page.wait_for_timeout(5_000)
    return page


def slider(browser: Browser, url: str, runs: int) -> None:
    page = open_page(browser, url)
    thumb = page.get_by_role("slider", name="Kernels").first
    thumb.focus()
    times = []
    for number in range(runs):
        times.append(keyed(page, ".st-key-totals", "ArrowRight" if number % 2 == 0 else "ArrowLeft"))
        page.wait_for_timeout(300)
    report("slider move to the totals on the screen", times, "ms", limit=300)
    page.context.close()


def digit(browser: Browser, url: str, runs: int) -> None:
    page = open_page(browser, f"{url}/inside?network=article&digit=0")
    page.get_by_label("Number in the test set").focus()
    times = []
    for _ in range(runs):
        times.append(keyed(page, ".st-key-output .ks-bars", "ArrowUp"))
        page.wait_for_timeout(400)
    report("another digit in Look inside", times, "ms", limit=400)
    page.context.close()


def pages(browser: Browser, url: str, runs: int) -> None:
    page = open_page(browser, url)
    times = []
    for number in range(runs):
        name = "Look inside" if number % 2 == 0 else "Build & train"
        began = time.perf_counter()
        page.get_by_role("link", name=name).click()
        page.locator("h1", has_text=name).wait_for(timeout=30_000)
        times.append(1_000 * (time.perf_counter() - began))
        page.wait_for_timeout(1_000)
    report("from page to page", times, "ms")
    page.context.close()


def viewers(browser: Browser, url: str, process: int, seconds: int) -> None:
    """Ten sessions on one running run, one of them in a real browser: how often each is answered and sees new numbers,
    what the server needs for it, and whether the chart is still the same element."""
    page = open_page(browser, url)
    page.get_by_role("tab", name="Recipe").click()
    epochs = page.get_by_role("slider", name="Epochs")
    epochs.focus()
    epochs.press("End")
    page.wait_for_timeout(1_000)
    page.locator(".st-key-train button").click()
    page.locator(".st-key-run-header").wait_for(timeout=60_000)
    others = [Viewer(page.url) for _ in range(9)]
    page.locator(CURVE).wait_for(timeout=60_000)
    page.wait_for_timeout(5_000)
    page.evaluate(
        """curve => {
          window.refreshes = 0;
          let before = '';
          new MutationObserver(() => {
            const now = document.querySelector('.st-key-run-progress')?.textContent ?? '';
            if (now !== before) { before = now; window.refreshes += 1; }
          }).observe(document.body, {subtree: true, childList: true, characterData: true});
          document.querySelector(curve).dataset.seen = 'first';
        }""",
        CURVE,
    )
    server = psutil.Process(process)
    server.cpu_percent()
    before = [(len(viewer.answers), viewer.refreshes, viewer.received) for viewer in others]
    seen = int(page.evaluate("() => window.refreshes"))
    began = time.monotonic()
    page.wait_for_timeout(1_000 * seconds)
    load, past = server.cpu_percent(), time.monotonic() - began
    in_the_browser = (int(page.evaluate("() => window.refreshes")) - seen) / past
    after = [(len(viewer.answers), viewer.refreshes, viewer.received) for viewer in others]
    answered, new, received = ((np.array(after) - np.array(before)) / past).T
    longest = max(
        np.diff([began, *viewer.answers[count:], began + past]).max()
        for viewer, (count, *_) in zip(others, before, strict=True)
    )
    same = page.evaluate("curve => document.querySelector(curve).dataset.seen === 'first'", CURVE)
    report(
        "refreshes a second of nine of ten live viewers",
        answered.tolist(),
        "1/s",
        slowest=round(float(answered.min()), 3),
        longest_wait_in_seconds=round(float(longest), 2),
        with_new_numbers=round(float(new.min()), 3),
        in_the_browser=round(in_the_browser, 3),
        same_chart_element=same,
        kilobytes_a_second_each=round(float(received.mean()) / 1_000, 1),
        higher_is_better=True,
    )
    report("server's load with ten live viewers", [load], "% of a core")
    for viewer in others:
        viewer.close()
    page.get_by_role("button", name="Stop").click()
    page.wait_for_timeout(3_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    quick = parser.parse_args().quick
    runs = 6 if quick else 20
    with tempfile.TemporaryDirectory() as name, chromium() as browser, serving(APP, Path(name)) as app:
        open_page(browser, app.url).context.close()
        slider(browser, app.url, runs)
        digit(browser, app.url, runs)
        pages(browser, app.url, runs)
        viewers(browser, app.url, app.process.pid, 10 if quick else 30)


if __name__ == "__main__":
    main()
