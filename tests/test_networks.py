"""What a user can choose: bundled networks and runs in one list, found by name or id, loaded as they were trained."""

from __future__ import annotations

import dataclasses
import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from explorer import networks, weights, zoo
from explorer.data import load
from explorer.data.cards import CARDS
from explorer.errors import DataError, SpecError, StoreError, WeightsError
from explorer.models import Network, build
from explorer.presets import PRESETS
from explorer.runs import service
from explorer.runs.artifacts import run_folder
from explorer.runs.store import SqlRunStore
from explorer.spec import DataSpec, RunSpec
from explorer.training.events import Snapshot
from explorer.training.snapshots import write_snapshot

SPEC = RunSpec(name="mine", model=PRESETS["softmax"].model)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlRunStore:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path / "home"))
    return service.local().store


def finished(store: SqlRunStore, *, accuracy: float = 0.9, checkpoint: str = "a", spec: RunSpec = SPEC) -> str:
    run = store.create(spec)
    lease = store.claim_run(run, "test", ttl=60)
    assert lease is not None
    store.commit_checkpoint(lease, "checkpoints/1", checkpoint * 64, 1)
    store.finish(lease, "finished", result={"test_accuracy": accuracy})
    return run


def test_bundled_networks_come_first_then_runs_the_newest_first(store: SqlRunStore) -> None:
    runs = [store.create(SPEC.model_copy(update={"name": name})) for name in ("first", "second")]
    found = networks.known()
    bundled = [card.name for card in zoo.entries()]
    assert [known.id for known in found] == [*bundled, runs[1], runs[0]]
    assert [known.kind for known in found] == ["zoo"] * len(bundled) + ["run"] * 2
    assert [known.title for known in found[-2:]] == ["second", "first"]


def test_who_has_learned_from_the_subset_s_test_images_says_so(
    store: SqlRunStore,
) -> None:
    subset = dataclasses.replace(load("mnist"), test_is_known=True)
    for split in ("test", "validation"):
        assert f"These {split} images are some of MNIST's training" in (
            networks.learned_from("lenet5", subset, split) or ""
        )
    assert networks.learned_from(finished(store), subset) is None
    whole = dataclasses.replace(subset, test_is_known=False)
    assert networks.learned_from("lenet5", whole) is None


def test_a_bundled_network_carries_its_card(store: SqlRunStore) -> None:
    card, known = zoo.card("article"), networks.find("article")
    assert known.spec == card.spec
    assert known.test_accuracy == card.test.accuracy
    assert known.state == "bundled"
    assert known.usable
    assert known.parameters == 225_034  # 320 + 18,496 + 204,928 + 1,290, by hand
    assert networks.data_card(known) is CARDS["mnist"]


def test_a_run_carries_its_own_spec_result_and_parameters(store: SqlRunStore) -> None:
    run = finished(store, accuracy=0.912)
    store.rename(run, "renamed")
    known = networks.find(run)
    assert (known.id, known.title, known.kind, known.state) == (run, "renamed", "run", "finished")
    assert known.spec == SPEC
    assert known.test_accuracy == 0.912
    assert known.parameters == 28 * 28 * 10 + 10
    assert known.usable


def test_only_one_owner_s_runs_if_asked(store: SqlRunStore) -> None:
    store.create(SPEC, "ann")
    bob = store.create(SPEC, "bob")
    assert [known.id for known in networks.known("bob") if known.kind == "run"] == [bob]


def test_a_run_without_a_checkpoint_is_listed_but_not_usable(store: SqlRunStore) -> None:
    run = store.create(SPEC)
    known = networks.find(run)
    assert not known.usable
    assert known.test_accuracy is None
    with pytest.raises(StoreError, match="no weights yet"):
        networks.load(run)


def test_the_version_changes_with_the_weights_and_only_then(store: SqlRunStore) -> None:
    run = store.create(SPEC)
    lease = store.claim_run(run, "test", ttl=60)
    assert lease is not None
    versions = [networks.find(run).version]
    for step, digest in ((1, "a"), (2, "b")):
        store.commit_checkpoint(lease, f"checkpoints/{step}", digest * 64, step)
        versions += [networks.find(run).version] * 2
    assert len(set(versions)) == 3
    assert networks.find("article").version == networks.find("article").version
    assert networks.find("article").version != networks.find("lenet5").version


def test_the_beginning_of_an_id_is_enough_where_only_one_run_fits(store: SqlRunStore) -> None:
    run = finished(store)
    assert networks.find(run[:4]).id == run
    assert networks.run(run[:7]).id == run
    for short in (run[:3], "", run + "0"):
        with pytest.raises(StoreError, match=rf"there is no network .*{run} \(mine\)"):
            networks.find(short)


def test_a_beginning_that_fits_two_runs_is_refused(store: SqlRunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["abcd0000", "abcd1111"])
    monkeypatch.setattr("explorer.runs.store.secrets.token_hex", lambda size: next(ids) if size == 4 else "t" * 16)
    store.create(SPEC)
    store.create(SPEC)
    with pytest.raises(StoreError, match=r"abcd1111 .*abcd0000 .*more digits"):
        networks.find("abcd")
    assert networks.find("abcd1").id == "abcd1111"


@pytest.mark.parametrize("name", ["../article", "model_zoo/article", "Article", "article ", "%", "_" * 8, "x" * 9999])
def test_what_is_not_there_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(StoreError, match=r"Bundled: article, lenet5.*there are no runs yet") as error:
        networks.find(name)
    assert len(str(error.value)) < 300


def test_an_unreadable_run_is_left_out_and_the_others_stay(
    store: SqlRunStore, caplog: pytest.LogCaptureFixture
) -> None:
    good = finished(store)
    foreign = store.create(SPEC.model_copy(update={"data": DataSpec(dataset="of_another_day")}))
    with caplog.at_level(logging.WARNING):
        runs = [known.id for known in networks.known() if known.kind == "run"]
    assert runs == [good]
    assert f"run {foreign} is left out: there is no data set" in caplog.text
    assert networks.run(foreign).id == foreign  # so that it can be deleted


def test_listing_and_finding_need_no_torch(store: SqlRunStore) -> None:
    finished(store)
    code = (
        "import sys; from explorer import networks; assert len(networks.known()) > 2; networks.find('article');"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=Path(zoo.__file__).parents[1])


def test_a_bundled_network_is_loaded_ready_to_be_shared() -> None:
    network = networks.load("lenet5")
    assert network.spec == PRESETS["lenet5"].model
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    with pytest.raises(WeightsError, match="no snapshot of step 5; there are: "):
        networks.load("lenet5", snapshot=5)


# --- moments of training ---


def snapshot(step: int, network: Network, *, complete: bool = True) -> Snapshot:
    return Snapshot(
        step=step,
        epoch=step / 4,
        weights={name: tensor.numpy() for name, tensor in network.state_dict().items()},
        complete=complete,
        loss=1.0,
        accuracy=0.5,
        images=10,
        confusion=np.eye(10, dtype=np.int64),
        probes=np.arange(10),
        labels=np.arange(10),
        probabilities=np.full((10, 10), 0.1, np.float32),
    )


def test_a_run_is_loaded_as_it_was_at_each_snapshot(store: SqlRunStore) -> None:
    run = finished(store)
    made = {step: build(SPEC.model, (1, 28, 28), 10, seed=step) for step in (0, 3, 8)}
    for step, network in made.items():
        write_snapshot(run_folder(run).create().snapshots, snapshot(step, network))
    known = networks.find(run)
    assert [moment[:2] for moment in networks.moments(known)] == [(0, 0.0), (3, 0.75), (8, 2.0)]
    versions = {known.version}
    for step, network in made.items():
        then = known.at(step)
        versions.add(then.version)
        assert (then.snapshot, then.test_accuracy, then.spec) == (step, None, known.spec)
        assert then.at(step) == then
        assert then.at(None) == known
        loaded = networks.load_version(then.id, then.version)
        assert not loaded.training
        assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), network.parameters(), strict=True))
    assert len(versions) == 4
    with pytest.raises(StoreError, match=r"no snapshot of step 4; there are: 0, 3, 8"):
        networks.load(run, snapshot=4)


def test_the_end_is_no_moment_a_damaged_one_is_left_out_and_a_part_is_refused(
    store: SqlRunStore, caplog: pytest.LogCaptureFixture
) -> None:
    network = build(SPEC.model, (1, 28, 28), 10, seed=0)
    run = service.add(SPEC, weights.pack(network, SPEC), {"weights_step": 8})
    folder = run_folder(run).snapshots
    write_snapshot(folder, snapshot(8, network))
    write_snapshot(folder, snapshot(2, network, complete=False))
    (folder / "00000004.safetensors").write_bytes(b"no")
    with caplog.at_level(logging.WARNING):
        assert [moment.step for moment in networks.moments(networks.find(run))] == [2]
    assert "00000004" in caplog.text
    with pytest.raises(WeightsError, match="too large to keep more than its first layer"):
        networks.load(run, snapshot=2)


def test_a_run_that_is_added_has_its_weights_and_can_be_deleted(store: SqlRunStore) -> None:
    network = build(SPEC.model, (1, 28, 28), 10, seed=5)
    run = service.add(SPEC, weights.pack(network, SPEC), {"edited": {"bundled": "lenet5"}}, "ann")
    known = networks.find(run)
    assert (known.state, known.usable, known.edited, known.test_accuracy) == ("finished", True, True, None)
    assert all(torch.equal(a, b) for a, b in zip(networks.load(run).parameters(), network.parameters(), strict=True))
    assert networks.bundled_origin(run) == "lenet5"
    assert networks.bundled_origin("tiny") == "tiny"
    assert networks.bundled_origin("nothing") is None
    with pytest.raises(StoreError, match="already"):
        store.add(run, SPEC, {})
    service.delete(run)
    assert not run_folder(run).path.exists()


# --- files ---


def test_a_file_of_ours_says_itself_what_it_holds() -> None:
    spec, network = networks.from_file(zoo.DIRECTORY / "article.safetensors")
    assert spec == zoo.card("article").spec
    wanted = networks.load("article").state_dict()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_bare_file_finds_its_spec_beside_it(tmp_path: Path, wrapped: bool) -> None:
    network = build(SPEC.model, (1, 28, 28), 10, seed=1)
    path = tmp_path / "bare.safetensors"
    save_file(network.state_dict(), path)
    with pytest.raises(WeightsError, match=r"doesn't say which network .* bare\.json"):
        networks.from_file(path)
    values = SPEC.model_dump(mode="json")
    path.with_suffix(".json").write_text(json.dumps({"name": "card", "spec": values} if wrapped else values))
    spec, loaded = networks.from_file(path)
    assert spec == SPEC
    assert torch.equal(loaded.state_dict()["output.weight"], network.state_dict()["output.weight"])


def test_files_that_are_not_ours_are_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "some.safetensors"
    with pytest.raises(WeightsError, match="can't be read"):
        networks.from_file(path)
    path.write_bytes(b"\x80\x04 a pickle, say")
    with pytest.raises(WeightsError, match="not a safetensors file"):
        networks.from_file(path)
    path.with_suffix(".json").write_text("[1, 2]")
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(SpecError):
        networks.from_file(path)
    path.with_suffix(".json").write_text(SPEC.model_dump_json())
    with pytest.raises(WeightsError, match="belong to another"):
        networks.from_file(path)
    unknown = SPEC.model_copy(update={"data": DataSpec(dataset="of_another_day")})
    path.write_bytes(weights.pack(build(SPEC.model, (1, 28, 28), 10), unknown))
    with pytest.raises(DataError, match="no data set"):
        networks.from_file(path)
