"""The command line as a user, a script or a teacher meets it: exit status, standard output, and real runs."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors import safe_open
from typer.testing import CliRunner, Result

from explorer import data, export, networks, recipes, zoo
from explorer.analysis import wilson
from explorer.analysis.corruptions import CORRUPTIONS
from explorer.analysis.robust import TRIALS, robustness
from explorer.cli import app
from explorer.data.cards import CARDS
from explorer.presets import PRESETS
from explorer.runs import service
from explorer.spec import RunSpec, TrainSpec

ROOT = Path(zoo.__file__).parents[1]
TRAIN_KEYS = {"run", "state", "test_accuracy", "epochs", "images_per_second", "seconds", "device"}
CHOICE_KEYS = {"precision", "memory_format", "threads", "choice"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A home of this module's own, and no data set but the bundled digits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERNELSCOPE_HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("KERNELSCOPE_DATA", raising=False)
        patch.setenv("OMP_NUM_THREADS", "1")  # threads that wait for each other crawl where tests run side by side
        yield dict(os.environ)


@pytest.fixture(autouse=True)
def _here(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSCOPE_DATA", "")  # what a command sets is undone with the test


def explorer(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def process(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "explorer", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)


def objects(result: Result | subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Standard output, which must be nothing but one JSON object a line."""
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(isinstance(value, dict) for value in found)
    return found


@pytest.fixture(scope="module")
def trained(environment: dict[str, str]) -> dict[str, Any]:
    """A finished run, by the command and the real worker process: the lines of its output, and its id."""
    options = ["--subset", 300, "--epochs", 1, "--batch-size", 10, "--seed", 7, "--name", "t"]
    result = process("train", "--preset", "tiny", *options, "--json")
    assert result.returncode == 0, result.stderr
    lines = objects(result)
    return {"lines": lines, "run": lines[-1]["run"]}


def until(run: str, *states: str) -> str:
    deadline = time.monotonic() + 120
    while (state := service.local().store.get(run).state) not in states:
        assert time.monotonic() < deadline, state
        time.sleep(0.05)
    return state


# --- train ---


def test_train_ends_with_the_result_as_agreed(trained: dict[str, Any]) -> None:
    first, *validations, last = trained["lines"]
    assert first["run"] == trained["run"]
    assert last.keys() == TRAIN_KEYS | CHOICE_KEYS
    assert last["state"] == "finished"
    assert last["epochs"] == 1
    assert 0.15 < last["test_accuracy"] <= 1.0
    assert last["images_per_second"] > 0
    assert last["seconds"] > 0
    assert last["device"]
    assert [line["epoch"] for line in validations][-1] == 1
    assert all(0 <= line["validation_accuracy"] <= 1 and line["validation_loss"] > 0 for line in validations)


def test_the_options_are_in_the_run_s_spec(trained: dict[str, Any]) -> None:
    spec = service.local().store.get(trained["run"]).spec
    assert spec.model == PRESETS["tiny"].model
    assert (spec.name, spec.data.train_size, spec.train.epochs, spec.train.seed) == ("t", 300, 1, 7)
    assert spec.train.learning_rate == TrainSpec().learning_rate


def test_a_spec_file_is_trained_on_the_data_folder_that_is_named(tmp_path: Path) -> None:
    """Seven test images, of which the accuracy is a seventh; of the bundled thousand it could not be."""
    write_idx(tmp_path, train=60, test=7)
    spec = RunSpec(name="from file", model=PRESETS["softmax"].model, train=TrainSpec(epochs=9, batch_size=16))
    file = tmp_path / "spec.json"
    file.write_text(spec.model_dump_json())
    result = process("train", "--spec", file, "--epochs", 2, "--data-dir", tmp_path, "--json")
    assert result.returncode == 0, result.stderr
    last = objects(result)[-1]
    assert last["epochs"] == 2
    assert last["test_accuracy"] * 7 == pytest.approx(round(last["test_accuracy"] * 7))
    kept = service.local().store.get(last["run"]).spec
    assert kept == spec.model_copy(update={"train": spec.train.model_copy(update={"epochs": 2})})
    counted = objects(explorer("evaluate", "--model", last["run"], "--data-dir", tmp_path, "--json"))[-1]
    assert counted["images"] == 7
    assert counted["accuracy"] == last["test_accuracy"]


def test_precision_and_memory_format_can_be_named() -> None:
    named = ["--precision", "bfloat16", "--memory-format", "channels_first"]
    size = ["--subset", 100, "--epochs", 1]
    result = process("train", "--preset", "tiny", *size, *named)
    assert result.returncode == 0, result.stderr
    assert "Computed in bfloat16 on " in result.stdout
    run = result.stdout.split()[1]
    kept = service.local().store.get(run)
    assert (kept.spec.train.precision, kept.spec.train.memory_format) == ("bfloat16", "channels_first")
    assert kept.result is not None
    assert (kept.result["precision"], kept.result["memory_format"]) == ("bfloat16", "channels_first")


def test_ctrl_c_stops_the_run_and_says_so(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "explorer", "train", "--preset", "softmax", "--epochs", "1000", "--json"]
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # As in a terminal: what a shell starts in the background ignores Ctrl-C, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert child.stdout is not None
    run = json.loads(child.stdout.readline())["run"]
    until(run, "running")
    child.send_signal(signal.SIGINT)
    output, errors = child.communicate(timeout=120)
    last = json.loads(output.splitlines()[-1])
    assert (last["run"], last["state"], child.returncode) == (run, "stopped", 1)
    assert f"Stopping run {run}" in errors
    assert "Traceback" not in errors


def test_a_detached_run_goes_on_stops_when_asked_and_is_deleted() -> None:
    started = objects(process("train", "--preset", "softmax", "--epochs", 1000, "--detach", "--json"))
    assert len(started) == 1
    run = started[0]["run"]
    until(run, "running")
    assert objects(explorer("runs", "stop", run, "--json"))[0]["run"] == run
    until(run, "stopped")
    again = explorer("runs", "stop", run)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "already ended" in again.stderr
    assert objects(explorer("runs", "resume", run, "--json")) == [{"run": run, "state": "queued"}]
    assert objects(explorer("runs", "delete", run, "--json")) == [{"run": run, "deleted": True}]
    assert explorer("runs", "show", run).exit_code == 1
    assert run not in explorer("runs", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "--preset", "tiny", "--dataset", "fashion_mnist"], "Fashion-MNIST is not on this machine"),
        (["train", "--preset", "tiny", "--data-dir", "{empty}"], "lacks train-images-idx3-ubyte"),
        (["train", "--spec", "{broken}"], "Invalid JSON"),
        (["train", "--spec", "{impossible}"], "a 7×7 kernel can't slide over a 5×5 map"),
        (["evaluate", "--model", "nothing"], "there is no network 'nothing'. Bundled: article"),
        (["evaluate", "--model", "{broken}"], "not a safetensors file"),
        (["predict", "--model", "nothing", "{broken}"], "there is no network 'nothing'"),
        (["runs", "show", "ffffffff"], "there is no network 'ffffffff'"),
        (["runs", "delete", "ffff"], "there is no network"),
        (["runs", "export", "article", "--out", "{empty}/no/such/folder/x"], "can't be read or written"),
    ],
)
def test_what_fails_ends_with_one_sentence_and_status_1(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_text("{")
    layers = [{"kind": "conv", "kernels": 4, "kernel_size": 24}, {"kind": "conv", "kernels": 4, "kernel_size": 7}]
    impossible = {"model": {"layers": [*layers, {"kind": "flatten"}, {"kind": "output"}]}}
    (tmp_path / "impossible.json").write_text(json.dumps(impossible))
    (tmp_path / "empty").mkdir()
    places = {
        "{empty}": str(tmp_path / "empty"),
        "{broken}": str(tmp_path / "broken.safetensors"),
        "{impossible}": str(tmp_path / "impossible.json"),
    }
    for place, path in places.items():
        arguments = [argument.replace(place, path) for argument in arguments]
    runs = len(service.local().store.list())

    result = explorer(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    with_json = explorer(*arguments, "--json")
    assert with_json.exit_code == 1
    assert [set(line) for line in objects(with_json)] == [{"error"}]
    assert sentence in objects(with_json)[0]["error"]
    assert with_json.stderr == ""
    assert len(service.local().store.list()) == runs  # nothing was started


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["train"],
        ["train", "--preset", "tiny", "--spec", __file__],
        ["train", "--preset", "nothing"],
        ["train", "--spec", "missing.json"],
        ["train", "--preset", "tiny", "--epochs", "0"],
        ["train", "--preset", "tiny", "--epochs", "1001"],
        ["train", "--preset", "tiny", "--epochs", "many"],
        ["train", "--preset", "tiny", "--subset", "9"],
        ["train", "--preset", "tiny", "--batch-size", "0"],
        ["train", "--preset", "tiny", "--learning-rate", "nan"],
        ["train", "--preset", "tiny", "--device", "abacus"],
        ["train", "--preset", "tiny", "--dataset", "nothing"],
        ["train", "--preset", "tiny", "--data-dir", "missing"],
        ["train", "--preset", "tiny", "--name", "\n"],
        ["evaluate"],
        ["evaluate", "--model", "article", "--split", "holdout"],
        ["predict"],
        ["data", "--dataset", "nothing"],
        ["runs", "show"],
        ["runs", "export", "article"],
        ["runs", "export", "article", "--out", "x", "--format", "pickle"],
        ["zoo", "build"],
        ["zoo", "build", "nothing"],
        ["zoo", "build", "--all", "article"],
        ["zoo", "corruptions"],
        ["zoo", "corruptions", "nothing"],
    ],
)
def test_wrong_use_ends_with_status_2_and_an_empty_standard_output(arguments: list[str]) -> None:
    result = explorer(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr
    assert "Traceback" not in result.stderr


# --- evaluate and export ---


def test_evaluate_counts_what_the_run_s_result_says(trained: dict[str, Any]) -> None:
    result = explorer("evaluate", "--model", trained["run"][:5], "--json")
    assert result.exit_code == 0
    (counted,) = objects(result)
    assert {"model", "dataset", "split", "images", "correct", "accuracy"} <= counted.keys()
    assert (counted["model"], counted["dataset"], counted["split"]) == (trained["run"], "mnist", "test")
    assert counted["images"] == 1000
    assert counted["correct"] / 1000 == counted["accuracy"] == trained["lines"][-1]["test_accuracy"]


def test_evaluate_for_people_names_the_subset_beside_the_result() -> None:
    result = explorer("evaluate", "--model", "lenet5")
    assert result.exit_code == 0
    assert result.stdout.startswith("lenet5: ")
    assert "of 1,000 test images right" in result.stdout
    assert "5,000-digit subset" in result.stderr
    assert "has learned from them" in " ".join(result.stderr.split())


def test_on_the_subset_it_has_learned_from_the_validation_images_too() -> None:
    result = explorer("evaluate", "--model", "softmax", "--split", "validation")
    assert "These validation images are some of MNIST's training images" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("a" * 300, "there is no network"),
        ("folder/none.safetensors", "can't be read"),
        ("./explorer", "can't be read"),
        ("b" * 300 + ".safetensors", "can't be read"),
    ],
)
def test_what_is_no_network_is_told(model: str, words: str) -> None:
    result = explorer("evaluate", "--model", model)
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_the_splits_are_the_run_s_own(trained: dict[str, Any]) -> None:
    for split, images in (("validation", 400), ("train", 300)):
        (counted,) = objects(explorer("evaluate", "--model", trained["run"], "--split", split, "--json"))
        assert counted["images"] == images


def test_an_exported_file_is_evaluated_like_its_run(trained: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    result = explorer("runs", "export", trained["run"], "--format", "safetensors", "--out", file, "--json")
    assert result.exit_code == 0
    assert objects(result)[0]["file"] == str(file)
    with safe_open(file, framework="np") as opened:
        assert "conv1.weight" in set(opened.keys())
    rows = [objects(explorer("evaluate", "--model", model, "--json"))[0] for model in (trained["run"], file)]
    assert rows[0] | {"model": str(file)} == rows[1]


def test_a_run_s_card_and_weights_together_are_a_bundled_network(trained: dict[str, Any], tmp_path: Path) -> None:
    known = networks.find(trained["run"])
    name = export.file_name(known, "card").removesuffix(".json")
    for file_format in ("safetensors", "card"):
        file = tmp_path / export.file_name(known, file_format)
        assert explorer("runs", "export", known.id, "--format", file_format, "--out", file).exit_code == 0
    card, network = zoo.load(name, directory=tmp_path)
    last = trained["lines"][-1]
    assert (card.spec, card.test.accuracy, card.seconds) == (
        known.spec,
        last["test_accuracy"],
        round(last["seconds"], 1),
    )
    assert card.data.images == 300
    assert card.test.interval == wilson(card.test.correct, card.test.images)
    ours = networks.load(known.id).state_dict()
    assert all(torch.equal(value, ours[key]) for key, value in network.state_dict().items())
    given = ["--card", tmp_path / f"{name}.json", "--json"]
    (line,) = objects(explorer("import", tmp_path / f"{name}.safetensors", *given))
    assert line["test_correct"] == card.test.correct
    assert explorer("runs", "delete", line["run"]).exit_code == 0


@pytest.mark.parametrize(("file_format", "beginning"), [("onnx", b"\x08"), ("python", b'"""')])
@pytest.mark.parametrize("model", ["run", "softmax"])
def test_runs_and_bundled_networks_are_exported_in_every_format(
    trained: dict[str, Any], tmp_path: Path, model: str, file_format: str, beginning: bytes
) -> None:
    name, file = trained["run"] if model == "run" else model, tmp_path / "taken"
    result = explorer("runs", "export", name, "--format", file_format, "--out", file, "--json")
    assert result.exit_code == 0
    (line,) = objects(result)
    written = file.read_bytes()
    assert (line["run"], line["format"], line["bytes"]) == (name, file_format, len(written))
    assert written.startswith(beginning)


# --- predict ---


@pytest.fixture(scope="module")
def pictures(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, int]]:
    """One test digit of each class as a picture of 112 × 112, dark on light, with its label."""
    folder = tmp_path_factory.mktemp("pictures")
    found = data.load("mnist").test
    made = []
    for label in range(10):
        pixels = found.pixels[int(np.flatnonzero(found.labels == label)[0]), 0]
        path = folder / f"digit {label}.png"
        Image.fromarray(255 - pixels).resize((112, 112), Image.Resampling.BICUBIC).save(path)
        made.append((path, label))
    return made


def test_predict_reads_pictures_of_digits(pictures: list[tuple[Path, int]]) -> None:
    result = explorer("predict", "--json", *(path for path, _ in pictures))
    assert result.exit_code == 0
    answers = objects(result)
    assert [answer["file"] for answer in answers] == [str(path) for path, _ in pictures]
    for answer in answers:
        (digit,) = answer["digits"]
        assert {"box", "label", "probability", "rejected"} <= digit.keys()
        left, top, right, bottom = digit["box"]
        assert 0 <= left < right <= 112
        assert 0 <= top < bottom <= 112
        assert 0.1 <= digit["probability"] <= 1
        assert digit["name"] == CARDS["mnist"].classes[digit["label"]]
    assert not any(answer["digits"][0]["rejected"] or answer["digits"][0]["reason"] for answer in answers)
    right = [answer["digits"][0]["label"] == label for answer, (_, label) in zip(answers, pictures, strict=True)]
    assert sum(right) >= 9


def test_a_broken_picture_fails_alone(pictures: list[tuple[Path, int]], tmp_path: Path) -> None:
    good = pictures[3][0]
    broken, blank = tmp_path / "broken.png", tmp_path / "blank.png"
    broken.write_bytes(good.read_bytes()[:60])
    Image.new("L", (50, 50), 255).save(blank)
    files = [broken, good, tmp_path / "missing.png", tmp_path, blank]
    result = explorer("predict", "--json", *files)
    assert result.exit_code == 1
    answers = objects(result)
    assert [answer["file"] for answer in answers] == [str(file) for file in files]
    assert ["digits" in answer for answer in answers] == [False, True, False, False, False]
    assert all(answer["error"] for answer in answers if "digits" not in answer)
    in_words = explorer("predict", *files)
    assert in_words.exit_code == 1
    assert in_words.stdout.startswith(f"{good}: 3 (")
    assert [line.partition(":")[0] for line in in_words.stderr.splitlines()] == [str(f) for f in files if f != good]


def test_a_sheet_s_digits_come_in_reading_order_with_their_boxes(
    pictures: list[tuple[Path, int]], tmp_path: Path
) -> None:
    sheet = Image.new("L", (700, 320), 255)
    order = [3, 1, 4, 5, 9, 2]
    for number, label in enumerate(order):
        with Image.open(pictures[label][0]) as digit:
            sheet.paste(digit, (40 + 220 * (number % 3), 20 + 160 * (number // 3)))
    sheet.save(tmp_path / "sheet.png")
    result = explorer("predict", "--json", tmp_path / "sheet.png")
    assert result.exit_code == 0
    digits = objects(result)[0]["digits"]
    assert len(digits) == 6
    for number, digit in enumerate(digits):
        left, top, right, bottom = digit["box"]
        assert 40 + 220 * (number % 3) <= left < right <= 152 + 220 * (number % 3)
        assert 20 + 160 * (number // 3) <= top < bottom <= 132 + 160 * (number // 3)
    assert sum(digit["label"] == label for digit, label in zip(digits, order, strict=True)) >= 5


def test_what_is_no_digit_is_rejected_with_its_raw_answer(pictures: list[tuple[Path, int]], tmp_path: Path) -> None:
    scribble = Image.new("L", (200, 200), 255)
    places = np.random.default_rng(0).uniform(20, 180, (14, 2))
    ImageDraw.Draw(scribble).line([tuple(place) for place in places], fill=0, width=8, joint="curve")
    scribble.save(tmp_path / "scribble.png")
    result = explorer("predict", "--json", tmp_path / "scribble.png", pictures[7][0])
    assert result.exit_code == 0
    rejected, accepted = (answer["digits"][0] for answer in objects(result))
    assert rejected["rejected"] is True
    assert accepted["rejected"] is False
    assert rejected["reason"].startswith("It is more like ")
    for digit in (rejected, accepted):
        assert sum(digit["probabilities"]) == pytest.approx(1)
        assert digit["probability"] == max(digit["probabilities"]) == digit["probabilities"][digit["label"]]
    assert "no digit (raw answer " in explorer("predict", tmp_path / "scribble.png").stdout


def test_predict_takes_a_run_too(trained: dict[str, Any], pictures: list[tuple[Path, int]]) -> None:
    result = explorer("predict", "--model", trained["run"], "--json", pictures[0][0])
    assert result.exit_code == 0
    assert len(objects(result)[0]["digits"]) == 1


# --- runs ---


def test_runs_are_listed_and_shown(trained: dict[str, Any]) -> None:
    listed = {line["run"]: line for line in objects(explorer("runs", "list", "--json"))}
    run = listed[trained["run"]]
    assert (run["name"], run["state"]) == ("t", "finished")
    assert run["test_accuracy"] == trained["lines"][-1]["test_accuracy"]
    (shown,) = objects(explorer("runs", "show", trained["run"], "--json"))
    assert RunSpec.model_validate(shown["spec"]) == service.local().store.get(trained["run"]).spec
    assert shown["step"] == shown["steps"]
    assert f"{trained['run']}  finished" in explorer("runs", "list").stdout
    assert '"kind":"conv"' in explorer("runs", "show", trained["run"]).stdout


def test_an_empty_home_lists_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path))
    result = explorer("runs", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no runs yet" in result.stderr
    assert objects(explorer("runs", "list", "--json")) == []


# --- doctor, data, zoo ---


def test_doctor_finds_this_installation_in_order() -> None:
    result = explorer("doctor", "--json")
    found = {line["check"]: line for line in objects(result)}
    assert [name for name, line in found.items() if not line["ok"]] == []
    assert result.exit_code == 0
    assert "5,000-digit subset" in found["MNIST"]["detail"]
    assert "python -m explorer data" in found["Fashion-MNIST"]["detail"]
    assert "article" in found["bundled networks"]["detail"]


def test_doctor_names_what_is_broken_and_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("in the way")
    monkeypatch.setenv("KERNELSCOPE_HOME", str(occupied))
    zoo_folder = tmp_path / "zoo"
    zoo_folder.mkdir()
    for file in zoo.DIRECTORY.glob("lenet5.*"):
        (zoo_folder / file.name).write_bytes(file.read_bytes() + b" ")
    monkeypatch.setattr(zoo, "DIRECTORY", zoo_folder)
    result = explorer("doctor")
    assert result.exit_code == 1
    broken = [line for line in result.stdout.splitlines() if line.startswith("✗")]
    assert {line.split(":")[0] for line in broken} >= {"✗ home folder", "✗ run store", "✗ bundled networks"}
    assert all(" → " in line for line in broken)
    assert "✓ Python" in result.stdout


def test_data_downloads_with_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    load = data.load

    def fake(name: str, *, download: bool, progress: Any) -> data.Dataset:
        asked.append((name, download))
        progress("halfway", 0.5)
        return load(name)

    monkeypatch.setattr(data, "load", fake)
    result = explorer("data", "--json")
    assert result.exit_code == 0
    expected = {"dataset": "mnist", "complete": False, "train_images": 4000, "test_images": 1000}
    assert objects(result) == [expected]
    assert asked == [("mnist", True)]


def test_zoo_build_trains_by_the_recipe_and_writes_card_and_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = TrainSpec(epochs=2, seed=5, learning_rate=0.01)
    recipe = dataclasses.replace(recipes.RECIPES["softmax"], train=train, chosen_by="nothing, this is a test")
    monkeypatch.setitem(recipes.RECIPES, "softmax", recipe)
    result = explorer("zoo", "build", "softmax", "--out", tmp_path, "--json")
    assert result.exit_code == 0
    (line,) = objects(result)
    card, network = zoo.load("softmax", directory=tmp_path)
    assert card.spec.train == recipe.train
    assert (card.chosen_by, card.created_by) == (recipe.chosen_by, "python -m explorer zoo build softmax")
    assert (card.data.complete, card.data.images, card.test.images) == (False, 3600, 1000)
    assert card.threads == line["threads"] >= 1
    assert line["test_accuracy"] == card.test.accuracy > 0.7
    assert network.spec == PRESETS["softmax"].model


def test_zoo_corruptions_counts_once_and_writes_the_card_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in zoo.DIRECTORY.glob("softmax.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    digits, shipped = data.load("mnist"), zoo.card("softmax", directory=tmp_path)
    elsewhere = shipped.model_copy(update={"data": shipped.data.model_copy(update={"fingerprint": "others"})})
    zoo.write(elsewhere, directory=tmp_path)
    result = explorer("zoo", "corruptions", "softmax", "--in", tmp_path)
    assert result.exit_code == 1
    assert "softmax was made with other images of MNIST than are here: get all of them" in result.stderr
    assert zoo.card("softmax", directory=tmp_path) == elsewhere

    learned = shipped.data.model_copy(update={"fingerprint": digits.fingerprint})
    bare = shipped.model_copy(update={"corrupted": None, "data": learned})
    zoo.write(bare, directory=tmp_path)
    # Two corruptions at few amounts are enough to see how it is done.
    short = {name: replace(CORRUPTIONS[name], levels=(0, 2)) for name in ("shift", "blur")}
    monkeypatch.setattr("explorer.analysis.corruptions.CORRUPTIONS", short)
    monkeypatch.setattr(
        "explorer.analysis.robust.TRIALS", {name: replace(TRIALS[name], levels=(0, 2)) for name in short}
    )
    result = explorer("zoo", "corruptions", "softmax", "--in", tmp_path, "--json")
    assert result.exit_code == 0
    (line,) = objects(result)
    card, network = zoo.load("softmax", directory=tmp_path)
    assert card.corrupted is not None
    assert (card.corrupted.images, card.corrupted.fingerprint) == (1000, digits.fingerprint)
    assert [curve.name for curve in card.corrupted.curves] == ["shift", "blur"]
    for curve in card.corrupted.curves:
        found = robustness(network, digits.test.pixels, digits.test.labels, digits.card, curve.name, levels=(0, 2))
        assert curve.correct == tuple(found["correct"].tolist())
        assert line["mean_accuracy"][curve.name] == pytest.approx(sum(curve.correct) / 2000)
    assert card.model_copy(update={"corrupted": None}) == bare

    path = tmp_path / "softmax.json"
    path.touch()
    os.utime(path, (0, 0))
    assert explorer("zoo", "corruptions", "--all", "--in", tmp_path).exit_code == 0
    assert path.stat().st_mtime == 0  # nothing was left to do


def test_every_preset_has_a_recipe_and_every_recipe_says_what_decided_it() -> None:
    assert PRESETS.keys() <= recipes.RECIPES.keys()
    assert all(recipes.RECIPES[name].model == preset.model for name, preset in PRESETS.items())
    assert {"article", "lenet5"} <= recipes.RECIPES.keys()
    assert all("validation" in recipe.chosen_by.lower() for recipe in recipes.RECIPES.values())
    for name in zoo.names():
        assert zoo.card(name).spec.train == recipes.RECIPES[name].train


# --- start ---


def test_help_comes_without_torch_and_streamlit() -> None:
    code = (
        "import sys; from explorer.cli import app; app(['--help'], standalone_mode=False);"
        "assert not {'torch', 'streamlit', 'plotly'} & set(sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert all(command in result.stdout for command in ("doctor", "train", "evaluate", "predict", "runs", "data"))


def test_the_module_is_the_command() -> None:
    result = process("--help")
    assert result.returncode == 0, result.stderr
    assert "python -m explorer" in result.stdout
    assert process("train", "--preset", "nothing").returncode == 2


def write_idx(root: Path, *, train: int, test: int) -> None:
    """Random digits in the IDX format, as http://yann.lecun.com/exdb/mnist/ describes it."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("t10k", test)):
        for kind, array in (
            ("images-idx3", rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)),
            ("labels-idx1", (np.arange(count) % 10).astype(np.uint8)),
        ):
            header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
            (raw / f"{part}-{kind}-ubyte").write_bytes(header + array.tobytes())
