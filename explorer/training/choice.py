"""How a run is computed, and why: what :mod:`~explorer.training.calibrate` finds, to be kept and read without torch."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explorer.spec import ArithmeticName, LayoutName, RunSpec, TrainSpec


class Choice(BaseModel):
    """``compared``: with others, by trying. ``why`` is for the reader, without a full stop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: ArithmeticName
    memory_format: LayoutName = "channels_last"  # what there was before it was tried
    threads: int = Field(ge=1)
    compared: bool
    why: str

    def settle(self, spec: RunSpec) -> RunSpec:
        """The run with nothing left open: what its recipe doesn't name is as chosen."""
        return settled(spec, self.precision, self.memory_format)


def settled(spec: RunSpec, precision: ArithmeticName, memory_format: LayoutName) -> RunSpec:
    """The run in this precision and memory format, where its recipe says "auto"."""
    train, found = spec.train, {"precision": precision, "memory_format": memory_format}
    changes = {name: value for name, value in found.items() if getattr(train, name) == "auto"}
    return spec.model_copy(update={"train": train.model_copy(update=changes)})


def of_recipe(train: TrainSpec) -> tuple[ArithmeticName, LayoutName]:
    """What a recipe means where nothing is tried: float32 and channels last, unless it names others."""
    return (
        "float32" if train.precision == "auto" else train.precision,
        "channels_last" if train.memory_format == "auto" else train.memory_format,
    )


def on_threads(count: int) -> str:
    """The number of threads in words: "on 2 threads"."""
    return f"on {count} thread{'' if count == 1 else 's'}"


def read(path: Path) -> Choice | None:
    """A choice that was kept as JSON; None where there is none, or it is damaged."""
    try:
        return Choice.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
