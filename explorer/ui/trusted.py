"""Whether an answer can be trusted: the sentence that an own picture is no digit, and the calibrated probability."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer.data.cards import DataCard, find_card
from explorer.networks import Known
from explorer.ui import cache, jobs, text

NO_DIGIT = "This does not look like a digit."
NOTHING_LEARNED = "This does not look like anything that the network has learned."
CALIBRATING = (
    "This network is being calibrated: then its answers come with a calibrated probability, and what is no digit is "
    "rejected."
)


class Judged(NamedTuple):
    """What is known of an answer. ``calibrated``: the probability of the network's answer after calibration;
    ``why``: one or two sentences."""

    rejected: bool
    calibrated: float
    why: str


def judge(network: Known, pixels: np.ndarray, box: tuple[int, int, int, int] | None = None) -> Judged | None:
    """The verdict on a prepared picture, uint8 (C, H, W), or None where the network has no calibration (yet)."""
    from explorer.digits.plausible import fault

    trust = cache.trust(network)
    if trust is None:
        return None
    verdict = cache.verdict(network.id, network.version, network.spec.data.dataset, pixels.tobytes(), trust)
    score, most = float(verdict.scores[0]), trust.threshold
    reason = fault(pixels, box)
    strange = bool(verdict.rejected[0])
    if strange:
        why = f"Strangeness {score:.1f}, where 99 % of validation pictures stay under {most:.1f}."
    else:
        why = f"Strangeness {score:.1f}; up to {most:.1f} is usual."
    return Judged(strange or reason != "", float(verdict.probabilities[0].max()), f"{reason} {why}".strip())


def sentence(card: DataCard) -> str:
    """What is said of a rejected picture."""
    return NO_DIGIT if card.name == "mnist" else NOTHING_LEARNED


def answer(shares: np.ndarray, card: DataCard, judged: Judged | None) -> None:
    """The class that the network reads in an own picture, or that it is none, and then the raw answer."""
    guess = int(shares.argmax())
    read = f"**{card.classes[guess]}**, {text.sure(shares[guess])}"
    if judged is not None and judged.rejected:
        st.markdown(f":material/block: **{sentence(card)}** Raw answer: {read}")
    else:
        st.markdown(f"Reads {read}")


def reasons(judged: Judged | None) -> None:
    """What the verdict rests on, for under the bars."""
    if judged is not None:
        st.caption(
            f"Calibrated probability {judged.calibrated:.1%}. {judged.why}",
            help="The calibrated probability comes from logits divided by a temperature, fitted to validation "
            "pictures (Guo et al. 2017). The strangeness counts, in standard deviations, how far the picture lies from "
            "training digits, in the network's last features and as it is, and how little its logits say. What exceeds "
            "99 % of validation pictures is rejected.",
        )


def calibrating(network: Known) -> None:
    """Starts the calibration of a network that has none, and shows how far it is."""
    from explorer.jobs.kinds import calibration

    settled = network.usable and network.snapshot is None and network.state not in ("queued", "running", "paused")
    if settled and cache.trust(network) is None:
        data = cache.dataset(find_card(network.spec.data.dataset).name)
        st.caption(CALIBRATING)
        jobs.result(calibration.request(network, data), key="calibration", label="Calibrate", auto=True)
