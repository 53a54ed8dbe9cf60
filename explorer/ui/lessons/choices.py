"""Parameters against hyperparameters by kind of layer, each with a link to its control (the review's table 1)."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from explorer.figures.theme import count, shape_text
from explorer.shapes import totals
from explorer.spec import Conv, Dense, Output, Pool
from explorer.ui import shell
from explorer.ui.lessons.chapter import Choice, Question, ask
from explorer.ui.lessons.scene import Scene

BLOCK, DENSE, RECIPE = "Network, in a convolution block", "Network, in a fully connected block", "Recipe"


@dataclass(frozen=True)
class Control:
    """A hyperparameter's name, and where on the page Build & train its control is."""

    name: str
    place: str


@dataclass(frozen=True)
class Kind:
    """One row of the table."""

    title: str
    learned: str
    controls: tuple[Control, ...]


def table(scene: Scene) -> tuple[Kind, ...]:
    """The rows, with the numbers of the scene's network."""
    convs = sum(layer.parameters for layer in scene.layers if isinstance(layer.layer, Conv))
    pools = [layer for layer in scene.layers if isinstance(layer.layer, Pool)]
    dense = sum(layer.parameters for layer in scene.layers if isinstance(layer.layer, Dense | Output))
    pooled = sum(layer.parameters for layer in pools)
    return (
        Kind(
            "Convolution",
            f"kernels and biases: {count(convs)} numbers",
            _controls(BLOCK, "Kernels", "Kernel size", "Stride", "Padding", "Activation"),
        ),
        Kind("Pooling", f"nothing: {pooled} numbers", _controls(BLOCK, "Pooling", "Window", "Pooling stride")),
        Kind(
            "Fully connected",
            f"weights and biases: {count(dense)} numbers",
            _controls(DENSE, "Units", "Activation", "Dropout"),
        ),
        Kind(
            "All of it",
            f"{count(totals(scene.layers).parameters)} numbers together",
            (
                *_controls("Network", "Number of layers"),
                *_controls(
                    RECIPE,
                    "Optimiser",
                    "Learning rate",
                    "Batch size",
                    "Epochs",
                    "Weight decay",
                    "Augmentation",
                    "Weight initialisation",
                    "Validation share",
                ),
            ),
        ),
    )


def _controls(place: str, *names: str) -> tuple[Control, ...]:
    return tuple(Control(name, place) for name in names)


def widget(scene: Scene) -> None:
    for kind in table(scene):
        with st.container(border=True, key=f"lesson-kind-{kind.title.split()[0].lower()}"):
            st.markdown(f"**{kind.title}** · learned: {kind.learned}")
            with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
                st.caption("chosen:", width="content")
                for control in kind.controls:
                    st.page_link(
                        shell.path_of("build"),
                        label=control.name,
                        help=f"Build & train › {control.place}",
                        query_params={"controls": "recipe"} if control.place == RECIPE else None,
                    )
    st.caption("Numbers of the bundled network. Pooling here has no padding, so there is none to choose.")


def question(scene: Scene) -> Question:
    counted = sorted((layer for layer in scene.layers if layer.parameters), key=lambda layer: -layer.parameters)
    whole = totals(scene.layers).parameters
    most = counted[0]
    wrong = []
    for layer in counted[1:]:
        why = f"{layer.parameter_formula}: {layer.parameters / whole:.1%} of all."
        if isinstance(layer.layer, Conv):
            why += " It does much arithmetic with few weights, because it uses them at every position."
        wrong.append(Choice(layer.name, why, layer.index))
    pool = next(layer for layer in scene.layers if isinstance(layer.layer, Pool))
    wrong.append(Choice(pool.name, "Pooling learns nothing at all: it only picks numbers.", pool.index))
    return ask(
        f"This network has {count(whole)} parameters. Which layer has most of them?",
        Choice(
            most.name,
            f"{most.parameter_formula}, {most.parameters / whole:.0%} of all: each of its "
            f"{shape_text(most.output)} units has a weight for each of {count(most.input[0])} inputs.",
            most.index,
        ),
        *wrong,
    )
