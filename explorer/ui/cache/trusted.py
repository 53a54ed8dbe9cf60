"""Networks' calibrations, and their verdicts on pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from explorer import networks
from explorer.data.cards import find_card
from explorer.networks import Known
from explorer.ui.cache.jobs import job_result
from explorer.ui.cache.opened import dataset, network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explorer.analysis.trust import Trust
    from explorer.rejection import Box, Verdict


def trust(known: Known) -> Trust | None:
    """A network's calibration, or None where there is none (yet), and at a moment of its training."""
    from explorer.jobs import service
    from explorer.jobs.kinds.calibration import request

    if known.snapshot is not None:
        return None
    found = _bundled_trust(known.id, known.version)
    if found is not None or not known.usable:
        return found
    asked = request(known, dataset(known.spec.data.dataset))
    return _trust_of_job(known, asked.key) if service.local().look(asked.key).state == "done" else None


@st.cache_resource(show_spinner=False, max_entries=32)
def _bundled_trust(network_id: str, version: str) -> Trust | None:  # noqa: ARG001 version is the key
    from explorer import calibration

    return calibration.find(networks.find(network_id))


@st.cache_resource(show_spinner=False, max_entries=32)
def _trust_of_job(_known: Known, key: str) -> Trust | None:
    from explorer import calibration

    return calibration.of_arrays(job_result(key), _known)


def verdict(known: Known, pixels: np.ndarray, boxes: Sequence[Box] | None = None) -> Verdict | None:
    """What is said of prepared pictures, uint8 (N, C, H, W), which were at ``boxes`` in theirs; None where nothing is
    known (yet) by which a picture is rejected."""
    from explorer.rejection import can_reject

    card, found = find_card(known.spec.data.dataset), trust(known)
    if not can_reject(card, found):
        return None
    places = None if boxes is None else tuple((int(x), int(y), int(end), int(low)) for x, y, end, low in boxes)
    data = np.ascontiguousarray(pixels).tobytes()
    return _verdict(known.id, known.version, card.name, data, places, found is not None, found)


@st.cache_data(show_spinner=False, max_entries=256)
def _verdict(
    network_id: str,
    version: str,
    dataset_name: str,
    pixels: bytes,
    boxes: tuple[Box, ...] | None,
    calibrated: bool,  # noqa: ARG001 a part of the key, as the calibration can't be
    _trust: Trust | None,
) -> Verdict:
    from explorer.rejection import judge

    card = find_card(dataset_name)
    images = np.frombuffer(pixels, dtype=np.uint8).reshape(-1, *card.shape)
    return judge(network(network_id, version), _trust, images, card, boxes)
