"""What a user changes in a trained network by hand, as frozen values: they can be undone, stored and cached by.

A list of edits has at most one of each kind for each target, and an order that follows from the kinds: first weights
are pruned, then written, then kernels and units scaled, then switched off. So the list says what the network is now,
not how it was arrived at; the way there is :class:`History`'s subject. What the edits mean in numbers is
:mod:`explorer.analysis.change`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from explorer.errors import SpecError
from explorer.spec import FrozenSpec, sentence

MAX_EDITS = 500
MOST_WEIGHT = 1_000.0
MOST_FACTOR = 10.0
UNDO_STEPS = 200

LayerName = Annotated[str, Field(pattern=r"^[a-z_]{1,20}[0-9]{0,3}$")]
Number = Annotated[int, Field(ge=0, le=100_000)]
Weight = Annotated[float, Field(ge=-MOST_WEIGHT, le=MOST_WEIGHT)]
PruneWhat = Literal["weights", "kernels"]


class Prune(FrozenSpec):
    """Zeroes the ``share`` of the smallest absolute weights, or switches off the kernels and units whose weights have
    the smallest L1 norm. In one layer; ``layer`` None: of weights those of all layers together, of kernels and units
    the same share in each layer but the output's."""

    kind: Literal["prune"] = "prune"
    what: PruneWhat = "weights"
    layer: LayerName | None = None
    share: float = Field(gt=0.0, le=1.0)


class Write(FrozenSpec):
    """Other weights for one input of a kernel or unit, row by row: a kernel's slice for input map ``channel``, a unit's
    weights for what is left of that map after flattening, or, after a layer of units, all of its weights."""

    kind: Literal["write"] = "write"
    layer: LayerName
    number: Number
    channel: Number = 0
    weights: tuple[Weight, ...] = Field(min_length=1, max_length=100_000)


class Bias(FrozenSpec):
    """Another bias for a kernel or unit."""

    kind: Literal["bias"] = "bias"
    layer: LayerName
    number: Number
    value: Weight


class Scale(FrozenSpec):
    """What a kernel or unit hands to its activation, times ``factor``: its weights and bias or, where batch
    normalisation stands between, that one's scale and shift."""

    kind: Literal["scale"] = "scale"
    layer: LayerName
    number: Number
    factor: float = Field(ge=-MOST_FACTOR, le=MOST_FACTOR)


class Off(FrozenSpec):
    """A kernel or unit switched off, as if the network had been built without it: its weights, bias and normalisation
    are 0, and so are the weights by which the next layer reads it. An output unit's logit is 0."""

    kind: Literal["off"] = "off"
    layer: LayerName
    number: Number


Edit = Annotated[Prune | Write | Bias | Scale | Off, Field(discriminator="kind")]
UnitEdit = Write | Bias | Scale | Off
Edits = tuple[Edit, ...]

_ORDER = ("prune", "write", "bias", "scale", "off")
_LIST = TypeAdapter(Annotated[Edits, Field(max_length=MAX_EDITS)])


def add(edits: Edits, edit: Edit) -> Edits:
    """The edits with one more, which replaces one of the same kind and target. Raises SpecError where there are too
    many."""
    kept = [other for other in edits if _target(other) != _target(edit)]
    if len(kept) >= MAX_EDITS:
        raise SpecError(f"there are {MAX_EDITS} edits: remove some, or save the network and go on from that")
    return tuple(sorted([*kept, edit], key=lambda one: _ORDER.index(one.kind)))


def remove(edits: Edits, edit: Edit) -> Edits:
    """The edits without that one."""
    return tuple(other for other in edits if other != edit)


def of_unit(edits: Edits, layer: str, number: int) -> tuple[UnitEdit, ...]:
    """Those of one kernel or unit."""
    return tuple(edit for edit in edits if edit.kind != "prune" and (edit.layer, edit.number) == (layer, number))


def to_json(edits: Edits) -> str:
    return _LIST.dump_json(edits).decode()


def from_json(text: str | bytes) -> Edits:
    """The inverse of :func:`to_json`. Raises SpecError for anything else."""
    try:
        return _LIST.validate_json(text)
    except ValidationError as error:
        raise SpecError(sentence(error)) from None


def words(edit: Edit, maps: bool = True) -> str:
    """An edit as a reader would say it; ``maps``: its layer is a convolution."""
    if edit.kind == "prune":
        where = f"in {edit.layer}" if edit.layer else "of the whole network"
        if edit.what == "weights":
            return f"the {edit.share:.0%} weakest weights {where}: 0"
        each = where if edit.layer else "in each layer but the output"
        return f"the {edit.share:.0%} weakest kernels and units {each}: off"
    unit = f"{edit.layer}, {'kernel' if maps else 'unit'} {edit.number}"
    match edit:
        case Write():
            part = f"weights for input map {edit.channel}" if maps or edit.channel else "weights"
            return f"{unit}: {part} written by hand"
        case Bias():
            return f"{unit}: bias {edit.value:.4g}".replace("-", "−")
        case Scale():
            return f"{unit}: times {edit.factor:g}".replace("-", "−")
        case Off():
            return f"{unit}: switched off"


def _target(edit: Edit) -> tuple[object, ...]:
    match edit:
        case Prune():
            return (edit.kind, edit.what, edit.layer)
        case Write():
            return (edit.kind, edit.layer, edit.number, edit.channel)
        case _:
            return (edit.kind, edit.layer, edit.number)


@dataclass(frozen=True)
class History:
    """Edits with what they were before and what was undone."""

    now: Edits = ()
    past: tuple[Edits, ...] = ()
    future: tuple[Edits, ...] = ()

    def then(self, edits: Edits) -> History:
        if edits == self.now:
            return self
        return History(edits, (*self.past, self.now)[-UNDO_STEPS:])

    def undo(self) -> History:
        return History(self.past[-1], self.past[:-1], (self.now, *self.future)) if self.past else self

    def redo(self) -> History:
        return History(self.future[0], (*self.past, self.now), self.future[1:]) if self.future else self
