"""``python -m explorer.foreign.reader FOLDER``: reads a foreign weights file for the process that started this one.

What it finds and leaves in the folder is :mod:`explorer.foreign.protocol`. Nothing of the foreign file is ever carried
out (``weights_only``), and it is read only after this process has given up the right to more memory.
"""

from __future__ import annotations

import io
import pickle
import re
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from explorer import weights
from explorer.data.cards import find_card
from explorer.errors import ExplorerError, WeightsError
from explorer.foreign.matching import COUNTER, match
from explorer.foreign.protocol import ANSWER, PACKED, REQUEST, TOO_MUCH, Answer, Request
from explorer.models import build, is_dense, load_weights

CONVERTED = (torch.float16, torch.bfloat16, torch.float64)
"""Types that become float32: rounded from the last one, exact from the others."""

_NESTED = ("state_dict", "model_state_dict", "model")
"""Where training scripts keep the network's weights in a dictionary of more."""

_SAVE = "save model.state_dict() alone, with torch.save"


class Read(NamedTuple):
    packed: bytes
    answer: Answer


def main(folder: Path) -> None:
    request = Request.model_validate_json((folder / REQUEST).read_bytes())
    _bound_memory(request.memory)
    try:
        packed, answer = read(request)
        (folder / PACKED).write_bytes(packed)
    except ExplorerError as error:
        answer = Answer(error=str(error))
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "alloc" not in str(error):
            raise
        answer = Answer(error=TOO_MUCH)
    (folder / ANSWER).write_text(answer.model_dump_json())


def read(request: Request) -> Read:
    """The file as one of ours, after all checks. Raises WeightsError."""
    card = find_card(request.spec.data.dataset)
    network = build(request.spec.model, card.shape, len(card.classes))
    wanted = network.state_dict()
    with request.path.open("rb") as file:
        data = file.read(request.most_bytes + 1)
    if len(data) > request.most_bytes:
        raise WeightsError("the file has grown while it was read: wait until it is complete, then try again")
    given = _checked(_safetensors(data) if request.kind == "safetensors" else _pytorch(data, request.most_bytes))
    matching = match(
        {name: tuple(tensor.shape) for name, tensor in given.items()},
        {name: tuple(tensor.shape) for name, tensor in wanted.items()},
        ordered=request.kind == "pytorch",
    )
    tensors = {name: tensor for name, tensor in wanted.items() if name.endswith(COUNTER)}
    converted = set()
    for its, ours in matching.pairs:
        tensor = tensors[ours] = given[its]
        # Only a tensor of the right size is touched: what it claims may not be there.
        if tensor.dtype in CONVERTED and tensor.shape == wanted[ours].shape and is_dense(tensor):
            tensors[ours] = tensor.to(torch.float32)
            converted.add(str(tensor.dtype).removeprefix("torch."))
    load_weights(network, tensors)
    answer = Answer(matching=matching, converted=tuple(sorted(converted)))
    return Read(weights.pack(network, request.spec), answer)


def _bound_memory(more: int) -> None:
    """Gives up the right to ``more`` bytes beside what the process has now, in address space: whatever is allocated or
    mapped counts before it is touched. Systems without such a limit leave it to the process that watches this one."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = psutil.Process().memory_info().vms + more
    with suppress(ValueError, OSError):  # macOS, and where the limit is lower already
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _safetensors(data: bytes) -> Mapping[str, Tensor]:
    try:
        return dict(load(data))
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
        if "alloc" in str(error):
            raise
        raise weights.damaged() from None


def _pytorch(data: bytes, most_bytes: int) -> Mapping[Any, Any]:
    if data.startswith(b"PK"):
        _check_archive(data, most_bytes)
    try:
        loaded = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # what a damaged pickle raises is anything
        if "alloc" in str(error):
            raise
        asked = re.search(r"GLOBAL (\S{1,80})", str(error)) if isinstance(error, pickle.UnpicklingError) else None
        if asked:
            raise WeightsError(
                f"the file asks for {asked[1]}, and nothing but tensors is ever loaded; none of it was run: {_SAVE}"
            ) from None
        raise WeightsError(f"this is no PyTorch state dict, or it is damaged: {_SAVE}, or copy it again") from None
    if not isinstance(loaded, Mapping):
        raise WeightsError(f"the file holds a {type(loaded).__name__}, not a state dict: {_SAVE}")
    return next((loaded[key] for key in _NESTED if isinstance(loaded.get(key), Mapping)), loaded)


def _check_archive(data: bytes, most_bytes: int) -> None:
    """Raises WeightsError for an archive that unpacks to more than the network could need. torch unpacks what is
    packed; it never packs itself."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError):
        raise WeightsError("the file is cut off or damaged: copy it again") from None
    if size > most_bytes:
        raise WeightsError(
            f"the file unpacks to {size / 1e6:,.1f} MB, and this network needs at most {most_bytes / 1e6:,.1f} MB: "
            "choose the network that it was made from"
        )


def _checked(given: Mapping[Any, Any]) -> Mapping[str, Tensor]:
    """The same as tensors by name. Raises WeightsError where it holds anything else, or nothing."""
    if not given:
        raise WeightsError("the file holds no tensors: save the trained network's weights")
    for name, value in given.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise WeightsError(f"{name!r:.60} is a {type(value).__name__}, not a tensor with a name: {_SAVE}")
        if value.layout != torch.strided or value.is_nested or value.is_quantized:
            raise WeightsError(f"{name[:60]} is sparse or quantised: save it as a plain tensor of float32")
    return given


if __name__ == "__main__":
    main(Path(sys.argv[1]))
