"""How a run is computed, and why: what :mod:`~explorer.training.calibrate` finds, to be kept and read without torch."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explorer.spec import ArithmeticName


class Choice(BaseModel):
    """``compared``: with others, by trying. ``why`` is for the reader, without a full stop."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: ArithmeticName
    threads: int = Field(ge=1)
    compared: bool
    why: str


def read(path: Path) -> Choice | None:
    """A choice that was kept as JSON; None where there is none, or it is damaged."""
    try:
        return Choice.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
