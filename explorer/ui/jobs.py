"""A long computation on a page: the button that starts it, how far it is, its error, its result."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from explorer.errors import ExplorerError, sentence
from explorer.jobs import service
from explorer.jobs.request import Request
from explorer.jobs.service import Look
from explorer.ui import cache, shell
from explorer.ui.text import duration

POLL_SECONDS = 0.5


def result(
    request: Request, *, key: str, label: str = "Start", about: str = "", auto: bool = False
) -> Mapping[str, np.ndarray] | None:
    """The result of a computation, arrays by name, shared and read-only; None as long as it isn't there. Then what is
    to be seen stands here: the button ``label`` under the sentences ``about`` (what will be there, and how long it
    takes), or the progress with a way to cancel, or the error and a way to try again. When it is done the page runs
    again, once.

    ``auto`` starts it without being asked, for what takes a few seconds. Whoever asks for the same, in whatever
    session, sees the same process and result. ``key`` is the place's on the page. It also works inside a fragment.
    """
    jobs, fault = service.local(), None
    found = jobs.look(request.key)
    if auto and found.state == "none":
        found = jobs.start(request)
    if found.state == "done":
        try:
            return cache.job_result(request.key)
        except ExplorerError as error:
            fault = sentence(str(error))
    if found.active:
        shell.fragment(key=f"{key}-job", run_every=POLL_SECONDS)(_progress)(request.key, key)
    else:
        _ask(request, found, fault or found.error, key, label, about)
    return None


def _ask(request: Request, found: Look, error: str | None, key: str, label: str, about: str) -> None:
    with st.container(key=f"{key}-job", gap="small"):
        if error is not None:
            st.error(error, icon=":material/error:")
            label = "Try again"
        elif about:
            st.caption(about)
        if st.button(label, key=f"{key}-start", icon=":material/play_arrow:"):
            service.local().start(request)
            st.rerun()
        if found.state == "cancelled":
            st.caption("It was cancelled.")


def _progress(job: str, key: str) -> None:
    found = service.local().look(job)
    if not found.active:
        st.rerun()
    with st.container(key=f"{key}-progress", horizontal=True, vertical_alignment="center", gap="small"):
        st.progress(found.share, text=words(found))
        if st.button("Cancel", key=f"{key}-cancel", icon=":material/close:"):
            service.local().cancel(job)
            st.rerun()


def words(found: Look) -> str:
    """How far an active job is."""
    if found.state == "waiting":
        before = {0: "", 1: " behind one other"}.get(found.ahead, f" behind {found.ahead} others")
        return f"Waiting for a free core{before}"
    if found.state == "starting":
        return "Starting"
    parts = [f"{found.phase[:1].upper()}{found.phase[1:]}", f"{found.share:.0%}"]
    if found.left is not None:
        parts.append(f"{duration(found.left)} left")
    return " · ".join(parts)
