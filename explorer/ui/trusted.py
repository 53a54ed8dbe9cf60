"""Whether an answer can be trusted: the sentence that an own picture is no digit, and the calibrated probability."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

import numpy as np
import streamlit as st

from explorer.data.cards import DataCard, find_card
from explorer.networks import Known
from explorer.ui import cache, jobs, text

NO_DIGIT = "This does not look like a digit."
NOTHING_LEARNED = "This does not look like anything that the network has learned."
CALIBRATING = "This network is being calibrated: then its answers come with a calibrated probability."
TOO_FEW = (
    "There are too few images to calibrate this network by: its probabilities stand as it gives them, and what looks "
    "like nothing that it has learned is not refused."
)
_CALIBRATED = (
    "The calibrated probability comes from logits divided by a temperature, fitted to validation pictures (Guo et al. "
    "2017). "
)
_DIGIT_OR_NOT = (
    "Whether a picture shows a digit at all is said by a small network of its own, the same for every network, which "
    "has learned from digits and from many pictures of none (outlier exposure, Hendrycks et al. 2019); of validation "
    "digits it rejects at most 2 %."
)
_FAR = "A picture is rejected that lies farther from training pictures than 99 % of validation pictures do."


class Judged(NamedTuple):
    """What is known of an answer. ``calibrated``: the probability of the network's answer after calibration, None
    where there is none (yet); ``why``: what speaks against the picture, '' where it is accepted."""

    rejected: bool
    calibrated: float | None
    why: str


def judge(network: Known, pixels: np.ndarray, box: tuple[int, int, int, int] | None = None) -> Judged | None:
    """The verdict on a prepared picture, uint8 (C, H, W), or None where nothing can tell (yet)."""
    verdict = cache.verdict(network, pixels[None], None if box is None else [box])
    if verdict is None:
        return None
    calibrated = None if cache.trust(network) is None else float(verdict.probabilities[0].max())
    return Judged(bool(verdict.rejected[0]), calibrated, verdict.reasons[0])


def sentence(card: DataCard) -> str:
    """What is said of a rejected picture."""
    return NO_DIGIT if card.thing == "digit" else NOTHING_LEARNED


def about(card: DataCard) -> str:
    """What the calibrated probability and the rejection rest on, for a help text."""
    return _CALIBRATED + (_DIGIT_OR_NOT if card.thing == "digit" else _FAR)


def unlike(card: DataCard) -> str:
    """What a rejected picture looks, after the word 'looks'."""
    return "like no digit" if card.thing == "digit" else "unknown"


def answer(shares: np.ndarray, card: DataCard, judged: Judged | None) -> None:
    """The class that the network reads in an own picture, or that it is none, and then the raw answer."""
    refusal, before, guess, sure = _said(shares, card, judged)
    st.markdown(f"{f':material/block: **{refusal}** ' if refusal else ''}{before} **{guess}**, {sure}")


def answer_html(shares: np.ndarray, card: DataCard, judged: Judged | None) -> str:
    """The same for a component."""
    refusal, before, guess, sure = map(escape, _said(shares, card, judged))
    return f"{f'<b>{refusal}</b> ' if refusal else ''}{before} <b>{guess}</b>, {sure}"


def _said(shares: np.ndarray, card: DataCard, judged: Judged | None) -> tuple[str, str, str, str]:
    """The refusal or '', what leads to the class, the class, and how sure the network is."""
    guess = int(shares.argmax())
    rejected = judged is not None and judged.rejected
    refusal, before = (sentence(card), "Raw answer:") if rejected else ("", "Reads")
    return refusal, before, card.classes[guess], text.sure(shares[guess])


def because(judged: Judged | None) -> str:
    """What the verdict rests on, '' where there is none."""
    if judged is None:
        return ""
    probability = "" if judged.calibrated is None else f"Calibrated probability {text.probability(judged.calibrated)}."
    return f"{judged.why} {probability}".strip()


def reasons(judged: Judged | None, card: DataCard) -> None:
    """:func:`because`, for under the bars."""
    if said := because(judged):
        st.caption(said, help=about(card))


def calibrating(network: Known) -> None:
    """Starts the calibration of a network that has none, and shows how far it is."""
    from explorer.jobs.kinds import calibration

    settled = network.usable and network.snapshot is None and network.state not in ("queued", "running", "paused")
    if settled and cache.trust(network) is None:
        data = cache.dataset(find_card(network.spec.data.dataset).name)
        if _too_few(network):
            st.caption(TOO_FEW)
            return
        st.caption(CALIBRATING)
        jobs.result(calibration.request(network, data), key="calibration", label="Calibrate", auto=True)


def _too_few(network: Known) -> bool:
    """Whether its data set has too few images to calibrate by, which no computing changes."""
    from explorer.analysis.trust import FEWEST, NEIGHBOURS

    chosen = cache.network_splits(network.spec.data.dataset, network.spec.data)
    return len(chosen.validation) < FEWEST or len(chosen.train) < NEIGHBOURS
