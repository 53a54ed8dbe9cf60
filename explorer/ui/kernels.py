"""The kernels of a network: a wall for each convolution, and the one kernel behind a map."""

from __future__ import annotations

from typing import cast

import numpy as np
import streamlit as st

from explorer.analysis.statistics import statistics
from explorer.networks import Known
from explorer.shapes import LayerShape, totals
from explorer.spec import Conv
from explorer.ui import cache, exciting, kernel_bench, text
from explorer.ui.components import wall

MOST = 512


VIEWS = {"weights": "their weights", "looks": "what they look for"}


def show(network: Known, layers: tuple[LayerShape, ...]) -> None:
    """The tab: the kernels' weights, or what they look for in the test images."""
    view = st.segmented_control(
        "Kernels",
        list(VIEWS),
        default="weights",
        required=True,
        format_func=VIEWS.__getitem__,
        key="kernels-view",
        persist_state="session",
    )
    if view == "looks":
        data = cache.dataset(network.spec.data.dataset)
        exciting.show(network, data, totals(layers).macs)
    else:
        _weights(network, layers)


def _weights(network: Known, layers: tuple[LayerShape, ...]) -> None:
    """A wall of kernels for each convolution; a click shows all slices of one."""
    found = [layer for layer in layers if isinstance(layer.layer, Conv)]
    if not found:
        st.info("This network has no convolution, so it has no kernels. Its first dense layer sees bare pixels.")
        return
    st.caption(
        "Blue weights are negative, orange ones positive; zero has the colour of the page. Each wall has one scale."
    )
    alike = kernel_bench.labels(network)
    for layer in found:
        weights, _ = cache.kernels(network.id, network.version, layer.name)
        inputs = weights.shape[1]
        table = layer.layer.connections if isinstance(layer.layer, Conv) else None
        some = "" if table is None else ". Each sees only some of the input maps: its other slices are empty"
        st.markdown(f"**{layer.name}**: {len(weights)} kernels of {' × '.join(map(str, weights.shape[1:]))}{some}")
        channel = 0
        if inputs > 1:
            channel = st.slider("Slice for input map", 0, inputs - 1, key=f"slice-{layer.name}", width=320)
        chosen = cast("tuple[str, int] | None", st.session_state.get("kernel"))
        shown = min(MOST, len(weights))

        def take(number: int, name: str = layer.name) -> None:
            st.session_state["kernel"] = (name, number)
            st.rerun()

        wall(
            weights[:shown, channel],
            key=f"kernels-{layer.name}",
            scale="signed",
            captions=[str(number) for number in range(shown)],
            details=[_kernel_name(layer, number, alike if layer is found[0] else []) for number in range(shown)],
            label=f"Kernels of {layer.name}",
            tile=56,
            selected=chosen[1] if chosen and chosen[0] == layer.name else None,
            on_click=take,
        )
        if chosen and chosen[0] == layer.name and chosen[1] < len(weights):
            st.markdown(f"Kernel {chosen[1]}, all {inputs} of its slices")
            _slices(weights[chosen[1]], key=f"kernel-slices-{layer.name}", what=layer.name)


def _kernel_name(layer: LayerShape, number: int, alike: list[str]) -> str:
    """What hovering a kernel says: its number and, in the first layer, the classic detector that it resembles."""
    resembles = f", resembles: {alike[number]}" if alike else ""
    return f"{layer.name}, kernel {number}{resembles}"


def of_map(network: Known, layers: tuple[LayerShape, ...], layer: LayerShape, number: int) -> None:
    """The kernel that made this map: its own, or that of the convolution before."""
    if len(layer.output) != 3:
        return
    source = next((other for other in reversed(layers[: layer.index + 1]) if isinstance(other.layer, Conv)), None)
    if source is None:
        return
    weights, bias = cache.kernels(network.id, network.version, source.name)
    found = statistics(weights[number])
    shape = " × ".join(map(str, weights[number].shape))
    st.markdown(f"**Its kernel**: {source.name}, number {number} ({shape})")
    st.caption(
        f"{weights[number].size:,} weights from {text.number(found.minimum)} to {text.number(found.maximum)}, "
        f"L2 norm {text.number(found.norm)}" + (f", bias {text.number(bias[number])}" if bias is not None else "")
    )
    _slices(weights[number], key="detail-kernel", what=source.name)


def _slices(kernel: np.ndarray, *, key: str, what: str) -> None:
    """One kernel (C, k, k) as a wall, a slice for each input map."""
    wall(
        kernel[:MOST],
        key=key,
        scale="signed",
        captions=[f"in {channel}" for channel in range(len(kernel))][:MOST] if len(kernel) > 1 else None,
        details=[f"{what}, weights for input map {channel}" for channel in range(len(kernel))][:MOST],
        label=f"Slices of a kernel of {what}",
        tile=64 if len(kernel) > 1 else 180,
    )
