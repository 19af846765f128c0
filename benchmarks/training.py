"""What a training costs beside hand-written loops and other people's trainers.

Every contender trains the same network on the same rows with the same settings, in turn, in this one process, and
each round is one ratio to the first contender of its job: the median of these counts. Ratios are speeds: 1 is as
fast, 2 is twice as fast. The last column is Relight's speed to that of the line: beside the matrix products alone,
it is the part of Relight's time that they take. A contender that is not installed is named and skipped.

    python benchmarks/training.py [JOB ...] [--rounds ROUNDS] [--rows ROWS]

The jobs: tutorial, mlp-256, mlp-1024, tabm, cuda-graph.
"""

import argparse
import io
import itertools
import math
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

os.environ["KERAS_BACKEND"] = "torch"

import torch
from torch import Tensor, nn

from relight.domain.batches import ResidentBatches
from relight.domain.devices import compute_the_same_each_time
from relight.domain.losses import loss_for
from relight.domain.models.categories import Categories
from relight.domain.models.flat import Flat
from relight.domain.models.mlp import Mlp
from relight.domain.optimizers import build_optimizer
from relight.domain.rows import Rows
from relight.domain.schedules import schedule_for
from relight.domain.training import fit
from relight.domain.training_state import Epoch, TrainingState
from relight.domain.validation_score import validation_score
from relight.io.live_curves import LiveCurves
from relight.io.progress import Progress
from relight.io.resume import Checkpoints
from relight.io.runner.lifetime import PatientStop
from relight.io.watching import Watching
from relight.params.model import MlpParams
from relight.params.train import OptimizerParams, ScheduleParams

Run = Callable[[], float]  # trains, and returns how many seconds that took

LEARNING_RATE, WEIGHT_DECAY = 1e-3, 1e-2
D_IN, D_BLOCK, N_BLOCKS = 30, 256, 3


class Job(NamedTuple):
    """
    Attributes:
        contenders: name → run; the first is what the others are compared to.
        needs: name → the package that a contender needs.
        goal: what Relight must reach, in words.
    """

    title: str
    contenders: dict[str, Run]
    needs: dict[str, str]
    goal: str


def main(jobs: list[str], rounds: int, n_rows: int) -> None:
    torch.set_num_threads(1)
    for name in jobs:
        job = JOBS[name](n_rows)
        if job is not None:
            report(job, measure(job, rounds))


def measure(job: Job, rounds: int) -> dict[str, list[float]]:
    """The seconds of each contender in each round."""
    there = {name: run for name, run in job.contenders.items() if find_spec(job.needs.get(name, "torch")) is not None}
    for name in job.contenders.keys() - there.keys():
        print(f"{name}: skipped, {job.needs[name]} is not installed")
    seconds: dict[str, list[float]] = {name: [] for name in there}
    for place in range(rounds + 1):
        for name, run in there.items():
            with as_its_users_find_it(name), quiet():
                spent = run()
            if place > 0:  # the first round warms caches up
                seconds[name].append(spent)
    return seconds


@contextmanager
def as_its_users_find_it(name: str) -> Iterator[None]:
    """Relight computes the same each time; the others as PyTorch comes."""
    if name.startswith("Relight"):
        compute_the_same_each_time(1)
    yield
    torch.set_deterministic_debug_mode("default")


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def report(job: Job, seconds: dict[str, list[float]]) -> None:
    first, *_ = seconds.values()
    print(f"\n{job.title}")
    print(f"{'':34}{'seconds':>9}{'speed':>7}{'from':>7}{'to':>7}{'Relight to it':>15}")
    for name, spent in seconds.items():
        speeds = ratios(first, spent)
        spread = f"{statistics.median(speeds):7.2f}{min(speeds):7.2f}{max(speeds):7.2f}"
        ours = statistics.median(ratios(spent, seconds["Relight"]))
        print(f"{name:34}{statistics.median(spent):9.2f}{spread}{ours:15.2f}")
    print(job.goal, flush=True)


def ratios(one: list[float], other: list[float]) -> list[float]:
    """How many times as fast the other was, round by round."""
    return [a / b for a, b in zip(one, other, strict=True)]


def timed(train: Callable[[], object]) -> float:
    start = time.perf_counter()
    train()
    return time.perf_counter() - start


def relight(
    model: nn.Module, train: Rows, validation: Rows, loss: Any, optimizer: OptimizerParams, epochs: int, batch: Any
) -> list[Epoch]:
    """As the stage trains: with its checkpoints, its progress and its curves."""
    torch.manual_seed(42)
    state = TrainingState(model, build_optimizer(optimizer, model))
    with (
        tempfile.TemporaryDirectory() as folder,
        Checkpoints(Path(folder) / "kept", {}) as checkpoints,
        PatientStop() as stop,
    ):
        curves = LiveCurves(Path(folder) / "curves.csv", Epoch._fields)
        fit(
            state,
            ResidentBatches(train, batch, seed=42),
            validation,
            loss_fn=loss_for(loss),
            score_fn=validation_score("regression", loss, nn.Identity(), validation.target, None),
            schedule=schedule_for(ScheduleParams(), peak=optimizer.learning_rate, epochs=epochs),
            epochs=epochs,
            gradient_clip=None,
            watch=Watching(
                checkpoints, Progress(epochs, len(train.target)), curves, stop, seconds=60, save=TrainingState.save
            ),
        )
    return state.history


# The tutorial's own job


class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear_layer = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_layer(x)


def tutorial(_: int) -> Job:
    """50 points, 1000 epochs of all of them at once, a test loss each."""
    x = torch.arange(0, 1, 0.02).unsqueeze(1)
    y = 0.7 * x + 0.3
    train, test = Rows((x[:40],), y[:40]), Rows((x[40:],), y[40:])
    losses: dict[str, list[tuple[float, float]]] = {}

    def theirs() -> None:
        losses["theirs"] = tutorial_loop(train, test)

    def ours() -> None:
        torch.manual_seed(42)
        sgd = OptimizerParams(name="sgd", learning_rate=0.01, weight_decay=0.0, momentum=0.0)
        history = relight(Line(), train, test, "l1", sgd, 1000, "full")
        losses["ours"] = [(epoch.train_loss, epoch.validation_loss) for epoch in history[::10]]
        assert losses["ours"] == losses["theirs"], "the losses are not those of the tutorial"

    return Job(
        "The tutorial's own job: 50 points, 1000 epochs, a test loss each; the same losses to the last digit",
        {"the tutorial's loop": lambda: timed(theirs), "Relight": lambda: timed(ours)},
        {},
        "Relight: at least 1.3 times the tutorial's loop",
    )


def tutorial_loop(train: Rows, test: Rows) -> list[tuple[float, float]]:
    torch.manual_seed(42)
    model = Line()
    loss_fn, optimizer = nn.L1Loss(), torch.optim.SGD(params=model.parameters(), lr=0.01)
    train_losses, test_losses, epochs = [], [], []
    for epoch in range(1000):
        model.train()
        predictions = model(train.inputs[0])
        loss = loss_fn(predictions, train.target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.eval()
        with torch.inference_mode():
            test_loss = loss_fn(model(test.inputs[0]), test.target.type(torch.float))
            if epoch % 10 == 0:
                epochs.append(epoch)
                train_losses.append(loss.detach().numpy())
                test_losses.append(test_loss.detach().numpy())
    return [(float(one), float(other)) for one, other in zip(train_losses, test_losses, strict=True)]


# A multilayer perceptron on many rows


def mlp_job(n_rows: int, batch: int) -> Job:
    """One epoch of AdamW with mse, without validation rows to speak of."""
    torch.manual_seed(0)
    x = torch.randn(n_rows, D_IN)
    y = x[:, :1] * x[:, 1:2] + 0.1 * torch.randn(n_rows, 1)
    contenders: dict[str, Run] = {
        "by hand: index_select, fused AdamW": lambda: by_hand(x, y, batch),
        "Relight": lambda: relight_mlp(x, y, batch),
        "matrix products alone": lambda: matrix_products(n_rows, batch),
        "by hand: DataLoader, AdamW": lambda: by_hand_with_loader(x, y, batch),
        "Lightning's Trainer": lambda: lightning(x, y, batch),
        "skorch": lambda: skorch(x, y, batch),
        "Keras": lambda: keras(x, y, batch),
    }
    return Job(
        f"MLP {N_BLOCKS} × {D_BLOCK}, {n_rows:,} × {D_IN} float32, AdamW, batch {batch}, 1 thread, one epoch",
        contenders,
        {"Lightning's Trainer": "lightning", "skorch": "skorch", "Keras": "keras"},
        "Relight: at least 0.97 of the loop by hand, and 1.5 times Lightning, skorch and Keras",
    )


def network() -> nn.Sequential:
    torch.manual_seed(1)
    widths = [D_IN, *[D_BLOCK] * N_BLOCKS]
    hidden = [layer for d_from, d_to in itertools.pairwise(widths) for layer in (nn.Linear(d_from, d_to), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(D_BLOCK, 1))


def by_hand(x: Tensor, y: Tensor, batch: int) -> float:
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
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def train() -> None:
        for inputs, target in loader_of(x, y, batch):
            loss = nn.functional.mse_loss(model(inputs), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return timed(train)


def loader_of(x: Tensor, y: Tensor, batch: int) -> Any:
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=batch, shuffle=True)


def relight_mlp(x: Tensor, y: Tensor, batch: int) -> float:
    torch.manual_seed(1)
    model = Flat(Categories([]), Mlp(D_IN, 1, MlpParams(n_blocks=N_BLOCKS, d_block=D_BLOCK, dropout=0.0)))
    rows = Rows((x, torch.zeros(len(x), 0, dtype=torch.int32)), y)
    adamw = OptimizerParams(name="adamw", learning_rate=LEARNING_RATE, weight_decay=WEIGHT_DECAY, momentum=0.0)
    few = rows.pick(torch.arange(batch))
    return timed(lambda: relight(model, rows, few, "mse", adamw, 1, batch))


def matrix_products(n_rows: int, batch: int) -> float:
    """What no loop can do without: three products for each layer and batch, two for the first."""
    widths = [D_IN, *[D_BLOCK] * N_BLOCKS, 1]
    layers = [
        (torch.randn(batch, d_from), torch.randn(d_to, d_from), torch.randn(batch, d_to))
        for d_from, d_to in itertools.pairwise(widths)
    ]

    def multiply() -> None:
        for _ in range(math.ceil(n_rows / batch)):
            for place, (inputs, weight, slopes) in enumerate(layers):
                inputs @ weight.t()
                slopes.t() @ inputs
                if place > 0:
                    slopes @ weight

    return timed(multiply)


def lightning(x: Tensor, y: Tensor, batch: int) -> float:
    from lightning import LightningModule, Trainer

    class Regression(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = network()

        def training_step(self, rows: Any, _: int) -> Tensor:
            return nn.functional.mse_loss(self.network(rows[0]), rows[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.AdamW(self.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    model, loader = Regression(), loader_of(x, y, batch)
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    return timed(lambda: trainer.fit(model, loader))


def skorch(x: Tensor, y: Tensor, batch: int) -> float:
    from skorch import NeuralNetRegressor

    net = NeuralNetRegressor(
        network(),
        max_epochs=1,
        batch_size=batch,
        optimizer=torch.optim.AdamW,
        optimizer__lr=LEARNING_RATE,
        optimizer__weight_decay=WEIGHT_DECAY,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    return timed(lambda: net.fit(x, y))


def keras(x: Tensor, y: Tensor, batch: int) -> float:
    from keras import Sequential, layers, optimizers

    hidden = [layers.Dense(D_BLOCK, activation="relu") for _ in range(N_BLOCKS)]
    model = Sequential([layers.Input((D_IN,)), *hidden, layers.Dense(1)])
    model.compile(optimizer=optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY), loss="mse")
    inputs, target = x.numpy(), y.numpy()
    return timed(lambda: model.fit(inputs, target, batch_size=batch, epochs=1, verbose=0))


# TabM


def tabm(n_rows: int) -> Job:
    """Our `tabm_small` beside the loop of the example in the README of the tabm package, on a like model."""
    n_rows = min(n_rows, 20_000)
    torch.manual_seed(0)
    x = torch.randn(n_rows, 8)
    y = x[:, :1] * x[:, 1:2] + 0.1 * torch.randn(n_rows, 1)
    return Job(
        f"tabm_small, {n_rows:,} × 8, AdamW, batch 256, 1 thread, one epoch",
        {"the loop of TabM's authors": lambda: tabm_loop(x, y), "Relight": lambda: tabm_relight(x, y)},
        {},
        "Relight: as fast as the authors' loop, or faster",
    )


def tabm_model(x: Tensor) -> nn.Module:
    from relight.domain.models.numeric_embeddings import NumericEmbeddings
    from relight.domain.models.tabm import Tabm
    from relight.params.model import ModelParams

    torch.manual_seed(1)
    params = ModelParams.model_validate({"name": "tabm_small", "numeric": "standardize", "target": "none"}).tabm_small
    from rtdl_num_embeddings import compute_bins

    numbers = NumericEmbeddings(compute_bins(x, n_bins=params.n_bins), x.shape[1], params.d_embedding)
    return Tabm(numbers, Categories([]), 1, params)


def tabm_relight(x: Tensor, y: Tensor) -> float:
    model, codes = tabm_model(x), torch.zeros(len(x), 0, dtype=torch.int32)
    rows = Rows((x, codes), y)
    adamw = OptimizerParams(name="adamw", learning_rate=2e-3, weight_decay=3e-4, momentum=0.0)
    few = rows.pick(torch.arange(256))
    return timed(lambda: relight(model, rows, few, "mse", adamw, 1, 256))


def tabm_loop(x: Tensor, y: Tensor) -> float:
    model, codes = tabm_model(x), torch.zeros(len(x), 0, dtype=torch.int32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=3e-4)

    def loss_of(predictions: Tensor, target: Tensor) -> Tensor:
        k = predictions.shape[1]
        return nn.functional.mse_loss(predictions.flatten(0, 1), target.repeat_interleave(k))

    def train() -> None:
        model.train()
        for picked in torch.randperm(len(x)).split(256):
            loss = loss_of(model(x[picked], codes[picked]).squeeze(-1), y[picked].squeeze(1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return timed(train)


def cuda_graph(_: int) -> Job | None:
    where = "no GPU is here" if not torch.cuda.is_available() else "Relight has no CUDA graph yet"
    print(f"\nCUDA graph against eager: skipped, {where}")


# Contenders for two processes against one, and for mapped rows against rows in memory, go here.
JOBS: dict[str, Callable[[int], Job | None]] = {
    "tutorial": tutorial,
    "mlp-256": lambda n_rows: mlp_job(n_rows, 256),
    "mlp-1024": lambda n_rows: mlp_job(n_rows, 1024),
    "tabm": tabm,
    "cuda-graph": cuda_graph,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=f"of {', '.join(JOBS)}; all unless named")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=100_000)
    asked = parser.parse_args()
    if unknown := set(asked.jobs) - JOBS.keys():
        sys.exit(f"the jobs are {', '.join(JOBS)}, however: {', '.join(sorted(unknown))}")
    main(asked.jobs or list(JOBS), asked.rounds, asked.rows)
