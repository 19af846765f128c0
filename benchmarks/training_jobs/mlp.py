"""A multilayer perceptron on many rows: Relight against loops by hand, other trainers and bare matrix products."""

import itertools
import math

import torch
from torch import Tensor, nn

from relight.model.networks.categories import Categories, ConcatFeatures
from relight.model.networks.mlp import Mlp
from relight.model.rows import Rows
from relight.train.batches import InMemoryBatches
from training_jobs.measuring import Job, Run, timed
from training_jobs.network import (
    ADAMW,
    D_BLOCK,
    D_IN,
    LEARNING_RATE,
    N_BLOCKS,
    WEIGHT_DECAY,
    network,
    product_rows,
    setting,
)
from training_jobs.other_trainers import keras, lightning, loader_of, skorch
from training_jobs.relight_fit import relight_fit


def mlp(n_rows: int, batch: int) -> Job:
    """Return the job: one epoch of AdamW with mse, and few validation rows."""
    x, y = product_rows(n_rows)
    contenders: dict[str, Run] = {
        "by hand: index_select, fused AdamW": lambda: by_hand(x, y, batch),
        "Relight": lambda: relight(x, y, batch),
        "only the matrix products": lambda: matrix_products(n_rows, batch),
        "by hand: DataLoader, AdamW": lambda: by_hand_with_loader(x, y, batch),
        "Lightning's Trainer": lambda: lightning(x, y, batch),
        "skorch": lambda: skorch(x, y, batch),
        "Keras": lambda: keras(x, y, batch),
    }
    return Job(
        f"{setting(n_rows, batch)}, 1 thread, one epoch",
        contenders,
        {"Lightning's Trainer": "lightning", "skorch": "skorch", "Keras": "keras"},
        "Relight: at least 0.97 of the loop by hand, and 1.5 times Lightning, skorch and Keras",
    )


def by_hand(x: Tensor, y: Tensor, batch: int) -> float:
    """Return the seconds of the fastest loop that is still plain PyTorch."""
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)

    def train() -> None:
        for picked in torch.randperm(len(x)).split(batch):
            loss = nn.functional.mse_loss(model(x.index_select(0, picked)), y.index_select(0, picked))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return timed(train)


def by_hand_with_loader(x: Tensor, y: Tensor, batch: int) -> float:
    """Return the seconds of the loop of most tutorials."""
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def train() -> None:
        for inputs, target in loader_of(x, y, batch):
            loss = nn.functional.mse_loss(model(inputs), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return timed(train)


def relight(x: Tensor, y: Tensor, batch: int) -> float:
    """Return the seconds of the stage's training, with the model that `model.name: mlp` makes."""
    torch.manual_seed(1)
    model = ConcatFeatures(Categories([]), Mlp(D_IN, 1, n_blocks=N_BLOCKS, d_block=D_BLOCK, dropout=0.0))
    rows = Rows((x, torch.zeros(len(x), 0, dtype=torch.int32)), y)
    batches, few = InMemoryBatches(rows, batch, seed=42), rows.pick(torch.arange(batch))
    return timed(lambda: relight_fit(model, batches, few, n_rows=len(x), loss="mse", optimizer=ADAMW, epochs=1))


def matrix_products(n_rows: int, batch: int) -> float:
    """Return the seconds of the products that every loop needs: three per layer and batch, two for the first layer."""
    widths = [D_IN, *[D_BLOCK] * N_BLOCKS, 1]
    layers = [
        (torch.randn(batch, d_from), torch.randn(d_to, d_from), torch.randn(batch, d_to))
        for d_from, d_to in itertools.pairwise(widths)
    ]

    def multiply() -> None:
        for _ in range(math.ceil(n_rows / batch)):
            for index, (inputs, weight, gradient) in enumerate(layers):
                inputs @ weight.t()
                gradient.t() @ inputs
                if index > 0:
                    gradient @ weight

    return timed(multiply)
