"""All of Streamlit's caches, each on hashable values: ids, versions, numbers. Pages and controls call these.

What `cache_resource` holds is shared between sessions and is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import streamlit as st

from explorer import networks, zoo
from explorer.data.cards import find_card
from explorer.edits import from_json
from explorer.jobs import service as jobs
from explorer.networks import Known
from explorer.runs import service
from explorer.runs.artifacts import run_folder
from explorer.runs.follower import Follower
from explorer.runs.records import RunRecord
from explorer.shapes import totals, trace
from explorer.spec import Augmentation, DataSpec
from explorer.training.choice import Choice
from explorer.training.choice import read as read_choice
from explorer.ui.components import Drawn, drawn

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from torch import Tensor

    from explorer.analysis import Evaluation
    from explorer.analysis.attribution import Attribution
    from explorer.analysis.flips import Flip
    from explorer.analysis.trust import Trust, Verdict
    from explorer.data import Dataset
    from explorer.data.splits import Splits
    from explorer.digits import Prepared, Sheet
    from explorer.digits.batch import Gathering
    from explorer.models import Network
    from explorer.training.one_step import Difference, Memory
    from explorer.training.snapshots import Moment
    from explorer.ui.components import Sprites
    from explorer.ui.lessons.step import Descent
    from explorer.zoo import Corrupted

SPEEDS = 20
"""How many of the newest finished runs tell how fast this machine trains."""


class Glimpse(NamedTuple):
    """A snapshot without its weights; see :class:`explorer.training.events.Snapshot`. ``kernels``: the first
    convolution's, their slice for the first input channel, float32 (kernels, k, k); None where there is none."""

    epoch: float
    loss: float
    accuracy: float
    confusion: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    kernels: np.ndarray | None


@st.cache_resource(show_spinner="Opening the digits …", ttl=3600)
def dataset(name: str) -> Dataset:
    """The data set, its images memory-mapped."""
    from explorer.data import load

    return load(name)


@st.cache_data(show_spinner=False)
def devices() -> dict[str, str]:
    """The devices that this machine has, by the names that a recipe uses."""
    from explorer.training.device import available

    return available()


@st.cache_data(ttl=1.0, show_spinner=False)
def known_networks() -> tuple[Known, ...]:
    return networks.known()


@st.cache_resource(show_spinner="Opening the network …", max_entries=32)
def network(network_id: str, version: str) -> Network:
    """The trained network in evaluation mode; ``version`` changes with its weights, and has the moment of its training
    where it is not the end (see :meth:`explorer.networks.Known.at`)."""
    return networks.load_version(network_id, version)


@st.cache_data(ttl=2.0, max_entries=256, show_spinner=False)
def moments(network_id: str, version: str) -> tuple[Moment, ...]:  # noqa: ARG001 version is the key
    """The snapshots of a network's training, by step, without one of its end."""
    return networks.moments(networks.find(network_id))


@st.cache_resource(show_spinner="Reading the test set …", max_entries=32)
def evaluation(network_id: str, version: str, dataset_name: str) -> Evaluation:
    """The network's answers to the whole test set."""
    from explorer.analysis import evaluate

    data = dataset(dataset_name)
    return evaluate(network(network_id, version), data.test.pixels, data.test.labels, data.card)


@st.cache_data(show_spinner=False, max_entries=256)
def activations(network_id: str, version: str, dataset_name: str, pixels: bytes) -> dict[str, np.ndarray]:
    """What every layer makes of one image, given as the bytes of its uint8 pixels (C, H, W)."""
    from explorer.analysis import activations as run

    card = find_card(dataset_name)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    return run(network(network_id, version), image, card)


@st.cache_data(show_spinner=False, max_entries=256)
def normalised(dataset_name: str, pixels: bytes) -> np.ndarray:
    """An image, given as the bytes of its uint8 pixels, as every network gets it: float32 (C, H, W)."""
    import torch

    from explorer.data.tensors import normalise

    card = find_card(dataset_name)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    return normalise(torch.tensor(image[None]), card)[0].numpy()


@st.cache_data(show_spinner=False, max_entries=256)
def kernels(network_id: str, version: str, layer: str) -> tuple[np.ndarray, np.ndarray | None]:
    """A convolution's kernels, float32 (kernels, C, k, k), and its biases (kernels,) or None."""
    module = network(network_id, version).get_submodule(layer)
    bias = module.bias
    return module.weight.detach().numpy(), None if bias is None else bias.detach().numpy()  # type: ignore[operator]


# --- runs ---


@st.cache_data(ttl=0.4, show_spinner=False)
def run_record(run_id: str) -> RunRecord:
    service.dispatch()
    return service.local().store.get(run_id)


@st.cache_data(ttl=2.0, show_spinner=False)
def run_choice(run_id: str) -> Choice | None:
    """How a run is computed, and why; None before it began."""
    return read_choice(run_folder(run_id).choice)


@st.cache_resource(max_entries=64, show_spinner=False)
def follower(run_id: str) -> Follower:
    """The one reader of a run's curves, for all who watch it."""
    return Follower(service.local().store, run_id)


@st.cache_data(ttl=0.8, show_spinner=False)
def snapshot_steps(run_id: str) -> list[int]:
    """The optimiser steps at which snapshots were taken, rising."""
    from explorer.training.snapshots import list_snapshots

    return list(list_snapshots(run_folder(run_id).snapshots))


@st.cache_data(max_entries=64, show_spinner=False)
def snapshot(run_id: str, step: int) -> Glimpse:
    """What the live view shows of a snapshot, without its weights."""
    from explorer.training.snapshots import list_snapshots, read_snapshot

    found = read_snapshot(list_snapshots(run_folder(run_id).snapshots)[step])
    first = found.kernels
    return Glimpse(
        found.epoch,
        found.loss,
        found.accuracy,
        found.confusion,
        found.labels,
        found.probabilities,
        None if first is None else np.array(first[:, 0]),
    )


@st.cache_data(max_entries=128, show_spinner=False)
def drawn_once(shown: tuple[Hashable, ...], _make: Callable[[], Mapping[str, go.Figure]]) -> dict[str, Drawn]:  # noqa: ARG001 shown is the key
    """Figures by name as the browser gets them, made once for all who watch; ``shown`` tells what they show."""
    return {name: drawn(figure) for name, figure in _make().items()}


@st.cache_data(ttl=30.0, show_spinner=False)
def measured_speeds() -> list[tuple[int, float]]:
    """What this machine trained with in its newest finished runs: the network's multiply-adds for one image, and images
    a second."""
    finished = [known for known in known_networks() if known.kind == "run" and known.state == "finished"]
    found = []
    for known in finished[:SPEEDS]:
        speed = service.local().store.get(known.id).progress.images_per_second
        card = find_card(known.spec.data.dataset)
        if speed:
            found.append((totals(trace(known.spec.model, card.shape, len(card.classes))).macs, speed))
    return found


# --- trust ---


def trust(known: Known) -> Trust | None:
    """A network's calibration, or None where there is none (yet), and at a moment of its training."""
    from explorer.jobs import service
    from explorer.jobs.kinds.calibration import request

    if known.snapshot is not None:
        return None
    found = _bundled_trust(known.id, known.version)
    if found is not None or not known.usable:
        return found
    asked = request(known, dataset(known.spec.data.dataset))
    return _trust_of_job(known, asked.key) if service.local().look(asked.key).state == "done" else None


@st.cache_resource(show_spinner=False, max_entries=32)
def _bundled_trust(network_id: str, version: str) -> Trust | None:  # noqa: ARG001 version is the key
    from explorer import calibration

    return calibration.find(networks.find(network_id))


@st.cache_resource(show_spinner=False, max_entries=32)
def _trust_of_job(_known: Known, key: str) -> Trust | None:
    from explorer import calibration

    return calibration.of_arrays(job_result(key), _known)


@st.cache_data(show_spinner=False, max_entries=256)
def verdict(network_id: str, version: str, dataset_name: str, pixels: bytes, _trust: Trust) -> Verdict:
    """What a calibrated network says of prepared pictures, given as the bytes of their pixels (N, C, H, W)."""
    from explorer.analysis.trust import judge

    card = find_card(dataset_name)
    images = np.frombuffer(pixels, dtype=np.uint8).reshape(-1, *card.shape)
    return judge(network(network_id, version), _trust, images, card)


# --- pictures ---


@st.cache_data(show_spinner="Preparing the picture …", max_entries=128)
def prepared(data: bytes, name: str, shape: tuple[int, int, int], without: frozenset[str] = frozenset()) -> Prepared:
    """One uploaded picture of one digit in the data set's form, without some of the steps. Raises PictureError."""
    from explorer.digits import decode, prepare
    from explorer.ui.preparation import options

    return prepare(decode(data, name), options(without), shape=shape)


@st.cache_resource(show_spinner="Looking for the digits …", max_entries=8)
def surveyed(data: bytes, name: str) -> Sheet:
    """One uploaded picture and the boxes of its digits. Raises PictureError."""
    from explorer.digits import decode, survey

    return survey(decode(data, name))


@st.cache_resource(show_spinner=False, max_entries=4)
def gathering(stamp: str, dataset_name: str, _files: list[tuple[str, bytes]]) -> Gathering:  # noqa: ARG001 the key
    """Many files, gathered for all who have uploaded the same; ``stamp`` changes with their contents."""
    from explorer.digits.batch import Gathering

    card = find_card(dataset_name)
    return Gathering(_files, shape=card.shape, classes=len(card.classes))


@st.cache_data(show_spinner=False, max_entries=8)
def picture_url(data: bytes, name: str) -> str:
    """An uploaded picture for the browser, upright and small. Raises PictureError."""
    from explorer.ui.components.boxes import as_url

    return as_url(surveyed(data, name).picture.rgb)


@st.cache_data(show_spinner=False, max_entries=2048)
def boxed(
    data: bytes, name: str, box: tuple[int, int, int, int], shape: tuple[int, int, int], without: frozenset[str]
) -> np.ndarray:
    """The digit in a box of an uploaded picture in the data set's form, uint8 (C, H, W). Raises PictureError."""
    from explorer.digits import Box, prepare_box
    from explorer.ui.preparation import options

    pixels = prepare_box(surveyed(data, name), Box(*box), shape, options(without)).pixels
    return np.repeat(pixels[None], shape[0], axis=0)


@st.cache_data(show_spinner=False, max_entries=64)
def batch(network_id: str, version: str, dataset_name: str, pixels: bytes) -> np.ndarray:
    """The probabilities (N, K) that a network gives images, given as the bytes of their uint8 pixels (N, C, H, W)."""
    from explorer.analysis import evaluate

    card = find_card(dataset_name)
    images = np.frombuffer(pixels, dtype=np.uint8).reshape(-1, *card.shape)
    if not len(images):
        return np.empty((0, len(card.classes)), dtype=np.float32)
    nobody_knows = np.zeros(len(images), dtype=np.int64)  # the losses are not used
    return evaluate(network(network_id, version), images, nobody_knows, card).probabilities


@st.cache_data(show_spinner=False, max_entries=64)
def drawing(data: bytes, shape: tuple[int, int, int], without: frozenset[str] = frozenset()) -> Prepared:
    """A drawing, the bytes of its PNG, in the data set's form: as :func:`prepared`, without a spinner at every stroke.
    Raises PictureError."""
    from explorer.digits import decode, prepare
    from explorer.ui.preparation import options

    return prepare(decode(data), options(without), shape=shape)


@st.cache_data(show_spinner=False, max_entries=64)
def augmented(dataset_name: str, changes: Augmentation, count: int = 12) -> np.ndarray:
    """The first training digits, each changed once at random as in training: uint8 (count, H, W)."""
    import torch

    from explorer.data.augment import augment

    data = dataset(dataset_name)
    images = torch.tensor(np.asarray(data.train.pixels[:count])).float()
    changed = augment(images, changes, torch.Generator().manual_seed(0), fill=0.0)
    return changed.round().clamp(0, 255).byte().numpy()[:, 0]


# --- one step of learning ---


@st.cache_data(show_spinner=False, max_entries=32)
def first_training(dataset_name: str, chosen: DataSpec, number: int) -> tuple[bytes, tuple[int, ...]]:
    """The first images that a run trains on: the bytes of their pixels, uint8 (N, C, H, W), and their classes."""
    from explorer.data import split

    data = dataset(dataset_name)
    indices = split(data, chosen).train[:number]
    return np.asarray(data.train.pixels[indices]).tobytes(), tuple(data.train.labels[indices].tolist())


@st.cache_resource(show_spinner=False, max_entries=8)
def parameter(network_id: str, version: str, name: str) -> np.ndarray:
    """A parameter of the network by its name, float32."""
    values: np.ndarray = network(network_id, version).get_parameter(name).detach().numpy()
    return values


@st.cache_resource(show_spinner=False, max_entries=8)
def gradient(
    network_id: str,
    version: str,
    dataset_name: str,
    name: str,
    pixels: bytes,
    labels: tuple[int, ...],
    smoothing: float,
) -> tuple[float, np.ndarray]:
    """The loss on images, given as the bytes of their uint8 pixels, and its gradient by a parameter, float32."""
    from explorer.training import one_step

    images, classes = _labelled(dataset_name, pixels, labels)
    model = network(network_id, version)
    loss, slopes = one_step.gradient(model, name, images, classes, smoothing=smoothing)
    return loss, slopes.numpy()


@st.cache_data(show_spinner="Two more losses …", max_entries=64)
def finite_difference(
    network_id: str,
    version: str,
    dataset_name: str,
    name: str,
    index: tuple[int, ...],
    pixels: bytes,
    labels: tuple[int, ...],
    smoothing: float,
) -> Difference:
    """The loss's slope by one weight from its values on both sides, beside the gradient, in float64."""
    from explorer.training import one_step

    images, classes = _labelled(dataset_name, pixels, labels)
    model = network(network_id, version)
    return one_step.finite_difference(model, name, index, images, classes, smoothing=smoothing)


@st.cache_resource(show_spinner="Opening the checkpoint …", max_entries=4)
def optimizer_memory(run_id: str, version: str) -> Memory | None:  # noqa: ARG001 version is the key
    """What the optimiser remembers in a run's newest checkpoint; None where there is none."""
    from explorer.training import one_step

    return one_step.recall(run_id)


def _labelled(dataset_name: str, pixels: bytes, labels: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Normalised images float32 (N, C, H, W) and their classes int64 (N,)."""
    import torch

    from explorer.data import as_tensor, normalise

    card = find_card(dataset_name)
    images = np.frombuffer(pixels, dtype=np.uint8).reshape(len(labels), *card.shape)
    return normalise(as_tensor(images), card), torch.tensor(labels)


# --- lessons ---


@st.cache_data(show_spinner=False, max_entries=256)
def convolved(
    network_id: str,
    version: str,
    layer: str,
    number: int,
    stride: int,
    padding: int,
    dataset_name: str,
    pixels: bytes,
) -> np.ndarray:
    """The map (h, w) of one kernel of the first convolution on one image, slid with another stride and padding."""
    import torch
    from torch.nn import functional as F

    from explorer.analysis.capture import to_input

    card = find_card(dataset_name)
    weights, bias = kernels(network_id, version, layer)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(1, *card.shape)
    with torch.inference_mode():
        inputs = to_input(network(network_id, version), image, card)
        offset = None if bias is None else torch.tensor(bias[[number]])
        maps = F.conv2d(inputs, torch.tensor(weights[[number]]), offset, stride=stride, padding=padding)
    return maps[0, 0].numpy().copy()


@st.cache_data(show_spinner=False, max_entries=128)
def descent(
    network_id: str, version: str, dataset_name: str, pixels: bytes, label: int, rates: tuple[float, ...]
) -> Descent:
    """One step of gradient descent on one image, with each of the rates, and what it does to 100 validation images."""
    from explorer.ui.lessons.step import descend

    card = find_card(dataset_name)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    train, numbers = dataset(dataset_name).train, splits(dataset_name, 0.1).validation[:100]
    others = np.asarray(train.pixels[numbers]), np.asarray(train.labels[numbers])
    return descend(network(network_id, version), image, label, card, rates, others)


@st.cache_resource(show_spinner=False, max_entries=64)
def splits(dataset_name: str, validation_share: float) -> Splits:
    """Which training images are learned from and which validate."""
    from explorer.data.splits import split

    return split(dataset(dataset_name), DataSpec(dataset=dataset_name, validation_share=validation_share))


@st.cache_data(ttl=0.4, show_spinner=False)
def runs_of(specs: tuple[str, ...]) -> tuple[RunRecord | None, ...]:
    """For each spec, given as JSON, the run of exactly that spec, or None: a finished one before an active one before
    any other, of equals the newest."""
    service.dispatch()
    found: dict[str, list[RunRecord]] = {}
    for record in service.local().store.list():
        found.setdefault(record.spec_json, []).append(record)

    def rank(record: RunRecord) -> int:
        return 0 if record.state == "finished" else 1 if record.active else 2

    return tuple(min(found.get(spec, []), key=rank, default=None) for spec in specs)


# --- attribution ---


@st.cache_resource(show_spinner="Loading the methods …")
def load_captum() -> None:
    """Imports captum, which takes seconds and is needed nowhere else."""
    import captum.attr  # noqa: F401


@st.cache_resource(show_spinner=False, max_entries=32)
def random_network(network_id: str, version: str) -> Network:
    """A network's architecture with random weights, always the same ones."""
    from explorer.analysis.attribution import random_weights

    return random_weights(network(network_id, version))


@st.cache_data(show_spinner=False, max_entries=1024)
def attribution(
    network_id: str,
    version: str,
    dataset_name: str,
    pixels: bytes,
    target: int,
    method: str,
    layer: str | None,
    random: bool,
) -> Attribution:
    """What one class's logit rests on for an image, given as the bytes of its uint8 pixels (C, H, W), in the network
    or, with ``random``, in its architecture with random weights."""
    from explorer.analysis.attribution import attribute

    card = find_card(dataset_name)
    model = random_network(network_id, version) if random else network(network_id, version)
    return attribute(model, normalised(dataset_name, pixels), target, method, card, layer=layer)


# --- the data set ---


@st.cache_data(show_spinner="Averaging the digits …", max_entries=4)
def class_pictures(dataset_name: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each class's training images, (K, C, H, W) float32 each, in grey levels."""
    from explorer.analysis.collection import class_pictures as run

    data = dataset(dataset_name)
    return run(data.train.pixels, data.train.labels, len(data.card.classes))


@st.cache_resource(show_spinner=False, max_entries=16)
def network_splits(dataset_name: str, chosen: DataSpec) -> Splits:
    """Which training images a network learns from and which validate."""
    from explorer.data.splits import split

    return split(dataset(dataset_name), chosen)


# --- where digits separate ---


@st.cache_data(show_spinner=False, max_entries=32)
def test_sample(dataset_name: str, count: int) -> np.ndarray:
    """The numbers of ``count`` test images, each class with its share: int64, rising."""
    from explorer.analysis.embedding import sample

    return sample(dataset(dataset_name).test.labels, count)


@st.cache_resource(show_spinner=False, max_entries=4)
def sample_sprites(dataset_name: str, count: int) -> Sprites:
    """The pictures of :func:`test_sample` on one sheet."""
    from explorer.ui.components import sprites

    return sprites(np.asarray(dataset(dataset_name).test.pixels[test_sample(dataset_name, count)]))


@st.cache_resource(show_spinner="Making the map …", max_entries=32)
def pca_points(
    network_id: str, version: str, reference: str, dataset_name: str, layer: str, count: int
) -> dict[str, np.ndarray]:
    """The PCA map of :func:`test_sample` after a layer, on the axes of the network's version ``reference``: see
    :func:`explorer.analysis.separation.pca_points`."""
    from explorer.analysis.separation import pca_points as run

    test, chosen = dataset(dataset_name).test, test_sample(dataset_name, count)
    pixels, labels = test.pixels[chosen], test.labels[chosen]
    axes = None if reference == version else network(network_id, reference)
    return run(network(network_id, version), pixels, labels, find_card(dataset_name), layer, reference=axes)


# --- jobs ---


@st.cache_resource(show_spinner=False, max_entries=32)
def job_result(key: str) -> dict[str, np.ndarray]:
    """The result of the job with that key, read-only: see :mod:`explorer.ui.jobs`."""
    return jobs.local().result(key)


# --- changed networks ---


@st.cache_resource(show_spinner=False, max_entries=16)
def changed(network_id: str, version: str, edits: str) -> Network:
    """A copy of the network with edits, given as JSON."""
    from explorer.analysis import change

    return change.changed(network(network_id, version), from_json(edits))


@st.cache_resource(show_spinner=False, max_entries=2)  # 50 MB each
def kept(network_id: str, version: str, dataset_name: str, every: int, place: int) -> Tensor:
    """The input of the layer at ``place`` for every so many-th test image, counted from the first."""
    from explorer.analysis import change

    data = dataset(dataset_name)
    return change.keep(network(network_id, version), data.test.pixels[::every], data.card, place)


@st.cache_resource(show_spinner="Reading the test digits …", max_entries=128)
def answers(network_id: str, version: str, edits: str, dataset_name: str, every: int) -> Evaluation:
    """The answers of a network with edits, given as JSON, to every so many-th test image."""
    from explorer.analysis import change

    data = dataset(dataset_name)
    pixels, labels = data.test.pixels[::every], data.test.labels[::every]
    done = from_json(edits)
    if not done:
        return change.answers(network(network_id, version), labels, pixels=pixels, card=data.card)
    model = changed(network_id, version, edits)
    layers = trace(model.spec, model.input_shape, model.classes)
    place = change.place_to_keep(layers, change.first_layer(model, done), len(pixels))
    before = kept(network_id, version, dataset_name, every, place) if place else None
    return change.answers(model, labels, pixels=pixels, card=data.card, kept=before, place=place)


@st.cache_data(show_spinner=False, max_entries=256)
def changed_probabilities(network_id: str, version: str, edits: str, dataset_name: str, pixels: bytes) -> np.ndarray:
    """The probabilities (classes,) of a network with edits for an image, given as the bytes of its uint8 pixels."""
    from explorer.analysis import activations as run

    card = find_card(dataset_name)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    return run(changed(network_id, version, edits), image, card)["probabilities"]


# --- mistakes ---


@st.cache_data(show_spinner=False, max_entries=2048)
def probabilities(network_id: str, version: str, dataset_name: str, pixels: bytes) -> np.ndarray:
    """A network's probabilities (K,) for one image, given as the bytes of its uint8 pixels (C, H, W)."""
    import torch

    model = network(network_id, version)
    with torch.inference_mode():
        logits = model(torch.from_numpy(normalised(dataset_name, pixels)[None]))
    shares: np.ndarray = logits[0].double().softmax(0).numpy()
    return shares


@st.cache_resource(show_spinner="Changing the digit step by step …", max_entries=256)
def flip(network_id: str, version: str, dataset_name: str, pixels: bytes, wanted: int | None, name: str) -> Flip:
    """The smallest change of a kind that turns the answer to one image, given as the bytes of its uint8 pixels."""
    from explorer.analysis.flips import smallest

    card = find_card(dataset_name)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    return smallest(network(network_id, version), image, wanted, card, name)


@st.cache_data(show_spinner=False, max_entries=256)
def look_alikes(
    network_id: str, version: str, dataset_name: str, pixels: bytes, without: int | None, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The test images, of those that the network reads right, that look most like one, given as the bytes of its uint8
    pixels: numbers and distances. ``without`` is its own number."""
    from explorer.analysis.neighbours import look_alikes as find

    card = find_card(dataset_name)
    found = evaluation(network_id, version, dataset_name)
    right = np.flatnonzero(found.labels == found.predictions)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    return find(image, dataset(dataset_name).test.pixels, right[right != without], count)


@st.cache_data(show_spinner=False, max_entries=64)
def corrupted_card(name: str, version: str) -> Corrupted | None:  # noqa: ARG001 version is the key
    """What a bundled network's card says of its accuracy under corruptions."""
    return zoo.card(name).corrupted


@st.cache_data(show_spinner=False, max_entries=128)
def harder(
    network_id: str, version: str, dataset_name: str, pixels: bytes, label: int, trial: str, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """One image, given as the bytes of its uint8 pixels, at each amount of a trial: brightness (A, C, H, W), and the
    network's probabilities (A, K)."""
    from explorer.analysis.robust import examples

    card = find_card(dataset_name)
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(card.shape)
    return examples(network(network_id, version), image, label, card, trial, number)
