"""The networks on which computations are timed: a small one and a large one."""

from __future__ import annotations

from explorer import zoo
from explorer.data.cards import find_card
from explorer.models import Network, build
from explorer.spec import Activation, Conv, Dense, Flatten, ModelSpec, Output, Pool

MILLION = ModelSpec(
    layers=(
        *(Conv(kernels=32, kernel_size=5, padding="same"), Activation(), Pool()),
        *(Conv(kernels=64, kernel_size=5, padding="same"), Activation(), Pool()),
        *(Flatten(), Dense(units=320), Activation(), Output()),
    )
)


def networks() -> dict[str, Network]:
    """LeNet-5, and a network of a million parameters, whose random weights take as long as learned ones."""
    card = find_card("mnist")
    million = build(MILLION, card.shape, len(card.classes), seed=0).eval().requires_grad_(False)
    return {"lenet5": zoo.load("lenet5")[1], "a million parameters": million}
