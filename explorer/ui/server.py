"""What the server does beside Streamlit's pages: it answers drawings without a script run, gives the app's
style along with the first document, and opens the browser.

There is no session here: who asks says in the address what it is about, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio import to_thread
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from streamlit import cli_util, config
from streamlit.starlette import App
from streamlit.web.server import server_util

from explorer.errors import ExplorerError
from explorer.ui.document import Document

DRAWING = "api/drawing"
"""A drawing's picture is posted here; the address has ``network``, and where there are such ``moment`` (the step of its
training) and ``without`` (the steps of preparation that are left out, between commas)."""

_AT_ONCE = anyio.CapacityLimiter(2)  # a class that draws takes turns: each answer is some milliseconds of computing


async def _drawing(request: Request) -> Response:
    from explorer.ui.components.draw import LONGEST

    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return PlainTextResponse("Only the app's own pages may ask this.", 403)
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > LONGEST:
                return PlainTextResponse("This is more than a drawing.", 413)
    except ClientDisconnect:  # the paper has a newer picture
        return PlainTextResponse("Nobody waits for this any more.", 499)
    try:
        reply = await to_thread.run_sync(_read, bytes(body), dict(request.query_params), limiter=_AT_ONCE)
    except ExplorerError as error:
        return PlainTextResponse(str(error), 404)
    return Response(reply, media_type="application/octet-stream")


def _read(body: bytes, asked: dict[str, str]) -> bytes:
    # Streamlit's server imports this module before it answers anyone: what is heavy comes with the first drawing.
    from explorer.ui import drawing, preparation

    network = drawing.find(asked.get("network", ""), asked.get("moment"))
    without = preparation.titles().keys() & asked.get("without", "").split(",")
    return drawing.reply(network, drawing.look(network, body.decode("ascii", "replace"), frozenset(without)))


@asynccontextmanager
async def lifespan(_app: App) -> AsyncIterator[None]:
    """For ``streamlit.starlette.App``: opens the reader's browser, as Streamlit does where a script has no App."""
    if not config.get_option("server.headless"):
        named = [config.get_option(name) for name in ("browser.serverAddress", "server.address")]
        manual = [config.is_manually_set(name) for name in ("browser.serverAddress", "server.address")]
        address = next((name for name, by_hand in zip(named, manual, strict=True) if by_hand), "localhost")
        await to_thread.run_sync(cli_util.open_browser, server_util.get_url(server_util.get_display_address(address)))
    yield


def middleware() -> list[Middleware]:
    """For ``streamlit.starlette.App``: what stands between its answers and the browser."""
    return [Middleware(Document)]


def routes() -> list[Route]:
    """For ``streamlit.starlette.App``, under the path that the server is told to answer at."""
    base = config.get_option("server.baseUrlPath").strip("/")
    return [Route("/" + "/".join(filter(None, [base, DRAWING])), _drawing, methods=["POST"])]
