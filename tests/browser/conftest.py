"""A real headless Chromium and real servers, for tests that look at what is on the screen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect
from serving import APP, Server, chromium, start

PATIENCE = 60_000  # milliseconds; two cores, and other tests beside this one
LOCAL = {"localhost", "127.0.0.1", "::1", None}
Serve = Callable[..., Server]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where nobody looks on (CI), a browser test that fails is run once more: machines there are slow for seconds on
    end. The summary names it as rerun; by hand it fails at once."""
    if os.environ.get("CI"):
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """``serve(script, env)`` starts ``streamlit run script`` and gives back the server when it answers. All are stopped
    at the end of the session."""
    servers: list[Server] = []

    def begin(script: Path, env: Mapping[str, str] | None = None) -> Server:
        servers.append(start(script, tmp_path_factory.mktemp("server") / "log.txt", env))
        return servers[-1]

    yield begin
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def app(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a server of the whole app, with a home of its own, for one file of tests."""
    return serve(APP, {"KERNELSCOPE_HOME": str(tmp_path_factory.mktemp("home"))}).url


@dataclass
class Watch:
    """What a page must not do: ask another host for anything, or raise an error in its scripts."""

    faults: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("request", self._request)
        page.on("pageerror", lambda error: self.faults.append(f"error in the page: {error.stack or error}"))

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


@pytest.fixture
def subset(monkeypatch: pytest.MonkeyPatch) -> None:
    """The 5,000 digits are enough, here as in a server that is given KERNELSCOPE_DATA = ""."""
    monkeypatch.delenv("KERNELSCOPE_DATA", raising=False)
