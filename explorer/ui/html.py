"""Small pieces of HTML that Streamlit has no element for. All text that comes in is escaped here."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from explorer.ui import text


def picture(pixels: np.ndarray, *, size: int, alt: str) -> str:
    """An <img> of uint8 pixels (C, H, W) with C 1 or 3, drawn ``size`` CSS pixels wide without smoothing. It grows in
    wide windows, a small one to a whole multiple of its pixels."""
    image = Image.fromarray(pixels[0] if pixels.shape[0] == 1 else np.moveaxis(pixels, 0, -1))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    step = image.width if image.width < size else 1
    style = f"--size:{size}px;--step:{step}px"
    return f'<img class="digit" src="data:image/png;base64,{data}" width="{size}" style="{style}" alt="{escape(alt)}">'


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str,
    numeric: Sequence[int] = (),
    row_heads: bool = False,
) -> str:
    """A plain table that scrolls sideways in its own box; columns ``numeric`` are set flush right. With ``row_heads``
    the first cell of each row names it, and stays in sight while the others scroll."""

    def cell(tag: str, number: int, text: str) -> str:
        kind = ' class="number"' if number in numeric else ""
        if row_heads and number == 0:
            tag, kind = ("th", ' scope="row"') if tag == "td" else (tag, "")
        tag = tag if text else "td"  # an empty corner is no heading
        return f"<{tag}{kind}>{escape(text)}</{tag}>"

    header = "".join(cell("th", number, text) for number, text in enumerate(head))
    body = "".join(
        "<tr>" + "".join(cell("td", number, text) for number, text in enumerate(row)) + "</tr>" for row in rows
    )
    named = f' class="named" style="--columns:{len(head) - 1}"' if row_heads else ""
    return (
        f'<div class="ks-table" role="region" aria-label="{escape(caption)}" tabindex="0">'
        f"<table{named}><caption><span>{escape(caption)}</span></caption>"
        f"<thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def probabilities(shares: np.ndarray | None, classes: Sequence[str], *, label: str, true: int | None = None) -> str:
    """Class probabilities (K,) as a table of bars, the first class on top; None: the bars stand empty, for what comes
    to fill them. The predicted class is in the accent colour, or, where the ``true`` class is known, in the colour of
    right or wrong, and the true one has a mark (✓, or ✗ at the wrong answer). ``label`` names the table for screen
    readers; the exact values are shown on hover.

    A table and not a Plotly figure, because it follows the pen while one draws: it is there with the page's own HTML.
    """
    values = np.zeros(len(classes)) if shares is None else shares
    read = None if shares is None else int(shares.argmax())
    rows = "".join(
        _bar(name, float(value), _kind(number, read, true), empty=shares is None)
        for number, (name, value) in enumerate(zip(classes, values, strict=True))
    )
    return f'<table class="ks-bars" aria-label="{escape(label)}"><tbody>{rows}</tbody></table>'


def _kind(number: int, read: int | None, true: int | None) -> str:
    """What a class's bar is: 'right', 'wrong' or 'read' for the predicted one, 'true' for the one it should be."""
    if number == read:
        return "read" if true is None else "right" if number == true else "wrong"
    return "true" if number == true else ""


def _bar(name: str, value: float, kind: str, *, empty: bool) -> str:
    mark = {"right": " ✓", "true": " ✓", "wrong": " ✗"}.get(kind, "")
    said = "" if empty else escape(text.probability(value)) + mark
    # In a long bar, else behind it: also a narrow column has room for it.
    inside, outside = (said, "") if value > 0.5 else ("", said)
    exact = "" if empty else f' title="{escape(name)}: {value:.7g}"'
    return (
        f'<tr class="{kind}"{exact}><th scope="row">{escape(name)}</th>'
        f'<td><div><span style="width:{100 * value:.2f}%">{inside}</span>{outside}</div></td></tr>'
    )


def thumbnail(image: np.ndarray) -> np.ndarray:
    """An image (h, w) or (h, w, 3) as pixels (C, h, w)."""
    return image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is: a file's name must not become a heading, a link or HTML."""
    return "".join(
        f"\\{letter}" if letter in "\\`*_{}[]()<>#+-.!|~:$" else letter for letter in text if letter.isprintable()
    )


def bold(text: str) -> str:
    """Markdown for text in bold that is shown as it is."""
    return f"**{escape_markdown(text)}**"
