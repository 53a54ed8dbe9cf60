"""The job that counts all test digits for an edited network, against the networks evaluated from the outside."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

from explorer import networks, weights
from explorer.analysis import evaluate
from explorer.data import load
from explorer.edits import Scale, to_json
from explorer.jobs.context import Context
from explorer.jobs.kinds.changed import compute
from explorer.jobs.request import ask
from explorer.models import build
from explorer.presets import PRESETS
from explorer.runs import service
from explorer.spec import RunSpec


def test_both_sides_are_the_networks_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path))
    spec = RunSpec(name="small", model=PRESETS["softmax"].model)
    network = build(spec.model, (1, 28, 28), 10, seed=1)
    run = service.add(spec, weights.pack(network, spec), {})
    data = load("mnist")
    edits = to_json((Scale(layer="output", number=3, factor=-1.0),))
    request = ask("changed", network=networks.find(run), data=data, edits=edits)
    told: list[float] = []
    arrays = compute(Context(request), {"edits": edits}, lambda share, _phase="": told.append(share))
    other = copy.deepcopy(networks.load(run))
    other.output.weight[3] *= -1
    other.output.bias[3] *= -1
    for side, model in (("before", networks.load(run)), ("after", other)):
        wanted = evaluate(model, data.test.pixels, data.test.labels, data.card)
        np.testing.assert_array_equal(arrays[f"{side}_predictions"], wanted.predictions)
        np.testing.assert_allclose(arrays[f"{side}_probabilities"], wanted.probabilities, atol=1e-6)
        np.testing.assert_allclose(arrays[f"{side}_losses"], wanted.losses, rtol=1e-4, atol=1e-5)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_network_at_a_moment_of_its_training_is_asked_for_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path))
    known = networks.find("softmax")
    now, then = (ask("changed", network=one, edits="[]") for one in (known, known.at(4)))
    assert (then.network, then.snapshot, then.version) == ("softmax", 4, known.version)
    assert then.key != now.key
    assert then == ask("changed", network=known, snapshot=4, edits="[]")
