"""The document that the browser gets first."""

from __future__ import annotations

import asyncio
import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Route
from streamlit import file_util

from explorer.ui.document import Document, style

STATIC = Path(file_util.get_static_dir())
INDEX = STATIC / "index.html"
PAGE = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def ask(path: str, headers: dict[str, str], method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """What a server with one page, one text and the middleware answers."""
    inner = Starlette(
        routes=[
            Route("/", lambda _: FileResponse(INDEX, headers={"cache-control": "no-cache"})),
            Route("/text", lambda _: PlainTextResponse("</head></body>")),
        ]
    )
    given: list[dict[str, Any]] = []
    asked: list[bool] = []

    async def receive() -> dict[str, Any]:
        if asked:
            await asyncio.Event().wait()  # nobody hangs up
        asked.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        given.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    # In a thread of its own: browser tests in the same process leave an event loop running in this one.
    with ThreadPoolExecutor() as threads:
        threads.submit(asyncio.run, Document(inner)(scope, receive, send)).result()
    start, *bodies = given
    names = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], names, b"".join(message.get("body", b"") for message in bodies)


def test_a_page_has_the_apps_name_and_its_style_last() -> None:
    status, headers, body = ask("/", PAGE)
    text = body.decode()
    assert status == 200
    assert int(headers["content-length"]) == len(body)
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>Kernelscope</title>" in text
    assert text.rstrip().endswith(f"<style>{style()}</style></body>\n</html>")
    assert ".stMainBlockContainer" in style()


def test_what_the_browser_has_already_is_not_sent_again() -> None:
    _, headers, whole = ask("/", PAGE)
    assert ask("/", PAGE)[1]["etag"] == headers["etag"]
    status, again, body = ask("/", {**PAGE, "if-none-match": headers["etag"]})
    assert (status, body) == (304, b"")
    assert again["cache-control"] == headers["cache-control"] == "no-cache"
    # Streamlit's own document of an earlier visit is another one.
    own = ask("/", {"accept": "*/*"})[1]["etag"]
    assert own != headers["etag"]
    assert ask("/", {**PAGE, "if-none-match": own})[2] == whole


def test_it_is_compressed_where_the_browser_says_so() -> None:
    whole = ask("/", PAGE)[2]
    _, headers, packed = ask("/", {**PAGE, "accept-encoding": "gzip"})
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed) == whole
    assert len(packed) < len(whole) / 2


@pytest.mark.parametrize(
    ("path", "headers"), [("/", {"accept": "*/*"}), ("/text", PAGE), ("/none", PAGE)], ids=["file", "text", "missing"]
)
def test_everything_else_passes_as_it_is(path: str, headers: dict[str, str]) -> None:
    status, _, body = ask(path, headers)
    assert body == {"/": INDEX.read_bytes(), "/text": b"</head></body>", "/none": b"Not Found"}[path]
    assert status == (404 if path == "/none" else 200)
