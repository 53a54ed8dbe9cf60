"""Small pieces of HTML that Streamlit has no element for. All text that comes in is escaped here."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image


def picture(pixels: np.ndarray, *, size: int, alt: str) -> str:
    """An <img> of uint8 pixels (C, H, W) with C 1 or 3, drawn ``size`` CSS pixels wide without smoothing."""
    image = Image.fromarray(pixels[0] if pixels.shape[0] == 1 else np.moveaxis(pixels, 0, -1))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img class="digit" src="data:image/png;base64,{data}" width="{size}" alt="{escape(alt)}">'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str, numeric: Sequence[int] = ()) -> str:
    """A plain table that scrolls sideways in its own box; columns ``numeric`` are set flush right."""

    def cell(tag: str, number: int, text: str) -> str:
        kind = ' class="number"' if number in numeric else ""
        return f"<{tag}{kind}>{escape(text)}</{tag}>"

    header = "".join(cell("th", number, text) for number, text in enumerate(head))
    body = "".join(
        "<tr>" + "".join(cell("td", number, text) for number, text in enumerate(row)) + "</tr>" for row in rows
    )
    return (
        f'<div class="ks-table" tabindex="0"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def thumbnail(image: np.ndarray) -> np.ndarray:
    """An image (h, w) or (h, w, 3) as pixels (C, h, w)."""
    return image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is: a file's name must not become a heading, a link or HTML."""
    return "".join(
        f"\\{letter}" if letter in "\\`*_{}[]()<>#+-.!|~:$" else letter for letter in text if letter.isprintable()
    )
