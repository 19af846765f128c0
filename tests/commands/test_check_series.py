"""What `relight check` says of series."""

from datetime import date, timedelta

import polars as pl
import pytest

from relight.commands.check_series import series_lines
from relight.prepare.params import PrepareParams
from relight.prepare.series import regularize_series

BUSINESS_DAYS = [str(date(2024, 1, 1) + timedelta(weeks=n // 5, days=n % 5)) for n in range(40)]


def said_of(times: list[object]) -> list[str]:
    params = PrepareParams.model_validate(
        {"source": "x", "target": "y", "task": "forecast", "ignore": [], "sequence": {"time": "t", "horizon": 2}}
    )
    rows, schema = regularize_series(pl.DataFrame({"t": times, "y": 1.0}), params)
    return series_lines(schema, rows)


@pytest.mark.parametrize(
    ("times", "time_line", "ahead"),
    [
        (list(range(1960, 2000)), "1 year apart, no season; 1960 to 1999", "2000 to 2001"),
        (list(range(0, 80, 2)), "2 apart, no season; 0 to 78", "80 to 82"),
        (BUSINESS_DAYS, "1 business day apart, season 5 steps; 2024-01-01 to 2024-02-23", "2024-02-26 to 2024-02-27"),
        (
            ["2024-01-31", "2024-02-29", "2024-03-31"],
            "1 month apart, on the last day of a month, season 12 steps; 2024-01-31 to 2024-03-31",
            "2024-04-30 to 2024-05-31",
        ),
        (
            ["2024-05-31", "2024-06-28", "2024-07-31", "2024-08-30"],
            "1 month apart, on the last business day of a month, season 12 steps; 2024-05-31 to 2024-08-30",
            "2024-09-30 to 2024-10-31",
        ),
        (
            ["2024-03-30T00:00:00+01:00", "2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00"],
            "1 day apart, season 7 steps; 2024-03-30T00:00:00+01:00 to 2024-04-01T00:00:00+02:00, "
            "clock of Europe/Berlin",
            "2024-04-02T00:00:00+02:00 to 2024-04-03T00:00:00+02:00",
        ),
    ],
)
def test_frequency_season_and_horizon(times: list[object], time_line: str, ahead: str) -> None:
    lines = said_of(times)
    assert lines[0] == f"time t: {time_line}"
    assert lines[1] == f"1 series of {len(times)} steps, 0 gaps of y"
    assert lines[2].endswith(f"and predicts 2: {ahead}")
