"""The network and recipe that somebody is editing: one frozen value, every edit a new one, and an undo history.

A :class:`Draft` is what the builder shows. Its blocks carry an id of their own, so that a widget stays with its block
when blocks move. Nothing here knows how it is drawn.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import ValidationError

from explorer import naming
from explorer.blocks import MAX_BLOCKS, MAX_DENSE, Blocks, ConvBlock, DenseBlock, from_model, to_model
from explorer.errors import SpecError
from explorer.presets import PRESETS, preset
from explorer.recipes import with_steps
from explorer.spec import (
    MAX_LINK_CHARACTERS,
    DataSpec,
    Kernel,
    ModelSpec,
    RunSpec,
    Spec,
    TrainSpec,
    frozen_fault,
    sentence,
    to_link,
)

UNDO_STEPS = 100
Part = Literal["convs", "dense"]
_ids = itertools.count(1)


def _new_ids(count: int) -> tuple[int, ...]:
    return tuple(itertools.islice(_ids, count))


@dataclass(frozen=True)
class Draft:
    """What is being edited. ``conv_ids`` and ``dense_ids`` name the blocks; ``head_id`` names everything else and
    changes when the whole draft is replaced, so that no widget keeps a value of another draft."""

    blocks: Blocks
    train: TrainSpec = field(default_factory=TrainSpec)
    data: DataSpec = field(default_factory=DataSpec)
    name: str = ""
    conv_ids: tuple[int, ...] = ()
    dense_ids: tuple[int, ...] = ()
    head_id: int = 0

    @staticmethod
    def of(blocks: Blocks, *, train: TrainSpec, data: DataSpec, name: str = "") -> Draft:
        """A draft with fresh ids."""
        return Draft(blocks, train, data, name, _new_ids(len(blocks.convs)), _new_ids(len(blocks.dense)), next(_ids))

    @staticmethod
    def from_preset(name: str) -> Draft:
        return Draft.of(preset(name).blocks, train=TrainSpec(), data=DataSpec())

    @staticmethod
    def from_run(spec: RunSpec) -> Draft:
        """Raises SpecError where the builder has no sliders for the network."""
        blocks = from_model(spec.model)
        if blocks is None:
            raise SpecError(f"the builder has no sliders for {spec.name!r}: it has other layers, or another order")
        unnamed = Draft.of(blocks, train=spec.train, data=spec.data)
        automatic = spec.name in (unnamed.title, unnamed.network_title, naming.before_sizes(blocks))
        return unnamed if automatic else replace(unnamed, name=spec.name)

    @property
    def model(self) -> ModelSpec:
        return to_model(self.blocks)

    @property
    def preset_name(self) -> str | None:
        """The preset that these blocks are, unchanged, or None."""
        return next((name for name, known in PRESETS.items() if known.blocks == self.blocks), None)

    @property
    def title(self) -> str:
        """The name that the user gave, or one that tells runs apart: the network, and what of its recipe is not as it
        is at first; of both what there is room for."""
        if self.name:
            return self.name
        return naming.fitting([self.network_title, *naming.of_recipe(self.train, self.data)])

    @property
    def network_title(self) -> str:
        """The preset's title, or the sizes of the blocks; and how many kernels are frozen."""
        frozen = 0 if self.frozen_fault else len(self.train.frozen_kernels)
        known = self.preset_name
        parts = [PRESETS[known].title] if known else naming.of_blocks(self.blocks) or ["Softmax regression"]
        return " · ".join([*parts, *([f"{frozen} frozen"] if frozen else [])])

    @property
    def frozen_fault(self) -> str | None:
        """Why the frozen kernels are not used, as one sentence; None where they are, or there are none.

        An edit may leave them without their place, a smaller kernel size, say. They are kept and wait, so that a slider
        that passes by destroys nothing, but the run is one without them.
        """
        return frozen_fault(self.model, self.train.frozen_kernels)

    def run_spec(self) -> RunSpec:
        """What would be trained now, without frozen kernels that don't fit."""
        train = self.train.model_copy(update={"frozen_kernels": ()}) if self.frozen_fault else self.train
        return RunSpec(name=self.title, model=self.model, data=self.data, train=train)

    # --- edits, each gives a new draft; all raise SpecError for a value that is out of range ---

    def with_block(self, part: Part, block_id: int, **changes: object) -> Draft:
        """Changes fields of one block."""
        number = self._number(part, block_id)
        return self._with_blocks(_changed(self.blocks, (part, number), changes))

    def with_bridge(self, bridge: str) -> Draft:
        return self._with_blocks({**self.blocks.model_dump(), "bridge": bridge})

    def with_train(self, **changes: object) -> Draft:
        return replace(self, train=_validated(TrainSpec, {**self.train.model_dump(), **changes}))

    def with_augmentation(self, **changes: object) -> Draft:
        return self.with_train(augmentation={**self.train.augmentation.model_dump(), **changes})

    def with_frozen(self, kernel: Kernel) -> Draft:
        """Freezes one kernel more in the first convolution, which takes its size. Those of another size make way.

        Raises SpecError where there is no convolution, no kernel left to freeze, or no link that holds them all.
        """
        if not self.blocks.convs:
            raise SpecError("the network in Build & train has no convolution: add a convolution block there first")
        size, first = len(kernel), self.blocks.convs[0]
        others = tuple(other for other in self.train.frozen_kernels if len(other) == size)
        if kernel in others and not self.frozen_fault:
            return self
        if len(others) >= first.kernels:
            raise SpecError(
                f"all {first.kernels} kernels of the first convolution are frozen: give it more, or remove frozen ones"
            )
        resized = self._with_blocks(_changed(self.blocks, ("convs", 0), {"kernel_size": size}))
        kernels = others if kernel in others else (*others, kernel)
        changed = _fresh(resized.with_train(frozen_kernels=kernels))
        if len(to_link(changed.run_spec())) > MAX_LINK_CHARACTERS:
            raise SpecError("a link can't hold so many frozen kernels: remove some, or freeze smaller ones")
        return changed

    def without_frozen(self) -> Draft:
        return self.with_train(frozen_kernels=())

    def with_data(self, **changes: object) -> Draft:
        return replace(self, data=_validated(DataSpec, {**self.data.model_dump(), **changes}))

    def with_dataset(self, dataset: str, *, images: int, before: int | None) -> Draft:
        """Learns from another data set of so many training ``images``, from all unless fewer are chosen, in enough
        steps (:func:`explorer.recipes.with_steps`). What the recipe had become for the images ``before`` (None: not
        known any more) is not kept for these."""
        first, chosen = TrainSpec(), self.data.train_size
        if chosen is not None and chosen >= images:
            chosen = None
        few = first if before is None else with_steps(first, before)
        adapted = before is None or (self.train.batch_size, self.train.epochs) == (few.batch_size, few.epochs)
        plain = first if adapted else self.train
        sized = self.train.model_copy(update={"batch_size": plain.batch_size, "epochs": plain.epochs})
        train = with_steps(sized, chosen or images)
        return replace(self.with_data(dataset=dataset, train_size=chosen), train=train)

    def with_name(self, name: str) -> Draft:
        cleaned = "".join(letter for letter in name if letter.isprintable()).strip()[: naming.LONGEST]
        return replace(self, name=cleaned)

    def with_model(self, model: ModelSpec) -> Draft:
        """Takes a repaired network over; ids are fresh, because values changed behind the widgets' backs."""
        blocks = from_model(model)
        if blocks is None:
            raise SpecError("the builder has no sliders for this network")
        return Draft.of(blocks, train=self.train, data=self.data, name=self.name)

    def added(self, part: Part) -> Draft:
        """A block more at the end: a copy of the last one without its pooling, or the default."""
        if part == "convs":
            if len(self.blocks.convs) >= MAX_BLOCKS:
                raise SpecError(f"at most {MAX_BLOCKS} convolution blocks")
            last = self.blocks.convs[-1] if self.blocks.convs else ConvBlock()
            convs = (*self.blocks.convs, last.model_copy(update={"pool": "none"}))
            return replace(
                self, blocks=self.blocks.model_copy(update={"convs": convs}), conv_ids=(*self.conv_ids, next(_ids))
            )
        if len(self.blocks.dense) >= MAX_DENSE:
            raise SpecError(f"at most {MAX_DENSE} dense layers before the output")
        dense = (*self.blocks.dense, self.blocks.dense[-1] if self.blocks.dense else DenseBlock())
        return replace(
            self, blocks=self.blocks.model_copy(update={"dense": dense}), dense_ids=(*self.dense_ids, next(_ids))
        )

    def removed(self, part: Part, block_id: int) -> Draft:
        number = self._number(part, block_id)
        return self._rearranged(part, [i for i in range(len(self._ids_of(part))) if i != number])

    def moved(self, part: Part, block_id: int, step: int) -> Draft:
        """The block ``step`` places later (negative: earlier); at the end nothing changes."""
        number = self._number(part, block_id)
        order = list(range(len(self._ids_of(part))))
        target = max(0, min(len(order) - 1, number + step))
        order.insert(target, order.pop(number))
        return self._rearranged(part, order)

    def _ids_of(self, part: Part) -> tuple[int, ...]:
        return self.conv_ids if part == "convs" else self.dense_ids

    def _number(self, part: Part, block_id: int) -> int:
        try:
            return self._ids_of(part).index(block_id)
        except ValueError:
            raise SpecError("this block is no longer there") from None

    def _rearranged(self, part: Part, order: list[int]) -> Draft:
        content: tuple[object, ...] = self.blocks.convs if part == "convs" else self.blocks.dense
        blocks = self.blocks.model_copy(update={part: tuple(content[i] for i in order)})
        ids = tuple(self._ids_of(part)[i] for i in order)
        return (
            replace(self, blocks=blocks, conv_ids=ids)
            if part == "convs"
            else replace(self, blocks=blocks, dense_ids=ids)
        )

    def _with_blocks(self, dump: dict[str, object]) -> Draft:
        return replace(self, blocks=_validated(Blocks, dump))


@dataclass(frozen=True)
class History:
    """A draft with what it was before and what was undone."""

    now: Draft
    past: tuple[Draft, ...] = field(default=())
    future: tuple[Draft, ...] = field(default=())

    def then(self, draft: Draft) -> History:
        if draft == self.now:
            return self
        return History(draft, (*self.past, self.now)[-UNDO_STEPS:])

    def changed(self, change: Callable[[Draft], Draft]) -> History:
        """The same steps of changed drafts."""
        return History(change(self.now), tuple(map(change, self.past)), tuple(map(change, self.future)))

    @property
    def datasets(self) -> set[str]:
        """Of which there are drafts."""
        return {draft.data.dataset for draft in (self.now, *self.past, *self.future)}

    def undo(self) -> History:
        if not self.past:
            return self
        return History(_fresh(self.past[-1]), self.past[:-1], (self.now, *self.future))

    def redo(self) -> History:
        if not self.future:
            return self
        return History(_fresh(self.future[0]), (*self.past, self.now), self.future[1:])


def _fresh(draft: Draft) -> Draft:
    return Draft.of(draft.blocks, train=draft.train, data=draft.data, name=draft.name)


def _changed(blocks: Blocks, place: tuple[Part, int], changes: dict[str, object]) -> dict[str, object]:
    dump = blocks.model_dump()
    part, number = place
    dump[part] = [{**block, **changes} if i == number else block for i, block in enumerate(dump[part])]
    return dump


def _validated(kind: type[Spec], values: dict[str, object]) -> Spec:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise SpecError(sentence(error)) from None
