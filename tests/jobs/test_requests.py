"""Requests: equal ones have one key, and whatever changes the result changes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from explorer import networks
from explorer.data import load
from explorer.errors import SpecError, StoreError
from explorer.jobs import registry
from explorer.jobs.context import Context
from explorer.jobs.files import JobFiles
from explorer.jobs.registry import Kind
from explorer.jobs.request import Request, ask

BASE = {
    "kind": "squares",
    "network": "article",
    "version": "1",
    "dataset": "mnist",
    "fingerprint": "2",
    "params": {"a": 1, "b": [1.5, None, "ü"]},
}
pytestmark = pytest.mark.usefixtures("home")


def test_the_key_is_the_same_in_every_process_and_order() -> None:
    key = Request.model_validate(BASE).key
    assert key == Request.model_validate(dict(reversed(BASE.items()))).key
    assert key == Request.model_validate(BASE | {"params": {"b": [1.5, None, "ü"], "a": 1}}).key
    assert key == Request.model_validate_json(Request.model_validate(BASE).model_dump_json()).key
    assert JobFiles(Path("jobs"), key).result.name == f"{key}.npz"


@pytest.mark.parametrize(
    "change",
    [{"kind": "gate"}, {"network": "tiny"}, {"version": "2"}, {"snapshot": 5}, {"fingerprint": "3"}, {"params": {}}],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changes_the_result_changes_the_key(change: dict[str, object]) -> None:
    assert Request.model_validate(BASE | change).key != Request.model_validate(BASE).key


def test_another_version_of_the_computation_has_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Request.model_validate(BASE).key
    monkeypatch.setitem(registry.KINDS, "squares", Kind("fake_jobs:squares", version=2))
    assert Request.model_validate(BASE).key != before


def test_only_registered_kinds_and_json_can_be_asked_for() -> None:
    with pytest.raises(SpecError, match=r"no computation 'os:system'; there are: "):
        Request(kind="os:system")
    for params in ({"a": float("nan")}, {"a": object()}):
        with pytest.raises(ValidationError):
            Request(kind="squares", params=params)


@settings(max_examples=30)
@given(st.text(max_size=70).filter(lambda text: len(text) != 64))
def test_what_is_no_key_leads_to_no_file(text: str) -> None:
    with pytest.raises(StoreError, match="is no job's key"):
        JobFiles(Path("jobs"), text)


def test_every_kind_has_its_function() -> None:
    for kind in registry.KINDS:
        assert callable(registry.function(kind))


def test_what_is_opened_is_what_was_asked_for() -> None:
    known, data = networks.find("tiny"), load("mnist")
    request = ask("squares", network=known, data=data, n=3)
    assert (request.version, request.fingerprint, request.params) == (known.version, data.fingerprint, {"n": 3})
    at = known.at(networks.moments(known)[0].step)
    moment = ask("squares", network=at)
    assert (moment.version, moment.snapshot) == (known.version, at.snapshot)
    assert Context(moment).network.spec == known.spec.model
    others = replace(known, version="other weights").at(at.snapshot)
    assert ask("squares", network=others).key != moment.key, "a bundled network's snapshots are replaced with it"
    learning = replace(known, kind="run")
    assert ask("squares", network=learning, snapshot=7).version is None, "a run's stay what they are"
    opened = Context(request)
    assert opened.network.spec == known.spec.model
    assert len(opened.data.test) == len(data.test)
    for change, message in (
        ({"version": "other"}, "has learned on"),
        ({"fingerprint": "other"}, "has changed since"),
        ({"network": None}, "without a network"),
        ({"dataset": None}, "without a data set"),
    ):
        context = Context(request.model_copy(update=change))
        with pytest.raises(Exception, match=message):
            _ = context.network if "network" in change or "version" in change else context.data
