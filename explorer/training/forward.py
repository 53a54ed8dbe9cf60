"""A network's layers in the order in which they are fastest, with exactly the same result."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explorer.models import Network


class Forward:
    """Calls a network's layers one after the other, with max pooling before a ReLU that it follows.

    The two commute: ReLU leaves the order of numbers as it is, so the largest of a window stays the largest, and
    where ReLU makes several equal they are 0 and their gradient is, too. Both directions give the same bits (also for
    NaN), but ReLU then works on a quarter of the numbers: measured on the CPU, 5 to 10 % of a step of the article's
    network.

    Networks with convolutions want their images in ``memory_format``: channels last, with which a step of theirs
    takes two thirds of the time on the CPU, in bfloat16 half of it.
    """

    def __init__(self, network: Network) -> None:
        layers = list(network)
        for place in range(len(layers) - 1):
            if isinstance(layers[place], nn.ReLU) and isinstance(layers[place + 1], nn.MaxPool2d):
                layers[place], layers[place + 1] = layers[place + 1], layers[place]
        self.layers = layers
        maps = any(isinstance(layer, nn.Conv2d) for layer in layers)
        self.memory_format = torch.channels_last if maps else torch.contiguous_format

    def __call__(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W), normalised float → logits (N, classes)."""
        x = images.contiguous(memory_format=self.memory_format)
        for layer in self.layers:
            x = layer(x)
        return x
