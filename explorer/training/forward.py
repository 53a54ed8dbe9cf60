"""A network's layers in the order in which they are fastest, and as they are fastest, with the same result."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from explorer.models import Network
from explorer.spec import LayoutName
from explorer.training.batch_norm import NarrowBatchNorm


class Forward:
    """Calls a network's layers one after the other, with max pooling before a ReLU that it follows.

    The two commute: ReLU leaves the order of numbers as it is, so the largest of a window stays the largest, and
    where ReLU makes several equal they are 0 and their gradient is, too. Both directions give the same bits (also for
    NaN), but ReLU then works on a quarter of the numbers: measured on the CPU, 5 to 10 % of a step of the article's
    network.

    Batch normalisation of few maps is computed otherwise (:mod:`~explorer.training.batch_norm`), to the same numbers up
    to rounding.

    Images come in ``memory_format``. Networks with convolutions are mostly faster with channels last: on a CPU a step
    of the article's network took three quarters of the time. Networks without any have nothing to gain.
    """

    def __init__(self, network: Network, layout: LayoutName = "channels_last") -> None:
        layers = list(network)
        for place in range(len(layers) - 1):
            if isinstance(layers[place], nn.ReLU) and isinstance(layers[place + 1], nn.MaxPool2d):
                layers[place], layers[place + 1] = layers[place + 1], layers[place]
        self.layers: list[Callable[[Tensor], Tensor]] = [
            NarrowBatchNorm(layer) if isinstance(layer, nn.BatchNorm2d) else layer for layer in layers
        ]
        last = layout == "channels_last" and network.spec.convolves
        self.memory_format = torch.channels_last if last else torch.contiguous_format

    def __call__(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W), normalised float → logits (N, classes)."""
        x = images.contiguous(memory_format=self.memory_format)
        for layer in self.layers:
            x = layer(x)
        return x
