"""Kernels of the first convolution that are given and stay, bit for bit, while everything else learns."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from explorer.spec import Kernel


def freeze(network: nn.Module, optimizer: Optimizer, kernels: Sequence[Kernel]) -> None:
    """Puts kernels into the network's first convolution and keeps them there.

    ``network`` already lies on its device, ``optimizer`` is its own, and the kernels fit (which a RunSpec sees to):
    k × k numbers each, the same slice for each input channel. The convolution's other kernels, and all biases, learn.

    Both things that would move them are hooks, so that a run without frozen kernels has nothing more to do: their
    gradients are zero, so that no norm counts them, and after each of the optimiser's steps they are put back, because
    weight decay and momentum move weights without a gradient, too.
    """
    if not kernels:
        return
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    weight = first.weight
    given = torch.tensor(kernels, dtype=weight.dtype, device=weight.device)[:, None].expand(-1, weight.shape[1], -1, -1)
    count = len(kernels)

    @torch.no_grad()
    def put(*_: object) -> None:
        weight[:count] = given

    def forget(parameter: Tensor) -> None:
        if parameter.grad is not None:
            parameter.grad[:count] = 0.0

    put()
    weight.register_post_accumulate_grad_hook(forget)  # type: ignore[no-untyped-call]
    optimizer.register_step_post_hook(put)
