"""What forecasts see of the steps to come, and what is said of unusual series."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import relight
from relight import cli
from relight.errors import InputError
from relight.model.params import ModelParams
from relight.predict.predict import predict
from relight.train.params import TrainParams
from tests.closure import REPOSITORY
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


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Promotions and events are known ahead."""
    return train_shops(tmp_path_factory.mktemp("planned"), ["promotion", "event"])


@pytest.fixture(scope="module")
def unplanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing is known ahead."""
    return train_shops(tmp_path_factory.mktemp("unplanned"), [])


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


def test_forecasts_follow_the_promotions_to_come_whatever_the_last_day_was(planned: Path) -> None:
    """The truth is the week and 30 more for a promotion; the last days are with and without one."""
    truth = level(np.arange(N_DAYS, N_DAYS + HORIZON))
    for seed in range(2, 8):
        for promotions in ([1, 0, 1], [0, 1, 0]):
            lines, text = said(planned, joined(sales("a", seed), coming("a", promotions)))
            assert text == f"3 predictions of sold, 3 for each series; {INTERVAL}"
            assert lines.columns == ["shop", "day", "prediction", "low", "high"]
            np.testing.assert_allclose(lines["prediction"], truth + 30 * np.array(promotions), atol=1.5)


def test_what_is_missing_of_the_steps_to_come_is_refused_by_name(planned: Path) -> None:
    table = joined(sales("a", 0), coming("a", [1, None]), sales("b", 1), coming("b", [0, 1, 0]))
    ends = "in rows whose 'sold' is empty (not 0), or assume them with --assume-known last or zero"
    each = "must have a value at each of the 3 steps after the last value of 'sold' of series 'a', got none at"
    assert problems(planned, table) == [
        f"new.csv: 'event' {each} 2024-05-31; add them {ends}",
        f"new.csv: 'promotion' {each} 2024-05-30, 2024-05-31; add them {ends}",
    ]
    no_rows = problems(planned, joined(sales("a", 0), sales("b", 1)))
    assert len(no_rows) == 4
    assert all("got none at 2024-05-29, 2024-05-30, 2024-05-31; " in problem for problem in no_rows)


def test_of_many_series_the_first_are_named_and_the_others_counted(planned: Path) -> None:
    table = joined(*(sales(f"shop {n}", n).tail(30) for n in range(12)))
    found = problems(planned, table)
    assert len(found) == 21
    assert found[-1] == "new.csv: the same is wrong with 4 more columns of series"


@pytest.mark.parametrize(("assume", "promotion", "event"), [("last", 1, "fair"), ("zero", 0, None)])
def test_what_is_assumed_is_what_one_could_have_written(
    planned: Path, assume: str, promotion: int, event: str | None
) -> None:
    """The last day has a promotion and a fair."""
    is_last = pl.int_range(pl.len()) == N_DAYS - 1
    past = sales("a", 0).with_columns(
        promotion=pl.when(is_last).then(1).otherwise("promotion"),
        event=pl.when(is_last).then(pl.lit("fair")).otherwise("event"),
    )
    asked, text = said(planned, past, assume_known=assume)
    rows = coming("a", [promotion] * HORIZON).with_columns(event=pl.lit(event, dtype=pl.String))
    written, _ = said(planned, joined(past, rows))
    assert asked.drop("note").equals(written)
    assert text.endswith("; notes on 1 of 1 series in column 'note': assumed values (1)")
    each = f"is assumed ({assume}) at 3 of 3 steps"
    assert asked["note"].to_list() == [f"'event' {each}; 'promotion' {each}"] * HORIZON


def test_a_series_that_never_had_a_value_of_it_has_no_last_one(planned: Path) -> None:
    past = sales("a", 0).with_columns(promotion=pl.lit(None, dtype=pl.Int64))
    (problem,) = problems(planned, past, assume_known="last")
    assert problem.startswith("new.csv: 'promotion' must have a value at each of the 3 steps")


def test_nothing_is_assumed_if_nothing_is_known_ahead(unplanned: Path) -> None:
    assert problems(unplanned, sales("a", 0), assume_known="zero") == [
        "assume-known: must be left out, because no covariate of this model is known ahead "
        "(prepare.sequence.known), got zero"
    ]


def test_a_file_of_the_steps_to_come_goes_with_its_history(planned: Path, tmp_path: Path) -> None:
    past, rows = joined(sales("a", 0), sales("b", 1)), joined(coming("a", [1, 0, 1]), coming("b", [0, 0, 1]))
    whole, text = said(planned, joined(past, rows))
    past.write_csv(tmp_path / "past.csv")
    apart, same_text = said(planned, rows, history=tmp_path / "past.csv")
    assert apart.equals(whole)
    assert same_text == text
    in_memory = relight.load(planned).predict(rows, history=past)
    np.testing.assert_array_equal(in_memory["prediction"], whole["prediction"].cast(pl.Float32))
    advice = (
        "a forecast goes on from a history: put its rows in the table, with 'sold' empty in the rows to come, or "
        "name its file with --history"
    )
    empty = rows.with_columns(event=pl.lit(None, dtype=pl.String), rain=None)
    assert problems(planned, empty) == [f"new.csv: column 'sold' is missing; {advice}"]
    assert problems(planned, empty.with_columns(sold=None)) == [f"new.csv: column 'sold' has no value; {advice}"]


def test_rows_after_the_horizon_are_said_to_be_left_out(planned: Path) -> None:
    three, _ = said(planned, joined(sales("a", 0), coming("a", [1, 0, 1])))
    five, text = said(planned, joined(sales("a", 0), coming("a", [1, 0, 1, 1, 0])))
    assert five.equals(three)
    assert text.endswith("; left out: 2 rows after the 3 steps that are predicted")


def test_a_short_series_is_padded_as_a_gap_at_the_beginning_and_stops_no_other(unplanned: Path) -> None:
    """The same forecast as if the days before had been written, with the first value and no covariates."""
    short, other = sales("a", 4).tail(9), sales("b", 5)
    lines, text = said(unplanned, joined(short, other))
    assert notes(lines) == {"a": f"only 9 of the {LENGTH} steps that a forecast sees", "b": None}
    assert text.endswith("; notes on 1 of 2 series in column 'note': short history (1)")
    before = sales("a", 4).slice(N_DAYS - 9 - 30, 30).select("day", "shop", sold=pl.lit(short["sold"][0]))
    alone, _ = said(unplanned, joined(before, short))
    assert lines.filter(pl.col("shop") == "a").drop("note").equals(alone.drop("note", strict=False))
    assert lines.filter(pl.col("shop") == "b").drop("note").equals(said(unplanned, other)[0])
    one_row, _ = said(unplanned, joined(short.tail(1), other))
    assert one_row["prediction"].is_finite().all()


def test_a_gap_at_the_beginning_of_the_window_takes_the_value_before_it(unplanned: Path) -> None:
    """As in training: of 420 days the last 11 have a value, and one before the window."""
    table, day = sales("a", 6), pl.int_range(pl.len())
    gaps = with_sold(table, pl.when(~day.is_between(N_DAYS - 30, N_DAYS - 10)).then("sold"))
    filled = with_sold(gaps, pl.col("sold").forward_fill())
    lines, text = said(unplanned, gaps)
    assert lines["note"].to_list() == ["'sold' has no value at 12 of 21 steps"] * HORIZON
    assert text.endswith(": mostly gaps (1)")
    assert lines.drop("note").equals(said(unplanned, filled)[0])


def test_a_series_without_a_value_has_empty_lines_and_stops_no_other(unplanned: Path) -> None:
    lines, text = said(unplanned, joined(with_sold(sales("a", 0).head(5), pl.lit(None)), sales("b", 1)))
    empty = lines.filter(pl.col("shop") == "a")
    assert empty["day"].to_list() == [str(FIRST + timedelta(days=n)) for n in range(HORIZON)]
    assert empty.select("prediction", "low", "high").null_count().row(0) == (HORIZON,) * 3
    assert notes(lines) == {"a": "no value of 'sold' to go on from", "b": None}
    assert text.endswith("; notes on 1 of 2 series in column 'note': no value (1)")
    assert lines.filter(pl.col("shop") == "b")["prediction"].null_count() == 0


def test_names_and_levels_that_no_train_row_had_are_noted_and_counted(unplanned: Path) -> None:
    far_rain = pl.when(pl.int_range(pl.len()) == N_DAYS - 1).then(40.0).otherwise("rain").alias("rain")
    table = joined(
        sales("a", 0, "east"),
        with_sold(sales("b", 1, "south"), pl.col("sold") + 500).with_columns(far_rain),
        sales("c", 2),
    )
    train = joined(sales("a", 0), sales("b", 1))
    of_train = train.filter(pl.col("day") < FIRST + timedelta(days=round(0.6 * N_DAYS)))
    of_b, last = of_train.filter(pl.col("shop") == "b")["sold"], float(table.filter(pl.col("shop") == "b")["sold"][-1])
    mean, deviation = of_train["rain"].mean(), of_train["rain"].std(ddof=0)
    lines, text = said(unplanned, table)
    assert notes(lines) == {
        "a": "'region' is 'east', unknown to the model, which reads a gap",
        "b": f"'sold' is at {last:g}, far from the {of_b.min():g} to {of_b.max():g} of the train rows; "
        f"'rain' is 40, far from the train rows (mean {mean:g}, deviation {deviation:g})",
        "c": "the train rows have no such series",
    }
    assert text.endswith(
        "; notes on 3 of 3 series in column 'note': far from the train rows (1), new series (1), unknown category (1)"
    )
    with pytest.warns(UserWarning, match=r"^notes on 3 of 3 series in column 'note'"):
        relight.load(unplanned).predict(table)


def test_a_covariate_to_come_that_is_far_off_is_noted(planned: Path) -> None:
    lines, _ = said(planned, joined(sales("a", 0), coming("a", [0, 100, 0])))
    assert lines["note"][0].startswith("'promotion' is 100, far from the train rows (mean 0.")


def test_a_forecast_that_is_no_number_is_empty_and_stops_no_other(unplanned: Path) -> None:
    huge = with_sold(sales("a", 0), pl.col("sold") * 5e36 * (1 - 2 * (pl.int_range(pl.len()) % 2)))
    lines, text = said(unplanned, joined(huge, sales("b", 1)))
    assert lines.filter(pl.col("shop") == "b")["prediction"].null_count() == 0
    first = lines.filter(pl.col("shop") == "a")
    assert first["prediction"].null_count() == HORIZON
    assert "the prediction is not a finite number" in first["note"][0]
    assert "no prediction (1)" in text


def test_a_column_that_is_missing_is_named_without_a_key_of_params(unplanned: Path) -> None:
    table = sales("a", 0).rename({"shop": "shops"}).drop("rain")
    assert problems(unplanned, table) == [
        "new.csv: column 'shop' is missing; did you mean 'shops'?",
        "new.csv: column 'rain' is missing; its columns are day, shops, region, event, promotion, sold",
    ]


def test_the_page_shows_how(planned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of the page, on a history and the rows that the page shows."""
    page = (REPOSITORY / "docs/tasks.md").read_text("utf-8").split("### What is known ahead\n")[1].split("\n### ")[0]
    (rows,) = re.findall(r'```csv title="next.csv"\n(.*?)```', page, re.DOTALL)
    shown = pl.read_csv(rows.encode(), try_parse_dates=True)
    one = {"shop": "a", "region": "north"}
    past = sales("a", 0).filter(pl.col("day") < shown["day"].min())
    whole = joined(past, shown.with_columns(pl.lit(value).alias(name) for name, value in one.items()))
    whole.write_csv(tmp_path / "next.csv")
    whole.filter(pl.col("sold").is_not_null()).write_csv(tmp_path / "past.csv")
    whole.filter(pl.col("sold").is_null()).drop("sold").write_csv(tmp_path / "coming.csv")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^relight (.*)$", page, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        assert cli.main([*command.split(), "--models", str(planned)]) == 0
        lines = pl.read_csv("forecast.csv")
        assert lines["day"].to_list() == ["2024-05-29", "2024-05-30", "2024-05-31"]
        truth = level(np.arange(N_DAYS, N_DAYS + 3)) + np.array([30, 0, 0])
        np.testing.assert_allclose(lines["prediction"], truth, atol=1.5)
        Path("forecast.csv").unlink()
