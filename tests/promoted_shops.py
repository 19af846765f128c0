"""Shops whose sales follow the week and promotions, models of them, and what these say."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from relight.errors import InputError
from relight.model.params import ModelParams
from relight.predict.predict import predict
from relight.train.params import TrainParams
from tests.in_process import prepared_and_split, trained
from tests.trained_kinds import CONVOLUTION, TRAIN

N_DAYS, HORIZON, LENGTH = 420, 3, 21
FIRST = date(2024, 5, 29) - timedelta(days=N_DAYS)
INTERVAL = "low to high holds 80% of what comes"


def level(day: np.ndarray) -> np.ndarray:
    """The week in the sales, without promotions."""
    return 20 + 5 * np.sin(2 * np.pi * day / 7)


def sales(shop: str, seed: int, region: str = "north") -> pl.DataFrame:
    """Days up to 2024-05-28; a promotion adds 30, the noise is 0.3."""
    draw, day = np.random.default_rng(seed), np.arange(N_DAYS)
    promotion = (draw.random(N_DAYS) < 0.2).astype(int)
    sold = level(day) + 30 * promotion + 0.3 * draw.normal(size=N_DAYS)
    return pl.DataFrame({
        "day": [FIRST + timedelta(days=int(n)) for n in day],
        "shop": shop, "region": region, "event": [None if n % 5 else "fair" for n in day],
        "rain": draw.normal(size=N_DAYS).round(3), "promotion": promotion, "sold": sold.round(3),
    })  # fmt: skip


def coming(shop: str, promotions: Sequence[int | None], region: str = "north") -> pl.DataFrame:
    n_steps = len(promotions)
    return pl.DataFrame({
        "day": [FIRST + timedelta(days=N_DAYS + n) for n in range(n_steps)],
        "shop": shop, "region": region, "promotion": promotions,
    })  # fmt: skip


def joined(*frames: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(frames, how="diagonal_relaxed")


def train_shops(folder: Path, known: list[str]) -> Path:
    joined(sales("a", 0), sales("b", 1, "south")).write_csv(folder / "table.csv")
    sequence = {"time": "day", "series": "shop", "length": LENGTH, "horizon": HORIZON, "known": known}
    prepared_and_split(folder, {"target": "sold", "task": "forecast", "sequence": sequence})
    trained(folder, ModelParams.model_validate(CONVOLUTION), TrainParams.model_validate(TRAIN))
    return folder


def said(models: Path, table: pl.DataFrame, **ahead: object) -> tuple[pl.DataFrame, str]:
    """The forecasts, and the message after the name of the file."""
    folder = models / "said"
    folder.mkdir(exist_ok=True)
    table.write_csv(folder / "new.csv")
    text = predict(folder / "new.csv", models=models, output=folder / "out.csv", **ahead)  # type: ignore[arg-type]
    return pl.read_csv(folder / "out.csv"), text.removeprefix(f"{folder}/out.csv: ").removesuffix("\n")


def problems(models: Path, table: pl.DataFrame, **ahead: object) -> list[str]:
    with pytest.raises(InputError) as refused:
        said(models, table, **ahead)
    return [problem.replace(f"{models}/said/", "") for problem in refused.value.problems]


def notes(lines: pl.DataFrame) -> dict[str, str | None]:
    return dict(lines.unique("shop", maintain_order=True).select("shop", "note").rows())


def with_sold(table: pl.DataFrame, sold: pl.Expr) -> pl.DataFrame:
    return table.with_columns(sold.alias("sold"))
