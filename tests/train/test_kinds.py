"""A kind of data is a file in the room: who asks for the kind, and what a new one has to answer."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from relight.model.params import ModelParams
from relight.model.rows import Rows
from relight.train.auto import LossName
from relight.train.batches import Batches, InMemoryBatches
from relight.train.datasets import BatchSize, TrainingData
from relight.train.distributed.group import SingleProcess
from relight.train.monitors.choice import resolve_monitor
from relight.train.monitors.metrics import Truth
from relight.train.params import TrainParams
from relight.train.scores import ScoreFunction
from relight.train.training import ResolvedSettings, Training
from tests.closure import REPOSITORY

KINDS = {"table", "sequences", "series", "pairs"}
DOORS = {"training.py", "auto.py", "checks.py"}
ROOM = REPOSITORY / "src/relight/train"


def attributes(path: Path) -> set[str]:
    return {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}


def imported(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def test_each_kind_has_a_file_of_its_name_here_and_in_the_model() -> None:
    for room in (ROOM, REPOSITORY / "src/relight/model"):
        assert {f"{kind}.py" for kind in KINDS} <= {path.name for path in room.iterdir()}


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda path: path.name)
def test_only_the_doors_ask_for_the_kind(path: Path) -> None:
    asked = attributes(path) & {"kind", "sequence", "series", "pairs"}
    assert asked <= ({"kind"} if path.name in DOORS else set())


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda path: path.name)
def test_only_the_door_knows_the_files_of_the_kinds(path: Path) -> None:
    files = {f"relight.train.{kind}" for kind in KINDS}
    assert imported(path) & files == (files if path.name == "training.py" else set())


class Points(TrainingData):
    """A kind that nothing else knows: points of a line."""

    def __init__(self) -> None:
        self.model = nn.Linear(1, 1)
        x = torch.arange(0, 1, 0.1).unsqueeze(1)
        self.rows = Rows((x,), 2 * x)

    def network(self) -> nn.Module:
        return self.model

    def batches(self, device: torch.device, batch_size: BatchSize, seed: int) -> Batches:
        return InMemoryBatches(self.rows.to(device), batch_size, seed)

    def validation_rows(self, device: torch.device) -> Rows:
        return self.rows.to(device)

    def validation_inputs(self) -> tuple[Tensor, ...]:
        return self.rows.inputs

    def score_fn(self, loss: LossName) -> ScoreFunction:  # noqa: ARG002  # of the protocol
        return lambda outputs: float((outputs - self.rows.target).abs().mean())

    def truth(self) -> Truth:
        true = self.rows.target.reshape(-1).double().numpy()
        return Truth("regression", true, np.ones(len(true)), lambda outputs: outputs.reshape(-1).double().numpy())


@pytest.mark.parametrize("monitor", ["score", "r2"])
def test_a_new_kind_is_trained_once_it_answers_six_questions(monitor: str) -> None:
    params = TrainParams.model_validate({
        "seed": 1, "epochs": 50, "batch_size": 2, "loss": "mse", "device": "cpu", "threads": 1,
        "early_stopping": {"patience": 50, "monitor": monitor},
        "optimizer": {"name": "sgd", "learning_rate": 0.1, "weight_decay": 0.0, "momentum": 0.0},
    })  # fmt: skip
    watched = resolve_monitor(params, "mse")
    settings = ResolvedSettings(ModelParams(name="linear", numeric="none"), "", "mse", "none", 2, "none", watched)
    data = Points()
    training = Training(data.model, data, params, settings)
    training.start(torch.device("cpu"), SingleProcess())
    history = training.run()
    training.finish()
    assert [epoch.epoch for epoch in history] == list(range(50))
    losses = [watched.as_loss(epoch.validation_score) for epoch in history]
    assert losses[-1] == min(losses) < losses[0]
    assert data.model.weight.item() == pytest.approx(2, abs=0.1)
    assert data.description() == {}
