"""Weights files as other programs write them, and as somebody would who means harm."""

from __future__ import annotations

import io
import os
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from explorer.presets import PRESETS
from explorer.spec import Activation, BatchNorm, Conv, Dense, Flatten, ModelSpec, Output, RunSpec

TINY = RunSpec(name="tiny", model=PRESETS["tiny"].model)

TWINS = RunSpec(
    name="twins",
    model=ModelSpec(
        layers=(
            Conv(kernels=2, kernel_size=3, stride=4),
            BatchNorm(),
            Activation(),
            Flatten(),
            Dense(units=12),
            Activation(),
            Dense(units=12),
            Activation(),
            Dense(units=12),
            Output(),
        )
    ),
)
"""Small, with batch normalisation, and with two layers alike (dense2 and dense3, both 12 → 12)."""


class Theirs(nn.Module):
    """TWINS as somebody else would write it: batch normalisation after all convolutions, names of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 2, 3, stride=4), nn.BatchNorm2d(2), nn.ReLU())
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(98, 12),
            nn.ReLU(),
            nn.Linear(12, 12),
            nn.ReLU(),
            nn.Linear(12, 12),
            nn.Linear(12, 10),
        )
        with torch.no_grad():
            self.features[1].running_mean.uniform_(-1, 1)  # type: ignore[union-attr]
            self.features[1].running_var.uniform_(0.5, 2)  # type: ignore[union-attr]

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


PAIRS = {
    "features.0": "conv1",
    "features.1": "norm1",
    "head.1": "dense1",
    "head.3": "dense2",
    "head.5": "dense3",
    "head.6": "output",
}


def theirs() -> Theirs:
    torch.manual_seed(11)
    return Theirs().eval()


def saved(thing: Any, **options: Any) -> bytes:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(thing, buffer, **options)
    return buffer.getvalue()


class Payload:
    """Unpickled, it makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


def with_payload(state: Mapping[str, Tensor], mark: Path, **options: Any) -> bytes:
    return saved(OrderedDict([*state.items(), ("extra", Payload(mark))]), **options)


def bomb(numbers: int) -> bytes:
    """A state dict whose zeros are packed: some hundred kB that unpack to any size."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved({"output.weight": torch.zeros(numbers)}))) as source,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
    return packed.getvalue()


def claiming(bytes_claimed: int) -> bytes:
    """A few hundred bytes in the form before PyTorch 1.6, which say that so much memory follows."""
    data = saved({"output.weight": torch.zeros(3)}, _use_new_zipfile_serialization=False)
    before = b"cpu"
    at = data.index(b"K\x03N", data.index(before))
    return data[:at] + b"J" + (bytes_claimed // 4).to_bytes(4, "little") + data[at + 2 :]
