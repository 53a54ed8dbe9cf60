"""The document that the browser gets first: Streamlit's own, with the app's name and style.

Streamlit has no place for an app's style but the page itself, which comes over the socket with every page, after the
first painting: all is laid out twice, and moves under the reader's eyes.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.figures import theme
from explorer.ui.components import assets

HERE = Path(__file__).parent
NAME = "Kernelscope"
STYLES = (HERE / "style.css", HERE / "lessons" / "lessons.css")


class Document:
    """ASGI middleware: a page that the browser opens is Streamlit's document as :func:`complete` has it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not _wants_a_page(scope):
            await self.app(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()

        async def take(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                if not _is_document(message):
                    await send(message)
            elif not _is_document(start):
                await send(message)
            else:
                body.extend(message.get("body", b""))

        await self.app({**scope, "headers": _plain(scope)}, receive, take)
        if _is_document(start):
            await GZipMiddleware(_answer(body.decode(), scope, start))(scope, receive, send)


@lru_cache(maxsize=1)
def complete(document: str) -> str:
    """Streamlit's document with the app's name and style.

    The style comes last of all: where its rules weigh as much as Streamlit's own, which are written into the head, the
    later ones apply.
    """
    named = document.replace("<title>Streamlit</title>", f"<title>{NAME}</title>")
    return named.replace("</body>", f"<style>{style()}</style></body>")


def style() -> str:
    """The app's own style sheet: the theme's variables, and what Streamlit's settings don't reach."""
    sheets = [path.read_text("utf-8") for path in STYLES]
    return "\n".join([f":root {{ {theme.css_variables()} }}", *sheets, assets.text("bars.css")])


def _wants_a_page(scope: Scope) -> bool:
    return "text/html" in Headers(scope=scope).get("accept", "")


def _plain(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The request's headers for a whole answer that can be read, whatever the browser has of it."""
    unasked = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
    return [(name, value) for name, value in scope["headers"] if name.lower() not in unasked]


def _is_document(start: Message) -> bool:
    kind = Headers(raw=start["headers"]).get("content-type", "") if start else ""
    return "text/html" in kind and start["status"] == 200


def _answer(document: str, scope: Scope, start: Message) -> Response:
    whole = complete(document)
    tag = f'W/"{hashlib.sha256(whole.encode()).hexdigest()[:16]}"'
    held = Headers(scope=scope).get("if-none-match", "")
    answer = Response(status_code=304) if tag in held else HTMLResponse(whole)
    headers = MutableHeaders(raw=list(start["headers"]))
    for name in ("content-length", "content-type", "last-modified", "etag", "accept-ranges"):
        del headers[name]
    answer.headers.update({**headers, "etag": tag})
    return answer
