"""What several pages do with uploaded files: how much of them, for how long at a time, and what was not read."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer.ui import html

MOST_MEGABYTES = 20
"""Of a picture, an archive of pictures, or weights."""
TURN = 0.7
"""Seconds of work on files in one refresh, so that other sessions have their turn."""
_FAULTS, _NAMES = 10, 3


def faults(found: Sequence[tuple[str, str]], count: int | None = None) -> None:
    """The files that were not read, and why; nothing where all were. ``count`` where there are more than are told."""
    if not found:
        return
    count = len(found) if count is None else count
    alike: dict[str, list[str]] = {}
    for name, text in found:
        alike.setdefault(text, []).append(name)
    lines, told = [], 0
    for text, names in list(alike.items())[:_FAULTS]:
        more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
        shown = ", ".join(map(html.escape_markdown, names[:_NAMES]))
        lines.append(f"- **{shown}**{more}: {html.escape_markdown(text)}")
        told += len(names)
    if count > told:
        lines.append(f"- and {count - told:,} more")
    what = "One file was" if count == 1 else f"{count:,} files were"
    st.warning(f"{what} not read.\n\n" + "\n".join(lines), icon=":material/broken_image:")
