"""A real headless Chromium and real servers, for tests that look at what is on the screen."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

ROOT = Path(__file__).parents[2]
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 30_000  # milliseconds; a loaded machine needs them
LOCAL = {"localhost", "127.0.0.1", "::1", None}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium from the PATH, else the one that Playwright brings."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    executable = next((path for path in found if path), None)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=[*ARGUMENTS])
        yield chromium
        chromium.close()


@dataclass
class Server:
    """A Streamlit server of our own: where it answers, and what it said."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


Serve = Callable[..., Server]


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """``serve(script, env)`` starts ``streamlit run script`` on a free port, with the project's own settings, and gives
    back the :class:`Server` when it answers. All are stopped at the end of the session."""
    servers: list[Server] = []

    def start(script: Path, env: Mapping[str, str] | None = None) -> Server:
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = tmp_path_factory.mktemp("server") / "log.txt"
        options = {"port": port, "address": "127.0.0.1", "headless": "true", "fileWatcherType": "none"}
        command = [sys.executable, "-m", "streamlit", "run", str(script)]
        command += [f"--server.{name}={value}" for name, value in options.items()]
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,  # where .streamlit/config.toml lies
                env={**os.environ, "PYTHONPATH": paths, **(env or {})},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = Server(f"http://127.0.0.1:{port}", process, log)
        servers.append(server)
        _wait_until_healthy(server)
        return server

    yield start
    for server in servers:
        server.stop()


def _wait_until_healthy(server: Server, seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while server.process.poll() is None and time.monotonic() < give_up:
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{server.log.read_text()}")


@dataclass
class Watch:
    """What a page must not do: ask another host for anything, or raise an error in its scripts."""

    faults: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("request", self._request)
        page.on("pageerror", lambda error: self.faults.append(f"error in the page: {error}"))

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in LOCAL:
            self.faults.append(f"request to another host: {request.url}")


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """``open_page(**options)`` opens a page in a browser context of its own; options are Playwright's
    ``Browser.new_context`` (viewport, color_scheme, has_touch …). Whatever :class:`Watch` found fails the test."""
    watch = Watch()
    contexts: list[BrowserContext] = []

    def new(**options: object) -> Page:
        options = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light", **options}
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        watch.follow(page)
        return page

    yield new
    for context in contexts:
        context.close()
    assert not watch.faults, "\n".join(watch.faults)


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A watched page, 1440 × 900, in the light theme."""
    return open_page()
