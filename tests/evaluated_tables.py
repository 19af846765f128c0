"""A small prepared table with every kind of column, split, trained and evaluated in one folder."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from relight.data.parquet import write_parquet
from relight.data.schema import Column, Schema, Task
from relight.evaluate.evaluate import evaluate
from relight.evaluate.params import EvaluateParams
from relight.model.params import ModelParams
from relight.plot.params import PlotParams
from relight.plot.plot import plot
from relight.runtime.files import write_json
from relight.split.params import SplitParams
from relight.split.split import split
from relight.train.params import TrainParams
from relight.train.train import train

KINDS = {
    "x": "numeric", "gaps": "numeric", "colour": "categorical", "when": "datetime", "flag": "boolean", "id": "ignored",
}  # fmt: skip
CLASSES: dict[str, list[str] | None] = {
    "regression": None,
    "binary": ["<no>", "yes"],
    "multiclass": ["high", "low", "mid"],
    "distribution": ["a", "b", "c"],
}
OF_ROWS: tuple[Task, ...] = ("regression", "binary", "multiclass", "distribution")  # tasks of independent rows
EVERYTHING = EvaluateParams(
    references=["linear", "hist_gradient_boosting"],
    slices=["colour", "id", "when", "gaps"],
    bootstrap=20,
    importance=3,
    threshold="f1",
)


def prepared_table(task: Task, n_rows: int = 400) -> pl.DataFrame:
    draw = np.random.default_rng(0)
    x, colour = draw.normal(size=n_rows), np.array(["red", "blue", "$g_n$", "<b>"])[draw.integers(0, 4, n_rows)]
    days = draw.integers(0, 900, n_rows)
    signal = 2 * x + (colour == "red") + draw.normal(0, 0.2, n_rows)
    columns: dict[str, Any] = {
        "x": x,
        "gaps": pl.Series(np.where(draw.random(n_rows) < 0.1, np.nan, draw.normal(size=n_rows))).fill_nan(None),
        "colour": colour,
        "when": [datetime(2020, 1, 1) + timedelta(days=int(day)) for day in days],
        "flag": draw.random(n_rows) < 0.5,
        "id": [f"row {k % 30}" for k in range(n_rows)],
    }
    match task:
        case "regression":
            target = {"y": signal}
        case "binary":
            target = {"y": np.array(["<no>", "yes"])[(signal > 0).astype(int)]}
        case "multiclass":
            target = {"y": np.array(["low", "mid", "high"])[np.digitize(signal, [-1, 1])]}
        case "distribution":
            shares = np.exp(np.column_stack([signal, np.zeros(n_rows), -signal]) / 2)
            target = dict(zip("abc", (shares / shares.sum(axis=1, keepdims=True)).T, strict=True))
    return pl.DataFrame({**columns, **target, "w": draw.uniform(0.5, 2, n_rows)})


class Evaluated:
    """A folder with what split and train wrote; evaluate and plot write into folders of their own."""

    def __init__(self, folder: Path, task: Task, *, seeds: int = 1, weighted: bool = True, **train_params: Any) -> None:
        self.folder, self.task = folder, task
        self.table = prepared_table(task)
        folder.mkdir(parents=True)
        write_parquet(folder / "table.parquet", [self.table])
        targets = list("abc") if task == "distribution" else ["y"]
        schema = Schema(
            rows=self.table.height, target=",".join(targets), targets=targets, weight="w" if weighted else None,
            task=task,
            classes=CLASSES[task], columns=[Column.model_validate({"name": n, "kind": k}) for n, k in KINDS.items()],
            generated=None, notes=["A note of prepare on *id*."],
        )  # fmt: skip
        write_json(folder / "schema.json", schema)
        self._split()
        self._train(seeds, train_params)

    def _split(self) -> None:
        split(
            SplitParams(method="random", column=None, train=0.5, validation=0.2, test=0.3, seed=1),
            table=self.folder / "table.parquet", schema=self.folder / "schema.json", train=self.folder / "train",
            validation=self.folder / "validation", test=self.folder / "test",
            features=self.folder / "features.json", report=self.folder / "report.json",
        )  # fmt: skip

    def _train(self, seeds: int, params: dict[str, Any]) -> None:
        mlp = {"n_blocks": 1, "d_block": 16, "dropout": 0.0}
        optimizer = {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.0, "momentum": 0.0}
        usual = {
            "seed": 1, "epochs": 15, "seeds": seeds, "batch_size": 32, "loss": "auto", "optimizer": optimizer,
            "early_stopping": {"patience": 5}, "device": "cpu", "threads": 1,
        }  # fmt: skip
        train(
            ModelParams.model_validate({"name": "mlp", "numeric": "standardize", "mlp": mlp}),
            TrainParams.model_validate({**usual, **params}),
            train_rows=self.folder / "train", validation_rows=self.folder / "validation",
            features=self.folder / "features.json", weights=self.folder / "model.pth",
            description=self.folder / "model.json", curves=self.folder / "curves.csv",
            manifest=self.folder / "manifest.json",
            live_curves=self.folder / "live.csv", speed=self.folder / "speed.json",
            kept=self.folder / "kept", digests={},
        )  # fmt: skip

    def evaluate(self, params: EvaluateParams, name: str) -> Path:
        """The folder that holds metrics.json and reports/."""
        out = self.folder / name
        out.mkdir()
        evaluate(
            params, weights=self.folder / "model.pth", description=self.folder / "model.json",
            schema=self.folder / "schema.json", table=self.folder / "table.parquet",
            train_rows=self.folder / "train", validation_rows=self.folder / "validation",
            test_rows=self.folder / "test", metrics=out / "metrics.json", reports=out / "reports",
        )  # fmt: skip
        return out

    def plot(self, evaluated: Path, name: str, extra: dict[str, Path] | None = None) -> Path:
        """The folder that holds plots/, report.html and README.md."""
        out = self.folder / name
        out.mkdir()
        plot(
            PlotParams(dpi=40), all_params={"prepare": {"source": "a_table.csv"}}, schema=self.folder / "schema.json",
            split_report=self.folder / "report.json", description=self.folder / "model.json",
            curves=self.folder / "curves.csv", metrics=evaluated / "metrics.json", reports=evaluated / "reports",
            extra=extra or {}, plots=out / "plots", page=out / "report.html", card=out / "README.md",
        )  # fmt: skip
        return out


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
