"""Stages in this process, without dvc: for tests that look at bytes, or let a stage fail."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from relight.model.params import ModelParams
from relight.prepare.params import PrepareParams
from relight.prepare.prepare import prepare
from relight.split.params import SplitParams
from relight.split.split import split
from relight.train.params import TrainParams
from relight.train.train import train
from tests.faults import Killed, faulty, killed

PARTS = ("train", "validation", "test", "features", "report")
RESULTS = ("model.pth", "model.json", "curves.csv")


def prepared_and_split(folder: Path, asked: dict[str, Any], *, train: float = 0.6) -> None:
    """Make the tensors of the parts from `table.csv` in the folder: `train`, a fifth each for the others.

    Args:
        asked: the prepare section; its source may be another file.
    """
    params = PrepareParams.model_validate({"source": "table.csv", "ignore": [], **asked})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        prepare(params, source=Path(params.source), table=folder / "rows", schema=folder / "schema.json")
    shares = {"method": "auto", "column": None, "train": train, "validation": 0.2, "test": 0.8 - train, "seed": 0}
    outs = {part: folder / part for part in PARTS}
    split(SplitParams.model_validate(shares), table=folder / "rows", schema=folder / "schema.json", **outs)


def assert_goes_on_after_a_kill(
    folder: Path, table: pl.DataFrame, prepare_section: dict[str, Any], model: dict[str, Any], params: dict[str, Any]
) -> Path:
    """Train whole, and again with a kill in the middle: the same bytes. Return the folder of the first training.

    Args:
        params: the train section, with a checkpoint after each step.
    """

    def run(name: str) -> list[bytes]:
        (folder / name).mkdir(exist_ok=True)
        table.write_csv(folder / name / "table.csv")
        prepared_and_split(folder / name, prepare_section)
        return trained(folder / name, ModelParams.model_validate(model), TrainParams.model_validate(params))

    whole = run("whole")
    with pytest.raises(Killed), faulty(killed, 40):
        run("killed")
    assert run("killed") == whole
    return folder / "whole"


def trained(folder: Path, model: ModelParams, params: TrainParams) -> list[bytes]:
    """Train as the train stage does, on the parts in a folder, which keeps its checkpoints, too."""
    train(
        model,
        params,
        train_rows=folder / "train",
        validation_rows=folder / "validation",
        features=folder / "features",
        weights=folder / "model.pth",
        description=folder / "model.json",
        manifest=folder / "manifest.json",
        curves=folder / "curves.csv",
        live_curves=folder / "live.csv",
        speed=folder / "speed.json",
        kept=folder / "kept",
        digests={},
    )
    return [(folder / name).read_bytes() for name in RESULTS]
