"""The part of a script that makes the network: layers, initialisation, frozen kernels."""

from __future__ import annotations

from explorer.bitmaps import CODES
from explorer.data.cards import DataCard
from explorer.shapes import LayerShape, padding
from explorer.spec import (
    Activation,
    ActivationName,
    Affine,
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
    "scaled_tanh": "ScaledTanh()",
    "sigmoid": "nn.Sigmoid()",
}
_INITIALIZATIONS: dict[InitializationName, str] = {
    "kaiming_normal": 'kaiming_normal_(layer.weight, nonlinearity="relu")',
    "kaiming_uniform": 'kaiming_uniform_(layer.weight, nonlinearity="relu")',
    "xavier_normal": "xavier_normal_(layer.weight)",
    "xavier_uniform": "xavier_uniform_(layer.weight)",
    "orthogonal": "orthogonal_(layer.weight)",
}

_SAME_CONV = '''
class SameConv2d(nn.Conv2d):
    """A convolution that pads its map for an even kernel: one more row of zeros below and right than above and left."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        before, after = (self.kernel_size[0] - 1) // 2, self.kernel_size[0] // 2
        return super().forward(F.pad(input, (before, after, before, after)))'''

_TABLE_CONV = '''
class TableConv2d(nn.Conv2d):
    """A convolution whose kernels see only the input maps that their row of TABLE names; other weights are zero."""

    def __init__(self, channels: int, kernels: int, *, table: list[list[int]], **more: int) -> None:
        super().__init__(channels, kernels, **more)
        seen = torch.zeros(kernels, channels, 1, 1)
        for kernel, maps in enumerate(table):
            seen[kernel, maps] = 1.0
        self.register_buffer("seen", seen, persistent=False)
        self.weight.data *= seen

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        return self._conv_forward(input, self.weight * self.seen, self.bias)'''

_AFFINE = '''
class ChannelAffine(nn.Module):
    """Each map or unit times a learned coefficient, and a learned bias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        shape = (-1, *[1] * (input.dim() - 2))
        return input * self.weight.view(shape) + self.bias.view(shape)'''

_SCALED_TANH = '''
class ScaledTanh(nn.Module):
    """The hyperbolic tangent of LeNet-5 (LeCun et al. 1998): 1 and -1 stay as they are."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        return 1.7159 * torch.tanh(input * (2 / 3))'''

_CODES = '''
class Codes(nn.Linear):
    """Compares its inputs with a fixed picture of each class in BITMAPS, +1 for ink and -1 for paper, which is not
    learned: -|x - c|² is 2 c·x less what is the same for all classes (LeCun et al. 1998)."""

    def __init__(self) -> None:
        codes = torch.tensor([[1.0 if mark == "#" else -1.0 for mark in picture] for picture in BITMAPS])
        super().__init__(codes.shape[1], codes.shape[0], bias=False)
        self.weight = nn.Parameter(2 * codes, requires_grad=False)'''


def parts(layers: tuple[LayerShape, ...]) -> tuple[str, ...]:
    """The modules that PyTorch doesn't have, of those that the layers need."""
    kinds = [layer.layer for layer in layers]
    needed = (
        (_SAME_CONV, any(map(uneven, kinds))),
        (_TABLE_CONV, any(isinstance(kind, Conv) and kind.connections is not None for kind in kinds)),
        (_AFFINE, any(isinstance(kind, Affine) for kind in kinds)),
        (_SCALED_TANH, Activation(function="scaled_tanh") in kinds),
        (_CODES, Output(codes=True) in kinds),
    )
    return tuple(part for part, there in needed if there)


def constants(layers: tuple[LayerShape, ...]) -> list[tuple[str, object]]:
    """What these modules are given, by name."""
    given: list[tuple[str, object]] = [
        (_table_name(layer), layer.layer.connections)
        for layer in layers
        if isinstance(layer.layer, Conv) and layer.layer.connections is not None
    ]
    if Output(codes=True) in [layer.layer for layer in layers]:
        given.append(("BITMAPS", tuple("".join(".#"[pixel > 0] for pixel in code) for code in CODES)))
    return given


def _table_name(layer: LayerShape) -> str:
    return f"TABLE_{layer.name.upper()}"


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
            return _conv(conv, width, _table_name(shape))
        case BatchNorm():
            return f"nn.BatchNorm{'2d' if len(shape.input) == 3 else '1d'}({width})"
        case Affine():
            return f"ChannelAffine({width})"
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
        case Output(codes=True):
            return "Codes()"
        case Dense() | Output():
            return f"nn.Linear({width}, {shape.output[0]})"


def _conv(conv: Conv, width: int, table: str) -> str:
    zeros, _ = padding(conv)
    options = [f"kernel_size={conv.kernel_size}"]
    options += [f"stride={conv.stride}"] if conv.stride > 1 else []
    options += [f"padding={zeros}"] if zeros and not uneven(conv) else []
    options += [] if conv.bias else ["bias=False"]
    options += [] if conv.connections is None else [f"table={table}"]
    kind = "SameConv2d" if uneven(conv) else "nn.Conv2d" if conv.connections is None else "TableConv2d"
    return f"{kind}({width}, {conv.kernels}, {', '.join(options)})"


def uneven(layer: object) -> bool:
    return isinstance(layer, Conv) and len(set(padding(layer))) == 2


def initialise(recipe: TrainSpec, layers: tuple[LayerShape, ...]) -> str:
    if recipe.initialization == "default":
        return ""  # PyTorch's own
    tables = any(isinstance(layer.layer, Conv) and layer.layer.connections is not None for layer in layers)
    rest = "\n        if isinstance(layer, TableConv2d):\n            layer.weight.data *= layer.seen" if tables else ""
    return f'''
def initialise(network: nn.Module) -> None:
    """Draws the weights anew; all biases of convolutions and dense layers become 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.weight.requires_grad:
            nn.init.{_INITIALIZATIONS[recipe.initialization]}
            if layer.bias is not None:
                nn.init.zeros_(layer.bias){rest}'''


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
