"""Loss, gradient descent, one step: on the current digit, with the real network."""

from __future__ import annotations

import math

import streamlit as st

from explorer.figures.theme import significant
from explorer.ui import cache, state
from explorer.ui.components import chart
from explorer.ui.lessons import figures
from explorer.ui.lessons.chapter import Choice, Question, ask
from explorer.ui.lessons.scene import Scene
from explorer.ui.recipe import LEARNING_RATES
from explorer.ui.text import precise_probability

FIRST_RATE = 0.001


def hardest(scene: Scene) -> int:
    """The test digit on which the network's loss is highest."""
    return int(scene.evaluation().losses.argmax())


def widget(scene: Scene) -> None:
    target = scene.guess if scene.label is None else scene.label
    name = scene.card.classes[target]
    found = cache.descent(
        scene.network.id, scene.network.version, scene.card.name, scene.pixels.tobytes(), target, LEARNING_RATES
    )
    # First, because most digits are read so surely that a step on them shows nothing.
    st.button(
        "Take the digit with the highest loss",
        key="lesson-hardest",
        icon=":material/search:",
        on_click=_take_hardest,
        args=(scene,),
    )
    rate = st.select_slider(
        "Learning rate",
        LEARNING_RATES,
        value=FIRST_RATE,
        key="lesson-rate",
        format_func=lambda value: significant(value, 2),
        persist_state="session",
    )
    place = LEARNING_RATES.index(rate)
    loss, share, elsewhere = (float(part[place]) for part in (found.losses, found.probabilities, found.others))
    with st.container(key="lesson-row"):
        before, after, others = st.columns(3, gap="small", wrap=False)
    before.metric(
        "Loss before", significant(found.loss), help=f"−ln of {precise_probability(found.probability)}, class {name}"
    )
    after.metric("After a step", significant(loss), help=f"−ln of {precise_probability(share)}, class {name}")
    others.metric(
        "Other digits",
        significant(elsewhere),
        help=f"The mean loss on 100 validation digits after the step. Before it: {significant(found.others_before)}.",
    )
    chart(
        figures.descent_curve(LEARNING_RATES, found.losses, found.loss, found.others, rate),
        key="lesson-descent",
        height=280,
        alt=f"Loss after one step for learning rates from {LEARNING_RATES[0]} to {LEARNING_RATES[-1]}; at {rate}: "
        f"{significant(loss)} on this digit, {significant(elsewhere)} on 100 others",
    )
    st.markdown(_verdict(found.loss, loss) + " " + _price(found.others_before, elsewhere))
    st.caption(
        f"The gradient of all {scene.network.parameters:,} parameters, on this one digit, has the length "
        f"{significant(found.gradient)}. The step changes no weight by more than {significant(found.largest * rate)}. "
        + ("Your own digit has no true class: the network's answer is taken for it. " if scene.label is None else "")
        + "Nothing is kept: the network stays as it is."
    )


def _verdict(before: float, after: float) -> str:
    if before < 0.01 and abs(after - before) < 0.01:
        return "The network is sure of this digit: the slope is flat, and a step changes little."
    if after < before:
        return f"The loss on this digit falls by **{significant(before - after)}**: the step goes downhill."
    if after == before:
        return "The loss on this digit stays as it is."
    return f"The loss on this digit rises by **{significant(after - before)}**: the step lands beyond the valley."


def _price(before: float, after: float) -> str:
    if significant(before) == significant(after):
        return f"On 100 other digits the loss stays at **{significant(after)}**."
    pair = f"On 100 other digits the loss goes from {significant(before)} to **{significant(after)}**"
    if after < before:
        return f"{pair}: they gain from it, too."
    if after < before + 0.1:
        return f"{pair}."
    return f"{pair}: the step is too long, the network unlearns them."


def _take_hardest(scene: Scene) -> None:
    state.select_digit(hardest(scene))
    st.rerun()


def question(scene: Scene) -> Question:
    answers, data, number = scene.evaluation(), scene.dataset(), hardest(scene)
    label = int(answers.labels[number])
    share = float(answers.probabilities[number, label])
    loss, name = float(answers.losses[number]), scene.card.classes[label]
    return ask(
        f"Of all test digits the network is worst at this {name}: it gives class {name} only "
        f"{precise_probability(share)}. How large is the loss?",
        Choice(significant(loss), f"−ln {significant(share)} = {significant(loss)}. At 100% it would be 0.", loss),
        Choice(
            significant(1 - share, 4),
            "That is what the probability lacks to 1. Its logarithm punishes confident errors far more.",
            1 - share,
        ),
        Choice(
            significant(-math.log10(share) if share else 0.0),
            "That is the logarithm to base 10. Cross-entropy takes the natural one.",
            -math.log10(share) if share else 0.0,
        ),
        Choice(significant(share), "A loss must be small when the network is right, so it can't be this.", share),
        picture=data.test.pixels[number],
    )
