"""A network, its optimiser and its images on one device: takes steps, and answers what the engine asks about them."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import models
from explorer.data import Dataset
from explorer.errors import TrainingError
from explorer.spec import BatchNorm, RunSpec
from explorer.training import optim, schedule
from explorer.training.batches import seed_of
from explorer.training.choice import of_recipe
from explorer.training.events import Step
from explorer.training.forward import Forward
from explorer.training.frozen import freeze
from explorer.training.resident import Resident


class Learner:
    """What takes the steps of a run. ``step`` is how many are done."""

    def __init__(self, spec: RunSpec, data: Dataset, device: torch.device, *, weights: Mapping[str, Tensor]) -> None:
        """``weights``: to begin with; none: fresh ones. Raises as :func:`~explorer.training.engine.train` does."""
        self.recipe, self.device, self.step = spec.train, device, 0
        self.network = models.build(
            spec.model,
            data.card.shape,
            len(data.card.classes),
            initialization=self.recipe.initialization,
            seed=self.recipe.seed,
        )
        if weights:
            models.load_weights(self.network, weights)
        self._forward = Forward(self.network, of_recipe(self.recipe)[1])
        self.network.to(device=device, memory_format=self._forward.memory_format)  # type: ignore[call-overload]
        self.optimizer = optim.build(self.recipe, self.network)
        self._put_back = freeze(self.network, self.recipe.frozen_kernels)
        self._dropout = any(isinstance(layer, nn.Dropout) for layer in self.network)
        normed = any(isinstance(layer, BatchNorm) for layer in spec.model.layers)
        self.images = Resident(spec, data, device, pairs=normed)
        self._total = self.recipe.epochs * self.images.steps_per_epoch
        # Loss and right answers of each step since the last Step event, left on the device until somebody reads them.
        self._losses: list[Tensor] = []
        self._right: list[Tensor] = []
        self._busy, self._busy_images = 0.0, 0  # seconds and images of those steps

    def take_step(self) -> None:
        """The next step: forward, backward, update. Nothing in it waits for the device."""
        began = time.perf_counter()
        images, labels = self.images.batch(self.step)
        optim.set_rate(self.optimizer, schedule.rate(self.recipe, self.step, self._total))
        if self._dropout:
            torch.manual_seed(seed_of(self.recipe.seed, "dropout", self.step))
        try:
            logits = self._logits(images)
        except ValueError as error:  # batch normalisation's
            raise TrainingError(
                f"batch normalisation can't work on {len(labels)} image at a time: use a larger batch size"
            ) from error
        loss = F.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optim.step(self.optimizer)
        if self._put_back is not None:
            self._put_back()
        self._losses.append(loss.detach())
        self._right.append((logits.detach().argmax(1) == labels).sum())
        self.step += 1
        self._busy += time.perf_counter() - began
        self._busy_images += len(labels)

    def read(self, *, seconds: float) -> Step:
        """The steps since the last reading as an event. Raises TrainingError where one's loss is not a number."""
        began = time.perf_counter()
        gradients = optim.gradient_norms(self.network)
        count = len(self._losses)
        norms = torch.stack([norm for parts in gradients.values() for norm in parts])
        values = torch.cat([self.unread().flatten(), norms]).tolist()  # one wait for the device
        self._check(values[:count])
        read = iter(values[2 * count :])
        sizes = [self.images.size(step) for step in range(self.step - count, self.step)]
        self._busy += time.perf_counter() - began
        event = Step(
            step=self.step,
            epoch=self.step / self.images.steps_per_epoch,
            loss=sum(loss * size for loss, size in zip(values[:count], sizes, strict=True)) / sum(sizes),
            accuracy=sum(values[count : 2 * count]) / sum(sizes),
            learning_rate=schedule.rate(self.recipe, self.step - 1, self._total).learning_rate,
            gradient_norms={name: math.hypot(*islice(read, len(parts))) for name, parts in gradients.items()},
            images_per_second=self._busy_images / self._busy,
            seconds=seconds,
        )
        self._losses, self._right, self._busy, self._busy_images = [], [], 0.0, 0
        return event

    def answers(self, indices: Tensor) -> Tensor:
        """Logits float32 (N, K) in evaluation mode for training images (N,), on the device."""
        self.network.eval()
        with torch.inference_mode():
            logits = self._logits(self.images.images(indices))
        self.network.train()
        return logits

    def weights(self, names: Collection[str] | None = None) -> dict[str, Tensor]:
        """Parameters and buffers (all, or those of ``names``) as contiguous copies on the CPU."""
        return {
            name: tensor.detach().to("cpu", copy=True).contiguous()
            for name, tensor in self.network.state_dict().items()
            if names is None or name in names
        }

    def unread(self) -> Tensor:
        """Loss and right answers of each step since the last reading, (2, steps), on the device."""
        if not self._losses:
            return torch.zeros(2, 0, device=self.device)
        return torch.stack([torch.stack(self._losses), torch.stack(self._right).to(torch.float32)])

    def drain(self) -> None:
        """Waits until the device has taken all steps, and forgets what was not read of them."""
        if self._losses:
            self._losses[-1].item()
        self._losses, self._right, self._busy, self._busy_images = [], [], 0.0, 0

    def resume(self, step: int, optimizer: Mapping[str, Tensor], unread: Tensor) -> None:
        """Goes on after ``step``, with what :func:`optim.memory` and :meth:`unread` had kept."""
        optim.restore(self.optimizer, self.network, optimizer)
        self.step = step
        losses, right = unread.to(self.device)
        self._losses, self._right = list(losses), list(right.long())

    def check(self) -> None:
        """Raises TrainingError where a loss since the last reading is not a number."""
        self._check(self.unread()[0].tolist())

    def diverged(self, step: int) -> TrainingError:
        """What to say where a loss is not a number."""
        recipe = self.recipe
        cause = f"a learning rate of {recipe.learning_rate:g} is too high for {recipe.optimizer} here"
        remedy = f"train again with {recipe.learning_rate / 10:g} or less"
        if recipe.precision == "bfloat16":
            cause, remedy = f"{cause}, or bfloat16 is too coarse", f"{remedy}, or in float32"
        return TrainingError(
            f"training diverged at step {step:,}, where the loss is no longer a number. Most likely {cause}: {remedy}"
        )

    def _check(self, losses: list[float]) -> None:
        for step, loss in enumerate(losses, start=self.step - len(losses) + 1):
            if not math.isfinite(loss):
                raise self.diverged(step)

    def _logits(self, images: Tensor) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"):
            return self._forward(images).float()
