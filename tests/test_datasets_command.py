"""`datasets`: brought in, learned from by any command, taken along as arrays and as a script, removed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelled_files import KINDS, packed, shape, shapes
from typer.testing import CliRunner, Result

from explorer.cli import app
from explorer.data import load
from explorer.data.cards import all_cards
from explorer.recipes import with_steps
from explorer.spec import TrainSpec


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path / "home"))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "My shapes.zip"
    path.write_bytes(packed(shapes(20)))
    return path


def explorer(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(text) for text in result.stdout.splitlines()]


def test_a_zip_becomes_a_data_set_that_a_network_learns_and_takes_along(archive: Path, tmp_path: Path) -> None:
    (added,) = lines(explorer("datasets", "add", archive, "--json"))
    name = added["dataset"]
    assert added == {
        "dataset": name,
        "title": "My shapes",
        "own": True,
        "classes": list(KINDS),
        "train_images": 48,
        "test_images": 12,
        "not_read": 0,
    }
    assert load(name).train.pixels.mean() < 127, "dark on light was turned round"
    assert [line["dataset"] for line in lines(explorer("datasets", "list", "--json"))] == list(all_cards())
    assert "My shapes: 3 classes, 48 training and 12 test images" in explorer("datasets", "list").output

    run = lines(explorer("train", "--preset", "tiny", "--dataset", name, "--epochs", 2, "--json"))[-1]
    assert run["state"] == "finished"
    result = lines(explorer("evaluate", "--model", run["run"], "--json"))[-1]
    assert (result["dataset"], result["images"]) == (name, 12)
    assert result["accuracy"] == pytest.approx(run["test_accuracy"])
    picture = tmp_path / "new.png"
    picture.write_bytes(shape("circle", 99))
    (answer,) = lines(explorer("predict", "--model", run["run"], "--json", picture))
    assert answer["digits"][0]["name"] in KINDS

    refused = explorer("datasets", "remove", name)
    assert refused.exit_code == 1
    assert "learned from My shapes, and can't be looked into without it: delete these runs first" in refused.output

    data, script, weights = (tmp_path / file for file in ("data", "net.py", "net.safetensors"))
    data.mkdir()
    (out,) = lines(explorer("datasets", "export", name, "--out", data / f"{name}.npz", "--json"))
    assert out["bytes"] == (data / f"{name}.npz").stat().st_size
    assert explorer("runs", "export", run["run"], "--format", "python", "--out", script).exit_code == 0
    assert explorer("runs", "export", run["run"], "--out", weights).exit_code == 0
    done = subprocess.run(
        [sys.executable, "-W", "error", script, "--weights", weights],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"test accuracy {run['test_accuracy']:.2%}" in done.stdout
    assert "explorer" not in script.read_text()

    assert explorer("runs", "delete", run["run"]).exit_code == 0
    assert lines(explorer("datasets", "remove", name, "--json")) == [{"dataset": name, "removed": True}]
    assert name not in all_cards()
    (back,) = lines(explorer("datasets", "add", data / f"{name}.npz", "--title", "Back", "--json"))
    assert back["dataset"].endswith(name[-13:]), "its content is the same"
    assert back["classes"] == list(KINDS)


def test_marks_alone_and_brightness_are_chosen(archive: Path) -> None:
    made = [
        lines(explorer("datasets", "add", archive, "--json", *options))[0]["dataset"]
        for options in ([], ["--mark"], ["--no-invert"], ["--invert"])
    ]
    assert made[0] == made[3]
    assert len(set(made)) == 3
    np.testing.assert_array_equal(load(made[2]).train.pixels, 255 - load(made[0]).train.pixels)


def test_it_gets_another_title_and_keeps_its_name(archive: Path) -> None:
    (made,) = lines(explorer("datasets", "add", archive, "--json"))
    (renamed,) = lines(explorer("datasets", "rename", made["dataset"], "Better", "--json"))
    assert renamed | {"not_read": 0} == made | {"title": "Better"}
    assert "Better: 3 classes" in explorer("datasets", "list").output


def test_classes_get_other_names(archive: Path) -> None:
    (made,) = lines(explorer("datasets", "add", archive, "--classes", "ring, box, roof", "--json"))
    assert made["classes"] == ["ring", "box", "roof"]
    refused = explorer("datasets", "add", archive, "--classes", "ring, box")
    assert refused.exit_code == 1
    assert "3 classes and 2 names" in refused.output


def test_what_is_not_read_is_told_and_what_is_wrong_too(tmp_path: Path) -> None:
    mixed = tmp_path / "mixed.zip"
    mixed.write_bytes(packed(shapes(5) | {"circle/no.png": b"no"}))
    told = explorer("datasets", "add", mixed)
    assert told.exit_code == 0
    assert "circle/no.png" in told.stderr
    poor = tmp_path / "poor.zip"
    poor.write_bytes(packed({f"only/{number}.png": shape("circle", number) for number in range(8)}))
    assert "there is 1 class, only: a data set has 2 to 36" in explorer("datasets", "add", poor).output
    assert explorer("datasets", "add", tmp_path / "missing.zip").exit_code == 2
    same = tmp_path / "same.zip"
    same.write_bytes(packed({f"{kind}/{number}.png": shape("circle", 1) for kind in "ab" for number in range(8)}))
    assert "all of these images are the same" in explorer("datasets", "add", same).output


def test_known_sets_are_not_removed_and_unknown_ones_are_named() -> None:
    for command in (("remove", "mnist"), ("rename", "mnist", "Digits")):
        assert "only own data sets can be renamed and removed" in explorer("datasets", *command).output
    assert "no data set named 'cats'" in explorer("datasets", "remove", "cats").output
    wrong = explorer("train", "--preset", "tiny", "--dataset", "cats")
    assert wrong.exit_code == 2
    assert "no data set named 'cats'" in wrong.output


def test_a_small_set_is_trained_in_enough_steps_unless_they_are_said(archive: Path) -> None:
    (added,) = lines(explorer("datasets", "add", archive, "--json"))
    options = ("train", "--preset", "softmax", "--dataset", added["dataset"], "--json")
    assert lines(explorer(*options))[-1]["epochs"] == with_steps(TrainSpec(), 43).epochs == 50
    assert lines(explorer(*options, "--epochs", 1))[-1]["epochs"] == 1
