"""Layers that PyTorch does not have: an even kernel's padding, a table of connections, LeNet-5's subsampling, squashing
and codes, and global average pooling. Each is the module of one layer of a :class:`~explorer.spec.ModelSpec`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.bitmaps import CODES

Table = tuple[tuple[int, ...], ...]


class UnevenConv2d(nn.Conv2d):
    """A convolution with ``uneven`` zeros (left, right, top, bottom): "same" padding of an even kernel.

    ``nn.Conv2d(padding="same")`` would do it for stride 1 alone, and with a warning.
    """

    def __init__(
        self, channels: int, kernels: int, kernel_size: int, *, stride: int, uneven: tuple[int, int], bias: bool
    ) -> None:
        super().__init__(channels, kernels, kernel_size, stride=stride, bias=bias)
        self.uneven = (*uneven, *uneven)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        return super().forward(functional.pad(input, self.uneven))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, uneven={self.uneven}"  # type: ignore[no-untyped-call]


class TableConv2d(nn.Conv2d):
    """A convolution whose kernels see only some of the input maps. The weights for the others are there, as zeros: no
    gradient reaches them."""

    table: Tensor

    def __init__(
        self, channels: int, kernels: int, kernel_size: int, *, stride: int, padding: int, bias: bool, table: Table
    ) -> None:
        super().__init__(channels, kernels, kernel_size, stride=stride, padding=padding, bias=bias)
        seen = torch.zeros(kernels, channels, 1, 1)
        for kernel, maps in enumerate(table):
            seen[kernel, list(maps)] = 1.0
        self.register_buffer("table", seen, persistent=False)
        with torch.no_grad():
            self.weight *= self.table

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        maps: Tensor = self._conv_forward(input, self.weight * self.table, self.bias)
        return maps


class ChannelAffine(nn.Module):
    """Each map or unit times a learned coefficient, and a learned bias: (N, C, H, W) or (N, C) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        shape = (-1, *[1] * (input.dim() - 2))
        return input * self.weight.view(shape) + self.bias.view(shape)


class ScaledTanh(nn.Module):
    """1.7159 tanh(2x/3) (LeCun et al. 1998, appendix A)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        return torch.tanh(input * (2 / 3)) * 1.7159


class Codes(nn.Linear):
    """Logits 2 c·x of the digits' fixed codes c, which are not learned: see :class:`explorer.spec.Output`."""

    def __init__(self) -> None:
        super().__init__(len(CODES[0]), len(CODES), bias=False)
        self.weight = nn.Parameter(2.0 * torch.tensor(CODES), requires_grad=False)


class GlobalAveragePool2d(nn.Module):
    """Each map's mean, (N, C, H, W) → (N, C)."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean(dim=(2, 3))
