"""What the network looks at: where kernels answer on the digit, and a digit that it confuses."""

from __future__ import annotations

import numpy as np
import streamlit as st

from explorer.analysis import mistakes
from explorer.ui import state
from explorer.ui.components import chart, wall
from explorer.ui.lessons import figures
from explorer.ui.lessons.chapter import Choice, Gallery, Question, ask
from explorer.ui.lessons.descent import hardest
from explorer.ui.lessons.scene import Scene
from explorer.ui.text import probability

LAYERS = {"relu1": "first layer", "relu2": "second layer"}
SHOWN = 12
NEIGHBOURS = 5


def widget(scene: Scene) -> None:
    layer = st.segmented_control(
        "Kernels of the",
        list(LAYERS),
        default="relu1",
        required=True,
        format_func=LAYERS.__getitem__,
        key="lesson-look-layer",
        persist_state="session",
    )
    shape, maps = scene.layer(layer), scene.outputs[layer]
    numbers = np.argsort(-maps.max((1, 2)), kind="stable")[:SHOWN]
    key = f"lesson-look-{layer}"
    chosen = st.session_state.get(key)
    place = int(np.flatnonzero(numbers == chosen)[0]) if chosen in numbers else 0

    def take(position: int) -> None:
        st.session_state[key] = int(numbers[position])

    left, right = st.columns([1.15, 1], gap="medium")
    values = maps[numbers[place]]
    row, column = (int(at) for at in np.unravel_index(int(values.argmax()), values.shape))
    with left:
        middle = shape.offset + (shape.receptive_field - 1) / 2
        chart(
            figures.response(scene.pixels[0], values, offset=middle, jump=shape.jump),
            key="lesson-response",
            height=360,
            alt=f"Where kernel {numbers[place]} of the {LAYERS[layer]} answers, most at row {row}, column {column}",
        )
        field = shape.receptive_field
        top, start = shape.offset + row * shape.jump, shape.offset + column * shape.jump
        st.caption(
            f"Kernel {numbers[place]}: orange where it answers. Strongest, {values[row, column]:.3g}, for the pixels "
            f"from row {top} and column {start} on; it sees {field}\u00a0×\u00a0{field} of them."
        )
    with right:
        st.markdown(f"The {len(numbers)} maps with the highest peaks")
        wall(
            maps[numbers],
            key=f"lesson-look-wall-{layer}",
            scale="brightness",
            limits=(0.0, float(maps.max()) or 1.0),
            captions=[f"{number}" for number in numbers],
            tile=60,
            selected=place,
            label="Maps",
            bar=False,
            on_click=take,
        )
        st.button(
            "Take a digit that it misreads",
            key="lesson-misread",
            icon=":material/search:",
            on_click=_take_misread,
            args=(scene,),
        )


def misread(scene: Scene) -> int:
    """A test digit to ask about: the most confident mistake that no other chapter shows, or the hardest digit of a
    network that makes none."""
    known = hardest(scene)
    others = [int(number) for number in mistakes(scene.evaluation()) if number != known]
    return others[0] if others else known


def _take_misread(scene: Scene) -> None:
    state.select_digit(misread(scene))
    st.rerun()


def question(scene: Scene) -> Question:
    answers, data, number = scene.evaluation(), scene.dataset(), misread(scene)
    label, shares = int(answers.labels[number]), answers.probabilities[number]
    guess, names = int(answers.predictions[number]), scene.card.classes
    ranked = [int(k) for k in np.argsort(-shares, kind="stable")]
    wrong = [k for k in (label, *ranked) if k != guess]
    others = []
    for k in dict.fromkeys(wrong):
        why = (
            f"That is its label. The network gives it only {probability(float(shares[k]))}."
            if k == label
            else (f"The network gives it {probability(float(shares[k]))}.")
        )
        others.append(Choice(names[k], why, k))
    why = (
        f"It gives {probability(float(shares[guess]))} to {names[guess]} and {probability(float(shares[label]))} to "
        f"the label, {names[label]}. Below: the {names[guess]}s of the test set that are closest to it, pixel by pixel."
    )
    return ask(
        "This is a digit of the test set. What does the network take it for?",
        Choice(names[guess], why, guess),
        *others[:3],
        picture=data.test.pixels[number],
        after=_closest(scene, number, guess),
    )


def _closest(scene: Scene, number: int, wanted: int) -> Gallery:
    """The test digits of class ``wanted`` with the least Euclidean distance to test digit ``number``."""

    def gallery() -> tuple[np.ndarray, tuple[str, ...]]:
        test = scene.dataset().test
        candidates = np.flatnonzero(test.labels == wanted)
        candidates = candidates[candidates != number]
        apart = np.asarray(test.pixels[candidates], np.float32) - np.asarray(test.pixels[number], np.float32)
        nearest = candidates[np.argsort(np.square(apart).sum((1, 2, 3)), kind="stable")[:NEIGHBOURS]]
        return np.asarray(test.pixels[nearest])[:, 0], tuple(f"{scene.card.classes[wanted]}" for _ in nearest)

    return gallery
