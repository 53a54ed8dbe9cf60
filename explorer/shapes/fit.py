"""The nearest network that works, for a one-click repair in the builder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from explorer.shapes.layers import LayerShape, largest, partial
from explorer.shapes.windows import Shape, padding, slide
from explorer.spec import Conv, Dense, Layer, ModelSpec, Output, Pool

# What a change costs, so that the cheapest set of changes is the gentlest: touching a layer at all, then each step of
# a setting. More zeros cost most, because they fill the map with what no image holds.
_TOUCH = 100
_KERNEL, _STRIDE, _ZEROS, _WINDOW, _REMOVAL = 50, 50, 150, 1, 49
_EARLY = 150
"""More for a layer before the first fault: it works as it is, and the reader looks at the fault."""
_TIE = 10_000
"""Prices are multiples of this; below it, of equally cheap changes the one nearer to the network's end is cheaper."""
_MOST_PATHS = 100
"""Only huge paddings and windows leave more to choose from; then the changes are cheap, not certainly the cheapest."""


def repair(model: ModelSpec, input_shape: Shape, classes: int) -> ModelSpec:
    """The nearest network that works, or the same one where it works already.

    Windows that don't fit: the cheapest set of changes (smaller kernel, more padding, smaller stride or window, no
    pooling; at most one a layer) with which every layer works. Small changes are cheaper than large ones, and changes
    from the first fault on cheaper than changes before it. Too large: the largest layers are halved until it is not.
    Layers keep their order and only pooling is ever removed, so a network in block form stays in it.

    Raises SpecError where the input alone is at fault, or what no window and no width can mend.
    """
    while True:
        layers, error = partial(model, input_shape, classes)
        if error is None:
            return model
        if error.layer is None:
            raise error
        if len(layers) < len(model.layers):
            fitted = _fitted(model, input_shape, first_fault=error.layer)
            if fitted == model:  # no window is at fault: a table of connections, or the outputs' codes
                raise error
            model = fitted
            continue
        thinner = _thinner(model, layers)
        if thinner is None:
            raise error
        model = thinner


def describe_repair(model: ModelSpec, repaired: ModelSpec) -> str:
    """What :func:`repair` changed, as one short line: ``conv3: kernel 7 → 5; pool3: removed``. Empty if nothing."""
    parts = []
    rest = list(repaired.layers)
    for name, before in zip(model.names, model.layers, strict=True):
        after = rest[0]
        if isinstance(before, Pool) and not (isinstance(after, Pool) and after.mode == before.mode):
            parts.append(f"{name}: removed")
            continue
        del rest[0]
        changes = [
            f"{word} {old} → {new}"
            for setting, word in _WORDS.items()
            if (old := getattr(before, setting, None)) != (new := getattr(after, setting, None))
        ]
        if changes:
            parts.append(f"{name}: {', '.join(changes)}")
    return "; ".join(parts)


_WORDS = {
    "kernels": "kernels",
    "kernel_size": "kernel",
    "size": "window",
    "stride": "stride",
    "padding": "padding",
    "units": "units",
}


# --- windows that don't fit -----------------------------------------------------------------------------------------


class _Path(NamedTuple):
    """What the layers chosen so far cost, the map that they leave, and the layers."""

    price: int
    height: int
    width: int
    layers: tuple[Layer, ...]


def _fitted(model: ModelSpec, input_shape: Shape, *, first_fault: int) -> ModelSpec:
    """The cheapest changes with which every window fits, by dynamic programming over the map's size."""
    paths = [_Path(0, input_shape[1], input_shape[2], ())]
    for index, layer in enumerate(model.layers):
        surcharge = _EARLY if index < first_fault else 0
        tie = len(model.layers) - index
        choices = [
            (((price + surcharge) * _TIE + tie) if price else 0, choice, _window(choice))
            for price, choice in _choices(layer)
        ]
        cheapest: dict[tuple[int, int], tuple[int, _Path, tuple[Layer, ...]]] = {}
        for path in paths:
            for extra, choice, window in choices:
                size = slide(path.height, *window), slide(path.width, *window)
                price = path.price + extra
                if min(size) >= 1 and (size not in cheapest or price < cheapest[size][0]):
                    cheapest[size] = price, path, choice
        paths = _worth_keeping(
            _Path(price, *size, (*path.layers, *choice)) for size, (price, path, choice) in cheapest.items()
        )
    return ModelSpec(layers=paths[0].layers)


def _choices(layer: Layer) -> Iterator[tuple[int, tuple[Layer, ...]]]:
    """The layer as it is, then what it could become (nothing, for pooling), each with its price."""
    yield 0, (layer,)
    match layer:
        case Conv(kernel_size=kernel, stride=stride):
            tabled = layer.connections is not None and layer.padding == "same"
            for size in range(1, kernel):
                if tabled and size % 2 == 0:
                    continue  # which would be padded unevenly
                yield _TOUCH + _KERNEL * (kernel - size), (layer.model_copy(update={"kernel_size": size}),)
            for step in range(1, stride):
                yield _TOUCH + _STRIDE * (stride - step), (layer.model_copy(update={"stride": step}),)
            if layer.padding != "same":
                now = padding(layer)[0]
                for zeros in range(now + 1, kernel // 2 + 1):
                    yield _TOUCH + _ZEROS * (zeros - now), (layer.model_copy(update={"padding": zeros}),)
        case Pool(size=window, stride=stride):
            for size in range(2, window):
                smaller = {"size": size, "stride": min(stride, size)}
                yield _TOUCH + _WINDOW * (window - size), (layer.model_copy(update=smaller),)
            for step in range(1, stride):
                yield _TOUCH + _STRIDE * (stride - step), (layer.model_copy(update={"stride": step}),)
            yield _TOUCH + _REMOVAL, ()
        case _:
            pass


def _window(layers: tuple[Layer, ...]) -> tuple[int, int, int]:
    """Size, stride and padding in all of the window that no layer, or one, slides over its map."""
    match layers:
        case (Conv(kernel_size=size, stride=stride) as conv,):
            return size, stride, sum(padding(conv))
        case (Pool(size=size, stride=stride),):
            return size, stride, 0
        case _:
            return 1, 1, 0


def _worth_keeping(paths: Iterable[_Path]) -> list[_Path]:
    """The cheapest path first, and dearer ones only where their map is larger: what works on a map works on that."""
    kept: list[_Path] = []
    for path in sorted(paths, key=lambda path: (path.price, -path.height, -path.width)):
        if not any(other.height >= path.height and other.width >= path.width for other in kept):
            kept.append(path)
    return kept[:_MOST_PATHS]


# --- networks that are too large ------------------------------------------------------------------------------------


def _thinner(model: ModelSpec, layers: Sequence[LayerShape]) -> ModelSpec | None:
    """One step towards a network that is small enough, at the largest layer that has room for it, or None."""
    ranked, _ = largest(layers)
    for worst in ranked:
        # A layer's size comes from its own width and from that of the layer before; the wider one gives way.
        wide = [i for i in range(worst.index + 1) if isinstance(model.layers[i], Conv | Dense)][-2:]
        for index in sorted(wide, key=lambda i: (_width(model.layers[i]), i), reverse=True):
            smaller = _narrower(model.layers[index], _is_counted_on(model, index))
            if smaller is not None:
                return ModelSpec(layers=(*model.layers[:index], smaller, *model.layers[index + 1 :]))
    return None


def _width(layer: Layer) -> int:
    return layer.kernels if isinstance(layer, Conv) else layer.units if isinstance(layer, Dense) else 0


def _is_counted_on(model: ModelSpec, index: int) -> bool:
    """Whether a table of connections or the outputs' codes need the layer's width as it is."""
    here = model.layers[index]
    after = next(layer for layer in model.layers[index + 1 :] if isinstance(layer, Conv | Dense | Output))
    tables = [layer.connections for layer in (here, after) if isinstance(layer, Conv)]
    return any(table is not None for table in tables) or (isinstance(after, Output) and after.codes)


def _narrower(layer: Layer, as_wide: bool) -> Layer | None:
    """The layer without superfluous zeros, or, unless it is to stay ``as_wide``, with half its width; None where
    neither is left to take."""
    match layer:
        case Conv(padding=int(zeros), kernel_size=kernel) if zeros > kernel // 2:
            return layer.model_copy(update={"padding": kernel // 2})
        case _ if as_wide:
            return None
        case Conv(kernels=width) if width > 1:
            return layer.model_copy(update={"kernels": width // 2})
        case Dense(units=width) if width > 1:
            return layer.model_copy(update={"units": width // 2})
        case _:
            return None
