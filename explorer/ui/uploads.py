"""What several pages do with uploaded files: which they are, and what of them was not read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import streamlit as st

from explorer.ui import html

TURN = 0.7
"""Seconds of work on files in one refresh, so that other sessions have their turn."""
_FAULTS = 10


def stamp(contents: Sequence[tuple[str, bytes]]) -> str:
    """What changes with the files' names and contents: a cache's key."""
    digest = hashlib.sha256()
    for name, data in contents:
        digest.update(f"{len(name)} {len(data)} {name}".encode(errors="replace"))
        digest.update(data)
    return digest.hexdigest()[:16]


def faults(found: Sequence[tuple[str, str]]) -> None:
    """The files that were not read, and why; nothing where all were."""
    if not found:
        return
    lines = [f"- **{html.escape_markdown(name)}**: {html.escape_markdown(text)}" for name, text in found[:_FAULTS]]
    if len(found) > _FAULTS:
        lines.append(f"- and {len(found) - _FAULTS:,} more")
    what = "One file was" if len(found) == 1 else f"{len(found):,} files were"
    st.warning(f"{what} not read.\n\n" + "\n".join(lines), icon=":material/broken_image:")
