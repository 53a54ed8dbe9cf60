"""The parts of a script that read the data, train and test."""

from __future__ import annotations

from explorer.data.cards import DataCard
from explorer.spec import BatchNorm, OptimizerName, RunSpec, TrainSpec

DATASETS = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}
"""torchvision's class of each data set."""

_OPTIMIZERS: dict[OptimizerName, tuple[str, str]] = {
    "sgd": ("SGD", ""),
    "momentum": ("SGD", "momentum=0.9, "),
    "adam": ("Adam", ""),
    "adamw": ("AdamW", ""),
}


_BY_TORCHVISION = """\
    found = datasets.{name}(folder, train=train, download=True)
    return found.data[:, None], found.targets"""
_FROM_ARRAYS = """\
    part, file = "train" if train else "test", folder / "{name}.npz"
    if not file.exists():
        raise SystemExit(f"{{file}} is missing: get it by Images on Kernelscope's page Data, tab Your own")
    with np.load(file) as found:
        return torch.from_numpy(found[part + "_images"])[:, None], torch.from_numpy(found[part + "_labels"])"""


def load(card: DataCard) -> str:
    read = _FROM_ARRAYS.format(name=card.name) if card.own else _BY_TORCHVISION.format(name=DATASETS[card.name])
    return f'''
def load(folder: Path, *, train: bool) -> tuple[Tensor, Tensor]:
    """Images as bytes (N, {", ".join(map(str, card.shape))}) and their classes (N,)."""
{read}


def normalise(images: Tensor) -> Tensor:
    """Brightness 0 to 255 to what the network takes."""
    return (images.float() / 255 - MEAN) / STD'''


SMOOTHING = '''
@cache
def smoothing(size: int, sigma: float) -> Tensor:
    """The matrix that makes white noise as smooth as a Gaussian of this standard deviation, and no weaker."""
    position = torch.arange(size, dtype=torch.float64)
    covariance = torch.exp(-((position[:, None] - position) ** 2) / (4 * sigma**2))
    variances, directions = torch.linalg.eigh(covariance)
    return directions * variances.clamp(min=0).sqrt() @ directions.T'''

_AUGMENT = '''
def augment(images: Tensor) -> Tensor:
    """Each image (N, C, H, W) moved at random in its own way, interpolated bilinearly; what comes in is black."""
    count, _, height, width = images.shape
    limits = images.new_tensor([ROTATE, SCALE, SHIFT, SHIFT])
    degrees, growth, right, down = ((2 * torch.rand(count, 4, device=images.device) - 1) * limits).unbind(1)
    radians, scale = torch.deg2rad(degrees), 1 + growth
    cosine, sine = radians.cos() / scale, radians.sin() / scale
    turn = torch.stack([cosine, sine, -sine, cosine], dim=1).view(-1, 2, 2)
'''
_LEAN = """\
    lean = torch.deg2rad(SLANT * (2 * torch.rand(count, device=images.device) - 1)).tan()
    turn = torch.stack([turn[:, 0] + lean[:, None] * turn[:, 1], turn[:, 1]], dim=1)
"""
_GRID = """\
    shift = -turn @ torch.stack([right, down], dim=1)[:, :, None]
    size = images.new_tensor([width, height])
    matrices = torch.cat([turn * size, 2 * shift], dim=2) / size[:, None]  # grid_sample's unit is half an image
    grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
"""
_BEND = """\
    noise = torch.randn(count, 2, height, width, device=images.device)  # as Simard, Steinkraus & Platt 2003
    rows, columns = (smoothing(side, max(height, width) / 7).to(noise) for side in (height, width))
    grid = grid + ELASTIC * (rows @ noise @ columns.T).permute(0, 2, 3, 1) * 2 / size
"""
_THICKEN = """\
    by = THICKNESS * (2 * torch.rand(count, 1, 1, 1, device=images.device) - 1)  # strokes grow, or shrink below 0
    grown, shrunk = F.max_pool2d(images, 3, 1, 1), -F.max_pool2d(-images, 3, 1, 1)
    images = images + by.clamp(min=0) * (grown - images) + by.clamp(max=0) * (images - shrunk)
"""


def augment(recipe: TrainSpec) -> str:
    changes = recipe.augmentation
    if not changes:
        return ""
    lean = _LEAN if changes.slant else ""
    bend = _BEND if changes.elastic else ""
    thicken = _THICKEN if changes.thickness else ""
    return f"{_AUGMENT}{lean}{_GRID}{bend}{thicken}    return F.grid_sample(images, grid, align_corners=False)"


def batches(run: RunSpec) -> str:
    normed = any(isinstance(layer, BatchNorm) for layer in run.model.layers)
    if not normed or run.train.batch_size == 1:
        result = "    return images[torch.randperm(len(images))].split(BATCH_SIZE)"
    else:
        result = """\
    found = images[torch.randperm(len(images))].split(BATCH_SIZE)
    # Batch normalisation can't work with one image, so a single one that is left over joins the batch before.
    return (*found[:-2], torch.cat(found[-2:])) if len(found[-1]) == 1 else found"""
    return f'''
def batches(images: Tensor) -> tuple[Tensor, ...]:
    """Numbers of images (N,) in a random order, cut into batches."""
{result}'''


def train(run: RunSpec) -> str:
    recipe = run.train
    kind, options = _OPTIMIZERS[recipe.optimizer]
    size = "[:TRAIN_SIZE]" if run.data.train_size is not None else ""
    inputs = "augment(images[batch].float())" if recipe.augmentation else "images[batch]"
    call = f"logits = network(normalise({inputs}))"
    if recipe.precision == "bfloat16":
        call = f"with torch.autocast(images.device.type, torch.bfloat16):\n                {call}"
    smoothed = "logits.float()" if recipe.precision == "bfloat16" else "logits"
    before, step = _schedule(recipe)
    hold = "            hold(network)\n" if recipe.frozen_kernels else ""
    patient = recipe.patience is not None
    return f'''
def train(network: nn.Module, images: Tensor, labels: Tensor, *, epochs: int) -> None:
    """Trains on images as bytes (N, C, H, W) and their classes (N,), less a share that it validates by."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(SPLIT_SEED))
    held_out = min(max(1, round(VALIDATION_SHARE * len(labels))), len(labels) - 1)
    validation, training = order[:held_out], order[held_out:]{size}
    optimizer = torch.optim.{kind}(network.parameters(), lr=LEARNING_RATE, {options}weight_decay=WEIGHT_DECAY)
{before}{_BEST if patient else ""}    for epoch in range(1, epochs + 1):
        network.train()
        for batch in batches(training):
            {call}
            loss = F.cross_entropy({smoothed}, labels[batch], label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
{hold}{step}        error, accuracy = evaluate(network, images[validation], labels[validation])
        print(f"epoch {{epoch}}: validation loss {{error:.4f}}, accuracy {{accuracy:.2%}}", flush=True)
{_STOP if patient else ""}'''


_BEST = '    best, lowest, worse = copy.deepcopy(network.state_dict()), float("inf"), 0\n'
_STOP = """\
        if error < lowest:
            best, lowest, worse = copy.deepcopy(network.state_dict()), error, 0
        else:
            worse += 1
        if worse == PATIENCE:
            break
    network.load_state_dict(best)"""


def _schedule(recipe: TrainSpec) -> tuple[str, str]:
    """What stands before the loop, and in it after each step."""
    if recipe.schedule == "constant":
        return "", ""
    if recipe.schedule == "cosine":
        made = "CosineAnnealingLR(optimizer, steps)"
    else:
        still = ", cycle_momentum=False" if recipe.optimizer == "sgd" else ""
        made = f"OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps{still})"
    before = f"    steps = epochs * len(batches(training))\n    schedule = torch.optim.lr_scheduler.{made}\n"
    return before, "            schedule.step()\n"


EVALUATE = '''
@torch.inference_mode()
def evaluate(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy, and the share of right answers."""
    network.eval()
    loss, right = 0.0, 0
    for some, classes in zip(images.split(1000), labels.split(1000), strict=True):
        logits = network(normalise(some))
        loss += F.cross_entropy(logits, classes, reduction="sum").item()
        right += int((logits.argmax(1) == classes).sum())
    return loss / len(labels), right / len(labels)'''
