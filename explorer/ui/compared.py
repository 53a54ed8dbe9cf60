"""Which networks are compared: the current one and those beside it, which the page Compare's list holds by id."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import streamlit as st

from explorer import networks, zoo
from explorer.errors import ExplorerError
from explorer.networks import Known
from explorer.runs.records import RunRecord
from explorer.ui import cache, html, sidebar, state

MOST = 5
"""Networks beside the current one: more columns and colours nobody tells apart."""
NAMED = 3
"""So many that are not here are named."""
_BEFORE = "_compared-network"  # the network that was the current one when the list was settled last


def others(network: Known) -> dict[str, Known]:
    """The networks that can stand beside one, those of its data set, by id, one's own first."""
    dataset = network.spec.data.dataset
    return {one.id: one for one in sidebar.own_first() if one.spec.data.dataset == dataset and one.id != network.id}


def settle() -> None:
    """Before the page is drawn and its address written: the list holds networks that are here, each once, none of them
    the current one. What a link names and is not here is told. At first the list is the reader's last run that learned
    otherwise than the current network, else a bundled one."""
    network = sidebar.current_network()
    here = others(network)
    before, st.session_state[_BEFORE] = st.session_state.get(_BEFORE), network.id
    if not here:
        st.session_state.pop(state.COMPARED, None)
        return
    wanted: list[str] | None = st.session_state.get(state.COMPARED)
    if wanted is None:
        st.session_state[state.COMPARED] = _first(network, here)
        return
    if not set(wanted) <= {network.id, *here}:  # made a moment ago, perhaps
        cache.known_networks.clear()
        here = others(network)
    # The current network and one beside it change places.
    found = [before if one == network.id and before in here else one for one in wanted]
    named = dict.fromkeys(_whole(one, here) for one in found if one)
    kept = [one for one in named if one in here]
    _tell([one for one in named if one not in here and one != network.id], len(kept) - MOST)
    if kept[:MOST] != wanted:
        st.session_state[state.COMPARED] = kept[:MOST] or (_first(network, here) if wanted else [])


def _whole(name: str, here: Iterable[str]) -> str:
    """The id that a link's beginning of one means."""
    if name not in here:
        with suppress(ExplorerError):
            return networks.find(name).id
    return name


def _first(network: Known, here: dict[str, Known]) -> list[str]:
    learned = [one for one in here.values() if one.trained_here and one.state == "finished"]
    otherwise = [one for one in learned if not alike(one, network)]
    bundled = [one for one in here.values() if one.kind == "zoo"]
    return [one.id for one in (otherwise or learned or bundled)[:1]]


def _tell(missing: list[str], too_many: int) -> None:
    if missing:
        names = ", ".join(html.escape_markdown(one[:40]) for one in missing[:NAMED])
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        st.toast(f"Left out, for not here (any more) or of another data set: {names}{more}.", icon=":material/info:")
    if too_many > 0:
        st.toast(f"No more than {MOST} are compared: the last {too_many} are left out.", icon=":material/info:")


def alike(one: Known, other: Known) -> bool:
    """Whether two networks are the same but for their name, their seed, and how they were computed."""
    plain = {"seed": 0, "device": "auto", "precision": "auto", "memory_format": "auto"}
    return (
        one.spec.model == other.spec.model
        and one.spec.data == other.spec.data
        and one.spec.train.model_copy(update=plain) == other.spec.train.model_copy(update=plain)
    )


def images_of(network: Known) -> str:
    """The fingerprint of the images that a network was trained on to its end; "" where that is not known."""
    if network.kind == "zoo":
        return zoo.card(network.id).data.fingerprint
    return images_of_run(cache.run_record(network.id))


def images_of_run(run: RunRecord) -> str:
    """The same of a run that is at hand."""
    return str((run.result or {}).get("data", {}).get("fingerprint", ""))
