"""The optimisers of a recipe, and their memory as named tensors, to be kept in a checkpoint and put back exactly.

As in PyTorch, weight decay acts on all parameters, biases and normalisation included: added to the gradient (L2) with
``sgd``, ``momentum`` and ``adam``, and apart from it with ``adamw`` (Loshchilov & Hutter 2019).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch._compile import _disable_dynamo
from torch.optim import SGD, Adam, AdamW, Optimizer

from explorer.errors import WeightsError
from explorer.spec import TrainSpec
from explorer.training.schedule import MOMENTUM, Rate

_TOLD = "__dynamo_disable"
_FUSED = ("cpu", "cuda", "mps", "xpu")


def build(spec: TrainSpec, network: nn.Module) -> Optimizer:
    """The recipe's optimiser for all parameters of the network, which already lies on its device."""
    _without_compiler()
    parameters = list(network.parameters())
    # A fused step does all parameters in one kernel: measured on the CPU, a third of the time of one by one.
    fused = all(parameter.device.type in _FUSED and parameter.is_floating_point() for parameter in parameters)
    common: dict[str, Any] = {"lr": spec.learning_rate, "weight_decay": spec.weight_decay, "fused": fused}
    match spec.optimizer:
        case "sgd":
            return SGD(parameters, **common)
        case "momentum":
            return SGD(parameters, momentum=MOMENTUM, **common)
        case "adam":
            return Adam(parameters, **common)
        case "adamw":
            return AdamW(parameters, **common)


def _without_compiler() -> None:
    """Keeps torch from loading its compiler: two seconds of each run's beginning, and a hundred megabytes.

    Optimisers' methods are marked as not to be compiled, by a wrapper that loads torch._dynamo at their first call, to
    tell it so. Nothing is compiled here (see :mod:`~.calibrate`), so the wrappers are told that this is done already.
    """
    of_wrappers = _disable_dynamo(lambda: None).__code__
    for method in vars(Optimizer).values():
        if getattr(method, "__code__", None) is of_wrappers and not hasattr(method.__wrapped__, _TOLD):
            setattr(method.__wrapped__, _TOLD, method.__wrapped__)


def step(optimizer: Optimizer) -> None:
    """What ``optimizer.step()`` does, without its wrappers, which would load torch's compiler, too, and call hooks, of
    which there are none."""
    with torch.no_grad():
        inspect.unwrap(type(optimizer).step)(optimizer)


def set_rate(optimizer: Optimizer, rate: Rate) -> None:
    """Sets learning rate and momentum for the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate.learning_rate
        if "betas" in group:
            group["betas"] = (rate.momentum, group["betas"][1])
        else:
            group["momentum"] = rate.momentum


def memory(optimizer: Optimizer, network: nn.Module) -> dict[str, Tensor]:
    """What the optimiser remembers of past steps: copies on the CPU by name, ``conv1.weight/exp_avg`` and so on."""
    return {
        f"{name}/{key}": value.detach().to("cpu", copy=True).contiguous()
        for name, parameter in network.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
        if isinstance(value, Tensor)
    }


def restore(optimizer: Optimizer, network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of :func:`memory`. Raises WeightsError for tensors that belong to another network or optimiser."""
    left = dict(tensors)
    for name, parameter in network.named_parameters():
        for key in [key for key in left if key.rpartition("/")[0] == name]:
            value = left.pop(key)
            if value.dim() and value.shape != parameter.shape:
                raise WeightsError(
                    f"the checkpoint's {key} has the shape {tuple(value.shape)}: it is another network's"
                )
            if value.dim():
                # In the parameter's own memory order: a fused step walks both as they lie in memory.
                kept = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
            else:
                kept = value.to(parameter.device, copy=True)
            optimizer.state[parameter][key.rpartition("/")[2]] = kept
    if left:
        raise WeightsError(f"the checkpoint has {next(iter(left))!r:.80}, which this network has not")


def gradient_norms(network: nn.Module) -> dict[str, list[Tensor]]:
    """Of each convolution and dense layer that learns its gradients' L2 norms (weights, biases), left on the device."""
    return {
        name: [torch.linalg.vector_norm(one.grad) for one in module.parameters() if one.grad is not None]
        for name, module in network.named_children()
        if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.requires_grad
    }
