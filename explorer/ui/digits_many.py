"""Many pictures, a ZIP of pictures or a CSV of pixels: read a little at a time, and shown as a table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from explorer.data.cards import find_card
from explorer.networks import Known
from explorer.ui import cache, drawing, readings, shell, trusted, uploads

EACH = 3
"""Up to so many pictures are shown one by one, with all their steps."""


def is_many(files: Sequence[Any]) -> bool:
    """Whether uploaded files are shown as one table."""
    from explorer.digits import archive, table

    several = (
        archive.is_archive(data) or table.is_table(data, file.name) for file in files if (data := file.getvalue())
    )
    return len(files) > EACH or any(several)


def show(files: Sequence[Any], network: Known) -> None:
    """The table, or how far it is."""
    card = find_card(network.spec.data.dataset)
    contents = [(file.name, file.getvalue()) for file in files]
    stamp = _stamp(contents)
    gathering = cache.gathering(stamp, card.name, contents)
    if not gathering.finished:
        st.fragment(_progress, run_every=0.2)(stamp, card.name, contents)
        return
    uploads.faults(gathering.faults)
    if not gathering.names:
        return
    if not network.usable:
        st.caption(drawing.NO_WEIGHTS)
        return
    shares = cache.batch(network.id, network.version, card.name, gathering.pixels.tobytes())
    doubts = readings.doubts(network, gathering.pixels)
    odd = sum(map(bool, doubts))
    count = len(gathering.names) - odd
    st.markdown(
        f"**{count:,} {card.thing if count == 1 else card.things}**"
        + (f", {odd:,} more look {trusted.unlike(card)}" if odd else "")
    )
    found = readings.Readings(gathering.names, gathering.pixels, np.asarray(shares), gathering.labels, doubts)
    readings.table(found, card, key=f"many-{stamp}", file_name=f"{card.things}.csv")


def _stamp(contents: Sequence[tuple[str, bytes]]) -> str:
    """What changes with the files' names and contents: a cache's key."""
    digest = hashlib.sha256()
    for name, data in contents:
        digest.update(f"{len(name)} {len(data)} {name}".encode(errors="replace"))
        digest.update(data)
    return digest.hexdigest()[:16]


def _progress(stamp: str, dataset: str, contents: list[tuple[str, bytes]]) -> None:
    with shell.sentences():
        gathering = cache.gathering(stamp, dataset, contents)
        finished = gathering.go_on(uploads.TURN)
        share = gathering.done / max(1, gathering.total)
        st.progress(share, text=f"{len(gathering.names):,} found")
        if finished:
            st.rerun()
