"""The browser opens by itself where somebody sits before the machine, and nowhere else."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from streamlit import cli_util, config
from streamlit.starlette import App
from streamlit.web.server import server_util

from explorer.ui import server


@pytest.mark.parametrize(
    ("options", "opened"),
    [
        ({"server.headless": True}, []),
        ({"server.headless": False}, ["http://localhost:8501"]),
        ({"server.headless": False, "server.address": "0.0.0.0"}, ["http://localhost:8501"]),
        ({"server.headless": False, "server.address": "192.0.2.7"}, ["http://192.0.2.7:8501"]),
        (
            {"server.headless": False, "server.address": "192.0.2.7", "browser.serverAddress": "digits.example"},
            ["http://digits.example:8501"],
        ),
    ],
)
def test_the_browser_is_opened(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], opened: list[str]) -> None:
    asked: list[str] = []
    monkeypatch.setattr(cli_util, "open_browser", asked.append)
    monkeypatch.setattr(config, "get_option", lambda name, real=config.get_option: options.get(name, real(name)))
    monkeypatch.setattr(config, "is_manually_set", options.__contains__)

    async def start() -> None:
        async with server.lifespan(App("streamlit_app.py")):
            pass

    # In a thread of its own: browser tests in the same process leave an event loop running in this one.
    with ThreadPoolExecutor() as threads:
        threads.submit(asyncio.run, start()).result()
    assert asked == opened
    assert server_util.get_url("localhost") == "http://localhost:8501"


def test_the_address_lies_under_the_servers_path(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [route.path for route in server.routes()] == ["/api/drawing"]
    monkeypatch.setattr(config, "get_option", lambda _: "/school/digits/")
    assert [route.path for route in server.routes()] == ["/school/digits/api/drawing"]
