"""Devices: what there is, what a recipe means, and what a lack of memory is called."""

from __future__ import annotations

import pytest
import torch

from explorer.errors import TrainingError
from explorer.training import device
from explorer.training.device import available, check, describe, pick, working

CPU = torch.device("cpu")


def test_the_names_to_choose_from_can_be_picked() -> None:
    names = available()
    assert list(names)[:2] == ["auto", "cpu"]
    assert names["cpu"].startswith("CPU, ")
    assert all(pick(name) for name in names)  # type: ignore[arg-type]
    assert describe(pick("auto")) in names["auto"]


def test_auto_takes_the_accelerator_and_others_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: torch.device("mps"))
    assert pick("auto").type == pick("mps").type == "mps"
    assert pick("cpu") == CPU
    assert list(available()) == ["auto", "cpu", "mps"]
    with pytest.raises(TrainingError, match=r"no cuda device here .there is cpu and mps.: choose"):
        pick("cuda")


def test_without_an_accelerator_auto_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: None)
    assert pick("auto") == CPU
    with pytest.raises(TrainingError, match="no mps device"):
        pick("mps")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [({"avx512_bf16": True, "amx_bf16": False}, True), ({"avx512_bf16": False, "avx512_f": True}, False), ({}, False)],
)
def test_a_processor_computes_in_bfloat16_where_it_has_instructions(
    flags: dict[str, bool], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags)
    assert device.computes_bfloat16(CPU) is expected


def test_a_gpu_that_imitates_bfloat16_does_not_compute_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert not device.computes_bfloat16(torch.device("cuda"))
    monkeypatch.setattr("platform.mac_ver", lambda: ("13.6", ("", "", ""), ""))
    assert not device.computes_bfloat16(torch.device("mps"))
    monkeypatch.setattr("platform.mac_ver", lambda: ("15.1", ("", "", ""), ""))
    assert device.computes_bfloat16(torch.device("mps"))


def test_precisions_that_a_device_lacks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check(CPU, "bfloat16")
    monkeypatch.setattr(device, "describe", lambda _: "Old GPU")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    check(torch.device("cuda"), "float32")
    with pytest.raises(TrainingError, match="Old GPU can't compute in bfloat16"):
        check(torch.device("cuda"), "bfloat16")
    monkeypatch.setattr("platform.mac_ver", lambda: ("13.6", ("", "", ""), ""))
    with pytest.raises(TrainingError, match="macOS 14"):
        check(torch.device("mps"), "bfloat16")


def test_a_lack_of_memory_has_a_remedy() -> None:
    with pytest.raises(TrainingError, match=r"memory of CPU.*smaller batch size"), working(CPU):
        torch.empty(2**50)
    with pytest.raises(TrainingError, match="smaller batch size"), working(CPU):
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_other_faults_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), working(CPU):
        raise RuntimeError("shapes do not match")
