import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.numpy import save_file

from relight.errors import InputError
from relight.model.build import build_model
from relight.model.inference import predict_outputs, predictions_from_outputs
from relight.model.params import ModelParams
from relight.model.saved_model import Description, hash_outputs
from relight.model.table import build_inputs
from relight.model.weights import load_weights
from relight.train.params import TrainParams
from relight.train.train import train
from tests.feature_tables import Table, features_of, number, small_table

FAMILIES: dict[str, dict[str, Any]] = {
    "linear": {},
    "mlp": {"mlp": {"n_blocks": 1, "d_block": 8, "dropout": 0.1}},
    "mlp_ple": {"mlp_ple": {"n_blocks": 1, "d_block": 8, "n_bins": 6, "d_embedding": 3}},
    "ft_transformer": {"ft_transformer": {"n_blocks": 2, "d_block": 8, "n_heads": 2}},
    "tabm": {"tabm": {"k": 3, "n_blocks": 1, "d_block": 8, "n_bins": 6, "d_embedding": 3}},
    "tabm_small": {"tabm_small": {"k": 2, "n_blocks": 1, "d_block": 8, "n_bins": 6, "d_embedding": 3}},
}
OPTIMIZER = {"name": "adamw", "learning_rate": 0.02, "weight_decay": 0.01, "momentum": 0.0}
USUAL = {
    "seed": 3,
    "epochs": 4,
    "batch_size": 16,
    "loss": "auto",
    "optimizer": OPTIMIZER,
    "early_stopping": {"patience": 2},
    "device": "cpu",
    "threads": 1,
}


class Trained:
    """A folder with what train wrote."""

    def __init__(self, folder: Path, table: Table, model: dict[str, Any], params: dict[str, Any]) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "features.json").write_text(table.features.model_dump_json())
        for part, arrays in (("train", table.train), ("validation", table.validation)):
            save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, folder / part)
        self.weights, self.curves, self.table = folder / "model.pth", folder / "curves.csv", table
        train(
            ModelParams.model_validate({"name": "mlp", "numeric": "quantile_normal", **FAMILIES["mlp"], **model}),
            TrainParams.model_validate({**USUAL, **params}),
            train_rows=folder / "train",
            validation_rows=folder / "validation",
            features=folder / "features.json",
            weights=self.weights,
            description=folder / "model.json",
            manifest=folder / "manifest.json",
            curves=self.curves,
            live_curves=folder / "live.csv",
            speed=folder / "speed.json",
            kept=folder / "kept",
            digests={},
        )
        self.description = Description.model_validate_json((folder / "model.json").read_text())

    def rebuilt(self) -> torch.nn.Module:
        known = self.description
        model = build_model(known.model, known.features, target_scale=known.target_scale, seeds=known.seeds)
        load_weights(self.weights, model)
        return model

    def outputs(self) -> torch.Tensor:
        model, rows = self.rebuilt(), self.table.validation
        return predict_outputs(model, build_inputs(model, rows["numeric"], rows["categories"], "the rows"))


CHANGES: list[tuple[str, str, Any]] = [
    *(("mlp_ple", key, value) for key, value in {"n_blocks": 2, "d_block": 9, "dropout": 0.3}.items()),
    *(("mlp_ple", key, value) for key, value in {"n_bins": 7, "d_embedding": 4}.items()),
    *(("ft_transformer", key, value) for key, value in {"n_blocks": 1, "d_block": 12, "n_heads": 4}.items()),
    *(("ft_transformer", key, 0.5) for key in ("attention_dropout", "ffn_dropout")),
    *(("tabm", key, value) for key, value in {"k": 4, "n_blocks": 2, "d_block": 9, "dropout": 0.3}.items()),
    *(("tabm", key, value) for key, value in {"n_bins": 7, "d_embedding": 4}.items()),
    ("tabm_small", "k", 5),
]


def changed(name: str, key: str, value: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return "regression", {"name": name, name: {**FAMILIES[name][name], key: value}}, {}


OPTIONS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {  # name → task, model, train
    "nothing": ("regression", {}, {}),
    "seed": ("regression", {}, {"seed": 4}),
    "epochs": ("regression", {}, {"epochs": 1}),
    "seeds": ("regression", {}, {"seeds": 2}),
    "batch_size": ("regression", {}, {"batch_size": 20}),
    "batch_size full": ("regression", {}, {"batch_size": "full"}),
    "batch_size auto": ("regression", {}, {"batch_size": "auto"}),
    "loss l1": ("regression", {}, {"loss": "l1"}),
    "loss huber": ("regression", {}, {"loss": "huber"}),
    "optimizer": ("regression", {}, {"optimizer": {**OPTIMIZER, "name": "adam"}}),
    "learning rate": ("regression", {}, {"optimizer": {**OPTIMIZER, "learning_rate": 0.01}}),
    "weight decay": ("regression", {}, {"optimizer": {**OPTIMIZER, "weight_decay": 0.1}}),
    "momentum": ("regression", {}, {"optimizer": {**OPTIMIZER, "name": "sgd", "momentum": 0.5}}),
    "no momentum": ("regression", {}, {"optimizer": {**OPTIMIZER, "name": "sgd"}}),
    "schedule": ("regression", {}, {"schedule": {"name": "cosine"}}),
    "warmup": ("regression", {}, {"schedule": {"name": "constant", "warmup": 1}}),
    "gradient_clip": ("regression", {}, {"gradient_clip": 0.1}),
    "precision": ("regression", {}, {"precision": "bf16"}),
    "numeric standardize": ("regression", {"numeric": "standardize"}, {}),
    "numeric none": ("regression", {"numeric": "none", "target": "standardize"}, {}),
    "target none": ("regression", {"target": "none"}, {}),
    "target log": ("regression", {"target": "log"}, {}),
    "activation": ("regression", {"mlp": {**FAMILIES["mlp"]["mlp"], "activation": "gelu"}}, {}),
    "batch_norm": ("regression", {"mlp": {**FAMILIES["mlp"]["mlp"], "batch_norm": True}}, {}),
    "dropout": ("regression", {"mlp": {**FAMILIES["mlp"]["mlp"], "dropout": 0.3}}, {}),
    "d_block": ("regression", {"mlp": {**FAMILIES["mlp"]["mlp"], "d_block": 9}}, {}),
    "n_blocks": ("regression", {"mlp": {**FAMILIES["mlp"]["mlp"], "n_blocks": 2}}, {}),
    "binary": ("binary", {}, {}),
    "binary, label_smoothing": ("binary", {}, {"label_smoothing": 0.1}),
    "binary, class_weights": ("binary", {}, {"class_weights": {"yes": 3.0}}),
    "binary, calibration": ("binary", {}, {"calibration": "temperature"}),
    "multiclass": ("multiclass", {}, {}),
    "multiclass, label_smoothing": ("multiclass", {}, {"label_smoothing": 0.1}),
    "multiclass, class_weights": ("multiclass", {}, {"class_weights": "balanced"}),
    "multiclass, calibration": ("multiclass", {}, {"calibration": "temperature"}),
    "distribution": ("distribution", {}, {}),
    "distribution, calibration": ("distribution", {}, {"calibration": "temperature"}),
    **{name: ("regression", {"name": name, **params}, {}) for name, params in FAMILIES.items() if name != "mlp"},
    **{f"{name} {key}": changed(name, key, value) for name, key, value in CHANGES},
}  # fmt: skip


def test_every_option_changes_the_weights(tmp_path: Path) -> None:
    written = {}
    for place, (name, (task, model, params)) in enumerate(OPTIONS.items()):
        written[name] = Trained(tmp_path / str(place), small_table(task), model, params).weights.read_bytes()
    names = list(written)
    same = [(a, b) for a in names for b in names if a < b and written[a] == written[b]]
    assert same == []


def test_weights_of_rows_change_the_weights_of_the_model(tmp_path: Path) -> None:
    plain = Trained(tmp_path / "plain", small_table(), {}, {})
    weighted = Trained(tmp_path / "weighted", small_table(weighted=True), {}, {})
    assert plain.weights.read_bytes() != weighted.weights.read_bytes()


def test_nll_of_log_softmax_is_cross_entropy_by_another_name(tmp_path: Path) -> None:
    by_name = [
        Trained(tmp_path / loss, small_table("multiclass"), {}, {"loss": loss}) for loss in ("cross_entropy", "nll")
    ]
    one, other = (torch.load(trained.weights, weights_only=True) for trained in by_name)
    assert [trained.description.loss for trained in by_name] == ["cross_entropy", "nll"]
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass", "distribution"])
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_trains_on_gaps_and_unknown_levels_and_says_the_same_when_rebuilt(
    name: str, task: str, tmp_path: Path
) -> None:
    params = {"seeds": 2, "calibration": "none" if task == "regression" else "temperature", "gradient_clip": 1.0}
    trained = Trained(tmp_path / "run", small_table(task, weighted=True), {"name": name, **FAMILIES[name]}, params)
    outputs = trained.outputs()
    assert hash_outputs(outputs) == trained.description.output_sha256
    said = predictions_from_outputs(small_table(task).features.task, outputs)
    assert said.shape == ((30,) if task == "regression" else (30, 2 if task == "binary" else 3))
    assert np.isfinite(said).all()
    curves = pl.read_csv(trained.curves)
    assert curves["train_loss"][-1] < curves["train_loss"][0]


@pytest.mark.parametrize("name", ["mlp", "ft_transformer", "tabm"])
def test_two_runs_write_the_same_bytes(name: str, tmp_path: Path) -> None:
    def run(folder: str) -> list[bytes]:
        model, params = {"name": name, **FAMILIES[name]}, {"seeds": 2, "calibration": "temperature"}
        Trained(tmp_path / folder, small_table("binary"), model, params)
        return [(tmp_path / folder / file).read_bytes() for file in ("model.pth", "model.json", "curves.csv")]

    assert run("one") == run("two")


def test_the_curves_end_with_patience_and_the_best_epoch_is_that_of_the_lowest_score(tmp_path: Path) -> None:
    trained = Trained(tmp_path / "run", small_table(), {}, {"epochs": 200})
    curves = pl.read_csv(trained.curves)
    assert curves.columns == ["epoch", "train_loss", "validation_loss", "validation_score", "learning_rate"]
    assert curves["validation_score"].arg_min() == trained.description.best_epoch == curves.height - 3
    # RMSE of the saved model's answers, in the target's own unit
    errors = trained.outputs().numpy() - trained.table.validation["target"]
    assert curves["validation_score"].min() == pytest.approx(np.sqrt(np.mean(errors.astype(np.float64) ** 2)), rel=1e-6)


def test_a_temperature_never_makes_the_validation_log_loss_worse(tmp_path: Path) -> None:
    def run(calibration: str) -> tuple[float, float]:
        trained = Trained(tmp_path / calibration, small_table("multiclass"), {}, {"calibration": calibration})
        said = predictions_from_outputs("multiclass", trained.outputs())
        codes = trained.table.validation["target"]
        state = torch.load(trained.weights, weights_only=True)
        return float(-np.log(said[np.arange(len(codes)), codes]).mean()), state["target_transform.temperature"].item()

    (before, one), (after, fitted) = run("none"), run("temperature")
    assert one == 1
    assert fitted != 1
    assert after < before


def test_auto_writes_what_it_chose_and_why(tmp_path: Path) -> None:
    trained = Trained(
        tmp_path / "run", small_table(), {"name": "auto", **FAMILIES["tabm_small"]}, {"batch_size": "auto"}
    )
    known = trained.description
    assert (known.model.name, known.target_scale, known.batch_size, known.loss) == (
        "tabm_small",
        "standardize",
        32,
        "mse",
    )
    assert known.model_choice == "auto chose tabm_small for 60 train rows and 6 columns on cpu."
    assert json.loads((tmp_path / "run" / "model.json").read_text())["format"] == 3


def test_all_that_does_not_fit_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Trained(
            tmp_path / "run", small_table(), {}, {"loss": "bce", "label_smoothing": 0.1, "calibration": "temperature"}
        )
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "train.loss", "train.calibration", "train.label_smoothing",
    ]  # fmt: skip


def test_the_tutorials_linear_layer_comes_out_of_the_workflow(tmp_path: Path) -> None:
    x = torch.arange(0, 1, 0.02).unsqueeze(1).numpy()
    arrays = {"numeric": x, "categories": np.empty((50, 0), np.int32), "target": 0.7 * x + 0.3}
    train_rows, validation = ({k: v[part] for k, v in arrays.items()} for part in (slice(40), slice(40, 50)))
    known = features_of([number("x", x[:40])], target=arrays["target"][:40], n_train=40, test_rows_validate=True)
    sgd = {"name": "sgd", "learning_rate": 0.01, "weight_decay": 0.0, "momentum": 0.0}
    trained = Trained(
        tmp_path / "run",
        Table(known, train_rows, validation),
        {"name": "linear", "numeric": "none"},
        {"seed": 42, "epochs": 1000, "batch_size": "full", "loss": "l1", "optimizer": sgd, "early_stopping": None},
    )
    state = torch.load(trained.weights, weights_only=True)
    curves = pl.read_csv(trained.curves)
    assert {name: f"{value.item():.4f}" for name, value in state.items()} == {
        "linear_layer.weight": "0.6968",
        "linear_layer.bias": "0.3025",
    }
    assert curves.row(0)[:3] == (0, 0.5551779866218567, 0.5739762187004089)
    assert curves.row(900)[:3] == (900, 0.0012645035749301314, 0.013801807537674904)
    assert curves["validation_score"].to_numpy() == pytest.approx(curves["validation_loss"].to_numpy(), rel=1e-6)
