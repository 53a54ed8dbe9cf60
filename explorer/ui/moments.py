"""The time slider: the current network as it was at any snapshot of its training. What shows the current network, on
whichever page, shows it at the chosen moment (see :meth:`explorer.networks.Known.at`)."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from explorer.figures.theme import count, significant
from explorer.networks import Known
from explorer.ui import cache, shell, state

NOW = -1
"""The slider's right end: the network as it is, not a step."""
SECONDS_A_MOMENT = 1.5
_PLAYING, _FRESH = "_time-playing", "_time-fresh"


def chosen(network: Known) -> Known:
    """A network, as it is now, at the moment that the session or its link chose; as it is where there is none such."""
    step = state.snapshot()
    if step is None or not network.usable:
        return network
    if step in _steps(network):
        return network.at(step)
    st.toast(f"There is no snapshot of step {count(step)}: the network is shown as it is now.", icon=":material/info:")
    state.select_snapshot(None)
    return network


def notice(network: Known) -> None:
    """For the sidebar, in a fragment: that the network is not shown as it is now, and the way back."""
    if network.snapshot is None:
        return
    st.caption(f":material/history: As it was after step {count(network.snapshot)} of its training.")
    st.button("Show it as it is now", key="time-leave", type="tertiary", on_click=_leave)


def show(network: Known) -> None:
    """The slider, where the network has snapshots of its training, else why it has none."""
    found = {moment.step: moment.epoch for moment in cache.moments(network.id, network.version) if moment.complete}
    if not found:
        _why_none(network)
        return
    options = [*found, NOW]
    key = f"time-{network.id}"
    st.session_state[key] = NOW if network.snapshot is None else network.snapshot

    def moved() -> None:
        _stop()
        _select(st.session_state[key])

    def words(step: int) -> str:
        if step == NOW:
            return "as it is now" if network.state in ("queued", "running", "paused") else "trained"
        return f"step {count(step)}, epoch {significant(found[step], 2)}" if step else "before the first step"

    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="time"):
        playing = _playing(network)
        st.button(
            "Pause" if playing else "Play",
            icon=":material/pause:" if playing else ":material/play_arrow:",
            key="time-play",
            on_click=_stop if playing else _play,
            args=() if playing else (network,),
            help="Goes through the snapshots of the training, one after the other.",
        )
        st.select_slider(
            "Moment of its training",
            options,
            key=key,
            format_func=words,
            on_change=moved,
            help="Kernels, maps, probabilities and mistakes of this moment, here and on every page. Arrow keys step.",
        )
    if playing:
        st.session_state[_FRESH] = True  # the fragment's first run is part of the page's, not a tick
        shell.fragment(key="time-tick", run_every=SECONDS_A_MOMENT)(_tick)(network, options)


def _steps(network: Known) -> set[int]:
    return {moment.step for moment in cache.moments(network.id, network.version) if moment.complete}


def _select(step: int) -> None:
    state.select_snapshot(None if step == NOW else step)


def _leave() -> None:
    state.select_snapshot(None)
    st.rerun()  # the button is in a fragment, the network on the whole page


def _play(network: Known) -> None:
    """Plays this network on this page: who goes to another one, and comes back, finds it standing."""
    st.session_state[_PLAYING] = (state.page(), network.id)


def _playing(network: Known) -> bool:
    where = st.session_state.get(_PLAYING)
    if where is not None and where != (state.page(), network.id):
        _stop()
    return st.session_state.get(_PLAYING) is not None


def _stop() -> None:
    st.session_state[_PLAYING] = None


def _tick(network: Known, options: Sequence[int]) -> None:
    if st.session_state.pop(_FRESH, False) or not _playing(network):
        return
    step = state.snapshot()
    place = options.index(NOW if step is None else step)
    following = (place + 1) % len(options)  # from the end again from the beginning
    if options[following] == NOW:
        _stop()
    _select(options[following])
    st.rerun()


def _why_none(network: Known) -> None:
    if cache.moments(network.id, network.version):
        st.caption(
            "This network is too large for snapshots of all of it: they hold its first layer alone, which "
            "Build & train replays. So there is no time slider here."
        )
    elif network.kind == "zoo":
        st.caption("This bundled network comes without snapshots of its training, so there is no time slider.")
