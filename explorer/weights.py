"""A network's weights as one safetensors file that also carries its run's spec, so that the file says what it is.

Reading is strict: a file is untrusted until every tensor has the name, shape and type that its spec asks for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.data.cards import DataCard, find_card
from explorer.errors import WeightsError
from explorer.shapes import FLOAT_BYTES, MAX_PARAMETERS
from explorer.spec import RunSpec, from_json

if TYPE_CHECKING:
    from explorer.models import Network

SPEC_KEY = "kernelscope.run"
MAX_BYTES = FLOAT_BYTES * MAX_PARAMETERS + 10_000_000  # the header, and batch normalisation's statistics

_LENGTH_BYTES = 8
HEADER_BYTES = 1_000_000
"""The longest header that is read: names and shapes of some hundred tensors, and a spec, need a fraction of it."""
HEAD_BYTES = _LENGTH_BYTES + HEADER_BYTES
"""So much of a file's beginning has the whole header."""


def pack(network: Network, spec: RunSpec) -> bytes:
    """The network's parameters and buffers as a safetensors file, its run's spec as JSON in the header's metadata.

    The same network and spec give the same bytes, in every process.
    """
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    return _ordered(save(tensors, metadata={"format": "pt", SPEC_KEY: spec.model_dump_json()}))


def spec_of(data: bytes) -> RunSpec | None:
    """The spec in a safetensors file's header, or None where it carries none; the file's first :data:`HEAD_BYTES` are
    enough.

    Raises WeightsError where this is no safetensors file, and SpecError where the spec in it is unreadable.
    """
    try:
        text = metadata(data).get(SPEC_KEY)
    except (ValueError, RecursionError, AttributeError):
        raise damaged() from None
    return from_json(RunSpec, text) if isinstance(text, str) else None


def is_safetensors(head: bytes) -> bool:
    """Whether a file begins as safetensors files do: with the length of its header, which is a JSON object."""
    return head[_LENGTH_BYTES : _LENGTH_BYTES + 1] == b"{" and _header_length(head) <= HEADER_BYTES


def metadata(data: bytes) -> dict[str, str]:
    """What a safetensors file's header says beside its tensors. Raises ValueError, RecursionError or AttributeError
    where this is no such file."""
    if not is_safetensors(data):
        raise ValueError("no header, or one that is longer than any of ours")
    header = json.loads(data[_LENGTH_BYTES : _LENGTH_BYTES + _header_length(data)])
    found: dict[str, str] = header.get("__metadata__", {})
    return found


def unpack(data: bytes, spec: RunSpec, card: DataCard | None = None) -> Network:
    """The network that a safetensors file holds, in evaluation mode and without gradients.

    ``card`` is the data set's, by default the one that the spec names. Raises WeightsError where the file is damaged,
    or holds anything but exactly this network's weights, and DataError where the data set is unknown.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    from explorer.models import build, load_weights

    card = card or find_card(spec.data.dataset)
    try:
        tensors = load(data)
    except (SafetensorError, KeyError, RuntimeError, ValueError):
        raise damaged() from None
    network = build(spec.model, card.shape, len(card.classes))
    load_weights(network, tensors)
    network.eval()
    network.requires_grad_(False)
    return network


def read(path: Path) -> bytes:
    """The bytes of a weights file. Raises WeightsError where it can't be read or is larger than any network here."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise WeightsError(f"{path.name} has {size / 1e6:,.0f} MB: at most {MAX_BYTES / 1e6:,.0f} MB are read")
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} can't be read ({error.strerror or error}): check its name and rights") from None


def _header_length(data: bytes) -> int:
    return int.from_bytes(data[:_LENGTH_BYTES], "little")


def _ordered(packed: bytes) -> bytes:
    """The same safetensors file with its metadata in alphabetical order: the library writes a hash map's, which is
    another one each time. The tensors are in a fixed order, and their offsets count from the header's end."""
    end = _LENGTH_BYTES + _header_length(packed)
    header = json.loads(packed[_LENGTH_BYTES:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)  # the tensors stay aligned
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text + packed[end:]


def damaged() -> WeightsError:
    """What to raise where a file is no safetensors file."""
    return WeightsError("this is not a safetensors file, or it is cut off: copy or export it again")
