"""What every page shares: the router, what a fresh server warms up, and where errors become sentences."""

from __future__ import annotations

import gc
import importlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import streamlit as st

from explorer.errors import ExplorerError, sentence
from explorer.ui.components.history import notice_return

ROOT = Path(__file__).resolve().parents[2]
ICON = Path(__file__).with_name("icon.png")
LOGO = Path(__file__).with_name("logo.svg")
PAGES = (
    ("build", "Build & train", ":material/construction:"),
    ("inside", "Look inside", ":material/search:"),
    ("mistakes", "Mistakes", ":material/rule:"),
    ("digits", "Your digits", ":material/draw:"),
    ("compare", "Compare", ":material/compare_arrows:"),
    ("learn", "Learn", ":material/school:"),
    ("data", "Data", ":material/database:"),
)
FIRST_PAINT = 0.1
"""Seconds that a session's first page waits after its heading. The browser paints it and the navigation then, before
the widgets' scripts keep it busy, which it has to fetch; the whole page is there no later (bench/start.py)."""
HEAVY_IMPORTS = ("torch", "explorer.models", "explorer.analysis", "explorer.zoo", "explorer.networks")

log = logging.getLogger("explorer.ui")
Arguments = ParamSpec("Arguments")


def run() -> None:
    """The router: page settings, navigation, sidebar, the page itself."""
    notice_return()
    page = _navigate()
    _warm_up()
    st.session_state["_routed"] = True
    page.run()


def path_of(page: str) -> str:
    """The file that `st.switch_page` and `st.page_link` want."""
    return f"pages/{page}.py"


def enter(title: str, *, pictures: bool = False, settle: str | None = None) -> None:
    """Every page's first line: the guard, the heading, and what stands in the sidebar. A page that reads ``pictures``
    opens with the network for them, where the reader has chosen none. ``settle`` names a module whose function of that
    name makes up the page's own part of the address, before that is written.

    A fresh server runs the file in pages/ that the first request names by itself, without the router (Streamlit's
    older page discovery, until st.navigation was called once). Then the router's mark is missing: calling the same
    navigation and running again brings the right page up.
    """
    if not st.session_state.pop("_routed", False):
        _navigate()
        st.rerun()
    from explorer import networks
    from explorer.ui import sidebar, state

    st.set_page_config(page_title=f"{title} · Kernelscope")
    # What is without a place on the page: a toast that comes first of that is lost where the script runs again at once.
    st.html("<style></style>")
    st.title(title, anchor=False)
    if state.is_first_run():
        time.sleep(FIRST_PAINT)
    with sentences():
        own_part = importlib.import_module(settle).settle if settle else None
        state.follow_url(title, networks.for_pictures() if pictures else None, settle=own_part)
        sidebar.show()
        sidebar.in_one_line()


@contextmanager
def sentences() -> Iterator[None]:
    """Where errors end: one of ours is shown as its sentence, any other is logged with an id and shown as one line."""
    try:
        yield
    except ExplorerError as error:
        st.error(sentence(str(error)), icon=":material/error:")
    except Exception:
        number = secrets.token_hex(3)
        log.exception("error %s", number)
        st.error(
            f"Something went wrong here that was not foreseen. The server's log tells more under error {number}. "
            "Reloading the page is safe: runs and networks are kept.",
            icon=":material/error:",
        )


def fragment(
    *, key: str | None = None, run_every: float | None = None
) -> Callable[[Callable[Arguments, None]], Callable[Arguments, None]]:
    """`st.fragment` whose errors end in :func:`sentences`."""

    def decorate(function: Callable[Arguments, None]) -> Callable[Arguments, None]:
        @wraps(function)
        def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
            with sentences():
                function(*args, **kwargs)

        return st.fragment(guarded, key=key, run_every=run_every)

    return decorate


def _navigate() -> Any:
    # The settings come first: without an icon of the app's own the browser would fetch the page's from a font server.
    st.set_page_config(page_icon=str(ICON), layout="wide")
    st.logo(str(LOGO), size="large", icon_image=str(ICON))
    (first, *_), *_ = PAGES
    pages = [
        st.Page(
            ROOT / path_of(name), title=title, icon=icon, url_path=name if name != first else "", default=name == first
        )
        for name, title, icon in PAGES
    ]

    def lead() -> None:
        st.switch_page(path_of(first), query_params=st.query_params.to_dict())

    # The default page answers at / alone. Its name in the address, as the others have theirs, leads there.
    return st.navigation([*pages, st.Page(lead, title=first, url_path=first, visibility="hidden")])


@st.cache_data
@st.cache_resource(show_spinner=False)
def _warm_up() -> None:
    """Once a server: adopt runs of an earlier server, and load what pages will need while the first one is drawn."""
    from explorer.runs import service

    try:
        service.recover()
        service.dispatch()
    except ExplorerError:
        log.exception("the run store could not be opened")
    threading.Thread(target=_load_heavy, name="warm-up", daemon=True).start()


def _load_heavy() -> None:
    for name in HEAVY_IMPORTS:
        importlib.import_module(name)
    import torch

    # One thread a view: several sessions share the cores, and training has its own process.
    torch.set_num_threads(1)
    # Looking through torch's million objects for garbage takes 0.1 s. Frozen objects are not looked at again.
    gc.collect()
    gc.freeze()
