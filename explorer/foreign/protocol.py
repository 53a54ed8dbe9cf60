"""What the reading process is asked, and what it answers: three files in a folder of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from explorer.foreign.matching import Matching
from explorer.spec import RunSpec

Kind = Literal["safetensors", "pytorch"]

REQUEST, ANSWER = "request.json", "answer.json"

PACKED = "weights.safetensors"
"""A file of ours with exactly the network's tensors, where all went well."""

TOO_MUCH = "the file asks for far more memory than this network's weights take: it is damaged, or made to do harm"


class Request(BaseModel):
    """``path`` is read as ``kind`` for the network of ``spec``; at most ``most_bytes`` of it, also when it is unpacked,
    and with ``memory`` bytes beside what the process has when it begins to."""

    path: Path
    kind: Kind
    spec: RunSpec
    most_bytes: int
    memory: int


class Answer(BaseModel):
    """A sentence in ``error``, or which tensor is which, and the types that were converted."""

    error: str | None = None
    matching: Matching | None = None
    converted: tuple[str, ...] = ()
