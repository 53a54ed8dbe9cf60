"""Networks as they were published, with parts that the builder has no controls for, by name.

LeNet-5 after LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition", Proceedings of
the IEEE 86(11), 1998, section II.B.
"""

from __future__ import annotations

from explorer.spec import Activation, Affine, Conv, Dense, Flatten, Layer, ModelSpec, Output, Pool

TABLE: tuple[tuple[int, ...], ...] = (
    *(tuple(sorted((first + step) % 6 for step in range(3))) for first in range(6)),
    *(tuple(sorted((first + step) % 6 for step in range(4))) for first in range(6)),
    *(tuple(sorted((first + step) % 6 for step in (0, 1, 3, 4))) for first in range(3)),
    tuple(range(6)),
)
"""Table I of the paper: for each of C3's 16 maps the maps of S2 that it sees. The first six see three maps in a row,
the next six four, three more see two pairs, and the last one sees all."""


def lenet5() -> ModelSpec:
    """60,000 learned parameters. The paper's 32 × 32 input is MNIST's 28 × 28 with two pixels of padding in C1; its
    subsampling, which adds four numbers, is a mean and a coefficient four times as large."""
    squash = Activation(function="scaled_tanh")
    subsampling: tuple[Layer, ...] = (Pool(mode="average"), Affine(), squash)
    return ModelSpec(
        layers=(
            Conv(kernels=6, kernel_size=5, padding=2),  # C1
            squash,
            *subsampling,  # S2
            Conv(kernels=16, kernel_size=5, connections=TABLE),  # C3
            squash,
            *subsampling,  # S4
            Flatten(),
            Dense(units=120),  # C5, whose kernels cover all of S4
            squash,
            Dense(units=84),  # F6
            squash,
            Output(codes=True),
        )
    )
