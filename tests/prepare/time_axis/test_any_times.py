"""Times of many kinds at once: in zones, against the calendar of pandas; and texts that may be anything."""

import random

import pandas as pd
import polars as pl
import pytest

from relight.commands.check_series import series_lines
from relight.errors import InputError
from relight.prepare.params import PrepareParams
from relight.prepare.series import regularize_series
from relight.prepare.time_axis.stepping import times_after

SECTION = {"source": "x.csv", "target": "y", "task": "forecast", "ignore": []}
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kathmandu", "UTC")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("frequency", ["15min", "h", "6h", "D", "B", "W-WED", "MS", "ME", "BME", "QS", "WOM-3FRI"])
def test_two_series_in_a_zone_go_on_as_in_pandas(zone: str, frequency: str) -> None:
    """The second series begins 40 days later, and lacks its third row."""
    known = {
        name: pd.date_range(start, periods=65, freq=frequency, tz=zone)
        for name, start in (("a", "2023-02-01"), ("b", "2023-03-13"))
    }
    rows = [
        (s, t.isoformat(), 1.0) for s, times in known.items() for n, t in enumerate(times[:60]) if (s, n) != ("b", 2)
    ]
    params = PrepareParams.model_validate({**SECTION, "sequence": {"time": "t", "series": "s"}})
    table, schema = regularize_series(pl.DataFrame(rows, schema=["s", "t", "y"], orient="row"), params)
    assert schema.series is not None
    for name, times in known.items():
        found = table.filter(pl.col("s") == name)["t"]
        ahead = times_after(found, 5, schema.series.frequency)
        assert pl.concat([found, ahead]).dt.epoch("s").to_list() == [int(time.timestamp()) for time in times]


FORMS = (
    "{y:04}-{m:02}", "{y:04}Q{q}", "{y:04}-W{w:02}", "{w:02}/{y:04}", "{d:02}/{m:02}/{y:04}", "{y:04}{m:02}",
    "{y:04}.{m:02}", "{n}", "{y:04}-{m:02}-{d:02}T{h:02}:00:00{o}", "{y:04}/{m}/{d} {h}:{h:02}", "{y:04}H{q}",
    "{b} {y:04}", "{b}-{w:02}", "{d} {b} {y:04} {h}:00 PM", "-{n}", "{n}e5", "{y:04}年{m}月", "{u}",
)  # fmt: skip
WORDS = ("", "x", "2024-01-01", "1e309", "NaN", "0000-00-00", "9999-12-31", "24:00", "inf", "∞", "١٢٣")


def any_text(draw: random.Random, form: str, row: int, *, is_wild: bool) -> str:
    return form.format(
        y=draw.choice([0, 1, 1899, 9999]) if is_wild else 2000 + row // 12,
        m=draw.randint(0, 99) if is_wild else row % 12 + 1,
        q=row % 4 + 1,
        w=draw.randint(0, 60) if is_wild else row % 12 + 1,
        d=draw.randint(1, 31) if is_wild else 1,
        h=row % 24,
        n=10 ** (row % 26) if is_wild else row,
        o=draw.choice(["+01:00", "-23:59", "+9999", ""]) if is_wild else "Z",
        b=draw.choice(["Jan", "MARCH", "Xyz"]),
        u=draw.choice(WORDS),
    )


def test_any_texts_end_in_series_or_in_a_refusal() -> None:
    draw, n_refused, n_read = random.Random(0), 0, 0
    for _ in range(250):
        form, n_rows = draw.choice(FORMS), draw.randint(1, 20)
        wild_share = draw.choice([0, 0.05, 0.5])
        texts = [any_text(draw, form, row, is_wild=draw.random() < wild_share) for row in range(n_rows)]
        table = pl.DataFrame({"t": texts, "y": [1.0] * n_rows})
        zones = draw.choice([{}, {"t": "Europe/Berlin"}, {"t": "UTC"}])
        params = PrepareParams.model_validate({**SECTION, "zones": zones, "sequence": {"time": "t"}})
        try:
            rows, schema = regularize_series(table, params)
        except InputError as error:
            n_refused += all("'t'" in problem for problem in error.problems)
            continue
        assert len(series_lines(schema, rows)) == 3
        assert rows["t"].null_count() == 0
        assert rows["t"].is_sorted()
        n_read += 1
    assert n_refused + n_read == 250  # each refusal names the column
    assert min(n_refused, n_read) > 30
