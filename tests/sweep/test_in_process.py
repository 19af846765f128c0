"""A trial in this process returns what the train stage would reach, and asks whether it is hopeless by losses."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from relight.model.params import ModelParams
from relight.runtime.strict_yaml import read_yaml
from relight.sweep.in_process import SPLIT_FOLDER, InProcessTrainer
from relight.train.params import TrainParams
from tests.in_process import prepared_and_split, trained

MODEL = {"name": "mlp", "numeric": "standardize", "mlp": {"n_blocks": 1, "d_block": 8, "dropout": 0.0}}
TRAIN: dict[str, Any] = {
    "seed": 3, "epochs": 6, "batch_size": 32, "loss": "auto", "device": "cpu", "threads": 1,
    "optimizer": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.0, "momentum": 0.0},
}  # fmt: skip


@pytest.mark.parametrize("monitor", ["score", "accuracy", "loss"])
def test_the_value_of_a_trial_is_the_best_score_of_the_train_stage(
    monitor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(300, 2)).round(4)
    kind = np.where(x[:, 0] + draw.normal(0, 0.5, 300) > 0, "yes", "no")
    pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "kind": kind}).write_csv(tmp_path / "table.csv")
    prepared_and_split(tmp_path, {"target": "kind", "task": "auto"})
    params = {**TRAIN, "early_stopping": {"patience": 3, "monitor": monitor}}
    trained(tmp_path, ModelParams.model_validate(MODEL), TrainParams.model_validate(params))
    scores = pl.read_csv(tmp_path / "curves.csv")["validation_score"].to_list()

    monkeypatch.chdir(tmp_path)
    SPLIT_FOLDER.mkdir(parents=True)
    (tmp_path / "features").rename(SPLIT_FOLDER / "features.json")
    for part in ("train", "validation"):
        (tmp_path / part).rename(SPLIT_FOLDER / f"{part}.safetensors")
    Path("params.yaml").write_text(yaml.safe_dump({"model": MODEL, "train": params}))
    asked: list[list[float]] = []

    def is_hopeless(losses: Sequence[float]) -> bool:
        asked.append(list(losses))
        return False

    value = InProcessTrainer().train(read_yaml(Path("params.yaml")), is_hopeless)
    sign = -1 if monitor == "accuracy" else 1
    assert value == sign * min(sign * score for score in scores)
    assert asked[-1] == [sign * score for score in scores]
    best = json.loads((tmp_path / "model.json").read_text())["best_epoch"]
    assert scores[best] == value
