"""prepare as a whole: each option changes the table or its schema, and two runs write the same bytes."""

from pathlib import Path
from typing import Any

import pytest

from relight.prepare.params import PrepareParams
from relight.prepare.prepare import prepare

PLAIN: dict[str, Any] = {"target": "y", "task": "auto", "ignore": []}
TABLE = "code,when,amount,share,rest,y\n" + "".join(
    f"{row % 3},2024-01-{row % 28 + 1:02},{row * 1.5},{row / 100},{1 - row / 100},{row % 2}\n" for row in range(60)
)


def prepared(folder: Path, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> tuple[bytes, bytes]:
    """The table and the schema, as bytes."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    source, table, schema = Path("table.csv"), Path("table.parquet"), Path("schema.json")
    source.write_text(TABLE, encoding="utf-8")
    params = PrepareParams.model_validate({"source": str(source), **PLAIN, **changed})
    prepare(params, source=source, table=table, schema=schema)
    return table.read_bytes(), schema.read_bytes()


@pytest.mark.parametrize(
    "changed",
    [
        {"target": "amount"},
        {"target": ["share", "rest"]},
        {"task": "regression"},
        {"task": "multiclass"},
        {"ignore": ["amount"]},
        {"weight": "amount"},
        {"columns": {"code": "categorical"}},
        {"columns": {"amount": "ignore"}},
        {"columns": {"when": "categorical"}},
    ],
    ids=str,
)
def test_every_option_changes_the_table_or_its_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    assert prepared(tmp_path / "plain", monkeypatch) != prepared(tmp_path / "changed", monkeypatch, **changed)


def test_two_runs_write_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepared(tmp_path / "one", monkeypatch) == prepared(tmp_path / "two", monkeypatch)


def test_to_ignore_a_column_is_one_thing_said_in_two_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = prepared(tmp_path / "one", monkeypatch, ignore=["amount"])
    assert one == prepared(tmp_path / "two", monkeypatch, columns={"amount": "ignore"})
