"""How numbers travel to a component's script: a header as JSON and raw bytes behind it, in one piece.

Four bytes with the header's length, the header, filled up with spaces to a multiple of four (so that float32 behind it
are aligned), then the bytes. ``unpack`` in pixels.js reads it.
"""

from __future__ import annotations

import json
import struct
from typing import Any


def pack(header: Any, *parts: bytes) -> bytes:
    """A header that JSON can hold, and the parts one after the other."""
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([struct.pack("<I", len(text)), text, *parts])


def unpack(data: bytes) -> tuple[Any, bytes]:
    """The inverse of :func:`pack`: the header, and all parts as one."""
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length]), data[4 + length :]
