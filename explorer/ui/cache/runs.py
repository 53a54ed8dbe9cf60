"""Runs as they train: records, curves, snapshots, and the charts of them that many watch."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import streamlit as st

from explorer.data.cards import find_card
from explorer.runs import service
from explorer.runs.artifacts import run_folder
from explorer.runs.follower import Follower
from explorer.runs.records import RunRecord
from explorer.shapes import totals, trace
from explorer.training.choice import Choice
from explorer.training.choice import read as read_choice
from explorer.ui.cache.opened import known_networks
from explorer.ui.components import Drawn, drawn

if TYPE_CHECKING:
    import plotly.graph_objects as go


SPEEDS = 20
"""How many of the newest finished runs tell how fast this machine trains."""


class Glimpse(NamedTuple):
    """A snapshot without its weights; see :class:`explorer.training.events.Snapshot`. ``kernels``: the first
    convolution's, their slice for the first input channel, float32 (kernels, k, k); None where there is none."""

    epoch: float
    loss: float
    accuracy: float
    images: int
    confusion: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    kernels: np.ndarray | None


@st.cache_resource(ttl=0.4, show_spinner=False)
def run_record(run_id: str) -> RunRecord:
    service.dispatch()
    return service.local().store.get(run_id)


@st.cache_resource(ttl=0.4, max_entries=64, show_spinner=False)
def run_records(run_ids: tuple[str, ...]) -> dict[str, RunRecord]:
    """Several runs by their ids, with one question to the store."""
    service.dispatch()
    return {run.id: run for run in service.local().store.get_many(run_ids)}


@st.cache_data(ttl=2.0, show_spinner=False)
def run_choice(run_id: str) -> Choice | None:
    """How a run is computed, and why; None before it began."""
    return read_choice(run_folder(run_id).choice)


@st.cache_resource(max_entries=64, show_spinner=False)
def follower(run_id: str) -> Follower:
    """The one reader of a run's curves, for all who watch it."""
    return Follower(service.local().store, run_id)


@st.cache_data(ttl=0.8, show_spinner=False)
def snapshot_steps(run_id: str) -> list[int]:
    """The optimiser steps at which snapshots were taken, rising."""
    from explorer.training.snapshots import list_snapshots

    return list(list_snapshots(run_folder(run_id).snapshots))


@st.cache_resource(max_entries=64, show_spinner=False)
def snapshot(run_id: str, step: int) -> Glimpse:
    """What the live view shows of a snapshot, without its weights."""
    from explorer.training.snapshots import list_snapshots, read_snapshot

    found = read_snapshot(list_snapshots(run_folder(run_id).snapshots)[step])
    first = found.kernels
    return Glimpse(
        found.epoch,
        found.loss,
        found.accuracy,
        found.images,
        found.confusion,
        found.labels,
        found.probabilities,
        None if first is None else np.array(first[:, 0]),
    )


@st.cache_resource(max_entries=128, show_spinner=False)
def drawn_once(shown: tuple[Hashable, ...], _make: Callable[[], Mapping[str, go.Figure]]) -> dict[str, Drawn]:  # noqa: ARG001 shown is the key
    """Figures by name as the browser gets them, made once for all who watch; ``shown`` tells what they show."""
    return {name: drawn(figure) for name, figure in _make().items()}


@st.cache_data(ttl=30.0, show_spinner=False)
def measured_speeds() -> list[tuple[int, int, float]]:
    """What this machine trained with in its newest finished runs: the network's multiply-adds for one image, the batch
    size, and images a second."""
    finished = [known for known in known_networks() if known.kind == "run" and known.state == "finished"]
    found = []
    for known in finished[:SPEEDS]:
        speed = service.local().store.get(known.id).progress.images_per_second
        card = find_card(known.spec.data.dataset)
        if speed:
            macs = totals(trace(known.spec.model, card.shape, len(card.classes))).macs
            found.append((macs, known.spec.train.batch_size, speed))
    return found
