"""What two networks or more have in common and in what they differ: shape, recipe and images, fact by fact."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from explorer.blocks import Blocks, ConvBlock, DenseBlock, from_model
from explorer.spec import Augmentation, DataSpec, Kernel, Layer, ModelSpec, RunSpec, TrainSpec
from explorer.ui.recipe import INITIALIZATIONS, SCHEDULES
from explorer.ui.summaries import ACTIVATIONS, OPTIMIZERS, summary

Part = TypeVar("Part", ConvBlock, DenseBlock)

NOTHING = "–"
FEW = 2
"""Facts of a block that may differ without its being told as a whole."""
SEED = "Seed"


class Fact(NamedTuple):
    """One thing that is chosen, and what each network has of it, as the builder says it."""

    name: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


_CONV: dict[str, Callable[[ConvBlock], str]] = {
    "kernels": lambda block: f"{block.kernels:,}",
    "kernel size": lambda block: f"{block.kernel_size}×{block.kernel_size}",
    "stride": lambda block: str(block.stride),
    "padding": lambda block: str(block.padding),
    "batch normalisation": lambda block: "yes" if block.batch_norm else "no",
    "activation": lambda block: ACTIVATIONS[block.activation],
    "pooling": lambda block: (
        "none"
        if block.pool == "none"
        else f"{block.pool} {block.pool_size}×{block.pool_size}, stride {block.pool_stride}"
    ),
    "dropout": lambda block: f"{block.dropout:.0%}",
}
_DENSE: dict[str, Callable[[DenseBlock], str]] = {
    "units": lambda block: f"{block.units:,}",
    "activation": lambda block: ACTIVATIONS[block.activation],
    "dropout": lambda block: f"{block.dropout:.0%}",
}
_DATA: dict[str, Callable[[DataSpec], str]] = {
    "Training images": lambda data: "all" if data.train_size is None else f"{data.train_size:,}",
    "Validation share": lambda data: _share(data.validation_share),
    "Seed of the split": lambda data: str(data.split_seed),
}
_RECIPE: dict[str, Callable[[TrainSpec], str]] = {
    "Optimiser": lambda recipe: OPTIMIZERS[recipe.optimizer],
    "Learning rate": lambda recipe: f"{recipe.learning_rate:g}",
    "Schedule": lambda recipe: SCHEDULES[recipe.schedule],
    "Batch size": lambda recipe: f"{recipe.batch_size:,}",
    "Epochs": lambda recipe: f"{recipe.epochs:,}",
    "Weight decay": lambda recipe: f"{recipe.weight_decay:g}",
    "Label smoothing": lambda recipe: _share(recipe.label_smoothing),
    "Augmentation": lambda recipe: _augmentation(recipe.augmentation),
    "Initialisation": lambda recipe: INITIALIZATIONS[recipe.initialization],
    "Patience": lambda recipe: "none" if recipe.patience is None else f"{recipe.patience} epochs",
    SEED: lambda recipe: str(recipe.seed),
}


def facts(specs: Sequence[RunSpec], by_recipe: Sequence[bool] | None = None) -> list[Fact]:
    """All that decides what networks learn, shape first; – where one has no such part, or, by ``by_recipe``, was not
    made by its spec's recipe. Device, precision and order in memory decide about time and the last bits: how a run was
    computed, its result says."""
    made = by_recipe or [True] * len(specs)
    blocks = [from_model(spec.model) for spec in specs]
    found = _parts("Block", [one.convs if one else () for one in blocks], _CONV)
    found.append(Fact("After the maps", tuple(_bridge(spec.model) for spec in specs)))
    found += _parts("Dense layer", [one.dense if one else () for one in blocks], _DENSE)
    if None in blocks:
        found.append(Fact("Layers", tuple(_layers(spec.model, one) for spec, one in zip(specs, blocks, strict=True))))
    learned = [(name, [read(spec.data) for spec in specs]) for name, read in _DATA.items()]
    learned += [(name, [read(spec.train) for spec in specs]) for name, read in _RECIPE.items()]
    learned.append(("Frozen kernels", _frozen([spec.train.frozen_kernels for spec in specs])))
    for name, values in learned:
        found.append(Fact(name, tuple(value if by else NOTHING for value, by in zip(values, made, strict=True))))
    return found


def _parts(title: str, rows: Sequence[Sequence[Part]], readers: Mapping[str, Callable[[Part], str]]) -> list[Fact]:
    """What each network has as its first, second … part: fact by fact where all have it and little differs, else in one
    line each."""
    found = []
    for number in range(max(map(len, rows))):
        parts = [row[number] if number < len(row) else None for row in rows]
        each = [
            Fact(f"{title} {number + 1}: {name}", tuple(NOTHING if part is None else read(part) for part in parts))
            for name, read in readers.items()
        ]
        if None not in parts and sum(fact.differs for fact in each) <= FEW:
            found += each
        else:
            found.append(
                Fact(f"{title} {number + 1}", tuple(NOTHING if part is None else _line(part) for part in parts))
            )
    return found


def _line(part: ConvBlock | DenseBlock) -> str:
    if isinstance(part, DenseBlock):
        return f"{part.units:,} units · {summary(part)}"
    size = f"{part.kernels:,} of {part.kernel_size}×{part.kernel_size}"
    moves = "" if part.stride == 1 else f", stride {part.stride}"
    pooled = "" if part.pool == "none" or part.pool_stride == part.pool_size else f", stride {part.pool_stride}"
    return f"{size}{moves}, padding {part.padding} · {summary(part)}{pooled}"


def _augmentation(chosen: Augmentation) -> str:
    amounts = {
        "shift": f"{chosen.shift:g} px",
        "rotation": f"{chosen.rotate:g}°",
        "scale": _share(chosen.scale),
        "elastic": f"{chosen.elastic:g} px",
        "slant": f"{chosen.slant:g}°",
        "thickness": f"{chosen.thickness:g} px",
    }
    return ", ".join(f"{name} {amount}" for name, amount in amounts.items() if float(amount.rstrip(" px°%"))) or "none"


def _bridge(model: ModelSpec) -> str:
    pooled = any(layer.kind == "global_average_pool" for layer in model.layers)
    return "global average pooling" if pooled else "flatten"


def _layers(model: ModelSpec, blocks: Blocks | None) -> str:
    """Of a network that no blocks make: LeNet-5's of 1998, or one that was brought in."""
    return NOTHING if blocks else "; ".join(map(_layer, model.names, model.layers))


def _layer(name: str, layer: Layer) -> str:
    values = layer.model_dump(exclude={"kind", "function"}, exclude_defaults=True)
    if values.get("connections"):
        values["connections"] = f"table {zlib.crc32(repr(values['connections']).encode()):08x}"
    return " ".join([name, *(f"{key.replace('_', ' ')} {value}" for key, value in values.items())])


def _share(share: float) -> str:
    return f"{100 * share:.4g}%"


def _frozen(kernels: Sequence[tuple[Kernel, ...]]) -> list[str]:
    """How many, and where networks have different ones, which set."""
    counted = [[str(len(one)), name] if one else ["none"] for one, name in zip(kernels, sets(kernels), strict=True)]
    return [", ".join(filter(None, words)) for words in counted]


def sets(values: Sequence[Hashable]) -> list[str]:
    """Names for things that have none, so that equal ones are seen to be: "set A", "set B" …; "" where all are equal,
    and for an empty one."""
    known = [value for value in dict.fromkeys(values) if value]
    names = {value: f"set {chr(ord('A') + at)}" for at, value in enumerate(known)} if len(known) > 1 else {}
    return [names.get(value, "") for value in values]
