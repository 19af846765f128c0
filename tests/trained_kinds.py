"""A small trained model of each kind of data, and new rows for it with columns that the model does not know."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from relight.model.params import ModelParams
from relight.train.params import TrainParams
from tests.in_process import prepared_and_split, trained
from tests.pair_tables import pairs
from tests.ranking_tables import ranking_table

TRAIN = {
    "seed": 3, "epochs": 2, "batch_size": 16, "loss": "auto", "early_stopping": None, "device": "cpu", "threads": 1,
    "optimizer": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.01, "momentum": 0.0},
}  # fmt: skip
MLP = {"name": "mlp", "numeric": "standardize", "mlp": {"n_blocks": 1, "d_block": 8, "dropout": 0.1}}
CONVOLUTION = {"name": "convolution", "numeric": "standardize", "convolution": {"n_blocks": 1, "d_block": 8}}


class Kind(NamedTuple):
    """A table and the sections to train on it.

    Attributes:
        keep: a column that the model does not know, with one value for each line of the predictions.
        outputs: the columns of the predictions.
    """

    table: pl.DataFrame
    prepare: dict[str, Any]
    model: dict[str, Any]
    keep: str
    outputs: list[str]


class TrainedKind(NamedTuple):
    """A model and its table, on the disk."""

    kind: Kind
    models: Path
    table: Path


def houses() -> pl.DataFrame:
    """Rows of numbers, a category, a flag, a date, with gaps; their price follows from the area."""
    draw = np.random.default_rng(0)
    area = draw.normal(100, 30, 150)
    return pl.DataFrame({
        "id": [f"{row:04}" for row in range(150)],
        "area": [None if row % 11 == 0 else round(value, 2) for row, value in enumerate(area)],
        "city": [["ulm", "bonn", "kiel", None][row % 4] for row in range(150)],
        "garden": [row % 3 == 0 for row in range(150)],
        "built": [date(1990, 1, 1) + timedelta(days=40 * row) for row in range(150)],
        "price": (area * 3 + draw.normal(size=150)).round(2),
    })  # fmt: skip


def walks() -> pl.DataFrame:
    """Sequences of 3 to 9 steps, of two kinds."""
    draw, frames = np.random.default_rng(0), []
    for name in range(80):
        n_steps, up = int(draw.integers(3, 10)), name % 2
        x = np.cumsum(draw.normal(size=n_steps) + (1 if up else -1)).round(4)
        steps = {"id": f"w{name}", "owner": f"o{name // 2}", "t": np.arange(n_steps), "x": x}
        frames.append(pl.DataFrame({**steps, "kind": "up" if up else "down"}))
    return pl.concat(frames)


def shops() -> pl.DataFrame:
    """Two series of 150 days with a covariate and the city of the shop."""
    steps, draw = np.arange(150), np.random.default_rng(0)
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 5, 29), eager=True)
    frames = [
        pl.DataFrame(
            {
                "shop": shop,
                "town": town,
                "day": days,
                "rain": draw.normal(size=150).round(3),
                "sold": (10 + np.sin(2 * np.pi * steps / 7) + draw.normal(size=150) / 5).round(3),
            }
        )
        for shop, town in (("b", "ulm"), ("a", "bonn"))
    ]
    return pl.concat(frames)


KINDS: dict[str, Kind] = {
    "table": Kind(houses(), {"target": "price", "task": "auto", "ignore": ["id"]}, MLP, "id", ["prediction"]),
    "ranking": Kind(
        ranking_table(40).with_row_index("nr"),
        {"target": "relevance", "task": "ranking", "query": "query", "ignore": ["nr"]},
        MLP,
        "nr",
        ["query", "prediction", "rank"],
    ),
    "sequences": Kind(
        walks(),
        {"target": "kind", "task": "auto", "ignore": ["owner"], "sequence": {"id": "id", "time": "t"}},
        CONVOLUTION,
        "owner",
        ["id", "prediction", "probability_down", "probability_up"],
    ),
    "series": Kind(
        shops(),
        {
            "target": "sold",
            "task": "forecast",
            "ignore": ["town"],
            "sequence": {"time": "day", "series": "shop", "length": 14, "horizon": 3},
        },
        CONVOLUTION,
        "town",
        ["shop", "day", "prediction", "low", "high"],
    ),
    "pairs": Kind(
        pairs(120),
        {"target": "match", "task": "similarity", "ignore": ["left_id", "right_id"]},
        {"name": "tower", "numeric": "standardize"},
        "left_id",
        ["prediction", "distance", "similarity"],
    ),
}


def train_kind(folder: Path, kind: Kind) -> TrainedKind:
    """Train a model in a folder."""
    kind.table.write_csv(folder / "table.csv")
    prepared_and_split(folder, kind.prepare)
    trained(folder, ModelParams.model_validate(kind.model), TrainParams.model_validate(TRAIN))
    return TrainedKind(kind, folder, folder / "table.csv")
