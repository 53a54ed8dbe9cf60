"""The part of a script that makes the network: layers, initialisation, frozen kernels."""

from __future__ import annotations

from explorer.data.cards import DataCard
from explorer.shapes import LayerShape, padding
from explorer.spec import (
    Activation,
    ActivationName,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    InitializationName,
    ModelSpec,
    Output,
    Pool,
    RunSpec,
    TrainSpec,
)

_ACTIVATIONS: dict[ActivationName, str] = {
    "relu": "nn.ReLU()",
    "leaky_relu": "nn.LeakyReLU(0.01)",
    "gelu": "nn.GELU()",
    "tanh": "nn.Tanh()",
    "sigmoid": "nn.Sigmoid()",
}
_INITIALIZATIONS: dict[InitializationName, str] = {
    "kaiming_normal": 'kaiming_normal_(layer.weight, nonlinearity="relu")',
    "kaiming_uniform": 'kaiming_uniform_(layer.weight, nonlinearity="relu")',
    "xavier_normal": "xavier_normal_(layer.weight)",
    "xavier_uniform": "xavier_uniform_(layer.weight)",
    "orthogonal": "orthogonal_(layer.weight)",
}

SAME_CONV = '''
class SameConv2d(nn.Conv2d):
    """A convolution that pads its map for an even kernel: one more row of zeros below and right than above and left."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        before, after = (self.kernel_size[0] - 1) // 2, self.kernel_size[0] // 2
        return super().forward(F.pad(input, (before, after, before, after)))'''


def build(layers: tuple[LayerShape, ...], card: DataCard) -> str:
    lines = [f"            {layer.name}={_module(layer)},  # {'×'.join(map(str, layer.output))}\n" for layer in layers]
    return f'''
def build() -> nn.Sequential:
    """Normalised images (N, {", ".join(map(str, card.shape))}) to logits (N, {len(card.classes)}); behind each layer its output's shape."""
    return nn.Sequential(
        OrderedDict(
{"".join(lines)}        )
    )'''  # noqa: E501


def _module(shape: LayerShape) -> str:
    width = shape.input[0]
    match shape.layer:
        case Conv() as conv:
            return _conv(conv, width)
        case BatchNorm():
            return f"nn.BatchNorm{'2d' if len(shape.input) == 3 else '1d'}({width})"
        case Activation(function=function):
            return _ACTIVATIONS[function]
        case Pool(mode=mode, size=size, stride=stride):
            return f"nn.{'MaxPool2d' if mode == 'max' else 'AvgPool2d'}({size}, stride={stride})"
        case Dropout(rate=rate):
            return f"nn.Dropout({rate})"
        case Flatten():
            return "nn.Flatten()"
        case GlobalAveragePool():
            return "nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())"
        case Dense() | Output():
            return f"nn.Linear({width}, {shape.output[0]})"


def _conv(conv: Conv, width: int) -> str:
    zeros, _ = padding(conv)
    options = [f"kernel_size={conv.kernel_size}"]
    options += [f"stride={conv.stride}"] if conv.stride > 1 else []
    options += [f"padding={zeros}"] if zeros and not uneven(conv) else []
    options += [] if conv.bias else ["bias=False"]
    return f"{'SameConv2d' if uneven(conv) else 'nn.Conv2d'}({width}, {conv.kernels}, {', '.join(options)})"


def uneven(layer: object) -> bool:
    return isinstance(layer, Conv) and len(set(padding(layer))) == 2


def initialise(recipe: TrainSpec) -> str:
    if recipe.initialization == "default":
        return ""  # PyTorch's own
    return f'''
def initialise(network: nn.Module) -> None:
    """Draws the weights anew; all biases of convolutions and dense layers become 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.{_INITIALIZATIONS[recipe.initialization]}
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)'''


def hold(run: RunSpec) -> str:
    if not run.train.frozen_kernels:
        return ""
    return f'''
@torch.no_grad()
def hold(network: nn.Module) -> None:
    """Puts the frozen kernels (back) into the first convolution: they are given, and weight decay would move them."""
    network.get_parameter("{_first_conv(run.model)}.weight")[: len(FROZEN)] = torch.tensor(FROZEN)[:, None]'''


def _first_conv(model: ModelSpec) -> str:
    return next(name for name, layer in zip(model.names, model.layers, strict=True) if isinstance(layer, Conv))
