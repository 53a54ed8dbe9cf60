"""The current network as files to take away, in a popover of the sidebar. Files are made when one is asked for."""

from __future__ import annotations

from functools import partial

import streamlit as st

from explorer.data.cards import find_card
from explorer.networks import Known
from explorer.shapes import Shape

KEY = "export"


def popover(network: Known) -> None:
    """Four downloads. What is in the popover is not even sent before it is opened: it is on every page."""
    box = st.popover("Export", icon=":material/download:", type="tertiary", key=KEY, on_change="rerun")
    if box.open:
        with box:
            _downloads(network)


def _downloads(network: Known) -> None:
    from explorer import export

    shape = find_card(network.spec.data.dataset).shape
    offers: tuple[tuple[export.Format, str, str], ...] = (
        ("safetensors", "Weights", "safetensors, with the network's spec; `predict` and `evaluate` read them again."),
        ("card", "Card", "What was trained how, and how good it is, as JSON; `import` takes it beside the weights."),
        ("python", "PyTorch script", "Builds, trains and tests the network alone; `--weights` takes the weights."),
        ("onnx", "ONNX model", f"From images {_sides(shape)}, 0 black to 1 white, to logits. Takes some seconds."),
    )
    for file_format, label, about in offers:
        fault = export.fault(network, file_format)
        st.download_button(
            label,
            # Called anew at each click, in a thread of its own: a run that goes on has newer weights then.
            partial(export.packed, network, file_format),
            file_name=export.file_name(network, file_format),
            mime=export.MIME[file_format],
            icon=":material/download:",
            key=f"{KEY}-{file_format}",
            on_click="ignore",
            disabled=fault is not None,
            width="stretch",
        )
        card = find_card(network.spec.data.dataset)
        needs = f" It reads `{card.name}.npz`, *Images* on Data › Your own." if card.own else ""
        st.caption(fault or (about + needs if file_format == "python" else about))


def _sides(shape: Shape) -> str:
    return f"(N, {', '.join(map(str, shape))})"
