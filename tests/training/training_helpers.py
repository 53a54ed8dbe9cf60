"""Small networks, small runs, and a training loop that knows nothing of the engine."""

from __future__ import annotations

from typing import Any

from explorer.spec import (
    Activation,
    BatchNorm,
    Conv,
    DataSpec,
    Dense,
    Dropout,
    Flatten,
    ModelSpec,
    Output,
    Pool,
    RunSpec,
    TrainSpec,
)

SMALL = ModelSpec(
    layers=(
        Conv(kernels=6, kernel_size=3),
        Activation(),
        Pool(),
        Conv(kernels=8, kernel_size=3, padding="same"),
        Activation(),
        Pool(),
        Flatten(),
        Dense(units=16),
        Activation(),
        Output(),
    )
)
NOISY = ModelSpec(
    layers=(
        Conv(kernels=4, kernel_size=5, stride=2),
        BatchNorm(),
        Activation(function="leaky_relu"),
        Dropout(rate=0.2),
        Flatten(),
        Dense(units=12),
        BatchNorm(),
        Activation(function="tanh"),
        Dropout(rate=0.5),
        Output(),
    )
)


def run(model: ModelSpec = SMALL, *, images: int | None = 300, share: float = 0.1, **recipe: Any) -> RunSpec:
    """A run's spec: ``images`` to train on, ``share`` of all to validate on, and what its recipe says; in float32 and
    channels last, if it names no others."""
    train = TrainSpec(**{"precision": "float32", "memory_format": "channels_last", **recipe})
    return RunSpec(name="test", model=model, data=DataSpec(train_size=images, validation_share=share), train=train)
