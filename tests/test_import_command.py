"""`import`: what is brought in is a run like any other, and says where it is from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_files import TWINS, saved, theirs, with_payload
from typer.testing import CliRunner, Result

from explorer import data, export, imported, networks, weights, zoo
from explorer.analysis import evaluate
from explorer.cli import app
from explorer.data.cards import CARDS
from explorer.errors import DataError, WeightsError
from explorer.models import build
from explorer.presets import PRESETS
from explorer.runs import service
from explorer.spec import DataSpec, RunSpec, to_link

MNIST = CARDS["mnist"]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERNELSCOPE_DATA", "")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Somebody's state dict of TWINS."""
    path = tmp_path / "theirs.pt"
    path.write_bytes(saved(theirs().state_dict()))
    return path


def explorer(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def line(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    (found,) = (json.loads(text) for text in result.stdout.splitlines())
    assert isinstance(found, dict)
    return found


def test_exported_and_imported_a_network_is_the_same_to_the_bit(tmp_path: Path) -> None:
    path = tmp_path / "away.safetensors"
    assert explorer("runs", "export", "lenet5", "--out", path).exit_code == 0
    found = line(explorer("import", path, "--name", "back again", "--json"))
    known = networks.find(found["run"])
    assert (known.title, known.state, known.imported, known.edited) == ("back again", "finished", True, False)
    assert known.spec == zoo.card("lenet5").spec.renamed("back again")
    back, there = networks.load(known.id).state_dict(), networks.load("lenet5").state_dict()
    assert all(torch.equal(back[name], tensor) for name, tensor in there.items())
    assert export.packed(known, "safetensors") == weights.pack(networks.load("lenet5"), known.spec)
    assert found["recognised_by"] == "name"
    assert {tensor["file"] for tensor in found["tensors"]} == set(there)

    digits = data.load("mnist")
    counted = evaluate(networks.load("lenet5"), digits.test.pixels, digits.test.labels, digits.card)
    assert (found["test_correct"], found["test_images"]) == (counted.correct, len(digits.test))
    assert found["test_accuracy"] == counted.accuracy == known.test_accuracy
    # What holds for the bundled network holds for this one: it has learned from the subset's test images.
    assert networks.bundled_origin(known.id) == "lenet5"
    assert (networks.learned_from(known.id, digits) is not None) == digits.test_is_known
    assert explorer("evaluate", "--model", known.id).exit_code == 0


def test_somebody_s_state_dict_by_a_link_or_a_card_and_in_words(file: Path, tmp_path: Path) -> None:
    link = f"https://somewhere.example/?network=lenet5&spec={to_link(TWINS)}"
    result = explorer("import", file, "--spec", link)
    assert result.exit_code == 0, result.stderr
    told = result.stdout.splitlines()
    assert "Run " in told[0]
    assert "is twins: " in told[0]
    assert "what each layer holds" in told[1]
    assert told[2:4] == ["  features.0 → conv1", "  features.1 → norm1"]
    (run,) = service.local().store.list()
    origin = imported.origin(run)
    assert origin is not None
    assert (origin["file"], origin["by"], origin["bundled"]) == ("theirs.pt", "layer", None)
    assert ["head.5.weight", "dense3.weight"] in origin["pairs"]
    assert networks.bundled_origin(run.id) is None

    card = tmp_path / "card.json"
    card.write_text(json.dumps({"name": "a card", "spec": TWINS.model_dump(mode="json")}))
    assert line(explorer("import", file, "--card", card, "--json"))["name"] == "twins"
    card.rename(file.with_suffix(".json"))
    assert line(explorer("import", file, "--json"))["name"] == "twins"


def test_a_preset_or_a_run_lends_its_form_and_the_file_its_name(tmp_path: Path) -> None:
    path = tmp_path / "my softmax.pth"
    path.write_bytes(saved(build(PRESETS["softmax"].model, MNIST.shape, 10, seed=4).double().state_dict()))
    first = line(explorer("import", path, "--preset", "softmax", "--json"))
    assert (first["name"], first["converted"], first["dataset"]) == ("my softmax", ["float64"], "mnist")
    second = line(explorer("import", path, "--run", first["run"][:4], "--name", "again", "--json"))
    assert networks.find(second["run"]).spec.model == PRESETS["softmax"].model
    assert networks.find(first["run"]).version == networks.find(first["run"]).version


def test_without_test_images_it_is_kept_and_says_so(file: Path) -> None:
    spec = TWINS.model_copy(update={"data": DataSpec(dataset="fashion_mnist")})
    with pytest.raises(DataError):
        data.load("fashion_mnist")
    result = explorer("import", file, "--spec", spec.model_dump_json())
    assert result.exit_code == 0
    assert "Its test images were not counted: " in result.stderr
    (run,) = service.local().store.list()
    assert networks.find(run.id).test_accuracy is None
    assert networks.find(run.id).usable


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        ((), 1, "theirs.pt doesn't say which network it holds: put its spec beside it, as theirs.json; or give --spec"),
        (("--preset", "lenet5"), 1, "this network's conv1 (weight 6×1×5×5, bias 6) is not in the file"),
        (("--spec", "nothing.json"), 1, "there is no file nothing.json: check its name"),
        (("--spec", "{"), 1, "is no JSON, or is cut off"),
        (("--spec", '{"spec": 1}'), 1, "Error: "),
        (("--run", "abcd"), 1, "there is no network 'abcd'"),
        (("--preset", "lenet5", "--run", "abcd"), 2, "give one of them"),
        (("--preset", "unknown"), 2, "is none of"),
        (("--preset", "lenet5", "--name", "\n"), 1, "a name needs"),
    ],
)
def test_each_fault_is_one_sentence(file: Path, options: tuple[str, ...], status: int, told: str) -> None:
    result = explorer("import", file, *options)
    assert (result.exit_code, result.stdout) == (status, "")
    assert told in " ".join(result.stderr.split())
    assert not service.local().store.list()


def test_what_fails_leaves_nothing_and_runs_nothing(tmp_path: Path) -> None:
    mark, path = tmp_path / "was here", tmp_path / "bad.pt"
    path.write_bytes(with_payload(theirs().state_dict(), mark))
    result = explorer("import", path, "--spec", TWINS.model_dump_json(), "--json")
    assert result.exit_code == 1
    assert "nothing but tensors is ever loaded" in json.loads(result.stdout)["error"]
    assert not mark.exists()
    assert not service.local().store.list()
    assert not list((tmp_path / "home" / "runs").glob("*"))


def test_answers_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    """Finite weights whose products are not."""
    spec = RunSpec(model=PRESETS["softmax"].model)
    network = build(spec.model, MNIST.shape, 10)
    torch.nn.init.constant_(network.output.weight, 3e38)
    path = tmp_path / "huge.safetensors"
    path.write_bytes(weights.pack(network, spec))
    with pytest.raises(WeightsError, match="answers are not finite numbers"):
        imported.add(path, spec)
    assert not service.local().store.list()


def test_a_file_s_name_becomes_a_name() -> None:
    for file_name, wanted in (
        ("a.b.pt", "a.b"),
        ("\x07\n.pt", imported.UNNAMED),
        ("x" * 300, "x" * 80),
        (" .pt", imported.UNNAMED),
    ):
        assert imported.described(TWINS.model, DataSpec(), file_name).name == wanted
