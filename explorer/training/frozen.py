"""Kernels of the first convolution that are given and stay, bit for bit, while everything else learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from explorer.spec import Kernel


def freeze(network: nn.Module, kernels: Sequence[Kernel]) -> Callable[[], None] | None:
    """Puts kernels into the network's first convolution, and returns what puts them back, to be called after each of
    the optimiser's steps: weight decay and momentum move weights without a gradient, too. None where there are none.

    ``network`` already lies on its device, and the kernels fit (which a RunSpec sees to): k × k numbers each, the same
    slice for each input channel. The convolution's other kernels, and all biases, learn. The frozen kernels' gradients
    are zero, so that no norm counts them.
    """
    if not kernels:
        return None
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    weight = first.weight
    given = torch.tensor(kernels, dtype=weight.dtype, device=weight.device)[:, None].expand(-1, weight.shape[1], -1, -1)
    count = len(kernels)

    @torch.no_grad()
    def put() -> None:
        weight[:count] = given

    def forget(parameter: Tensor) -> None:
        if parameter.grad is not None:
            parameter.grad[:count] = 0.0

    put()
    weight.register_post_accumulate_grad_hook(forget)  # type: ignore[no-untyped-call]
    return put
