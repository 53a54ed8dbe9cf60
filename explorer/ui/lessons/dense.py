"""Fully connected layers and softmax: from logits to probabilities, with the numbers."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.figures.theme import count, significant
from explorer.ui import cache, html, microscope
from explorer.ui.lessons.chapter import Choice, Question, ask
from explorer.ui.lessons.scene import Scene
from explorer.ui.text import precise_probability

LAYER, ACTIVE = "dense1", "relu3"
UNIT = "lesson-unit"


def softmax(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits (K,) → (e^(logit − largest), the probabilities), both float64 (K,).

    Taking the largest away first changes no probability, and keeps e's power in range.
    """
    powers = np.exp(np.asarray(logits, np.float64) - np.max(logits))
    return powers, powers / powers.sum()


def widget(scene: Scene) -> None:
    names = scene.card.classes
    logits, (powers, shares) = scene.logits, softmax(scene.logits)
    rows = [
        (
            names[k],
            significant(float(logits[k])),
            significant(float(logits[k] - logits.max())),
            significant(float(powers[k])),
            precise_probability(float(shares[k])),
        )
        for k in range(len(names))
    ]
    rows.append(("sum", "", "", significant(float(powers.sum()), 4), "100%"))
    st.html(
        html.table(
            ("Class", "Logit z", "z − largest", "e to that", "Probability"),
            rows,
            caption="Softmax for this digit: each power of e, divided by their sum. "
            "Taking the largest logit away changes no probability.",
            numeric=(1, 2, 3, 4),
        )
    )
    unit = chosen_unit(scene)

    def take(number: int) -> None:
        st.session_state[UNIT] = number

    st.markdown(
        f"**One unit of {LAYER}**, its sum of {count(scene.layer(LAYER).input[0])} products. At first the unit that "
        f"speaks most for {names[scene.guess]}."
    )
    microscope.show(scene.network, scene.pixels, LAYER, unit, key="lesson-microscope-dense", on_choose=take)


def chosen_unit(scene: Scene) -> int:
    """The unit that the reader picked; at first the one whose activation × weight adds most to the answer's logit."""
    weight = cache.network(scene.network.id, scene.network.version).get_submodule("output").weight
    terms = weight[scene.guess].detach().numpy() * scene.outputs[ACTIVE]  # type: ignore[index]
    picked = st.session_state.get(UNIT)
    return int(terms.argmax()) if picked is None or picked >= len(terms) else int(picked)


def question(scene: Scene) -> Question:
    names, logits = scene.card.classes, scene.logits
    first, second = (int(k) for k in np.argsort(-logits, kind="stable")[:2])
    # From what the reader sees, so that a calculator agrees.
    shown = np.round(logits.astype(float), 2)
    gap = float(shown[first] - shown[second])
    times = float(np.exp(gap))
    quotient = float(shown[first] / shown[second]) if shown[second] else 0.0
    wrong = [
        Choice(f"{_factor(gap)} times", "The difference stands in the exponent: softmax raises e to it.", gap),
        Choice(f"{_factor(2**gap)} times", "That would be with base 2. Softmax takes e = 2.718…", 2**gap),
    ]
    if quotient > 1:
        why = "Softmax doesn't compare logits by division: adding 10 to all of them would change nothing."
        wrong.append(Choice(f"{_factor(quotient)} times", why, quotient))
    return ask(
        f"Class {names[first]} has the logit {logits[first]:.2f}, class {names[second]} has {logits[second]:.2f}. "
        f"How many times as probable is {names[first]}?".replace("-", "−"),
        Choice(
            f"{_factor(times)} times",
            f"e to the difference: e^{gap:.2f}. The sum below the fraction is the same for both, so it cancels.",
            times,
        ),
        *wrong,
    )


def _factor(value: float) -> str:
    return count(round(value)) if 100 <= value < 1e12 else significant(value)
