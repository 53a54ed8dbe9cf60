"""A run as a PyTorch script of its own: network, recipe and test in one readable file that imports nothing from here.

Plain text out of plain values: no torch is needed to write it. What the script says is, where PyTorch has it, PyTorch's
own (layers, optimisers, schedules, initialisation), and else the same formula as in the app (augmentation, frozen
kernels, "same" padding of even kernels). Its layers bear the names of ``ModelSpec.names``, so that exported weights
fit.
"""

from __future__ import annotations

from explorer.codegen import _network, _training
from explorer.data.cards import DataCard
from explorer.errors import DataError
from explorer.shapes import LayerShape, trace
from explorer.spec import RunSpec

_WIDTH = 120
_NAME_WIDTH = 50  # a wide character takes two columns


def script(run: RunSpec, card: DataCard) -> str:
    """The Python source of a script that builds, trains and tests the run's network on the data set of ``card``.

    It takes ``--data``, ``--epochs`` and ``--device``, and with ``--weights FILE.safetensors`` it tests exported
    weights and trains nothing. A user's own data set it reads from an ``.npz`` file, all others by torchvision. Raises
    SpecError as ``shapes.trace`` does, and DataError for a data set that is neither.
    """
    if not card.own and card.name not in _training.DATASETS:
        raise DataError(f"{card.title} is none of torchvision's data sets, so there is no script for it")
    layers = trace(run.model, card.shape, len(card.classes))
    blocks = (
        # One line after imports, two after what else stands at their end: as ruff has it.
        _head(run, card) + ("\n\n" if card.own else "\n\n\n") + _constants(run, card, layers),
        *_network.parts(layers),
        _network.build(layers, card),
        _network.initialise(run.train, layers),
        _network.hold(run),
        _training.load(card),
        _training.SMOOTHING if run.train.augmentation.elastic else "",
        _training.augment(run.train),
        _training.batches(run),
        _training.train(run),
        _training.EVALUATE,
        _main(run),
    )
    return "\n\n\n".join(block.strip("\n") for block in blocks if block) + "\n"


# --- head -----------------------------------------------------------------------------------------------------------


def _head(run: RunSpec, card: DataCard) -> str:
    # What could end the docstring, or begin an escape in it, is not worth a less readable one.
    name = run.name.replace("\\", "/").replace('"', "'")
    if len(name) > _NAME_WIDTH:
        name = name[: _NAME_WIDTH - 1].rstrip() + "…"
    own = ["import copy"] if run.train.patience is not None else []
    cached = ["from functools import cache"] if run.train.augmentation.elastic else []
    imports = "\n".join(
        ["import argparse", *own, "from collections import OrderedDict", *cached, "from pathlib import Path"]
    )
    numpy = "import numpy as np\n" if card.own else ""
    needs, got, read = (
        ("numpy", f"{card.name}.npz lies in the folder of --data", "")
        if card.own
        else ("torchvision", f"{card.title} is downloaded where it is missing", _TORCHVISION)
    )
    return f'''
"""{name}

A network for {card.title} that was shaped in Kernelscope, with the recipe that it is trained by. This file stands
alone: it needs torch and {needs}, and for --weights safetensors.

    python FILE.py                                  trains, then tests; {got}
    python FILE.py --weights network.safetensors    tests exported weights

Random numbers are drawn in another order than in the app, so a training ends at about the same accuracy, not with the
same weights.
"""

from __future__ import annotations

{imports}

{numpy}import torch
from torch import Tensor, nn
from torch.nn import functional as F{read}'''


_TORCHVISION = """

try:
    from torchvision import datasets
except RuntimeError:  # built for CUDA beside a torch for the CPU, it lacks two operators that nothing here uses
    for operator in ("nms", "qnms"):
        torch.library.define("torchvision::" + operator, "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision import datasets"""


def _constants(run: RunSpec, card: DataCard, layers: tuple[LayerShape, ...]) -> str:
    recipe, data, changes = run.train, run.data, run.train.augmentation
    lines = [
        f"MEAN, STD = {card.mean}, {card.std}  # of the training images' brightness, 0 to 1",
        f"VALIDATION_SHARE = {data.validation_share}",
        f"SPLIT_SEED = {data.split_seed}",
    ]
    if data.train_size is not None:
        lines.append(f"TRAIN_SIZE = {data.train_size}  # images at most that are trained on")
    lines += [
        "",
        f"EPOCHS = {recipe.epochs}",
        f"BATCH_SIZE = {recipe.batch_size}",
        f"LEARNING_RATE = {recipe.learning_rate}",
        f"WEIGHT_DECAY = {recipe.weight_decay}",
        f"LABEL_SMOOTHING = {recipe.label_smoothing}",
        f"SEED = {recipe.seed}",
    ]
    if recipe.patience is not None:
        lines.append(f"PATIENCE = {recipe.patience}  # epochs without a better validation loss after which it ends")
    if changes:
        limits = f"{changes.shift}, {changes.rotate}, {changes.scale}"
        lines.append(f"SHIFT, ROTATE, SCALE = {limits}  # at most: pixels, degrees, share of the size")
    if changes.elastic:
        lines.append(f"ELASTIC = {changes.elastic}  # standard deviation in pixels")
    if changes.slant:
        lines.append(f"SLANT = {changes.slant}  # at most, degrees")
    if changes.thickness:
        lines.append(f"THICKNESS = {changes.thickness}  # at most, pixels at each edge of a stroke")
    if recipe.frozen_kernels:
        lines += ["", *_literal("FROZEN = ", recipe.frozen_kernels, "")]
    for name, value in _network.constants(layers):
        lines += ["", *_literal(f"{name} = ", value, "")]
    return "\n".join(lines)


def _literal(before: str, value: object, after: str, indent: int = 0) -> list[str]:
    """Numbers in nested tuples as nested lists, on one line where that fits, else an item a line, as ruff formats."""
    flat = f"{' ' * indent}{before}{_flat(value)}{after}"
    if len(flat) <= _WIDTH or not isinstance(value, tuple):
        return [flat]
    inner = [line for item in value for line in _literal("", item, ",", indent + 4)]
    return [f"{' ' * indent}{before}[", *inner, f"{' ' * indent}]{after}"]


def _flat(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_flat, value))}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _main(run: RunSpec) -> str:
    recipe = run.train
    device = '"cuda" if torch.cuda.is_available() else "cpu"' if recipe.device == "auto" else f'"{recipe.device}"'
    initialise = "    initialise(network)\n" if recipe.initialization != "default" else ""
    hold = "    hold(network)\n" if recipe.frozen_kernels else ""
    return f"""
def main() -> None:
    parser = argparse.ArgumentParser(description="Trains and tests the network of this file.")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the data set (default: data)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"passes over the training images ({{EPOCHS}})")
    parser.add_argument("--device", default={device}, help="cpu, cuda, mps …")
    parser.add_argument("--weights", type=Path, help="a safetensors file: test its weights, train nothing")
    given = parser.parse_args()

    torch.manual_seed(SEED)
    network = build()
{initialise}{hold}    if given.weights:
        from safetensors.torch import load_file

        network.load_state_dict(load_file(given.weights))
    network.to(given.device)
    if not given.weights:
        images, labels = load(given.data, train=True)
        train(network, images.to(given.device), labels.to(given.device), epochs=given.epochs)
    images, labels = load(given.data, train=False)
    _, accuracy = evaluate(network, images.to(given.device), labels.to(given.device))
    print(f"test accuracy {{accuracy:.2%}}")


if __name__ == "__main__":
    main()"""
