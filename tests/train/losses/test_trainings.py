"""Whole trainings with the losses that are not the first of their task, and with a loss of the user's own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.linear_model import PoissonRegressor

from relight.errors import InputError, RelightError, RunError
from relight.model.inference import predictions_from_outputs
from relight.model.params import ModelParams
from relight.train import batches, datasets
from relight.train.params import TrainParams
from tests.faults import Killed, faulty, killed
from tests.feature_tables import Table, features_of, number, small_table
from tests.in_process import assert_goes_on_after_a_kill, prepared_and_split, trained
from tests.own_projects import enter
from tests.test_resume_tasks import TASKS
from tests.train.test_train import Trained

OWN = """\
import torch
from torch.nn import functional


def pinball(outputs, targets, sample_weight, quantile):
    below = targets - outputs
    losses = torch.maximum(quantile * below, (quantile - 1) * below).mean(dim=1)
    return (sample_weight * losses).sum() / sample_weight.sum()


def cross_entropy(outputs, targets, sample_weight):
    return (sample_weight * functional.cross_entropy(outputs, targets, reduction="none")).sum() / sample_weight.sum()


def above_the_diagonal(outputs, targets, sample_weight):
    better = targets[:, 0].unsqueeze(1) > targets[:, 0]
    same = targets[:, 1].unsqueeze(1) == targets[:, 1]
    losses = functional.softplus(outputs.T - outputs) * (better & same)
    return losses.sum() / (better & same).sum().clamp(min=1)


def squares(outputs, targets, sample_weight):
    assert sample_weight.shape == (len(outputs),) and sample_weight.eq(1).all()
    return (outputs - targets).square().mean()


def fragile(outputs, targets, sample_weight):
    loss = (outputs - targets).square().mean()
    return loss * (loss - loss - 1).log() if loss < 0.5 else loss


class Fading(torch.nn.Linear):
    def __init__(self, d_in, d_out):
        super().__init__(d_in, d_out)
        self.n_calls = 0

    def forward(self, x):
        self.n_calls += self.training
        return super().forward(x) / (self.n_calls < 5)


def failing(outputs, targets, sample_weight):
    if len(outputs) == 16:
        raise ValueError("sixteen")
    return (outputs - targets).square().mean()
"""
RESULTS = ("model.pth", "model.json", "curves.csv")
PINBALL = {"call": "own_losses:pinball", "quantile": 0.9}
ADAMW = {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.0, "momentum": 0.0}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch, own_losses=OWN)


def bytes_of(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in RESULTS]


def counts(task: str = "regression") -> Table:
    """Whole numbers from 0 to 9 in the place of the numbers of a small table."""
    table = small_table(task, n_train=200, weighted=True)
    train, validation = (
        {**part, "target": np.floor(part["target"]), "row": np.arange(start, start + len(part["target"]))}
        for start, part in ((0, table.train), (200, table.validation))
    )
    statistics = features_of([], target=train["target"].reshape(-1)).target_statistics
    return Table(table.features.model_copy(update={"target_statistics": statistics}), train, validation)


LOSSES: dict[str, tuple[Table, Any]] = {
    "quantile": (small_table(n_train=200, weighted=True), {"loss": "quantile", "quantile": 0.9}),
    "poisson": (counts(), {"loss": "poisson"}),
    "focal of two": (small_table("binary", n_train=200, weighted=True), {"loss": "focal", "class_weights": "balanced"}),
    "focal of three": (small_table("multiclass", n_train=200), {"loss": "focal", "focal_gamma": 1.5}),
    "own": (small_table(n_train=200, weighted=True), {"loss": PINBALL}),
    "own of classes": (small_table("multiclass", n_train=200), {"loss": {"call": "own_losses:cross_entropy"}}),
    "torch": (small_table(n_train=200), {"loss": {"call": "torch.nn:SmoothL1Loss", "beta": 0.5}}),
}


@pytest.mark.parametrize("name", LOSSES)
def test_two_runs_and_one_that_was_killed_make_the_same_bytes_and_the_loss_chooses_the_epoch(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, params = LOSSES[name]
    params = {**params, "checkpoint_seconds": 1e-9}
    done = Trained(tmp_path / "one", table, {}, params)
    named = params["loss"] if isinstance(params["loss"], str) else params["loss"]["call"]
    note = f"The score of the validation rows is their loss, because {named} has no other one."
    assert f"note: {note}\n" in capsys.readouterr().err
    Trained(tmp_path / "other", table, {}, params)
    with pytest.raises(Killed), faulty(killed, 60):
        Trained(tmp_path / "killed", table, {}, params)
    capsys.readouterr()
    Trained(tmp_path / "killed", table, {}, params)
    assert "goes on from a checkpoint" in capsys.readouterr().err
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "other") == bytes_of(tmp_path / "killed")
    curves = pl.read_csv(done.curves)
    assert curves["validation_score"].to_list() == curves["validation_loss"].to_list()
    assert done.description.best_epoch == curves["validation_loss"].arg_min()
    assert done.description.loss == named
    assert done.description.monitor.model_dump() == {"name": "loss", "better": "lower", "note": note}


def test_an_own_loss_learns_what_the_built_in_one_learns(tmp_path: Path) -> None:
    table = small_table(n_train=200, weighted=True)
    own = Trained(tmp_path / "own", table, {}, {"loss": PINBALL})
    ours = Trained(tmp_path / "ours", table, {}, {"loss": "quantile", "quantile": 0.9})
    for column in ("train_loss", "validation_loss"):
        assert pl.read_csv(own.curves)[column].to_list() == pytest.approx(
            pl.read_csv(ours.curves)[column].to_list(), rel=1e-4
        )


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("family", ["mlp", "tabm"])
def test_each_member_learns_on_its_own(family: str, seeds: int, tmp_path: Path) -> None:
    table, model = small_table(n_train=100), {"name": family, **FAMILIES[family]}
    own = Trained(tmp_path / "own", table, model, {"loss": {"call": "own_losses:squares"}, "seeds": seeds})
    ours = Trained(
        tmp_path / "ours", table, model,
        {"loss": "mse", "seeds": seeds, "early_stopping": {"patience": 2, "monitor": "loss"}},
    )  # fmt: skip
    losses = (pl.read_csv(done.curves)["train_loss"].to_list() for done in (own, ours))
    np.testing.assert_allclose(*losses, rtol=1e-4)


FAMILIES: dict[str, dict[str, Any]] = {
    "mlp": {"mlp": {"n_blocks": 1, "d_block": 8, "dropout": 0.1}},
    "tabm": {"tabm": {"k": 3, "n_blocks": 1, "d_block": 8, "n_bins": 6, "d_embedding": 3}},
}


@pytest.mark.parametrize("name", ["own", "quantile", "poisson"])
def test_rows_in_their_file_give_the_same_bytes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, params = LOSSES[name]
    monkeypatch.setattr(batches, "WINDOW_BYTES", 1)
    monkeypatch.setattr(datasets, "BYTES_PER_GB", 1)
    for place, memory in (("memory", None), ("file", 0.25)):
        Trained(tmp_path / place, table, {}, {**params, "memory_gb": memory})
    assert bytes_of(tmp_path / "memory") == bytes_of(tmp_path / "file")


def test_bfloat16_is_for_the_products_not_for_the_loss(tmp_path: Path) -> None:
    table, params = LOSSES["own"]
    whole, half = (Trained(tmp_path / p, table, {}, {**params, "precision": p}) for p in ("fp32", "bf16"))
    losses = [pl.read_csv(done.curves)["train_loss"].to_numpy() for done in (whole, half)]
    assert not np.array_equal(*losses)
    np.testing.assert_allclose(*losses, rtol=0.1)


def test_a_recorded_step_and_smoothed_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Trained(
            tmp_path / "a", small_table("binary"), {}, {"loss": PINBALL, "cuda_graph": True, "label_smoothing": 0.1}
        )
    assert [problem.split(", ")[0] for problem in caught.value.problems] == [
        "train.label_smoothing: must be 0 with train.loss own_losses:pinball",
        "train.cuda_graph: must be false with a loss of your own",
    ]
    with pytest.raises(InputError, match=r"label_smoothing: must be 0 with train.loss focal, which weighs by the true"):
        Trained(tmp_path / "b", small_table("binary"), {}, {"loss": "focal", "label_smoothing": 0.1})


def test_a_loss_that_stops_being_a_number_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        Trained(tmp_path / "a", small_table(n_train=200), {}, {"loss": {"call": "own_losses:fragile"}, "epochs": 60})
    line = OWN.splitlines().index("def fragile(outputs, targets, sample_weight):") + 1
    head = f"train: the loss own_losses:fragile (own_losses.py:{line}) is no longer a number at epoch "
    assert caught.value.problems[0].startswith(head)


def test_a_network_whose_outputs_stop_being_numbers_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        Trained(tmp_path / "a", small_table(), {"name": {"call": "own_losses:Fading"}}, {})
    line = OWN.splitlines().index("class Fading(torch.nn.Linear):") + 1
    head = f"train: the loss of own_losses:Fading (own_losses.py:{line}) is no longer a number at epoch "
    assert caught.value.problems[0].startswith(head)


def test_an_exception_in_the_middle_is_told_with_its_line_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    params = {"loss": {"call": "own_losses:failing"}, "batch_size": 17, "checkpoint_seconds": 1e-9}
    with pytest.raises(RelightError) as caught:
        Trained(tmp_path / "a", small_table(n_train=50), {}, params)  # 17, 17 and 16 rows
    line = OWN.splitlines().index('        raise ValueError("sixteen")') + 1
    failed, kept = caught.value.problems
    assert failed == f"train.loss: own_losses.py:{line}: in failing: ValueError: sixteen"
    assert kept.startswith("train: the last good checkpoint is that at epoch 0, step 2, in ")


# Poisson: rates


def test_rates_are_those_of_a_generalized_linear_model(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(600, 2)).astype(np.float32)
    y = draw.poisson(np.exp(2 + 0.6 * x[:, 0] - 0.3 * x[:, 1])).astype(np.float32).reshape(-1, 1)
    columns = [number("a", x[:400, 0]), number("b", x[:400, 1])]
    arrays = {"numeric": x, "categories": np.zeros((600, 0), np.int32), "target": y, "row": np.arange(600)}
    parts = [{name: values[rows] for name, values in arrays.items()} for rows in (slice(0, 400), slice(400, 600))]
    table = Table(features_of(columns, target=y[:400, 0], n_train=400), *parts)
    sgd = {"name": "sgd", "learning_rate": 0.3, "weight_decay": 0.0, "momentum": 0.9}
    params = {"loss": "poisson", "optimizer": sgd, "epochs": 200, "batch_size": "full", "early_stopping": None}
    done = Trained(tmp_path / "run", table, {"name": "linear", "numeric": "standardize", "mlp": None}, params)
    expected = PoissonRegressor(alpha=0, tol=1e-10).fit(x[:400], y[:400, 0]).predict(x[400:])
    np.testing.assert_allclose(predictions_from_outputs("regression", done.outputs()), expected, rtol=1e-3)
    assert done.description.target_scale == "log_rate"


def test_a_negative_count_is_refused_with_its_value_and_row(tmp_path: Path) -> None:
    table, params = LOSSES["poisson"]
    wrong = {**table.validation, "target": table.validation["target"].copy()}
    wrong["target"][4] = -2.5
    with pytest.raises(InputError, match=r"loss: poisson must have counts of at least 0 in 'y', got -2\.5 in row 204"):
        Trained(tmp_path / "run", table._replace(validation=wrong), {}, params)


def test_another_scale_than_that_of_rates_is_refused(tmp_path: Path) -> None:
    table, params = LOSSES["poisson"]
    with pytest.raises(InputError, match=r"model\.target: must be auto with train.loss poisson, .*, got log"):
        Trained(tmp_path / "run", table, {"target": "log"}, params)


# Other kinds of data


@pytest.mark.parametrize(
    ("task", "loss"),
    [
        ("a forecast", PINBALL),
        ("sequences", {"call": "torch.nn:BCEWithLogitsLoss"}),
        ("pairs", {"call": "own_losses:squares"}),
        ("a ranking", {"call": "own_losses:above_the_diagonal"}),
    ],
)
def test_other_kinds_of_data_learn_with_an_own_loss_and_go_on(task: str, loss: Any, tmp_path: Path) -> None:
    table, asked, model = TASKS[task]
    params = {
        "seed": 3, "epochs": 3, "batch_size": 12, "loss": loss, "early_stopping": {"patience": 2}, "device": "cpu",
        "optimizer": ADAMW, "threads": 1, "checkpoint_seconds": 1e-9,
    }  # fmt: skip
    whole = assert_goes_on_after_a_kill(tmp_path, table, asked, model, params)
    losses = pl.read_csv(whole / "curves.csv")["train_loss"]
    assert losses[-1] < losses[0]


# The 0.9 quantile of rows whose spread grows


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("loss", [PINBALL, "quantile"], ids=["own", "built in"])
def test_nine_in_ten_test_rows_lie_below_the_quantile(loss: Any, seed: int, tmp_path: Path) -> None:
    draw = np.random.default_rng(seed)
    x = draw.uniform(0, 3, 5000)
    y = np.sin(2 * x) + (0.1 + 0.4 * x) * draw.normal(size=5000)
    pl.DataFrame({"x": x, "y": y}).write_csv(tmp_path / "table.csv")
    prepared_and_split(tmp_path, {"target": "y", "task": "regression"})
    mlp = {"name": "mlp", "numeric": "standardize", "mlp": {"n_blocks": 2, "d_block": 64, "dropout": 0.0}}
    params = {
        "seed": seed, "epochs": 60, "batch_size": 256, "loss": loss, "early_stopping": {"patience": 16},
        "device": "cpu", "threads": 1, "optimizer": {**ADAMW, "learning_rate": 0.003}, "schedule": {"name": "cosine"},
        "quantile": 0.9 if loss == "quantile" else None,
    }  # fmt: skip
    trained(tmp_path, ModelParams.model_validate(mlp), TrainParams.model_validate(params))
    curves, description = pl.read_csv(tmp_path / "curves.csv"), json.loads((tmp_path / "model.json").read_text())
    pinball = curves["validation_loss"]
    assert description["best_epoch"] == pinball.arg_min()
    assert 0.87 <= coverage(tmp_path) <= 0.93


def coverage(folder: Path) -> float:
    from relight.data.tensors import read_tensors
    from relight.model.inference import predict_outputs
    from relight.model.saved_model import load_model_files

    saved, test = load_model_files(folder / "model.json", folder / "model.pth"), read_tensors(folder / "test")
    inputs = torch.from_numpy(test["numeric"]), torch.from_numpy(test["categories"])
    told = predictions_from_outputs("regression", predict_outputs(saved.model, inputs))
    assert len(told) == 1000
    return float((test["target"].reshape(-1) <= told).mean())
