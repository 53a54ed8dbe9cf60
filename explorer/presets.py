"""Networks to start from, by name. ``article`` is the one that the project's founding article describes."""

from __future__ import annotations

from typing import NamedTuple

from explorer.blocks import Blocks, ConvBlock, DenseBlock, to_model
from explorer.errors import SpecError
from explorer.spec import ModelSpec


class Preset(NamedTuple):
    """A named starting point: title and one sentence for the reader, and the builder's blocks."""

    name: str
    title: str
    about: str
    blocks: Blocks

    @property
    def model(self) -> ModelSpec:
        return to_model(self.blocks)


def _normed(kernels: int, **more: object) -> ConvBlock:
    return ConvBlock.model_validate({"kernels": kernels, "padding": "same", "batch_norm": True, **more})


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "article",
            "Article's network",
            "Two 3×3 convolutions, each with ReLU and max pooling, then 128 units: the network of the article.",
            Blocks(
                convs=(ConvBlock(kernels=32, pool="max"), ConvBlock(kernels=64, pool="max")),
                dense=(DenseBlock(units=128),),
            ),
        ),
        Preset(
            "lenet5",
            "LeNet-5",
            "LeCun's 1998 shape: 5×5 kernels, tanh, average pooling, dense layers of 120 and 84.",
            Blocks(
                convs=(
                    ConvBlock(kernels=6, kernel_size=5, padding=2, activation="tanh", pool="average"),
                    ConvBlock(kernels=16, kernel_size=5, activation="tanh", pool="average"),
                ),
                dense=(DenseBlock(units=120, activation="tanh"), DenseBlock(units=84, activation="tanh")),
            ),
        ),
        Preset(
            "tiny",
            "Tiny",
            "Five small convolutions and global average pooling: under 8,000 parameters.",
            Blocks(
                convs=(
                    ConvBlock(kernels=8, batch_norm=True),
                    ConvBlock(kernels=12, batch_norm=True, pool="max"),
                    ConvBlock(kernels=16, batch_norm=True),
                    ConvBlock(kernels=16, batch_norm=True),
                    ConvBlock(kernels=16, batch_norm=True),
                ),
                bridge="global_average_pool",
            ),
        ),
        Preset(
            "vgg",
            "VGG-like",
            "Pairs of 3×3 convolutions with batch normalisation before each pooling, after Simonyan and Zisserman.",
            Blocks(
                convs=(
                    _normed(32),
                    _normed(32, pool="max", dropout=0.1),
                    _normed(64),
                    _normed(64, pool="max", dropout=0.1),
                ),
                dense=(DenseBlock(units=128, dropout=0.3),),
            ),
        ),
        Preset(
            "allconv",
            "All-convolutional",
            "Stride 2 in place of pooling, and global average pooling as head, after Springenberg et al.",
            Blocks(
                convs=(
                    _normed(32),
                    _normed(32, stride=2),
                    _normed(64),
                    _normed(64, stride=2),
                    _normed(96),
                ),
                bridge="global_average_pool",
            ),
        ),
        Preset(
            "robust",
            "Robust",
            "Four 3×3 convolutions with batch normalisation, quick, for digits that are drawn and photographed.",
            Blocks(
                convs=(
                    ConvBlock(kernels=16, batch_norm=True),
                    ConvBlock(kernels=32, stride=2, batch_norm=True),
                    ConvBlock(kernels=64, batch_norm=True, pool="max"),
                    ConvBlock(kernels=96, batch_norm=True),
                ),
                dense=(DenseBlock(units=128, dropout=0.3),),
            ),
        ),
        Preset(
            "best",
            "Best",
            "Six convolutions with batch normalisation, one of them 5×5 with stride 2, and global average pooling.",
            Blocks(
                convs=(
                    ConvBlock(kernels=24, batch_norm=True),
                    ConvBlock(kernels=48, kernel_size=5, stride=2, batch_norm=True),
                    ConvBlock(kernels=64, batch_norm=True),
                    ConvBlock(kernels=96, batch_norm=True, dropout=0.1),
                    ConvBlock(kernels=96, batch_norm=True),
                    ConvBlock(kernels=128, batch_norm=True, dropout=0.2),
                ),
                bridge="global_average_pool",
            ),
        ),
        Preset(
            "mlp",
            "Multilayer perceptron",
            "No convolution: two dense layers of 256 and 128 on the bare pixels. A baseline.",
            Blocks(dense=(DenseBlock(units=256), DenseBlock(units=128))),
        ),
        Preset(
            "softmax",
            "Softmax regression",
            "One weight per pixel and class, nothing else. The simplest baseline.",
            Blocks(),
        ),
    )
}


def preset(name: str) -> Preset:
    """Looks a preset up. Raises SpecError that lists the names there are."""
    try:
        return PRESETS[name]
    except KeyError:
        raise SpecError(f"there is no preset named {name!r}; there are: {', '.join(PRESETS)}") from None
