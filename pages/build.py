"""Build & train: shape a network on the left, see it to scale on the right, train it and watch."""

from explorer.ui import shell

shell.enter("Build & train")

import streamlit as st

from explorer.ui import builder, design, live, recipe


@shell.fragment(key="design")
def drawing() -> None:
    design.show()


NETWORK, RECIPE, TAB = "Network", "Recipe", "controls-tab"


# Only the open tab's controls are on the page: whatever else changes, the browser has half as much to go through.
@shell.fragment(key="controls")
def controls() -> None:
    if st.session_state[TAB] == NETWORK:
        builder.show()


@shell.fragment(key="recipe")
def training() -> None:
    if st.session_state[TAB] == RECIPE:
        recipe.show()


left, right = st.columns([1, 1.75], gap="medium")
with left:
    # A link may ask for the recipe, as the lessons do for what is set there.
    asked = RECIPE if st.query_params.get("controls") == "recipe" else NETWORK
    tabs = st.tabs([NETWORK, RECIPE], default=asked, key=TAB, on_change=lambda: st.rerun(["controls", "recipe"]))
    for tab, content in zip(tabs, (controls, training), strict=True):
        with tab:
            content()
with right, st.container(key="stage"):
    drawing()
    with shell.sentences():
        live.show()
