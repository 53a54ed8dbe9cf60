"""A small app around the painter, for tests/browser/test_painter.py."""

import numpy as np
import streamlit as st

from explorer import networks
from explorer.analysis.classic import classics
from explorer.ui import kernel_bench
from explorer.ui.components.painter import painter

st.set_page_config(layout="wide")
state = st.session_state


def use(painted: np.ndarray) -> None:
    state["used"] = painted.tolist()


def alone() -> None:
    """The painter with whatever the fields say."""
    size = int(st.number_input("size", 1, 11, 3, key="size"))
    stamp = int(st.number_input("stamp", 0, 99, key="stamp"))
    image = int(st.number_input("image", 0, 9, key="image"))
    start = st.segmented_control("from", ["classic", "random", "none"], default="classic", key="from")
    kernel = classics(size).get("vertical edge") if start == "classic" else None
    if start == "random":
        kernel = np.random.default_rng(size).uniform(-1, 1, (size, size))
    shape = (3 if image == 9 else 1, 28, 26 if image else 28)
    pixels = np.random.default_rng(image).integers(0, 256, shape).astype(np.uint8)
    if st.toggle("shown", value=True, key="shown"):
        painter(pixels, key="painter", size=size, kernel=kernel, stamp=stamp, on_use=use)
    st.html(f"<p id='used'>{state.get('used')}</p><p id='seen'>{size} {stamp} {image} {start}</p>")


def bench() -> None:
    """The whole kernel bench with a bundled network."""
    known = networks.find("lenet5")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 28, 28)).astype(np.uint8)
    kernel_bench.show(known, networks.data_card(known), pixels)
    st.html(f"<p id='used'>{state.get('bench-kernel')}</p>")


bench() if st.query_params.get("part") == "bench" else alone()
