import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save

from relight.data.features import Features
from relight.data.schema import Column, Schema
from relight.data.tensors import read_tensors
from relight.errors import InputError
from relight.runtime.files import read_model, write_json
from relight.split import table as split_table
from relight.split.assignment import PARTS
from relight.split.encoding import encode
from relight.split.params import SplitParams
from relight.split.split import split as split_stage

N_ROWS = 1000
KINDS = {"a": "numeric", "flag": "boolean", "t": "datetime", "shop": "categorical", "id": "ignored"}


def table() -> pl.DataFrame:
    generator = np.random.default_rng(0)
    start = datetime(2020, 1, 1)
    return pl.DataFrame(
        {
            "a": pl.Series(np.where(generator.random(N_ROWS) < 0.1, np.nan, generator.normal(size=N_ROWS))).fill_nan(
                None
            ),
            "flag": generator.random(N_ROWS) < 0.5,
            "t": [start + timedelta(hours=int(hours)) for hours in generator.integers(0, 50_000, N_ROWS)],
            "shop": [f"shop {k}" if k % 9 else None for k in generator.integers(0, 40, N_ROWS)],
            "id": np.arange(N_ROWS).astype(str),
            "w": generator.uniform(0.5, 2, N_ROWS),
            "y": generator.lognormal(size=N_ROWS),
        }
    )


def schema(**changed: Any) -> Schema:
    columns = [Column.model_validate({"name": name, "kind": kind}) for name, kind in KINDS.items()]
    usual = {"rows": N_ROWS, "target": "y", "targets": ["y"], "weight": "w", "task": "regression", "classes": None}
    return Schema.model_validate({**usual, "columns": columns, "generated": None, "notes": [], **changed})


def params(**changed: Any) -> SplitParams:
    usual = {"method": "random", "column": None, "train": 0.6, "validation": 0.2, "test": 0.2, "seed": 1}
    return SplitParams(**{**usual, **changed})


def split(
    folder: Path, asked: SplitParams, rows: pl.DataFrame, known: Schema, row_group_size: int = 300
) -> dict[str, bytes]:
    """The bytes of every file that the stage writes."""
    folder.mkdir()
    rows.write_parquet(folder / "table", row_group_size=row_group_size)
    write_json(folder / "schema", known)
    outs = {name: folder / name for name in (*PARTS, "features", "report")}
    split_stage(asked, table=folder / "table", schema=folder / "schema", **outs)
    return {name: path.read_bytes() for name, path in outs.items()}


@pytest.mark.parametrize("chunk_rows", [64, 999, 5000])
def test_the_files_hold_the_rows_of_their_parts_as_the_whole_table_is_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_rows: int
) -> None:
    monkeypatch.setattr(split_table, "CHUNK_ROWS", chunk_rows)
    written = split(tmp_path / "out", params(), table(), schema())
    encoded = encode(table(), read_model(tmp_path / "out" / "features", Features))
    lots = np.random.default_rng(1).integers(1 << 32, size=N_ROWS, dtype=np.uint32)
    order = np.argsort(lots, kind="stable")
    rows_of = dict(zip(PARTS, np.split(order, [600, 800]), strict=True))
    for part, rows in rows_of.items():
        rows = np.sort(rows)
        expected = {
            "numeric": encoded.numeric[rows],
            "categories": encoded.categories[rows],
            "target": table()["y"].to_numpy()[rows].astype(np.float32)[:, None],
            "weight": table()["w"].to_numpy()[rows].astype(np.float32),
            "row": rows,
        }
        assert written[part] == save(expected)
    assert json.loads(written["report"])["rows"] == {"train": 600, "validation": 200, "test": 200}


def test_how_the_parquet_file_is_cut_changes_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_table, "CHUNK_ROWS", 128)
    first, *others = (split(tmp_path / str(k), params(), table(), schema(), k) for k in (17, 128, 1000))
    assert all(other == first for other in others)


def test_other_test_rows_change_no_byte_of_what_train_reads(tmp_path: Path) -> None:
    before = split(tmp_path / "before", params(method="ordered"), table(), schema())
    last = pl.int_range(N_ROWS) >= 800
    changed = table().with_columns(
        a=pl.when(last).then(1e6).otherwise("a"),
        t=pl.when(last).then(datetime(1950, 1, 1, 7)).otherwise("t"),
        shop=pl.when(last).then(pl.lit("a new shop")).otherwise("shop"),
        y=pl.when(last).then(-1e6).otherwise("y"),
        w=pl.when(last).then(9.0).otherwise("w"),
    )
    after = split(tmp_path / "after", params(method="ordered"), changed, schema())
    assert [name for name in before if before[name] != after[name]] == ["test", "report"]


def test_without_validation_rows_the_test_rows_stand_in_for_them(tmp_path: Path) -> None:
    written = split(tmp_path / "out", params(validation=0.0, train=0.8), table(), schema())
    assert written["validation"] == written["test"]
    assert json.loads(written["features"])["validates_on_test"]
    assert json.loads(written["report"])["rows"] == {"train": 800, "validation": 0, "test": 200}


def test_rows_in_a_gap_are_in_no_file(tmp_path: Path) -> None:
    split(tmp_path / "out", params(method="time", column="t", gap=50), table(), schema())
    rows = [read_tensors(tmp_path / "out" / part)["row"] for part in PARTS]
    times = table()["t"].to_physical().to_numpy()
    assert [len(part) for part in rows] == [540, 180, 180]
    assert times[rows[0]].max() <= times[rows[1]].min()
    assert times[rows[1]].max() <= times[rows[2]].min()
    assert json.loads((tmp_path / "out" / "report").read_text())["left_out"] == 100


@pytest.mark.parametrize(
    ("task", "classes", "dtype", "width"),
    [("binary", ["no", "yes"], np.float32, (1,)), ("multiclass", ["no", "maybe", "yes"], np.int64, ())],
)
def test_classes_are_split_in_equal_shares(
    tmp_path: Path, task: str, classes: list[str], dtype: type, width: tuple[int, ...]
) -> None:
    rows = table().with_columns(y=pl.Series([classes[k % len(classes)] for k in range(N_ROWS)]))
    written = split(
        tmp_path / "out", params(method="stratified"), rows, schema(task=task, classes=classes, weight=None)
    )
    train = read_tensors(tmp_path / "out" / "train")
    assert sorted(train) == ["categories", "numeric", "row", "target"]
    assert (train["target"].dtype, train["target"].shape[1:]) == (dtype, width)
    assert train["target"].reshape(-1).tolist() == [row % len(classes) for row in train["row"]]
    counts = json.loads(written["features"])["class_counts"]
    assert max(counts) - min(counts) <= 1


def test_a_distribution_is_stored_as_shares(tmp_path: Path) -> None:
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], N_ROWS)
    rows = table().with_columns(pl.Series(f"p{k}", shares[:, k]) for k in range(3))
    known = schema(task="distribution", target="p0,p1,p2", targets=["p0", "p1", "p2"], classes=["p0", "p1", "p2"])
    split(tmp_path / "out", params(), rows, known)
    test = read_tensors(tmp_path / "out" / "test")
    np.testing.assert_array_equal(test["target"], shares[test["row"]].astype(np.float32))


def test_every_row_is_a_test_row_of_one_fold(tmp_path: Path) -> None:
    tests = []
    for fold in range(4):
        split(tmp_path / str(fold), params(folds=4, fold=fold), table(), schema())
        tests += read_tensors(tmp_path / str(fold) / "test")["row"].tolist()
    assert sorted(tests) == list(range(N_ROWS))


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "ordered"},
        {"method": "group", "column": "shop"},
        {"method": "time", "column": "t"},
        {"method": "time", "column": "t", "gap": 5},
        {"seed": 2},
        {"train": 0.5, "test": 0.3},
        {"validation": 0.1, "test": 0.3},
        {"folds": 5},
        {"folds": 5, "fold": 1},
        {"folds": 4},
    ],
)
def test_every_option_changes_the_train_rows_or_the_test_rows(tmp_path: Path, changed: dict[str, Any]) -> None:
    rows, usual = table().with_columns(shop=pl.col("shop").fill_null("none")), params()
    alike = params(**{**changed, "gap": 0}) if changed.get("gap") else usual
    alike = params(**{**changed, "fold": 0}) if changed.get("fold") else alike
    before = split(tmp_path / "before", alike, rows, schema())
    after = split(tmp_path / "after", params(**changed), rows, schema())
    assert (
        before["train"] + before["validation"] + before["test"] != after["train"] + after["validation"] + after["test"]
    )


@pytest.mark.parametrize("n_rows", [999, 1001])
def test_a_table_of_another_size_than_its_schema_says_is_refused(tmp_path: Path, n_rows: int) -> None:
    with pytest.raises(InputError, match=r"table: must have [0-9]+ rows as its schema says, got 1000; run `dvc repro`"):
        split(tmp_path / "out", params(), table(), schema(rows=n_rows))
