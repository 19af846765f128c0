"""Forecasts read of the steps to come: values that are given, are missing, or are assumed."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import relight
from relight import cli
from tests.closure import REPOSITORY
from tests.promoted_shops import (
    HORIZON,
    INTERVAL,
    N_DAYS,
    coming,
    joined,
    level,
    problems,
    said,
    sales,
    train_shops,
)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Promotions and events are known ahead."""
    return train_shops(tmp_path_factory.mktemp("planned"), ["promotion", "event"])


@pytest.fixture(scope="module")
def unplanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing is known ahead."""
    return train_shops(tmp_path_factory.mktemp("unplanned"), [])


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


def test_there_are_two_ways_to_assume(planned: Path) -> None:
    assert problems(planned, sales("a", 0), assume_known="mean") == ["assume-known: must be last or zero, got 'mean'"]


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


def test_a_covariate_to_come_that_is_far_off_is_noted(planned: Path) -> None:
    lines, _ = said(planned, joined(sales("a", 0), coming("a", [0, 100, 0])))
    assert lines["note"][0].startswith("'promotion' is 100, far from the train rows (mean 0.")


def test_the_page_shows_how(planned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of the page, on a history and the rows that the page shows."""
    page = (REPOSITORY / "docs/tasks.md").read_text("utf-8").split("### What is known ahead\n")[1].split("\n### ")[0]
    (rows,) = re.findall(r"`next.csv`:\n\n```csv\n(.*?)```", page, re.DOTALL)
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
