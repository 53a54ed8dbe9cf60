"""Written scripts: run as modules against the app's own network and formulas, and as programs on real digits."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import names, run_specs, train_specs, working_models

import explorer._torchvision  # noqa: F401 torchvision as the scripts find it on any machine
from explorer import data, published, weights, zoo
from explorer.analysis import evaluate
from explorer.codegen import script
from explorer.data import _raw, augment
from explorer.data.cards import CARDS, DataCard
from explorer.errors import DataError
from explorer.models import build
from explorer.presets import PRESETS
from explorer.shapes import repair
from explorer.spec import (
    Activation,
    ActivationName,
    Augmentation,
    Conv,
    DataSpec,
    Flatten,
    InitializationName,
    ModelSpec,
    OptimizerName,
    Output,
    PrecisionName,
    RunSpec,
    ScheduleName,
    TrainSpec,
)
from explorer.training import schedule
from explorer.training.engine import train
from explorer.training.events import Finished

ROOT = Path(__file__).parents[1]
MNIST = CARDS["mnist"]
SMALL = ModelSpec(layers=(Conv(kernels=3, kernel_size=4, padding="same"), Activation(), Flatten(), Output()))
KERNEL = tuple(tuple(0.1 * (4 * row + column) for column in range(4)) for row in range(4))
MODELS = {"published": published.lenet5()} | {name: preset.model for name, preset in PRESETS.items()}
FROZEN = TrainSpec(frozen_kernels=(KERNEL, KERNEL[::-1]))


def module(run: RunSpec, card: DataCard = MNIST) -> dict[str, Any]:
    """What the script defines."""
    found: dict[str, Any] = {"__name__": "written"}
    exec(compile(script(run, card), "written.py", "exec"), found)  # noqa: S102 that is what it is for
    return found


# --- the network ---


@settings(max_examples=60)
@given(working_models(), st.integers(0, 2**31))
def test_any_network_is_the_app_s_own(working: tuple[ModelSpec, tuple[int, int, int]], seed: int) -> None:
    model, shape = working
    ours = build(model, shape, 2, seed=seed)
    theirs = module(RunSpec(model=model), replace(MNIST, shape=shape, classes=("a", "b")))["build"]()
    assert [name for name, _ in theirs.named_children()] == list(model.names)
    assert {k: (v.shape, v.dtype) for k, v in theirs.state_dict().items()} == {
        k: (v.shape, v.dtype) for k, v in ours.state_dict().items()
    }
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(3, *shape, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(theirs.eval()(images), ours.eval()(images), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_known_networks_compute_the_same_and_their_comments_tell_the_shapes(name: str) -> None:
    model = MODELS[name]
    run = RunSpec(model=model)
    ours, theirs = build(model, MNIST.shape, 10, seed=1), module(run)["build"]()
    theirs.load_state_dict(ours.state_dict())
    value = images = torch.randn(2, *MNIST.shape)
    for layer_name, layer in theirs.eval().named_children():
        value = layer(value)
        comment = re.search(rf"^ +{layer_name}=.*,  # (.*)$", script(run, MNIST), re.MULTILINE)
        assert comment is not None
        assert comment[1] == "×".join(map(str, value.shape[1:]))
    torch.testing.assert_close(value, ours.eval()(images), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("initialization", [name for name in get_args(InitializationName) if name != "default"])
def test_weights_are_drawn_as_the_recipe_says(initialization: InitializationName) -> None:
    model = PRESETS["article"].model
    written = module(RunSpec(model=model, train=TrainSpec(initialization=initialization)))
    theirs = written["build"]()
    torch.manual_seed(0)
    written["initialise"](theirs)
    ours = build(model, MNIST.shape, 10, initialization=initialization, seed=0)
    for (name, drawn), expected in zip(theirs.named_parameters(), ours.parameters(), strict=True):
        if name.endswith(".bias"):
            assert not drawn.any()
        else:
            # Of n draws the standard deviation is off by a share of 1 / sqrt(2n), typically.
            close = 5 / drawn.numel() ** 0.5
            assert drawn.detach().std().item() == pytest.approx(expected.detach().std().item(), rel=close)


# --- the recipe ---


@settings(max_examples=40)
@given(
    st.builds(
        Augmentation,
        shift=st.floats(0, 5),
        rotate=st.floats(0, 90),
        scale=st.floats(0, 0.5),
        elastic=st.floats(0, 3),
        slant=st.just(0.0) | st.floats(1, 40),
        thickness=st.just(0.0) | st.floats(0.1, 1),
    ),
    st.integers(0, 2**31),
)
def test_augmentation_is_the_app_s_formula(changes: Augmentation, seed: int) -> None:
    if not changes:
        assert "def augment" not in script(RunSpec(model=SMALL), MNIST)
        return
    images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(seed)) * 255
    written = module(RunSpec(model=SMALL, train=TrainSpec(augmentation=changes)))
    torch.manual_seed(seed)
    theirs = written["augment"](images)
    torch.manual_seed(seed)
    drawn = (2 * torch.rand(4, 4) - 1) * torch.tensor([changes.rotate, changes.scale, changes.shift, changes.shift])
    slant = changes.slant * (2 * torch.rand(4) - 1) if changes.slant else None
    matrices = augment.affine(drawn[:, 0], 1 + drawn[:, 1], drawn[:, 2:], slant)
    bent = augment.elastic(torch.randn(4, 2, 28, 28)) * changes.elastic if changes.elastic else None
    if changes.thickness:
        images = augment.thicken(images, changes.thickness * (2 * torch.rand(4, 1, 1, 1) - 1).flatten())
    torch.testing.assert_close(theirs, augment.warp(images, matrices, bent, fill=0.0), rtol=1e-3, atol=0.05)


@pytest.mark.parametrize("optimizer", get_args(OptimizerName))
@pytest.mark.parametrize("kind", get_args(ScheduleName))
@pytest.mark.parametrize("precision", get_args(PrecisionName))
def test_each_step_has_the_recipe_s_learning_rate_and_momentum(
    optimizer: OptimizerName, kind: ScheduleName, precision: PrecisionName, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = TrainSpec(optimizer=optimizer, schedule=kind, batch_size=7, weight_decay=0.03, precision=precision)
    taken = []
    cls = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}.get(optimizer, torch.optim.SGD)
    step = cls.step

    def noted(self: torch.optim.Optimizer, *args: Any) -> Any:
        group = self.param_groups[0]
        taken.append((group["lr"], group["betas"][0] if "betas" in group else group["momentum"], group["weight_decay"]))
        return step(self, *args)

    monkeypatch.setattr(cls, "step", noted)
    written = module(RunSpec(model=PRESETS["softmax"].model, train=recipe))
    images = torch.randint(0, 256, (50, 1, 28, 28), dtype=torch.uint8)
    written["train"](written["build"](), images, torch.arange(50) % 10, epochs=2)
    total = 2 * 7  # 45 images in batches of 7, twice
    expected = [(*schedule.rate(recipe, number, total), 0.03) for number in range(total)]
    np.testing.assert_allclose(taken, expected, rtol=1e-6, atol=1e-9)


def test_frozen_kernels_stay_and_everything_else_learns() -> None:
    written = module(RunSpec(model=SMALL, train=FROZEN.model_copy(update={"weight_decay": 0.5, "batch_size": 16})))
    network = written["build"]()
    written["hold"](network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images = torch.randint(0, 256, (60, 1, 28, 28), dtype=torch.uint8)
    written["train"](network, images, torch.arange(60) % 10, epochs=1)
    kernels = network.conv1.weight.detach()
    assert torch.equal(kernels[:2, 0], torch.tensor([KERNEL, KERNEL[::-1]]))
    assert not torch.equal(kernels[2], before["conv1.weight"][2])
    assert all(not torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_patience_ends_early_with_the_best_weights(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    recipe = TrainSpec(patience=2, learning_rate=0.5, optimizer="sgd", schedule="constant")
    written = module(RunSpec(model=PRESETS["softmax"].model, train=recipe, data=DataSpec(train_size=40)))
    network = written["build"]()
    images = torch.randint(0, 256, (60, 1, 28, 28), dtype=torch.uint8)
    labels = torch.randint(0, 10, (60,))
    written["train"](network, images, labels, epochs=50)
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", capsys.readouterr().out)]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 2
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    assert written["evaluate"](network, images[order[:6]], labels[order[:6]])[0] == pytest.approx(min(losses), abs=1e-3)


@given(st.integers(1, 200), st.integers(1, 50))
def test_batches_hold_every_image_once_and_never_one_alone_where_that_can_be(images: int, size: int) -> None:
    run = RunSpec(model=PRESETS["tiny"].model, train=TrainSpec(batch_size=size))
    found = module(run)["batches"](torch.arange(images))
    assert sorted(torch.cat(found).tolist()) == list(range(images))
    assert images == 1 or size == 1 or all(len(batch) > 1 for batch in found)


# --- the text ---


@settings(max_examples=40)
@given(run_specs(), train_specs, st.sampled_from(list(CARDS)))
def test_every_spec_gives_a_script_that_imports_nothing_of_this_project(
    run: RunSpec, train: TrainSpec, card: str
) -> None:
    fitting = run.model_copy(update={"model": repair(run.model, MNIST.shape, 10), "train": train})
    tree = ast.parse(script(fitting, CARDS[card]))
    assert ast.get_docstring(tree)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(name.startswith("explorer") for name in imported)


def test_scripts_are_formatted_and_clean(tmp_path: Path) -> None:
    """All bundled networks, and specs that use everything else, by the project's own rules."""
    runs = [card.spec for card in zoo.entries()]
    changes = Augmentation(shift=1.5, rotate=10, scale=0.1, elastic=1.2)
    wide = Conv(kernels=1024, kernel_size=12, stride=8, padding=15, bias=False)
    big = tuple(tuple(-1 / (row + column + 3) for column in range(31)) for row in range(31))
    for function in get_args(ActivationName):
        layers = (wide, Activation(function=function), Flatten(), Output())
        runs.append(RunSpec(name="数" * 80, model=ModelSpec(layers=layers)))
    for number, precision in enumerate(get_args(PrecisionName)):
        recipe = FROZEN.model_copy(
            update={"augmentation": changes, "precision": precision, "patience": 3, "initialization": "orthogonal"}
        )
        runs.append(RunSpec(name='a"""\\N{}' * 8, model=SMALL, train=recipe, data=DataSpec(train_size=50 + number)))
    layers = (Conv(kernels=1, kernel_size=31, padding=15), Flatten(), Output())
    runs.append(RunSpec(model=ModelSpec(layers=layers), train=TrainSpec(frozen_kernels=(big,), schedule="cosine")))
    for number, run in enumerate(runs):
        (tmp_path / f"script{number}.py").write_text(script(run, MNIST), encoding="utf-8")
    own = replace(MNIST, name="shapes_0123abcd", title="Shapes", own=True)
    (tmp_path / "own.py").write_text(script(runs[0], own), encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    config = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    for command in (["check", "--ignore", "T201", *config], ["format", "--check", "--diff", *config]):
        result = subprocess.run([*ruff, *command, str(tmp_path)], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


@given(names)
def test_no_name_breaks_the_script(name: str) -> None:
    ast.parse(script(RunSpec(name=name, model=SMALL), MNIST))


def test_data_that_torchvision_has_not_are_refused_in_a_sentence() -> None:
    with pytest.raises(DataError, match="none of torchvision's data sets"):
        script(RunSpec(model=SMALL), replace(MNIST, name="own", title="Own digits"))


@pytest.mark.parametrize("name", CARDS)
def test_the_class_of_torchvision_is_the_one_that_the_app_reads_with(name: str) -> None:
    assert f"datasets.{_raw.CLASSES[name]}(folder" in script(RunSpec(model=SMALL), CARDS[name])


# --- as a program ---


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled digits as MNIST's own files: 1,500 to train on and 500 to test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERNELSCOPE_HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("KERNELSCOPE_DATA", raising=False)
        found = data.load("mnist")
        root = tmp_path_factory.mktemp("digits")
        raw = root / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for part, images, count in (("train", found.train, 1500), ("t10k", found.test, 500)):
            for kind, array in (("images-idx3", images.pixels[:count, 0]), ("labels-idx1", images.labels[:count])):
                header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
                (raw / f"{part}-{kind}-ubyte").write_bytes(header + array.astype(np.uint8).tobytes())
    return root


def run_as_program(folder: Path, run: RunSpec, *arguments: object) -> str:
    """Its output, from a folder of its own, where nothing of this project can be imported."""
    (folder / "network.py").write_text(script(run, MNIST), encoding="utf-8")
    command = [sys.executable, "-I", "network.py", *map(str, arguments)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=240)
    assert result.returncode == 0, result.stderr
    return result.stdout


def accuracy(output: str) -> float:
    return float(re.findall(r"^test accuracy ([\d.]+)%$", output, re.MULTILINE)[0]) / 100


@pytest.mark.parametrize(
    ("model", "train"),
    [
        (PRESETS["article"].model, TrainSpec(batch_size=32, augmentation=Augmentation(shift=1, rotate=5, elastic=0.5))),
        (SMALL, FROZEN.model_copy(update={"batch_size": 32, "patience": 2, "initialization": "kaiming_normal"})),
    ],
)
def test_the_script_learns_digits(digits: Path, tmp_path: Path, model: ModelSpec, train: TrainSpec) -> None:
    output = run_as_program(tmp_path, RunSpec(model=model, train=train), "--data", digits, "--epochs", 1)
    assert output.startswith("epoch 1: validation loss ")
    assert accuracy(output) > 0.6


def test_exported_weights_are_tested_without_training(digits: Path, tmp_path: Path) -> None:
    card, network = zoo.load("lenet5")
    (tmp_path / "lenet5.safetensors").write_bytes(weights.pack(network, card.spec))
    output = run_as_program(tmp_path, card.spec, "--data", digits, "--weights", "lenet5.safetensors", "--device", "cpu")
    assert "epoch" not in output
    test = data.load("mnist", data_dir=digits).test
    assert len(test) == 500
    assert accuracy(output) == evaluate(network, test.pixels, test.labels, MNIST).accuracy > 0.97


def test_the_script_is_as_good_as_the_engine(digits: Path, tmp_path: Path) -> None:
    spec = RunSpec(model=PRESETS["lenet5"].model, train=TrainSpec(epochs=6, batch_size=32, learning_rate=0.004))
    events = train(spec, data.load("mnist", data_dir=digits))
    engines = next(event.test_accuracy for event in events if isinstance(event, Finished))
    scripts = accuracy(run_as_program(tmp_path, spec, "--data", digits, "--device", "cpu"))
    # Other images validate and another order of steps is drawn: two of a hundred are chance on 500 images.
    assert scripts == pytest.approx(engines, abs=0.025)
    assert scripts > 0.92
