"""Whole trainings with optimizers and schedules by name: killed and continued, recorded in the curves, and failing."""

import math
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file

from relight.errors import InputError, RunError
from relight.model.params import ModelParams
from relight.train.params import TrainParams
from tests.closure import REPOSITORY
from tests.faults import Killed, faulty, killed
from tests.feature_tables import small_table
from tests.in_process import trained
from tests.own_projects import enter

OWN = """\
import math

import torch


def waves(step, n_steps, height=1.0):
    return height * (1 + math.cos(step)) / 2


def falls(step, n_steps):
    return 1 - step / n_steps


class Momentum(torch.optim.Optimizer):
    def __init__(self, params, lr, share=0.9, last=10**9):
        super().__init__(params, {"lr": lr, "share": share, "last": last})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                state["step"] = state.get("step", 0) + 1
                if state["step"] > group["last"]:
                    raise ValueError("enough")
                velocity = state.setdefault("velocity", torch.zeros_like(weight))
                weight.sub_(group["lr"] * velocity.mul_(group["share"]).add_(weight.grad))
"""
MODEL = ModelParams.model_validate(
    {"name": "mlp", "numeric": "standardize",
     "mlp": {"n_blocks": 1, "d_block": 8, "dropout": 0.2, "batch_norm": True}}
)  # fmt: skip
SGD = {"name": "sgd", "learning_rate": 0.05, "weight_decay": 0.0, "momentum": 0.0}
RMSPROP = {"call": "torch.optim:RMSprop", "learning_rate": 0.01, "momentum": 0.5}
MOMENTUM = {"call": "own_steps:Momentum", "learning_rate": 0.01}
LBFGS = {"call": "torch.optim:LBFGS", "learning_rate": 0.2, "max_iter": 3}
WAVES = {"call": "own_steps:waves", "height": 2}
ONE_CYCLE = {"name": "one_cycle", "pct_start": 0.4}
USUAL = {
    "seed": 3, "epochs": 3, "batch_size": 32, "loss": "auto", "early_stopping": None, "gradient_clip": 1.0,
    "device": "cpu", "threads": 1, "checkpoint_seconds": 1e-9,
}  # fmt: skip
STEPS = 2  # of an epoch


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch, own_steps=OWN)


def run(name: str, **params: Any) -> list[bytes]:
    """Train in a folder of that name, which keeps the checkpoints; what it made."""
    folder = Path(name)
    folder.mkdir(exist_ok=True)
    table = small_table()
    (folder / "features").write_text(table.features.model_dump_json())
    for part, arrays in (("train", table.train), ("validation", table.validation)):
        save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, folder / part)
    return trained(folder, MODEL, TrainParams.model_validate({**USUAL, **params}))


def rates(name: str) -> list[float]:
    return pl.read_csv(Path(name) / "curves.csv")["learning_rate"].to_list()


def kill(name: str, at: int, **params: Any) -> None:
    with pytest.raises(Killed), faulty(killed, at):
        run(name, **params)


# Moments of writing: 12 of the first checkpoint, 7 of each other.
AFTER_FIRST, AFTER_NEXT, LATE = 12 + 1, 7 + 1, 12 + 2 * 7 + 1


def test_killed_within_an_epoch_lbfgs_ends_with_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    """Its step reads the batch several times, with dropout of its own each time."""
    params: dict[str, Any] = {"optimizer": LBFGS, "schedule": ONE_CYCLE, "gradient_clip": None}
    whole = run("whole", **params, checkpoint_seconds=3600)
    assert whole != run("longer", **{**params, "optimizer": {**LBFGS, "max_iter": 4}}, checkpoint_seconds=3600)
    kill("run", AFTER_FIRST, **params)
    kill("run", AFTER_NEXT, **params)
    kill("run", AFTER_NEXT, **params)
    assert run("run", **params) == whole
    assert capsys.readouterr().err.count("goes on from a checkpoint, at epoch ") == 3


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("schedule", [ONE_CYCLE, WAVES, {"name": "step", "step_size": 2, "gamma": 0.5}], ids=str)
@pytest.mark.parametrize("optimizer", [SGD, RMSPROP, MOMENTUM], ids=str)
def test_killed_within_an_epoch_it_ends_with_the_same_bytes(
    optimizer: dict[str, Any], schedule: dict[str, Any], seeds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    params: dict[str, Any] = {"optimizer": optimizer, "schedule": schedule, "seeds": seeds}
    whole = run("whole", **params, checkpoint_seconds=3600)
    kill("run", AFTER_FIRST, **params)
    for _ in range(3):  # each time a step further
        kill("run", AFTER_NEXT, **params)
    assert run("run", **params) == whole
    places = re.findall(r"goes on from a checkpoint, at (epoch \d, step \d)", capsys.readouterr().err)
    assert places == ["epoch 0, step 1", "epoch 0, step 2", "epoch 1, step 1", "epoch 1, step 2"]


def test_the_curves_hold_the_rate_of_the_last_step_of_each_epoch() -> None:
    # (1 - step/6) of 0.05 at steps 1, 3, 5; the half after each pair of steps
    run("own", optimizer=SGD, schedule={"call": "own_steps:falls"})
    assert rates("own") == pytest.approx([0.05 * 5 / 6, 0.05 * 3 / 6, 0.05 * 1 / 6])
    run("steps", optimizer=SGD, schedule={"name": "step", "step_size": 3, "gamma": 0.5})
    assert rates("steps") == pytest.approx([0.05, 0.025, 0.025])
    run("cosine", optimizer=SGD, schedule={"name": "cosine"})
    assert rates("cosine") == pytest.approx([0.05, 0.0375, 0.0125])


def test_a_schedule_by_step_changes_the_rate_within_an_epoch() -> None:
    """The second of two steps has nearly none, or as the first the whole one."""
    one, two = (
        run(name, optimizer=SGD, epochs=1, schedule={"name": "step", "step_size": size, "gamma": 1e-9})
        for name, size in (("one", 1), ("two", 2))
    )
    assert one[0] != two[0] == run("constant", optimizer=SGD, epochs=1)[0]


@pytest.mark.parametrize(
    ("schedule", "continues"),
    [
        ({"name": "step", "step_size": 2, "gamma": 0.5}, True),
        ({"name": "constant", "warmup": 2}, True),
        (ONE_CYCLE, False),
        (WAVES, False),
        ({"name": "cosine"}, False),
    ],
    ids=str,
)
def test_more_epochs_go_on_if_the_rate_does_not_depend_on_them(
    schedule: dict[str, Any], continues: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    params: dict[str, Any] = {"optimizer": RMSPROP, "schedule": schedule}
    kill("run", LATE, **params)
    longer = run("run", **params, epochs=5)
    said = capsys.readouterr().err
    assert ("goes on from a checkpoint" in said) == continues
    assert ("starts anew: the checkpoints of an unfinished run are of other train.epochs\n" in said) == (not continues)
    assert longer == run("at once", **params, epochs=5)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": {**RMSPROP, "momentum": 0.6}},
        {"optimizer": {**RMSPROP, "call": "torch.optim:SGD"}},
        {"schedule": {**WAVES, "height": 3}},
        {"schedule": ONE_CYCLE},
    ],
    ids=str,
)
def test_another_setting_never_continues_and_gives_another_model(
    changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    params: dict[str, Any] = {"optimizer": RMSPROP, "schedule": WAVES}
    kill("run", LATE, **params)
    other = run("run", **{**params, **changes})
    assert "starts anew" in capsys.readouterr().err
    assert other == run("at once", **{**params, **changes}) != run("before", **params)


def test_an_exception_of_the_users_optimizer_keeps_the_last_checkpoint() -> None:
    with pytest.raises(RunError) as error:
        run("run", optimizer={**MOMENTUM, "last": 5})
    raised, last = error.value.problems
    line = next(i for i, text in enumerate(OWN.splitlines(), 1) if "enough" in text)
    assert raised == f"train.optimizer: own_steps.py:{line}: in step: ValueError: enough"
    assert last.startswith("train: the last good checkpoint is that at epoch 2, step 1, in ")


def test_a_class_that_does_not_fit_is_said_with_all_that_does_not_fit() -> None:
    """One of torch.optim, whose settings are known before a network is made."""
    with pytest.raises(InputError) as error:
        run("run", optimizer={"call": "torch.optim:RMSprop", "learning_rate": 0.1, "alfa": 1}, loss="bce")
    loss, optimizer = error.value.problems
    assert loss.startswith("train.loss: must be one of auto, mse, l1, huber")
    assert optimizer == "train.optimizer.alfa: is unknown to torch.optim:RMSprop; did you mean alpha?"


def test_the_examples_of_the_documents_train(project: Path) -> None:
    # a rise to 1 in the first 30 % of six steps, then half a cosine: its factors after 2, 4 and 6 of them
    shutil.copytree(REPOSITORY / "examples/own_code/houses", project / "houses")
    params: dict[str, Any] = {
        "optimizer": {"call": "houses.optimizers:SignSgd", "learning_rate": 0.003},
        "schedule": {"call": "houses.schedules:one_cycle", "peak": 0.3},
    }
    made = run("example", **params)
    after = [(1 + math.cos(math.pi * (step / 6 - 0.3) / 0.7)) / 2 for step in (2, 4, 6)]
    assert rates("example") == pytest.approx([0.003 * factor for factor in after])
    kill("killed", LATE, **params)
    assert run("killed", **params) == made
