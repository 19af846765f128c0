"""split, for a table of pairs; all of it is in memory.

The records of both sides are encoded alike, and only those of the train pairs describe the features. A text with
many different values is read by its letters.
"""

import numpy as np
import polars as pl

from relight.data.features import Features, InputFeatures, PairFeatures
from relight.data.pair_names import side_column
from relight.data.schema import Column, PairColumns, Schema
from relight.data.tensors import Arrays
from relight.data.text_columns import as_labels
from relight.split.assignment import (
    TRAIN,
    PartAssignment,
    assign_rows,
    count_parts,
    has_validation,
    parts_to_write,
)
from relight.split.description import (
    TrainStatistics,
    count_classes,
    find_input_features,
    learn_levels,
    numeric_statistics,
)
from relight.split.encoding import encode, encode_chunk
from relight.split.files import Split
from relight.split.offsets import merged_notes, with_offsets
from relight.split.params import SplitParams
from relight.split.report import SplitReport, count_shared_rows

N_LETTERS = 25  # a longer text is cut
N_BUCKETS = 4096  # hash buckets for the n-grams of all texts
SIDES = ("left", "right")


def split_pairs(params: SplitParams, schema: Schema, pairs: PairColumns, rows: pl.DataFrame) -> Split:
    """Return the arrays of each part, the features and the report.

    Raises:
        InputError: as `assign_rows`.
    """
    parts, params, notes, _ = assign_rows(params, schema, rows.select)
    features = describe_pairs(params, schema, pairs, parts, rows)
    indices = (np.flatnonzero(parts == part) for part in parts_to_write(parts))
    tensors = ({**pair_tensors(schema, pairs, features, rows[index]), "row": index} for index in indices)
    train = _stacked(pairs, schema.target, rows.filter(parts == TRAIN))
    report = report_pairs(pairs, features, parts, rows).followed_by(merged_notes(features, train))
    return Split(tensors, features, report.preceded_by(notes))


def code_points(texts: pl.Series, n_letters: int = N_LETTERS) -> np.ndarray:
    """Return the code points of each text in lower case, int32 (n_rows, n_letters); 0 after its end and for a gap."""
    levels = texts.drop_nulls().unique().sort()
    level_letters = np.zeros((len(levels) + 1, n_letters), dtype=np.int32)
    for code, text in enumerate(levels, start=1):
        letters = np.frombuffer(text.lower()[:n_letters].encode("utf-32-le"), dtype="<u4")
        level_letters[code, : len(letters)] = letters
    codes = texts.cast(pl.Enum(levels)).to_physical().cast(pl.Int64) + 1
    row_letters: np.ndarray = level_letters[codes.fill_null(0).to_numpy()]
    return row_letters


def side_records(table: pl.DataFrame, prefix: str, names: list[str]) -> pl.DataFrame:
    """Return the columns of one side, without their prefix."""
    return table.select(pl.col(side_column(prefix, name)).alias(name) for name in names)


def shared_column_names(pairs: PairColumns) -> list[str]:
    """Return the columns that both sides have, without a prefix."""
    return [column.name for column in pairs.columns]


def encode_records(records: pl.DataFrame, inputs: Features | InputFeatures, texts: list[str]) -> Arrays:
    """Encode the records of one side, without its prefix.

    Args:
        texts: the columns that are read by their letters.

    Returns:
        numeric (n_rows, n_numeric) float32, categories (n_rows, n_categorical) int32, and letters (n_rows, n_texts,
        n_letters) int32.
    """
    encoded = encode(records, inputs)
    letters = np.zeros((records.height, len(texts), N_LETTERS), dtype=np.int32)
    for index, name in enumerate(texts):
        letters[:, index] = code_points(as_labels(records[name]))
    return {"numeric": encoded.numeric, "categories": encoded.categories, "letters": letters}


def encode_sides(left: pl.DataFrame, right: pl.DataFrame, inputs: Features | InputFeatures, texts: list[str]) -> Arrays:
    """Encode both sides: `left_numeric`, `left_categories`, `left_letters`, and so on."""
    sides = zip(SIDES, (left, right), strict=True)
    return {
        f"{side}_{part}": array
        for side, records in sides
        for part, array in encode_records(records, inputs, texts).items()
    }


def describe_pairs(
    params: SplitParams, schema: Schema, pairs: PairColumns, parts: PartAssignment, table: pl.DataFrame
) -> Features:
    """Describe the features by both sides of the train pairs, as if they were records of one table."""
    train = _stacked(pairs, schema.target, table.filter(parts == TRAIN))
    records = _record_schema(schema, pairs, train.height)
    params = params.model_copy(update={"column": None})  # names a column of the table, not of a record
    inputs = InputFeatures([], [])
    if records.features:
        levels = learn_levels(params, records, train).without_gaps()  # a gap is equally far from every name
        inputs = with_offsets(find_input_features(params, records, [levels]), records, train)
    rows = TrainStatistics(records, inputs, np.full(train.height, TRAIN, dtype=np.int8))
    encoded = encode_chunk(train, records, inputs)
    rows.add(encoded, numeric_statistics(encoded))
    return rows.features().model_copy(
        update={
            "weight": schema.weight,
            "class_counts": (count_classes(encoded.target, len(schema.classes or [])) // 2).tolist(),
            "n_train": train.height // 2,
            "validates_on_test": not has_validation(parts),
            "pairs": PairFeatures(
                left=pairs.left,
                right=pairs.right,
                texts=[column.name for column in pairs.columns if column.is_text],
                n_letters=N_LETTERS,
                n_buckets=N_BUCKETS,
            ),
        }
    )


def report_pairs(pairs: PairColumns, features: Features, parts: PartAssignment, table: pl.DataFrame) -> SplitReport:
    """Return the sizes of the parts, and what may make their scores misleading."""
    names = shared_column_names(pairs)
    left = side_records(table, pairs.left, names).hash_rows(seed=0).to_numpy()
    both = table.select(side_column(mark, name) for name in names for mark in (pairs.left, pairs.right))
    n_pairs, n_left = count_shared_rows(both.hash_rows(seed=0).to_numpy(), parts), count_shared_rows(left, parts)
    constant = _constant_pair_columns(features)
    notes = {
        f"Pairs that stand in more than one part: {n_pairs}; scores may be too good.": n_pairs > 0,
        f"Left records that stand in more than one part: {n_left}; with a column that names them, split.method: group "
        "keeps each in one part.": n_left > 0,
        f"Columns with one value in all train rows: {', '.join(constant)}; they tell the model nothing.": constant
        != [],
    }
    return SplitReport(
        rows=count_parts(parts),
        left_out=int((parts < 0).sum()),
        notes=[note for note, holds in notes.items() if holds],
    )


def pair_tensors(schema: Schema, pairs: PairColumns, features: Features, table: pl.DataFrame) -> Arrays:
    """Return what training reads: six arrays of both sides, `target` (n_rows, 1) float32 with 1 for alike, `weight`."""
    names = shared_column_names(pairs)
    texts = [column.name for column in pairs.columns if column.is_text]
    left, right = (side_records(table, prefix, names) for prefix in (pairs.left, pairs.right))
    chunk = encode_chunk(table, schema, InputFeatures([], []))
    weight = {} if chunk.weight is None else {"weight": chunk.weight}
    return {**encode_sides(left, right, features, texts), "target": chunk.target, **weight}


def _stacked(pairs: PairColumns, target: str, table: pl.DataFrame) -> pl.DataFrame:
    """Return all left records, then all right ones, each with the label of its pair."""
    sides = [side_records(table, prefix, shared_column_names(pairs)) for prefix in (pairs.left, pairs.right)]
    return pl.concat([side.with_columns(table[target].alias(target)) for side in sides])


def _record_schema(schema: Schema, pairs: PairColumns, n_rows: int) -> Schema:
    """Return the schema of a table of records: its numbers and levels; texts have no statistics."""
    columns = [Column(name=c.name, kind=c.kind) for c in pairs.columns if c.kind != "categorical" or not c.is_text]
    return schema.model_copy(update={"rows": n_rows, "weight": None, "columns": columns, "pairs": None})


def _constant_pair_columns(features: Features) -> list[str]:
    constant = [number.name for number in features.numeric if number.low == number.high and number.date_part is None]
    return [f"'{name}'" for name in [*constant, *(c.name for c in features.categorical if len(c.levels) < 2)]]
