"""A model of a table in one custom predicts rows in another one: the predictions are those of the plain table."""

from pathlib import Path

import polars as pl
import pytest

from relight.predict.predict import predict
from tests.trained_kinds import KINDS, train_kind

TABLE = pl.DataFrame(
    {
        "area": [1000.5 + 37 * row for row in range(60)],
        "rooms": [float(1 + row % 5) for row in range(60)],
        "city": [["ulm", "bonn"][row % 2] for row in range(60)],
        "price": [3000.25 + 111 * row for row in range(60)],
    }
)


def number(value: float, decimal: str, thousands: str) -> str:
    return f"{value:,.2f}".replace(",", "\0").replace(".", decimal).replace("\0", thousands)


def swiss(separator: str) -> str:
    """Write whole rooms as prices without cents, and areas with apostrophes and a unit."""
    rows = [
        (number(area, ".", "'") + "m²", f"CHF{rooms:.0f}.-", city, str(price))
        for area, rooms, city, price in TABLE.iter_rows()
    ]
    return "\n".join(map(separator.join, [tuple(TABLE.columns), *rows])) + "\n"


def german() -> str:
    """Write a preamble, decimal commas, a unit, and two separators at the end of each row."""
    rows = [
        (number(area, ",", "."), number(rooms, ",", ""), city, number(price, ",", ".") + " €")
        for area, rooms, city, price in TABLE.iter_rows()
    ]
    lines = [";".join(row) + ";;" for row in [tuple(TABLE.columns), *rows]]
    return "\n".join(["Account:;7", "From:;2024", "", *lines]) + "\n"


def logger() -> str:
    """Write the names, then two rows of units and of ways of measuring."""
    return TABLE.write_csv().replace("\n", "\nm,n,,EUR\nAvg,Smp,,Tot\n", 1)


FILES = {"plain.csv": TABLE.write_csv(), "swiss.txt": swiss("^"), "german.csv": german(), "logger.dat": logger(),
         "rows.jsonl": TABLE.write_ndjson()}  # fmt: skip


@pytest.mark.parametrize(("source", "csv"), [("swiss.txt", {"separator": "^"}), ("german.csv", {}), ("logger.dat", {})])
def test_rows_of_any_custom_are_predicted_alike(
    source: str, csv: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        Path(name).write_text(content, encoding="utf-8")
    kind = KINDS["table"]
    prepare = {"target": "price", "task": "regression", "ignore": [], "source": source, "csv": csv}
    train_kind(tmp_path, kind._replace(table=TABLE, prepare=prepare))
    said = {}
    for name in [name for name in FILES if name != "swiss.txt" or csv]:  # a separator of its own must be named
        predict(Path(name), models=Path(), output=Path("out.csv"))
        said[name] = Path("out.csv").read_text()
    assert set(said.values()) == {said["plain.csv"]}
    assert pl.read_csv("out.csv")["prediction"].n_unique() > 50
