"""How soon the app is there, and what it weighs: first paint beside an empty Streamlit page, imports, memory.

Both pages are warm (opened once before) and are opened in turn, each time in a browser context without a cache.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Browser
from report import report
from serving import APP, ROOT, chromium, serving

EMPTY = 'import streamlit as st\n\nst.title("Nothing")\n'


def first_paint(browser: Browser, url: str) -> float:
    """Seconds from the request to the first heading on the screen."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(url)
    page.locator("h1").first.wait_for(timeout=60_000)
    seconds = time.perf_counter() - began
    context.close()
    return seconds


def imports(runs: int) -> None:
    """What importing the app's modules costs beyond Streamlit itself."""
    code = "import time; import streamlit; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
    pages = "from explorer.ui import builder, design, digits, inside, live, mistakes, recipe, shell, sidebar"
    seconds = []
    for _ in range(runs):
        out = subprocess.run(
            [sys.executable, "-c", code.format(pages)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        seconds.append(float(out.stdout))
    report("import of all pages after streamlit", seconds, "s")


def memory(browser: Browser, url: str, process: psutil.Process) -> None:
    """The server with five sessions that have each seen every page."""
    contexts = []
    for _ in range(5):
        context = browser.new_context()
        contexts.append(context)
        page = context.new_page()
        for path in ("", "inside", "mistakes", "digits", "compare", "data", "learn", ""):
            page.goto(f"{url}/{path}")
            page.locator("h1").first.wait_for(timeout=60_000)
            page.wait_for_timeout(1_500)
    report("memory of the server with five open sessions", [process.memory_info().rss / 1e6], "MB", limit=700)
    for context in contexts:
        context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    runs = 3 if parser.parse_args().quick else 9
    imports(runs)
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        empty = folder / "empty.py"
        empty.write_text(EMPTY)
        with serving(APP, folder / "app") as app, serving(empty, folder / "empty") as nothing:
            ours, theirs = [], []
            report("first paint of a cold server", [first_paint(browser, app.url)], "s")
            first_paint(browser, nothing.url)
            time.sleep(8)  # what a fresh server loads in the background
            for _ in range(runs):
                ours.append(first_paint(browser, app.url))
                theirs.append(first_paint(browser, nothing.url))
            report("first paint of the warm app", ours, "s", baseline=theirs, limit=1.5)
            memory(browser, app.url, psutil.Process(app.process.pid))


if __name__ == "__main__":
    main()
