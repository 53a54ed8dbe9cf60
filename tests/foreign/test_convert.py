"""Foreign files: what is read is right to the bit, what is damaged or malicious does nothing but raise a sentence."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from foreign_files import PAIRS, TINY, TWINS, bomb, claiming, saved, theirs, with_payload
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from explorer import foreign, weights
from explorer.data.cards import CARDS
from explorer.errors import WeightsError
from explorer.foreign import process
from explorer.foreign.protocol import ANSWER, TOO_MUCH, Kind, Request
from explorer.foreign.reader import read
from explorer.models import Network, build
from explorer.shapes import trace
from explorer.spec import RunSpec

MNIST = CARDS["mnist"]
MOST = foreign.most_bytes(trace(TWINS.model, MNIST.shape, 10))
STATE = {name: tensor.detach() for name, tensor in theirs().state_dict().items()}


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "some file"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def reading(put: Callable[[bytes], Path]) -> Callable[..., Network]:
    """The reader's work in this process, without its limits: bytes → network."""

    def run(content: bytes, kind: Kind = "pytorch", spec: RunSpec = TWINS) -> Network:
        most = foreign.most_bytes(trace(spec.model, MNIST.shape, 10))
        packed, _ = read(Request(path=put(content), kind=kind, spec=spec, most_bytes=most, memory=0))
        return weights.unpack(packed, spec)

    return run


def named(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Somebody's tensors under our names."""
    return {f"{PAIRS[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": value for name, value in state.items()}


def same(network: Network, state: dict[str, Tensor]) -> bool:
    found = network.state_dict()
    return found.keys() == state.keys() and all(torch.equal(found[name], state[name]) for name in state)


# --- what is right ---


def test_somebody_s_state_dict_gives_somebody_s_answers(put: Callable[[bytes], Path]) -> None:
    """Through the real process."""
    found = foreign.convert(put(saved(theirs().state_dict())), TWINS)
    assert found.matching.by == "layer"
    assert dict(found.matching.pairs)["head.5.weight"] == "dense3.weight"
    assert found.converted == ()
    network = weights.unpack(found.packed, TWINS)
    images = torch.randn(5, 1, 28, 28)
    with torch.inference_mode():
        assert torch.equal(network(images), _by_hand(images))


def _by_hand(images: Tensor) -> Tensor:
    """TWINS has activations where Theirs has them, but for one more."""
    net = theirs()
    x = net.features(images).flatten(1)
    head = net.head
    x = head[3](head[1](x).relu()).relu()
    return head[6](head[5](x))


def test_our_own_file_comes_back_byte_for_byte(put: Callable[[bytes], Path]) -> None:
    packed = weights.pack(build(TINY.model, MNIST.shape, 10, seed=3), TINY)
    assert foreign.convert(put(packed), TINY).packed == packed


@pytest.mark.parametrize("kind", ["safetensors", "pytorch"])
@pytest.mark.parametrize("kept", [torch.float64, torch.float16, torch.bfloat16])
def test_other_floats_become_float32(
    put: Callable[[bytes], Path], reading: Callable[..., Network], kind: Kind, kept: torch.dtype
) -> None:
    state = {name: tensor.to(kept) if tensor.is_floating_point() else tensor for name, tensor in named(STATE).items()}
    content = safetensors.torch.save(state) if kind == "safetensors" else saved(state)
    expected = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    assert same(reading(content, kind), expected)
    _, answer = read(Request(path=put(content), kind=kind, spec=TWINS, most_bytes=MOST, memory=0))
    assert answer.converted == (str(kept).removeprefix("torch."),)


def test_old_files_nested_ones_and_such_without_counters_are_read(reading: Callable[..., Network]) -> None:
    assert same(reading(saved(STATE, _use_new_zipfile_serialization=False)), named(STATE))
    assert same(reading(saved({"epoch": 3, "model_state_dict": STATE, "optimizer": {"lr": 0.1}})), named(STATE))
    without = {name: tensor for name, tensor in STATE.items() if not name.endswith("num_batches_tracked")}
    assert same(reading(safetensors.torch.save(without), "safetensors"), named(STATE))


def test_parameters_and_channels_last_are_tensors_too(reading: Callable[..., Network]) -> None:
    state = {name: torch.nn.Parameter(value) if value.is_floating_point() else value for name, value in STATE.items()}
    state["features.0.weight"] = STATE["features.0.weight"].to(memory_format=torch.channels_last)
    assert same(reading(saved(state)), named(STATE))


# --- what is not ---


def changed(name: str, tensor: object) -> bytes:
    return saved({**named(STATE), name: tensor})


BIAS = STATE["features.0.bias"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda: changed("conv1.bias", BIAS * torch.nan), r"conv1\.bias has numbers that are not finite"),
        (lambda: changed("conv1.bias", BIAS + torch.inf), r"conv1\.bias has numbers that are not finite"),
        (lambda: changed("conv1.bias", BIAS.double() + 1e300), r"conv1\.bias has numbers that are not finite"),
        (lambda: changed("conv1.bias", BIAS[:1]), r"conv1\.bias is 1, this network needs 2"),
        (lambda: changed("conv1.bias", BIAS.to(torch.int8)), r"conv1\.bias holds int8, this network needs float32"),
        (lambda: changed("conv1.bias", BIAS.to(torch.complex64)), "holds complex64"),
        (lambda: changed("conv1.bias", torch.zeros(1).expand(2)), "does not hold all of its numbers"),
        (lambda: changed("conv1.bias", torch.zeros(1, dtype=torch.float64).expand(2)), "does not hold all of its"),
        (lambda: changed("conv1.bias", torch.zeros(1).expand(100_000, 100_000)), "conv1.bias is 100000×100000"),
        (lambda: changed("conv1.bias", torch.empty(2, device="meta")), "does not hold all of its numbers"),
        (lambda: changed("conv1.bias", BIAS.to_sparse()), r"conv1\.bias is sparse or quantised"),
        (lambda: changed("norm1.running_var", torch.full((2,), -1.0)), "negative"),
        (lambda: changed("conv1.bias", 3), r"'conv1\.bias' is a int, not a tensor"),
        (lambda: saved({0: BIAS}), "0 is a Tensor, not a tensor with a name"),
        (lambda: saved({}), "no tensors"),
        (lambda: saved([BIAS]), "holds a list, not a state dict: save model.state_dict"),
        (lambda: saved(named(STATE))[:-400], "cut off or damaged"),
        (lambda: bomb(64 * 1024 * 1024), r"unpacks to 268\.4 MB, and this network needs at most 1\.0 MB"),
        (lambda: b"PK\x03\x04" + bytes(500), "cut off or damaged"),
        (lambda: b"\x80\x02" + bytes(500), "no PyTorch state dict, or it is damaged"),
    ],
)  # fmt: skip
def test_each_fault_has_its_sentence(reading: Callable[..., Network], content: Callable[[], bytes], told: str) -> None:
    with pytest.raises(WeightsError, match=told):
        reading(content())


@pytest.mark.parametrize("old", [False, True])
def test_a_payload_is_named_and_never_run(reading: Callable[..., Network], tmp_path: Path, old: bool) -> None:
    mark = tmp_path / "was here"
    content = with_payload(STATE, mark, _use_new_zipfile_serialization=not old)
    with pytest.raises(WeightsError, match=r"asks for posix\.system, and nothing but tensors is ever loaded"):
        reading(content)
    with pytest.raises(WeightsError, match=r"asks for foreign_files\.Theirs.*save model\.state_dict\(\) alone"):
        reading(saved(theirs()))
    assert not mark.exists()


@settings(max_examples=250)
@given(st.data())
def test_a_changed_safetensors_file_is_read_whole_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    _read_mutated(tmp_path_factory, data, SAFETENSORS, "safetensors")


@settings(max_examples=200)
@given(st.data())
def test_a_changed_state_dict_is_read_whole_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    _read_mutated(tmp_path_factory, data, ARCHIVE, "pytorch")


SAFETENSORS = safetensors.torch.save(named(STATE))
ARCHIVE = saved(STATE)


def _read_mutated(folder: pytest.TempPathFactory, data: st.DataObject, content: bytes, kind: Kind) -> None:
    """Bytes replaced, of the header above all, some cut out, the end cut off. Nothing but our error is ever raised."""
    mutated = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        near = st.integers(0, min(900, len(mutated) - 1)) | st.integers(0, len(mutated) - 1)
        mutated[data.draw(near)] = data.draw(st.integers(0, 255) | st.sampled_from(b'0123456789"[],:{}'))
    first = data.draw(near)
    del mutated[first : first + data.draw(st.sampled_from([0, 0, 1, 8, 10_000]))]
    path = folder.getbasetemp() / f"mutated-{kind}"
    path.write_bytes(mutated)
    try:
        packed, _ = read(Request(path=path, kind=kind, spec=TWINS, most_bytes=MOST, memory=0))
    except WeightsError as error:
        assert len(str(error)) < 2_500
        return
    network = weights.unpack(packed, TWINS)
    assert all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values())


# --- before and around the process ---


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"hello", "neither a safetensors file nor a PyTorch state dict"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "neither a safetensors file"),
        (bytes(MOST + 1), r"has 1\.0 MB, and this network needs at most 1\.0 MB"),
        ((2_000_000).to_bytes(8, "little") + b"{" + bytes(100), "neither a safetensors file"),
    ],
)
def test_no_process_is_started_for_what_its_size_or_first_bytes_tell(
    put: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch, content: bytes, told: str
) -> None:
    monkeypatch.setattr(process, "_run", None)
    with pytest.raises(WeightsError, match=told):
        foreign.convert(put(content), TWINS)
    with pytest.raises(WeightsError, match="can't be read"):
        foreign.convert(Path("/no such file"), TWINS)


def test_memory_is_bounded_before_it_is_touched(put: Callable[[bytes], Path], tmp_path: Path) -> None:
    """A file of some hundred bytes that asks for 8 GB; the process that reads it tells what it took at most."""
    path = put(claiming(8_000_000_000))
    assert path.stat().st_size < 1_500
    request = Request(path=path, kind="pytorch", spec=TWINS, most_bytes=MOST, memory=3 * MOST + 150_000_000)
    (tmp_path / "request.json").write_text(request.model_dump_json())
    code = (
        "import sys, resource, psutil; from pathlib import Path; from explorer.foreign import reader\n"
        "before = psutil.Process().memory_info().vms\n"
        "reader.main(Path(sys.argv[1]))\n"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0] - before)\n"
        "status = Path('/proc/self/status').read_text().splitlines()\n"  # ru_maxrss would include the parent's memory
        "print(next(line for line in status if line.startswith('VmHWM')).split()[1])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, timeout=240
    )
    allowed, most_kilobytes = map(int, result.stdout.split())
    assert json.loads((tmp_path / ANSWER).read_text())["error"] == TOO_MUCH
    assert 0 <= allowed - request.memory < 100_000_000
    assert most_kilobytes < 1_500_000
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY, "ours is as it was"


def test_time_is_bounded(put: Callable[[bytes], Path]) -> None:
    with pytest.raises(WeightsError, match="took more than 0 s and was ended: try again"):
        foreign.convert(put(saved(STATE)), TWINS, limit_seconds=0.2)


def test_where_the_system_has_no_limit_the_process_is_watched(
    put: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_resident", lambda _: 10**12)
    with pytest.raises(WeightsError) as caught:
        foreign.convert(put(saved(STATE)), TWINS)
    assert str(caught.value) == TOO_MUCH


def test_a_process_that_dies_is_a_sentence_and_a_line_in_the_log(
    put: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process.sys, "executable", "/bin/false")
    with pytest.raises(WeightsError, match="could not be read, for a reason that was not foreseen"):
        foreign.convert(put(saved(STATE)), TWINS)
