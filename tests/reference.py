"""A second, plain way to run a ModelSpec, written from the layers' definitions with PyTorch's functions alone: the
oracle for shapes and models. It knows nothing of ``explorer.shapes`` and ``explorer.models``."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch.nn import functional

from explorer.bitmaps import CODES
from explorer.spec import (
    Activation,
    Affine,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    ModelSpec,
    Output,
    Pool,
)

FUNCTIONS = {
    "relu": torch.relu,
    "leaky_relu": lambda x: torch.where(x > 0, x, 0.01 * x),
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5)),
    "tanh": torch.tanh,
    "scaled_tanh": lambda x: 1.7159 * (1 - 2 / (1 + torch.exp(4 / 3 * x))),
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
}


def noise(*shape: int) -> Tensor:
    """The same normal numbers each time, in double precision, so that rounding is no matter."""
    return torch.randn(*shape, dtype=torch.double, generator=torch.Generator().manual_seed(sum(shape)))


def run(model: ModelSpec, images: Tensor, classes: int, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each layer's output in evaluation mode, up to the first layer whose window PyTorch finds too large.

    ``tensors`` holds the weights, named as PyTorch names them; what is missing there is drawn at random, in the size
    that the data turn out to need, and put there.
    """
    outputs: dict[str, Tensor] = {}
    x = images
    for name, layer in zip(model.names, model.layers, strict=True):
        match layer:
            case Conv(kernels=kernels, kernel_size=k):
                weight = tensors.setdefault(f"{name}.weight", _kernels(layer, noise(kernels, x.shape[1], k, k)))
                bias = tensors.setdefault(f"{name}.bias", noise(kernels)) if layer.bias else None
                try:
                    x = _convolve(x, weight, bias, layer)
                except RuntimeError as error:
                    if "Kernel size can't be greater than actual input size" not in str(error):
                        raise
                    return outputs
            case BatchNorm():
                channels = x.shape[1]
                mean = tensors.setdefault(f"{name}.running_mean", noise(channels))
                variance = tensors.setdefault(f"{name}.running_var", noise(channels).square() + 0.5)
                scale = tensors.setdefault(f"{name}.weight", noise(channels))
                shift = tensors.setdefault(f"{name}.bias", noise(channels))
                tensors.setdefault(f"{name}.num_batches_tracked", torch.tensor(3))
                rest = (1,) * (x.dim() - 2)
                mean, variance, scale, shift = (t.view(1, channels, *rest) for t in (mean, variance, scale, shift))
                x = (x - mean) / torch.sqrt(variance + 1e-5) * scale + shift
            case Affine():
                channels = x.shape[1]
                scale = tensors.setdefault(f"{name}.weight", noise(channels))
                shift = tensors.setdefault(f"{name}.bias", noise(channels, 1)[:, 0])
                x = torch.einsum("nc...,c->nc...", x, scale) + shift.reshape(channels, *(1,) * (x.dim() - 2))
            case Activation(function=function):
                x = FUNCTIONS[function](x)
            case Pool(mode=mode, size=size, stride=stride):
                if size > min(x.shape[2:]):
                    return outputs
                windows = x.unfold(2, size, stride).unfold(3, size, stride)  # (N, C, H', W', size, size)
                x = windows.amax((4, 5)) if mode == "max" else windows.mean((4, 5))
            case Dropout():
                pass
            case Flatten():
                x = x.reshape(len(x), -1)
            case GlobalAveragePool():
                x = x.sum((2, 3)) / (x.shape[2] * x.shape[3])
            case Output(codes=True):
                codes = torch.tensor(CODES, dtype=x.dtype)
                tensors.setdefault(f"{name}.weight", 2 * codes)
                distances = torch.cdist(x, codes).square()
                x = x.square().sum(1, keepdim=True) + codes.square().sum(1) - distances
            case _:
                units = layer.units if isinstance(layer, Dense) else classes
                weight = tensors.setdefault(f"{name}.weight", noise(units, x.shape[1]))
                x = x @ weight.T + tensors.setdefault(f"{name}.bias", noise(units))
        outputs[name] = x
    return outputs


def _kernels(layer: Conv, weights: Tensor) -> Tensor:
    """The weights without those for maps that a kernel does not see."""
    for kernel, maps in enumerate(layer.connections or ()):
        weights[kernel, [channel for channel in range(weights.shape[1]) if channel not in maps]] = 0.0
    return weights


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, layer: Conv) -> Tensor:
    if layer.padding == "same":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # even kernels may need a padded copy
            whole = functional.conv2d(x, weight, bias, padding="same")
        return whole[:, :, :: layer.stride, :: layer.stride]  # PyTorch has "same" for stride 1 alone
    zeros = 0 if layer.padding == "valid" else layer.padding
    return functional.conv2d(x, weight, bias, stride=layer.stride, padding=zeros)
