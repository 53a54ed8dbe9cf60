"""Which digits are at hand, where these are not all: said plainly, with the button that gets the rest."""

from __future__ import annotations

import streamlit as st

from explorer.data.cards import DataCard
from explorer.errors import DataError
from explorer.ui import cache


def show(card: DataCard) -> bool:
    """In the sidebar: what is missing and how to get it. Returns whether there are any images to work with."""
    try:
        data = cache.dataset(card.name)
    except DataError as error:
        st.warning(str(error), icon=":material/database_off:")
        if not card.own:
            _button(card)
        return False
    if data.notice:
        st.caption(data.notice)
        _button(card)
    return True


def _button(card: DataCard) -> None:
    if st.button(f"Get all {card.images:,}", key="get-data", icon=":material/download:"):
        _download(card)


def _download(card: DataCard) -> None:
    from explorer.data import load

    bar = st.progress(0.0, text=f"Getting {card.title} …")
    # Any click ends this script run at the next report of progress, and the download with it; half a file is removed.
    st.button("Cancel", key="cancel-data")

    def report(message: str, share: float) -> None:
        bar.progress(min(1.0, share), text=message)

    try:
        load(card.name, download=True, progress=report)
    except DataError as error:
        bar.empty()
        st.error(str(error), icon=":material/error:")
        return
    cache.dataset.clear()
    st.rerun()
