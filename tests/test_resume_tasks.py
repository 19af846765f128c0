"""Each task that is not a table of independent rows: killed while it trains, it goes on to the bytes of a whole run."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from relight.model.params import ModelParams
from relight.train.params import TrainParams
from tests.faults import Killed, faulty, killed
from tests.in_process import prepared_and_split, trained
from tests.ranking_tables import ranking_table

TRAIN = {
    "seed": 3, "epochs": 3, "batch_size": 12, "loss": "auto", "early_stopping": {"patience": 2}, "device": "cpu",
    "optimizer": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.01, "momentum": 0.0}, "threads": 1,
    "checkpoint_seconds": 1e-9,
}  # fmt: skip
MLP = {"name": "mlp", "numeric": "standardize", "mlp": {"n_blocks": 1, "d_block": 8, "dropout": 0.2}}


def days() -> pl.DataFrame:
    """A series of 300 days."""
    steps = np.arange(300)
    y = 10 + np.sin(2 * np.pi * steps / 7) + np.random.default_rng(0).normal(size=300) / 5
    return pl.DataFrame({"day": steps, "y": y})


def walks() -> pl.DataFrame:
    """120 sequences of 3 to 9 steps, of two kinds."""
    generator = np.random.default_rng(0)
    frames = []
    for name in range(120):
        n_steps, up = int(generator.integers(3, 10)), name % 2
        x = np.cumsum(generator.normal(size=n_steps) + (1 if up else -1))
        frames.append(pl.DataFrame({"id": name, "t": np.arange(n_steps), "x": x, "kind": "up" if up else "down"}))
    return pl.concat(frames)


def names() -> pl.DataFrame:
    """Pairs of names, of which some differ by a slip of the pen, and others altogether."""
    generator = np.random.default_rng(0)
    left = ["".join(generator.choice(list("abcdefgh"), 8)) for _ in range(240)]
    slips = [name[:4] + "x" + name[5:] for name in left]
    alike = np.arange(240) % 2
    right = [slip if same else left[-1 - place] for place, (slip, same) in enumerate(zip(slips, alike, strict=True))]
    return pl.DataFrame({"left_name": left, "right_name": right, "match": alike})


TASKS: dict[str, tuple[pl.DataFrame, dict[str, Any], dict[str, Any]]] = {
    "a forecast": (days(), {"target": "y", "task": "forecast", "sequence": {"time": "day", "length": 20}}, MLP),
    "a forecast by convolutions": (
        days(),
        {"target": "y", "task": "forecast", "sequence": {"time": "day", "length": 20, "horizon": 3}},
        {"name": "convolution", "numeric": "standardize", "convolution": {"n_blocks": 1, "d_block": 8}},
    ),
    "sequences": (
        walks(),
        {"target": "kind", "task": "auto", "sequence": {"id": "id", "time": "t"}},
        {"name": "convolution", "numeric": "standardize", "convolution": {"n_blocks": 1, "d_block": 8}},
    ),
    "pairs": (names(), {"target": "match", "task": "similarity"}, {"name": "tower", "numeric": "standardize"}),
    "a ranking": (ranking_table(40), {"target": "relevance", "task": "ranking", "query": "query"}, MLP),
}


def run(folder: Path, task: str) -> list[bytes]:
    """Up to the train stage, in a folder that keeps the checkpoints; what it made."""
    table, asked, model = TASKS[task]
    folder.mkdir(exist_ok=True)
    table.write_csv(folder / "table.csv")
    prepared_and_split(folder, asked)
    return trained(folder, ModelParams.model_validate(model), TrainParams.model_validate(TRAIN))


@pytest.mark.parametrize("task", TASKS)
def test_killed_twice_it_goes_on_to_the_bytes_of_a_whole_run(
    task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = run(tmp_path / "whole", task)
    for moment in (30, 40):  # of writing checkpoints: after some steps, and some more
        with pytest.raises(Killed), faulty(killed, moment):
            run(tmp_path / "killed", task)
    capsys.readouterr()
    assert run(tmp_path / "killed", task) == whole
    assert "train: goes on from a checkpoint, at epoch " in capsys.readouterr().err
