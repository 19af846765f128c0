"""Networks of the user's own with sparse gradients: the optimizers that read them train and resume, others are said."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch import nn

from relight.errors import RelightError
from relight.model.params import ModelParams
from relight.model.rows import Rows
from relight.train.optim.optimizers import build_optimizer
from relight.train.optim.params import OptimizerParams
from relight.train.optim.sparse import sparse_weights
from relight.train.params import TrainParams
from tests.faults import Killed, faulty, killed
from tests.feature_tables import small_table
from tests.in_process import trained
from tests.own_projects import enter

NETWORKS = """\
import torch
from torch import nn
from torch.nn import functional


class Levels(nn.Module):
    def __init__(self, d_in, d_out, cat_cardinalities):
        super().__init__()
        self.levels = nn.ModuleList(nn.Embedding(n, d_out, sparse=True) for n in cat_cardinalities)

    def forward(self, x_num, x_cat):
        return sum(level(x_cat[:, i]) for i, level in enumerate(self.levels))


class Mixed(Levels):
    def __init__(self, d_in, d_out, cat_cardinalities):
        super().__init__(d_in, d_out, cat_cardinalities)
        self.numbers = nn.Linear(d_in, d_out)
        self.norm = nn.BatchNorm1d(d_in)

    def forward(self, x_num, x_cat):
        return self.numbers(self.norm(x_num)) + super().forward(x_num, x_cat)


class ByHand(nn.Module):
    def __init__(self, d_in, d_out, cat_cardinalities):
        super().__init__()
        self.table = nn.Parameter(torch.randn(cat_cardinalities[0], d_out))

    def forward(self, x_num, x_cat):
        return functional.embedding(x_cat[:, 0], self.table, sparse=True)
"""
SPARSE_ADAM = {"call": "torch.optim:SparseAdam", "learning_rate": 0.05}
SGD = {"name": "sgd", "learning_rate": 0.05, "weight_decay": 0.0, "momentum": 0.0}
ADAM = {**SGD, "name": "adam"}
USUAL = {
    "seed": 3, "epochs": 3, "batch_size": 32, "loss": "auto", "early_stopping": None, "device": "cpu", "threads": 1,
    "checkpoint_seconds": 1e-9,
}  # fmt: skip
AFTER_FIRST, AFTER_NEXT = 12 + 1, 7 + 1  # moments of writing checkpoints
OTHERS = (
    "take {call: torch.optim:SGD} or {call: torch.optim:Adagrad} without weight_decay, or make nn.Embedding without "
    "sparse=True"
)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch, sparse_nets=NETWORKS)


def run(folder: str, network: str, optimizer: dict[str, Any], **params: Any) -> list[bytes]:
    place, table = Path(folder), small_table()
    place.mkdir(exist_ok=True)
    (place / "features").write_text(table.features.model_dump_json())
    for part, arrays in (("train", table.train), ("validation", table.validation)):
        save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, place / part)
    own = {"call": f"sparse_nets:{network}", "input": "columns"} if network != "linear" else network
    model = ModelParams.model_validate({"name": own, "numeric": "standardize"})
    return trained(place, model, TrainParams.model_validate({**USUAL, "optimizer": optimizer, **params}))


TRAINS = [
    ("Levels", SPARSE_ADAM),
    ("ByHand", SPARSE_ADAM),
    ("Levels", SGD),
    ("Mixed", {"call": "torch.optim:SGD", "learning_rate": 0.05, "momentum": 0.5}),
    ("Mixed", {"call": "torch.optim:Adagrad", "learning_rate": 0.05}),
]


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize(("network", "optimizer"), TRAINS, ids=str)
def test_killed_within_an_epoch_it_ends_with_the_same_bytes(
    network: str, optimizer: dict[str, Any], seeds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = run("whole", network, optimizer, seeds=seeds, checkpoint_seconds=3600)
    for at in (AFTER_FIRST, AFTER_NEXT):
        with pytest.raises(Killed), faulty(killed, at):
            run("run", network, optimizer, seeds=seeds)
    assert run("run", network, optimizer, seeds=seeds) == whole
    assert capsys.readouterr().err.count("goes on from a checkpoint, at epoch ") == 2
    assert whole != run("slower", network, {**optimizer, "learning_rate": 0.01}, seeds=seeds)


@pytest.mark.parametrize(
    ("network", "optimizer", "params", "said"),
    [
        ("linear", SPARSE_ADAM, {}, "train.optimizer: torch.optim:SparseAdam does not support dense gradients, and "
         "this model has no others; take sgd, adam, adamw, or another class of torch.optim"),
        ("Mixed", SPARSE_ADAM, {}, "train.optimizer: torch.optim:SparseAdam does not support dense gradients, got those"
         f" of numbers.weight, numbers.bias, norm.weight and 1 more; {OTHERS}"),
        ("Mixed", ADAM, {}, "train.optimizer: adam does not support sparse gradients, got those of levels.0.weight, "
         f"levels.1.weight; {OTHERS}"),
        ("Levels", {**SGD, "momentum": 0.5}, {}, "train.optimizer: sgd with momentum or weight_decay does not support "
         f"sparse gradients, got those of levels.0.weight, levels.1.weight; {OTHERS}"),
        ("Levels", {"call": "torch.optim:RMSprop", "learning_rate": 0.1}, {}, "train.optimizer: torch.optim:RMSprop "
         f"cannot take a step: RMSprop does not support sparse gradients; correct its settings, or {OTHERS}"),
        ("Levels", SPARSE_ADAM, {"gradient_clip": 1.0}, "train.gradient_clip: must be null with sparse gradients, whose"
         " norm PyTorch does not compute, got 1.0 and those of levels.0.weight, levels.1.weight; set it to null, or "
         "make nn.Embedding without sparse=True"),
    ],
)  # fmt: skip
def test_what_does_not_read_them_is_said_before_the_first_step(
    network: str, optimizer: dict[str, Any], params: dict[str, Any], said: str
) -> None:
    with pytest.raises(RelightError) as error:
        run("run", network, optimizer, **params)
    assert error.value.problems == (said,)
    assert not list(Path("run/kept").glob("*/*.checkpoint"))


def test_several_processes_add_up_dense_gradients_only() -> None:
    params = OptimizerParams.model_validate(SGD)
    with pytest.raises(RelightError) as error:
        build_optimizer(params, nn.Embedding(3, 1, sparse=True), sparse=["weight"], processes=2)
    assert error.value.problems == (
        "model.name: must have dense gradients with several processes, which add up only those, got sparse ones of "
        "weight; make nn.Embedding without sparse=True, or train in one process",
    )


def test_looking_for_them_leaves_the_model_and_the_random_numbers_as_they_were() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.EmbeddingBag(9, 4, sparse=True), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    rows = Rows((torch.arange(8).reshape(4, 2),), torch.zeros(4, 1), None)
    assert sparse_weights(model, rows) == ["0.weight"]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_an_exception_of_the_network_has_its_line(project: Path) -> None:
    line = NETWORKS.count("\n") + 12
    (project / "sparse_nets.py").write_text(
        NETWORKS + "\n\nclass Breaks(Levels):\n    def forward(self, x_num, x_cat):\n"
        "        class Wrong(torch.autograd.Function):\n            @staticmethod\n"
        "            def forward(ctx, x):\n                return x * 2\n\n            @staticmethod\n"
        "            def backward(ctx, x):\n                raise ValueError('no gradient')\n\n"
        "        return Wrong.apply(super().forward(x_num, x_cat))\n"
    )
    with pytest.raises(RelightError, match=re.escape(f"model.name: sparse_nets.py:{line}: in backward: ValueError")):
        run("run", "Breaks", SGD)
