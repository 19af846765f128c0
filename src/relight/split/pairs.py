"""Pairs to tensors; letters.

A text as numbers: the code points of its letters.

Clean pairs → arrays, side by side.

Split pairs → their features: one description for both sides, by the train rows alone.

split, for a table of pairs.
"""

from pathlib import Path

import numpy as np
import polars as pl

from relight.data.features import Features, InputFeatures, PairFeatures
from relight.data.parquet import read_parquet
from relight.data.schema import Column, PairColumns, Schema
from relight.data.tensors import Layout, TensorsWriter
from relight.data.text_columns import as_labels
from relight.errors import InputError
from relight.runtime.files import write_json
from relight.split.assignment import PARTS, TEST, TRAIN, VALIDATION, PartAssignment, assign_parts, resolve_split
from relight.split.columns import columns_to_split
from relight.split.description import (
    TrainStatistics,
    count_classes,
    find_input_features,
    learn_levels,
    numeric_statistics,
)
from relight.split.encoding import encode, encode_chunk
from relight.split.files import SplitFiles
from relight.split.params import SplitParams
from relight.split.report import SplitReport, count_shared_rows

N_LETTERS = 25  # of a longer text its beginning
N_BUCKETS = 4096  # places for the n-grams of all texts
SIDES = ("left", "right")


def code_points(texts: pl.Series, n_letters: int = N_LETTERS) -> np.ndarray:
    """Code points of each text in small letters, int32 (n_rows, n_letters); 0 behind its end, all of them for a gap."""
    levels = texts.drop_nulls().unique().sort()
    of_level = np.zeros((len(levels) + 1, n_letters), dtype=np.int32)
    for code, text in enumerate(levels, start=1):
        letters = np.frombuffer(text.lower()[:n_letters].encode("utf-32-le"), dtype="<u4")
        of_level[code, : len(letters)] = letters
    codes = texts.cast(pl.Enum(levels)).to_physical().cast(pl.Int64) + 1
    letters_of_rows: np.ndarray = of_level[codes.fill_null(0).to_numpy()]
    return letters_of_rows


def side_records(table: pl.DataFrame, prefix: str, names: list[str]) -> pl.DataFrame:
    """The columns of one side, without their prefix."""
    return table.select(pl.col(prefix + name).alias(name) for name in names)


def shared_column_names(pairs: PairColumns) -> list[str]:
    """What stands on both sides."""
    return [column.name for column in pairs.columns]


def encode_records(records: pl.DataFrame, inputs: Features | InputFeatures, texts: list[str]) -> dict[str, np.ndarray]:
    """One side without its prefix.

    Returns:
        numeric (n_rows, n_numeric) float32, categories (n_rows, n_categorical) int32, and letters (n_rows, n_texts,
        n_letters) int32.
    """
    encoded = encode(records, inputs)
    letters = np.zeros((records.height, len(texts), N_LETTERS), dtype=np.int32)
    for index, name in enumerate(texts):
        letters[:, index] = code_points(as_labels(records[name]))
    return {"numeric": encoded.numeric, "categories": encoded.categories, "letters": letters}


def encode_sides(
    left: pl.DataFrame, right: pl.DataFrame, inputs: Features | InputFeatures, texts: list[str]
) -> dict[str, np.ndarray]:
    """Both sides: `left_numeric`, `left_categories`, `left_letters`, and so on."""
    sides = zip(SIDES, (left, right), strict=True)
    return {
        f"{side}_{part}": array
        for side, records in sides
        for part, array in encode_records(records, inputs, texts).items()
    }


def describe_pairs(params: SplitParams, schema: Schema, parts: PartAssignment, table: pl.DataFrame) -> Features:
    """The features as both sides of the train rows describe them, as if they were records of one table."""
    assert schema.pairs
    train = _stacked(schema.pairs, schema.target, table.filter(parts == TRAIN))
    records = _record_schema(schema, train.height)
    params = params.model_copy(update={"column": None})  # names a column of the table, not of a record
    inputs = (
        find_input_features(params, records, [learn_levels(params, records, train)])
        if records.features
        else InputFeatures([], [])
    )
    rows = TrainStatistics(records, inputs, np.full(train.height, TRAIN, dtype=np.int8))
    encoded = encode_chunk(train, records, inputs)
    rows.add(encoded, numeric_statistics(encoded))
    described = rows.features()
    return described.model_copy(
        update={
            "weight": schema.weight,
            "class_counts": (count_classes(encoded.target, len(schema.classes or [])) // 2).tolist(),
            "n_train": train.height // 2,
            "validates_on_test": not bool((parts == VALIDATION).any()),
            "pairs": PairFeatures(
                left=schema.pairs.left,
                right=schema.pairs.right,
                texts=[column.name for column in schema.pairs.columns if column.is_text],
                n_letters=N_LETTERS,
                n_buckets=N_BUCKETS,
            ),
        }
    )


def report_pairs(schema: Schema, features: Features, parts: PartAssignment, table: pl.DataFrame) -> SplitReport:
    """The sizes of the parts, and what may make their scores misleading."""
    assert schema.pairs
    names = shared_column_names(schema.pairs)
    left = side_records(table, schema.pairs.left, names).hash_rows(seed=0).to_numpy()
    both = table.select(prefix + name for name in names for prefix in (schema.pairs.left, schema.pairs.right))
    twins, shared = count_shared_rows(both.hash_rows(seed=0).to_numpy(), parts), count_shared_rows(left, parts)
    constant = _constant_pair_columns(features)
    notes = {
        f"Pairs that stand in more than one part: {twins}; scores may be too good.": twins > 0,
        f"Left records that stand in more than one part: {shared}; with a column that names them, split.method: group "
        "keeps each in one part.": shared > 0,
        f"Columns with one value in all train rows: {', '.join(constant)}; they tell the model nothing.": constant
        != [],
    }
    rows = {part: int((parts == index).sum()) for index, part in enumerate(PARTS)}
    return SplitReport(
        rows=rows, left_out=int((parts < 0).sum()), notes=[note for note, holds in notes.items() if holds]
    )


def pair_tensors(schema: Schema, features: Features, table: pl.DataFrame) -> dict[str, np.ndarray]:
    """All that training reads: six arrays of both sides, `target` (n_rows, 1) float32 with 1 for alike, `weight`."""
    assert schema.pairs
    assert features.pairs
    names = shared_column_names(schema.pairs)
    left, right = (side_records(table, prefix, names) for prefix in (schema.pairs.left, schema.pairs.right))
    chunk = encode_chunk(table, schema, InputFeatures([], []))
    weight = {} if chunk.weight is None else {"weight": chunk.weight}
    return {**encode_sides(left, right, features, features.pairs.texts), "target": chunk.target, **weight}


def _stacked(pairs: PairColumns, target: str, table: pl.DataFrame) -> pl.DataFrame:
    """All left records, then all right ones, each with the label of its pair."""
    sides = [side_records(table, prefix, shared_column_names(pairs)) for prefix in (pairs.left, pairs.right)]
    return pl.concat([side.with_columns(table[target].alias(target)) for side in sides])


def _record_schema(schema: Schema, n_rows: int) -> Schema:
    """The schema of a table of records: what is a number or a level; texts have no statistics."""
    assert schema.pairs
    columns = [
        Column(name=c.name, kind=c.kind) for c in schema.pairs.columns if c.kind != "categorical" or not c.is_text
    ]
    return schema.model_copy(update={"rows": n_rows, "weight": None, "columns": columns, "pairs": None})


def _constant_pair_columns(features: Features) -> list[str]:
    constant = [number.name for number in features.numeric if number.low == number.high and number.date_part is None]
    return [f"'{name}'" for name in [*constant, *(c.name for c in features.categorical if len(c.levels) < 2)]]


def split_pairs(params: SplitParams, schema: Schema, table: Path, files: SplitFiles) -> None:
    """Of a table of pairs, all of it in memory; one description of the columns for both sides."""
    rows = read_parquet(table)
    if rows.height != schema.rows:
        raise InputError(f"{table}: has {rows.height} rows, and its schema says {schema.rows}; run `dvc repro`")
    params, choice = resolve_split(params, schema)
    parts = assign_parts(params, rows.select(columns_to_split(params, schema)), schema)
    features = describe_pairs(params, schema, parts, rows)
    stands_in = TEST if features.validates_on_test else VALIDATION
    for part, path in zip((TRAIN, stands_in, TEST), files[:3], strict=True):
        _write(path, schema, features, rows[indices := np.flatnonzero(parts == part)], indices)
    write_json(files.features, features)
    write_json(files.report, report_pairs(schema, features, parts, rows).preceded_by(choice))


def _write(path: Path, schema: Schema, features: Features, rows: pl.DataFrame, indices: np.ndarray) -> None:
    arrays = {**pair_tensors(schema, features, rows), "row": indices}
    layouts = {name: Layout(str(array.dtype), array.shape) for name, array in arrays.items()}
    with TensorsWriter(path, layouts) as file:
        file.write(0, arrays)
