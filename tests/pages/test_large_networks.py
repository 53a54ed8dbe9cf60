"""A layer of 512 kernels, and a network of a million parameters: they open, as a few walls and not as hundreds of
figures, and what the browser is sent for them stays small."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from conftest_pages import elements, shown_layer
from streamlit.testing.v1 import AppTest

from explorer import weights
from explorer.analysis import activations
from explorer.data import load
from explorer.models import build
from explorer.runs import service
from explorer.spec import Activation, Conv, Dense, Flatten, GlobalAveragePool, ModelSpec, Output, Pool, RunSpec

Open = Callable[..., AppTest]

WIDE = ModelSpec(
    layers=(
        Conv(kernels=512, kernel_size=3),
        Activation(),
        Pool(),
        Conv(kernels=8, kernel_size=3),
        GlobalAveragePool(),
        Output(),
    )
)
MILLION = ModelSpec(
    layers=(Conv(kernels=16, kernel_size=5), Activation(), Pool(), Flatten(), Dense(units=500), Activation(), Output())
)
FEW = 24
"""Components on a page, at most."""
LARGEST = 4_000_000
"""Bytes to the browser for a page."""


@pytest.mark.parametrize(("model", "maps"), [(WIDE, 512), (MILLION, 16)], ids=["512 kernels", "a million parameters"])
def test_it_opens_in_a_few_walls(open_app: Open, model: ModelSpec, maps: int) -> None:
    data = load("mnist")
    network = build(model, data.card.shape, len(data.card.classes), seed=1).eval()
    assert model is WIDE or sum(tensor.numel() for tensor in network.parameters()) > 1_000_000
    spec = RunSpec(name="large", model=model)
    run = service.add(spec, weights.pack(network, spec), {"weights_step": 1})
    tested = open_app("inside", network=run)
    for tab in ("Maps", "Kernels", "Why this answer", "Change it"):
        tested.session_state["inside-tab"] = tab
        tested.run()
        assert not tested.exception, tab
        assert [item.value for item in tested.error] == [], tab
        sent = [item.proto for item in elements(tested) if getattr(item, "type", "") == "bidi_component"]
        assert 0 < len(sent) <= FEW, tab
        assert sum(each.ByteSize() for each in sent) < LARGEST, tab
        if tab == "Maps":
            wanted = activations(network, np.asarray(data.test.pixels[0]), data.card)["conv1"]
            shown = shown_layer(tested, "conv1").pixels
            assert len(wanted) == maps
            assert 0 < len(shown) <= maps
            assert {tile.tobytes() for tile in shown} <= {each.tobytes() for each in wanted}
