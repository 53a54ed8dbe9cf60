"""Build & train: shape a network on the left, see it to scale on the right, train it and watch."""

from explorer.ui import shell

shell.enter("Build & train")

import streamlit as st

from explorer.ui import builder, design, live, recipe, state


@shell.fragment(key="design")
def drawing() -> None:
    design.show()


@shell.fragment(key="controls")
def controls() -> None:
    builder.show(*design.traced(state.draft()))


@shell.fragment(key="recipe")
def training() -> None:
    recipe.show()


left, right = st.columns([1, 1.75], gap="medium")
with left:
    # A link may ask for the recipe, as the lessons do for what is set there.
    asked = st.query_params.get("controls")
    for tab, content in zip(
        st.tabs(["Network", "Recipe"], default="Recipe" if asked == "recipe" else None),
        (controls, training),
        strict=True,
    ):
        with tab:
            content()
with right, st.container(key="stage"):
    drawing()
    with shell.sentences():
        live.show()
