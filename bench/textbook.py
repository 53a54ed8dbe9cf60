"""The plain training loop of the textbooks: DataLoader, torchvision transforms, a loop over batches.

This is what `bench/engine.py` compares the engine with. It is PyTorch's own MNIST example in form: images come one by
one as pictures through ToTensor and Normalize, batches through a DataLoader, and the loss is read every 100 steps.

    python bench/textbook.py --preset article --batch-size 64 --seconds 10
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from explorer._torchvision import torchvision
from explorer.data import find_card, load
from explorer.home import data_dirs
from explorer.machine import cores
from explorer.models import build
from explorer.presets import preset

LOG_INTERVAL = 100


class Pictures(torch.utils.data.Dataset):
    """The bundled subset as torchvision's MNIST class would give it, where MNIST's files are not there."""

    def __init__(self, transform: object, *, train: bool) -> None:
        from PIL import Image

        data = load("mnist").train if train else load("mnist").test
        self.pictures = [Image.fromarray(np.array(image[0])) for image in data.pixels]
        self.labels = data.labels
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.pictures[index]), int(self.labels[index])


def dataset(*, train: bool = True) -> torch.utils.data.Dataset:
    """MNIST's training or test images through torchvision, or the bundled subset in the same form."""
    transforms = torchvision.transforms
    card = find_card("mnist")
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((card.mean,), (card.std,))])
    for root in data_dirs():
        if (root / "MNIST" / "raw" / "train-images-idx3-ubyte").exists():
            return torchvision.datasets.MNIST(str(root), train=train, transform=transform)
    return Pictures(transform, train=train)


def train(model: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer, seconds: float) -> float:
    """Trains for about so many seconds after 20 steps of warming up; returns images a second."""
    model.train()
    step, images, began = 0, 0, 0.0
    while True:
        for data, target in loader:
            optimizer.zero_grad()
            output = model(data)
            loss = F.cross_entropy(output, target)
            loss.backward()
            optimizer.step()
            step += 1
            if step % LOG_INTERVAL == 0:
                print(f"step {step}: loss {loss.item():.6f}", file=sys.stderr)
            if step == 20:
                images, began = 0, time.perf_counter()
            elif step > 20:
                images += len(target)
                if time.perf_counter() - began > seconds:
                    return images / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="article")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=0, help="the DataLoader's processes")
    options = parser.parse_args()
    torch.set_num_threads(cores())
    torch.manual_seed(0)
    model = build(preset(options.preset).model, (1, 28, 28), 10, seed=0)
    loader = DataLoader(dataset(), batch_size=options.batch_size, shuffle=True, num_workers=options.workers)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.001)
    speed = train(model, loader, optimizer, options.seconds)
    print(json.dumps({"images_per_second": round(speed, 1)}))


if __name__ == "__main__":
    main()
