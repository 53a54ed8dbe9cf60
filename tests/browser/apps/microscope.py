"""A small app around the microscope, for tests/browser/test_microscope.py: any layer of a network given as JSON."""

import numpy as np
import streamlit as st
import torch

from explorer.analysis import activations
from explorer.analysis.capture import to_input
from explorer.analysis.section import section
from explorer.data.cards import CARDS
from explorer.models import build
from explorer.modules import ChannelAffine
from explorer.shapes import trace
from explorer.spec import ModelSpec, from_link
from explorer.ui.components.microscope import microscope

st.set_page_config(layout="wide")
CARD = CARDS["mnist"]
state = st.session_state


@st.cache_resource
def opened(link: str, seed: int):
    """The network and the digit that tests/browser/test_microscope.py makes in the same way."""
    network = build(from_link(ModelSpec, link), CARD.shape, 10, seed=seed).eval()
    generator = torch.Generator().manual_seed(seed)
    for module in network:
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            module.running_mean.uniform_(-0.5, 0.5, generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
            with torch.no_grad():
                module.weight.uniform_(-1.5, 1.5, generator=generator)
                module.bias.uniform_(-0.5, 0.5, generator=generator)
        if isinstance(module, ChannelAffine):
            with torch.no_grad():
                module.weight.uniform_(-1.5, 1.5, generator=generator)
                module.bias.uniform_(-0.5, 0.5, generator=generator)
    pixels = torch.randint(0, 256, CARD.shape, generator=generator).to(torch.uint8).numpy()
    return network, pixels


parameters = st.query_params
network, pixels = opened(parameters["spec"], int(parameters["seed"]))
layers = trace(network.spec, CARD.shape, 10)
outputs = activations(network, pixels, CARD)
image = to_input(network, pixels[None], CARD)[0].numpy()
layer = st.selectbox("layer", [one.name for one in layers])
state.setdefault("number", 0)
number = int(st.number_input("number", 0, 10_000, key="number"))
values = outputs[layer]
cut = section(network, layers, image, outputs, layer, min(number, len(values) - 1))


def choose(unit: int) -> None:
    state["number"] = unit


scale = "signed" if np.any(values < 0) else "brightness"
microscope(cut, key="microscope", scale=scale, classes=CARD.classes, on_choose=choose)
st.html(f"<p id='shown'>{layer} {number}</p>")
