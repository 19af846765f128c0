"""Whole numbers that float64 would round keep each digit, from the file to the groups of a split."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from relight.data.features import InputFeatures, NumericInput
from relight.data.schema import SequenceParams
from relight.data.text_format import MISSING_WORDS
from relight.errors import InputError
from relight.prepare.columns import clean_as_kind, clean_column
from relight.prepare.params import PrepareParams
from relight.prepare.plain.columns import with_gaps
from relight.prepare.plain.tables import read_plain
from relight.prepare.sequences import order_new_steps
from relight.prepare.table import clean_table, prepare_table
from relight.prepare.targets import clean_target
from relight.split.assignment import assign_parts
from relight.split.columns import encode_column, sortable_times
from relight.split.encoding import encode
from relight.split.offsets import with_offsets
from relight.split.params import SplitParams

FIRST = 740_245_381_351_497_681
IDS = [FIRST + 7 * k for k in range(40)]


def params(**changed: object) -> PrepareParams:
    return PrepareParams.model_validate(
        {"source": "t.csv", "target": "y", "task": "regression", "ignore": [], **changed}
    )


def rows(ids: object, n: int = 200) -> pl.DataFrame:
    draw = np.random.default_rng(0)
    return pl.DataFrame({"id": ids, "x": draw.normal(size=n), "y": draw.normal(size=n)})


@pytest.mark.parametrize(
    ("raw", "dtype"),
    [
        (pl.Series(IDS), pl.Int64),
        (pl.Series([f" {value} " for value in IDS]), pl.Int64),
        (pl.Series([str(value) for value in IDS] + ["NA"]), pl.Int64),
        (pl.Series([-value for value in IDS]), pl.Int64),
        (pl.Series([2**64 - 1 - k for k in range(5)], dtype=pl.UInt64), pl.UInt64),
        (pl.Series([str(2**64 - 1 - k) for k in range(5)]), pl.UInt64),
        (pl.Series([2**53 - 1, 2**53]), pl.Float64),
        (pl.Series(["1", "2.5"]), pl.Float64),
        (pl.Series([str(10**25), str(10**25 + 1)]), pl.Float64),
        (pl.Series([1e300, 2.0]) / 1e290, pl.Float64),
        (pl.Series([str(FIRST), "0.5"]), pl.Float64),
    ],
)
def test_only_whole_numbers_beyond_float64_are_integers(raw: pl.Series, dtype: pl.DataType) -> None:
    plain = with_gaps(raw, MISSING_WORDS)
    for cleaned in (clean_column(plain).values, clean_as_kind("numeric", plain)):
        assert cleaned.dtype == dtype
        if dtype != pl.Float64:
            texts = [str(value).strip() for value in raw]
            assert [str(value) for value in cleaned.drop_nulls()] == [text for text in texts if text != "NA"]


@pytest.mark.parametrize("as_text", [True, False])
def test_users_are_split_as_groups_by_every_digit(as_text: bool) -> None:
    ids = [IDS[k] for k in np.random.default_rng(1).integers(0, 40, 200)]
    clean = clean_table(rows([str(value) for value in ids] if as_text else ids), params())
    assert clean.rows["id"].to_list() == ids
    assert encode_column(clean.rows["id"]).levels.to_list() == sorted(set(ids))
    split = SplitParams(method="group", column="id", train=0.6, validation=0.2, test=0.2, seed=1)
    parts = assign_parts(split, clean.rows, clean.schema)
    assert len({(value, int(part)) for value, part in zip(ids, parts, strict=True)}) == len(set(ids))
    small = clean.rows.with_columns(id=pl.Series([(value - FIRST) / 7 for value in ids]))
    np.testing.assert_array_equal(parts, assign_parts(split, small, clean.schema))


def test_a_csv_in_many_pieces_has_one_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The later rows are typed, and hold a gap, a small number and spaces."""
    monkeypatch.setattr("relight.prepare.table.PLANNING_ROWS", 50)
    monkeypatch.setattr("relight.prepare.csv.reader.PIECE_BYTES", 1000)
    ids = [str(value) for value in IDS * 5]
    ids[120:123] = ["NA", "12", f" {FIRST}"]
    monkeypatch.chdir(tmp_path)
    path = Path("t.csv")
    path.write_text("id,x,y\n" + "".join(f"{value},{k},{k / 3}\n" for k, value in enumerate(ids)))
    prepare_table(params(), source=path, table=Path("table"), schema=Path("schema"))
    found = pl.read_parquet(Path("table"))
    assert found["id"].dtype == pl.Int64
    assert found["id"].to_list() == [None if value == "NA" else int(value) for value in ids]
    whole = clean_table(read_plain(params(), path).rows, params())
    assert found.equals(whole.rows)


def test_a_fraction_after_large_whole_numbers_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("relight.prepare.table.PLANNING_ROWS", 40)
    monkeypatch.chdir(tmp_path)
    path = Path("t.csv")
    path.write_text("id,x,y\n" + "".join(f"{value},{k},{k / 3}\n" for k, value in enumerate([*IDS, 1.5])))
    with pytest.raises(InputError, match=r"column 'id' row 41 must be a whole number of Int64, .* got 1.5; fix the"):
        prepare_table(params(), source=path, table=Path("table"), schema=Path("schema"))


def test_classes_and_quantities_of_many_digits() -> None:
    classes = clean_target(pl.Series([FIRST, FIRST + 7] * 50), "binary")
    assert classes.classes == [str(FIRST), str(FIRST + 7)]
    assert clean_target(pl.Series(IDS * 5), "regression").values.dtype == pl.Float64


def test_the_order_of_time_is_that_of_every_digit() -> None:
    times = [FIRST + k for k in (3, 1, 2, 0)]
    for column in (pl.Series("t", times), pl.Series("t", [str(value) for value in times])):
        assert sortable_times(column).arg_sort().to_list() == [3, 1, 2, 0]
        steps = pl.DataFrame({"id": ["a"] * 4, "t": column})
        assert order_new_steps(steps, SequenceParams(id="id", time="t"), "t.csv").order.tolist() == [3, 1, 2, 0]


def test_new_rows_are_encoded_as_those_of_the_table_are() -> None:
    """A table of new rows may hold a single id, as text."""
    clean, schema = clean_table(rows(IDS * 5), params())
    inputs = with_offsets(InputFeatures([NumericInput(name="id", column="id", kind="numeric")], []), schema, clean)
    offset = int(inputs.numeric[0].offset)
    assert encode(clean, inputs).numeric[:, 0].tolist() == [value - offset for value in IDS * 5]
    new = clean_as_kind("numeric", pl.Series("id", [str(IDS[3])])).to_frame()
    assert encode(new, inputs).numeric[0, 0] == IDS[3] - offset
