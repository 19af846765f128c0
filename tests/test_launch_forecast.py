"""A forecast that several processes train, on this machine."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import polars.testing
import pytest
import torch
import yaml

from relight.prepare.params import PrepareParams
from relight.prepare.prepare import prepare
from relight.split.params import SplitParams
from relight.split.split import split
from tests.repositories import Repository, make_repository
from tests.test_launch import LAUNCH, TRAIN, WRITTEN, Launched, curves_of, weights_of

PARAMS = """\
prepare:
  {source: data/raw/days.csv, target: y, task: forecast, sequence: {time: day, length: 20, horizon: 3}, ignore: []}
split: {method: auto, column: null, train: 0.6, validation: 0.2, test: 0.2, seed: 1}
model: {name: decoder, numeric: standardize, decoder: {cell: gru, d_hidden: 8, dropout: 0.0, teacher_forcing: 1.0}}
train:
  seed: 7
  epochs: 6
  batch_size: 33
  loss: auto
  optimizer: {name: adamw, learning_rate: 0.02, weight_decay: 0.01, momentum: 0.0}
  early_stopping: {patience: 400}
  device: cpu
  threads: 1
evaluate: {}
plot: {dpi: 72}
"""


def days() -> pl.DataFrame:
    """A series with long gaps, so that of two halves of a batch one has more to predict than the other."""
    steps = np.arange(300)
    y = 10 + np.sin(2 * np.pi * steps / 7) + np.random.default_rng(0).normal(size=300) / 5
    return pl.DataFrame({"day": steps, "y": y}).with_columns(y=pl.when(pl.col("day") % 40 >= 12).then("y"))


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Up to the split, without dvc."""
    root = tmp_path_factory.mktemp("one") / "repository"
    root.mkdir()
    repository = make_repository(root)
    (root / "params.yaml").write_text(PARAMS)
    days().write_csv(root / "data/raw/days.csv")
    made = root / "data/prepared"
    for folder in (made, root / "data/split"):
        folder.mkdir()
    sections = yaml.safe_load(PARAMS)
    params = PrepareParams.model_validate(sections["prepare"])
    table, schema = made / "table.parquet", made / "schema.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        prepare(params, source=Path(params.source), table=table, schema=schema)
    outs = {part: root / f"data/split/{part}.safetensors" for part in ("train", "validation", "test")}
    outs |= {name: root / f"data/split/{name}.json" for name in ("features", "report")}
    split(SplitParams.model_validate(sections["split"]), table=table, schema=schema, **outs)
    return repository


def trained_by_two(one: Repository, root: Path) -> Repository:
    repository = Repository(shutil.copytree(one.root, root, symlinks=True))
    Launched(repository, *LAUNCH, "--processes", "2", *TRAIN).ends_well()
    return repository


def test_one_process_and_two_give_the_same_curve_and_two_the_same_bytes_twice(one: Repository, tmp_path: Path) -> None:
    two, again = (trained_by_two(one, tmp_path / name) for name in ("two", "again"))
    assert again.bytes_of(*WRITTEN) == two.bytes_of(*WRITTEN)
    Launched(one, *TRAIN).ends_well()
    curves = curves_of(one)
    assert curves["train_loss"].n_unique() == 6  # it learns
    pl.testing.assert_frame_equal(curves_of(two), curves, rel_tol=1e-5)
    others = weights_of(two)
    for name, weight in weights_of(one).items():
        torch.testing.assert_close(others[name], weight, rtol=1e-3, atol=1e-5)
