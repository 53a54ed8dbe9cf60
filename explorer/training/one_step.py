"""One step of learning: the loss's gradient, what the optimiser remembers, and whether the gradient is true.

Gradients are taken in evaluation mode: batch normalisation with its running statistics, dropout off, no augmentation.
The network that is asked about is never changed: the work is done on a twin that shares its tensors. What the
optimiser makes of a gradient is the subject of :mod:`explorer.training.updates`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.errors import SpecError
from explorer.models import Network, twin
from explorer.runs import service
from explorer.spec import TrainSpec
from explorer.training import schedule
from explorer.training.schedule import Rate
from explorer.training.trained import newest_checkpoint

H = 1e-5
"""For finite differences in float64: small enough for the curve's bend (of order h²), large enough for rounding."""


@dataclass(frozen=True, eq=False)
class Memory:
    """What the optimiser knows before the step: how many ``steps`` it took, the ``rate`` of the next one, and its
    tensors by name, as ``optim.memory`` gives them (none: it is fresh)."""

    steps: int
    rate: Rate
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    def at(self, parameter: str, index: tuple[int, ...]) -> dict[str, float]:
        """The numbers that belong to one weight: momentum_buffer, or exp_avg and exp_avg_sq, and step."""
        named = {tuple(name.rsplit("/", 1)): tensor for name, tensor in self.tensors.items()}
        return {
            key: float(tensor[index] if tensor.dim() else tensor)
            for (owner, key), tensor in named.items()
            if owner == parameter
        }


@dataclass(frozen=True)
class Difference:
    """The slope of the loss by its values on both sides of a weight, in float64, beside the gradient in float64."""

    h: float
    above: float  # f(w + h)
    below: float  # f(w − h)
    slope: float  # (f(w + h) − f(w − h)) / 2h
    gradient: float

    @property
    def absolute(self) -> float:
        return abs(self.slope - self.gradient)

    @property
    def relative(self) -> float:
        """The difference as a share of the larger of both, 0 where both are 0."""
        largest = max(abs(self.slope), abs(self.gradient))
        return self.absolute / largest if largest else 0.0


# --- the optimiser's memory -----------------------------------------------------------------------------------------


def fresh(recipe: TrainSpec) -> Memory:
    """An optimiser that has taken no step, at the recipe's learning rate (before any schedule)."""
    momentum = 0.0 if recipe.optimizer == "sgd" else schedule.MOMENTUM
    return Memory(0, Rate(recipe.learning_rate, momentum))


def recall(run_id: str) -> Memory | None:
    """The memory in a run's newest checkpoint, with the learning rate of the step that comes next there (of the last
    one where none does); None where there is no checkpoint. Raises StoreError where there is no such run."""
    store = service.local().store
    record = store.get(run_id)
    checkpoint = newest_checkpoint(store, run_id)
    if checkpoint is None:
        return None
    total = max(record.progress.steps_total or 0, checkpoint.step, 1)
    rate = schedule.rate(record.spec.train, min(checkpoint.step, total - 1), total)
    return Memory(checkpoint.step, rate, checkpoint.optimizer)


# --- gradients ------------------------------------------------------------------------------------------------------


def gradient(
    network: Network, parameter: str, images: Tensor, labels: Tensor, *, smoothing: float = 0.0
) -> tuple[float, Tensor]:
    """The loss on images, normalised float32 (N, C, H, W), of classes int64 (N,), and its gradient by the parameter of
    that name, of its shape, both in float32 by autograd. ``smoothing`` is the recipe's label smoothing.

    Raises SpecError where the network has no such parameter.
    """
    shared = twin(network)
    asked = _parameter(shared, parameter)
    with torch.enable_grad():
        loss = F.cross_entropy(shared(images), labels, label_smoothing=smoothing)
        (slopes,) = torch.autograd.grad(loss, asked)
    return float(loss.detach()), slopes


def finite_difference(
    network: Network,
    parameter: str,
    index: tuple[int, ...],
    images: Tensor,
    labels: Tensor,
    *,
    smoothing: float = 0.0,
    h: float = H,
) -> Difference:
    """The slope of the loss by one weight, as (f(w + h) − f(w − h)) / 2h, and by autograd, everything in float64."""
    shared = twin(network).double()  # makes tensors of its own
    wide = images.double()
    _, slopes = gradient(shared, parameter, wide, labels, smoothing=smoothing)
    asked = _parameter(shared, parameter)
    losses = []
    with torch.no_grad():
        middle = float(asked[index])
        for value in (middle + h, middle - h):
            asked[index] = value
            losses.append(float(F.cross_entropy(shared(wide), labels, label_smoothing=smoothing)))
    above, below = losses
    return Difference(h, above, below, (above - below) / (2 * h), float(slopes[index]))


def _parameter(network: Network, name: str) -> Tensor:
    try:
        return network.get_parameter(name)
    except AttributeError:
        names = ", ".join(name for name, _ in network.named_parameters())
        raise SpecError(f"there is no parameter named {name!r}; there are: {names}") from None
