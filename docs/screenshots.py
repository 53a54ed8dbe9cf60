"""Makes the README's pictures again: a server of its own, a real run, a real browser. `make screenshots`"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path[:0] = [str(HERE.parent / "bench"), str(HERE.parent / "tests" / "labelled")]

import pictures  # noqa: E402
import sheets  # noqa: E402
from labelled_files import packed  # noqa: E402
from labelled_files import shapes as labelled_shapes  # noqa: E402
from serving import APP, chromium, serving  # noqa: E402

from explorer.data import load  # noqa: E402

WIDTH, HEIGHT = 1440, 900


def open_page(browser: Browser, url: str, scheme: str = "light", height: int = HEIGHT) -> Page:
    context = browser.new_context(viewport={"width": WIDTH, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(url)
    page.locator("h1").first.wait_for(timeout=60_000)
    return page


def keep(page: Page, name: str) -> None:
    """Saves what is on the screen with few colours: the pictures travel with the repository."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(2_500)
    image = Image.open(io.BytesIO(page.screenshot()))
    image.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(HERE / f"{name}.png", optimize=True)
    page.context.close()


def photograph(number: int) -> bytes:
    """A test digit as somebody would photograph it: dark ink, uneven light, off-centre."""
    pixels = np.asarray(load("mnist").test.pixels[number, 0])
    ink = np.asarray(Image.fromarray(pixels).resize((220, 220), Image.Resampling.BICUBIC), float) / 255
    rows, columns = np.mgrid[0:360, 0:480]
    paper = 235 - 0.12 * columns - 0.08 * rows
    paper[90:310, 170:390] *= 1 - 0.8 * ink
    coloured = np.stack([paper, paper * 0.98, paper * 0.93], -1)
    buffer = io.BytesIO()
    Image.fromarray(coloured.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def sheet() -> bytes:
    """A photographed sheet of squared paper with some test digits."""
    test, rng = load("mnist").test, np.random.default_rng(5)
    numbers = rng.permutation(len(test))[:16]
    return sheets.FAMILIES["squared"]([pictures.glyph(np.asarray(test.pixels[one, 0])) for one in numbers], rng).data


def draw(page: Page, line: list[tuple[float, float]]) -> None:
    """One stroke on the drawing page's paper, in shares of its sides."""
    paper = page.locator(".st-key-draw canvas").first
    paper.wait_for(timeout=60_000)
    box = paper.bounding_box()
    if box is None:
        raise RuntimeError("the paper is not on the screen")
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in line]
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(x, y, steps=10)
    page.mouse.up()


def main() -> None:
    with tempfile.TemporaryDirectory() as name, chromium() as browser, serving(APP, Path(name)) as app:
        page = open_page(browser, app.url)
        page.locator(".st-key-architecture .plot-container").wait_for(timeout=60_000)
        keep(page, "build")

        page = open_page(browser, app.url, height=1_100)
        page.locator(".st-key-train button").click()
        page.locator(".st-key-run-header").get_by_text("Trained").wait_for(timeout=600_000)
        run = parse_qs(urlsplit(page.url).query)["network"][0]
        keep(page, "live")

        for scheme, suffix in (("light", ""), ("dark", "-dark")):
            page = open_page(browser, f"{app.url}/inside?network=article&digit=18", scheme)
            page.locator(".st-key-flow .tile").first.wait_for(timeout=60_000)
            keep(page, f"inside{suffix}")

        page = open_page(browser, f"{app.url}/inside?network=article&digit=18", height=1_000)
        page.locator('.st-key-flow [data-name="relu2"]').get_by_role("option").first.click()
        page.locator(".st-key-microscope .scope .title").wait_for(timeout=60_000)
        keep(page, "microscope")

        page = open_page(browser, f"{app.url}/inside?network=article&digit=18")
        page.get_by_role("tab", name="Kernel bench").click()
        page.get_by_text("Use in first layer").wait_for(timeout=60_000)
        keep(page, "kernel-bench")

        page = open_page(browser, f"{app.url}/inside?network=lenet5&digit=18", height=1_000)
        page.get_by_role("tab", name="Kernels", exact=True).click()
        page.get_by_role("radio", name="what they look for").click()
        page.get_by_text("A tile holds the nine").wait_for(timeout=300_000)
        page.get_by_role("option", name="conv1, kernel 2: best test image").click()
        page.locator(".st-key-exciting-nine canvas").first.wait_for(timeout=60_000)
        keep(page, "looks-for")

        page = open_page(browser, f"{app.url}/inside?network=lenet5&digit=18", height=1_000)
        page.get_by_role("tab", name="Where classes separate").click()
        page.locator(".st-key-separation .plot-container").wait_for(timeout=300_000)
        keep(page, "separate")

        page = open_page(browser, f"{app.url}/learn?chapter=convolution")
        page.locator(".scope .title, .ks-plot .plot-container").first.wait_for(timeout=60_000)
        keep(page, "learn")

        page = open_page(browser, f"{app.url}/mistakes?network=lenet5")
        page.locator(".st-key-confusion .plot-container").wait_for(timeout=60_000)
        keep(page, "mistakes")

        page = open_page(browser, f"{app.url}/mistakes?network=lenet5", height=1_000)
        page.locator(".st-key-mistakes-wall").get_by_role("option").first.click()
        page.get_by_text("The smallest change that makes it right").wait_for(timeout=300_000)
        keep(page, "explained")

        page = open_page(browser, f"{app.url}/build?network={run}")
        page.locator('[data-testid="stButtonGroup"]').first.get_by_text("Tiny").first.click()
        page.locator(".st-key-stage").get_by_text("7,646 parameters").wait_for()
        page.locator(".st-key-train button").click()
        page.locator(".st-key-run-header").filter(has_text="Tiny").get_by_text("Trained").wait_for(timeout=600_000)
        page.get_by_role("button", name="Compare").click()
        page.locator(".st-key-compare-loss .plot-container").wait_for(timeout=60_000)
        page.get_by_text("Who reads what right").wait_for(timeout=60_000)
        page.set_viewport_size({"width": WIDTH, "height": 1_500})
        keep(page, "compare")

        page = open_page(browser, f"{app.url}/data?network=lenet5", height=1_000)
        page.locator(".st-key-data-counts .plot-container").wait_for(timeout=60_000)
        keep(page, "data")

        page = open_page(browser, f"{app.url}/data?network=lenet5", height=1_050)
        page.get_by_role("tab", name="Your own").click()
        shapes = {"name": "shapes.zip", "mimeType": "application/zip", "buffer": packed(labelled_shapes(40))}
        page.locator(".st-key-own-data-files-0 input[type=file]").set_input_files(shapes)  # type: ignore[arg-type]
        page.locator(".st-key-own-data-keep button").wait_for(timeout=60_000)
        keep(page, "own-data")

        page = open_page(browser, f"{app.url}/digits?network=article", height=1_000)
        draw(page, [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)])
        page.get_by_text("Reads ").first.wait_for(timeout=60_000)
        keep(page, "draw")

        page = open_page(browser, f"{app.url}/digits?network=article")
        page.get_by_role("tab", name="Upload").click()
        picture = {"name": "photograph.jpg", "mimeType": "image/jpeg", "buffer": photograph(18)}
        page.locator(".st-key-upload input[type=file]").set_input_files([picture])  # type: ignore[list-item]
        page.get_by_text("Reads ").first.wait_for(timeout=60_000)
        keep(page, "digits")

        page = open_page(browser, f"{app.url}/digits", height=1_100)
        page.get_by_role("tab", name="Upload").click()
        picture = {"name": "sheet.jpg", "mimeType": "image/jpeg", "buffer": sheet()}
        page.locator(".st-key-upload input[type=file]").set_input_files([picture])  # type: ignore[list-item]
        page.locator(".boxes .box").first.wait_for(timeout=120_000)
        page.locator(".boxes").first.scroll_into_view_if_needed()
        keep(page, "sheet")


if __name__ == "__main__":
    main()
