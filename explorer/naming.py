"""What a run is called that nobody has named: its network, and what of its recipe is not as it is at first."""

from __future__ import annotations

import re
from collections.abc import Sequence

from explorer.blocks import Blocks
from explorer.spec import DataSpec, TrainSpec

LONGEST = 80
"""Characters of a name."""
MOST_WORDS = 3
"""Of a recipe."""
_SUFFIX = re.compile(r"_[0-9a-f]{12}$")
"""What tells an own data set from others of the same title (:mod:`explorer.data.own`)."""
_OPTIMIZERS = {"sgd": "SGD", "momentum": "momentum", "adam": "Adam", "adamw": "AdamW"}


def fitting(parts: Sequence[str]) -> str:
    """The parts one after the other, as many from the first on as there is room for."""
    kept = list(parts)
    while len(" · ".join(kept)) > LONGEST and len(kept) > 1:
        kept.pop()
    return " · ".join(kept)[:LONGEST]


def of_blocks(blocks: Blocks) -> list[str]:
    """What tells networks of blocks apart: "conv 8-16 of 5×5", "batch norm", "dense 64"; nothing where there is no
    block."""
    normed = ["batch norm"] if any(block.batch_norm for block in blocks.convs) else []
    return [*(f"{conv}{_kernel_sizes(blocks)}" for conv in _conv(blocks)), *normed, *_dense(blocks)]


def before_sizes(blocks: Blocks) -> str:
    """What they were called before version 0.5, so that such a name is not taken for one that somebody gave."""
    return " · ".join([*_conv(blocks), *_dense(blocks)])


def of_recipe(train: TrainSpec, data: DataSpec) -> list[str]:
    """What of a recipe is not as it is at first, in few words, and of more than three how many more."""
    first, first_data = TrainSpec(), DataSpec()
    found = {
        _SUFFIX.sub("", data.dataset).replace("_", " "): data.dataset != first_data.dataset,
        f"{data.train_size or 0:,} images": data.train_size is not None,
        _OPTIMIZERS[train.optimizer]: train.optimizer != first.optimizer,
        f"rate {train.learning_rate:g}": train.learning_rate != first.learning_rate,
        train.schedule.replace("_", " "): train.schedule != first.schedule,
        f"batch {train.batch_size:,}": train.batch_size != first.batch_size,
        f"{train.epochs:,} epoch{'s' if train.epochs > 1 else ''}": train.epochs != first.epochs,
        f"decay {train.weight_decay:g}": train.weight_decay != first.weight_decay,
        f"smoothing {train.label_smoothing:g}": train.label_smoothing != first.label_smoothing,
        "augmented": bool(train.augmentation),
        train.initialization.replace("_", " "): train.initialization != first.initialization,
        f"patience {train.patience}": train.patience is not None,
        f"validation {data.validation_share:g}": data.validation_share != first_data.validation_share,
        f"split {data.split_seed}": data.split_seed != first_data.split_seed,
        f"seed {train.seed}": train.seed != first.seed,
    }
    told = [words for words, differs in found.items() if differs]
    return told if len(told) <= MOST_WORDS else [*told[:MOST_WORDS], f"{len(told) - MOST_WORDS} more"]


def _conv(blocks: Blocks) -> list[str]:
    return [f"conv {'-'.join(str(block.kernels) for block in blocks.convs)}"] if blocks.convs else []


def _dense(blocks: Blocks) -> list[str]:
    return [f"dense {'-'.join(str(block.units) for block in blocks.dense)}"] if blocks.dense else []


def _kernel_sizes(blocks: Blocks) -> str:
    """Where they are not all 3×3, as most are."""
    sizes = [block.kernel_size for block in blocks.convs]
    if set(sizes) == {3}:
        return ""
    return f" of {sizes[0]}×{sizes[0]}" if len(set(sizes)) == 1 else f" of {'-'.join(map(str, sizes))}"
