"""Split pairs → their features: one description for both sides, by the train rows alone."""

import numpy as np
import polars as pl

from relight.domain.describing import TrainRows, count_classes, statistics_of_numbers
from relight.domain.encoding import encode_chunk
from relight.domain.features import Features, Inputs, PairFeatures
from relight.domain.inputs import find_inputs, learn
from relight.domain.letters import N_BUCKETS, N_LETTERS
from relight.domain.pair_encoding import encode_sides, names_of, one_side
from relight.domain.parts_report import PartsReport, count_twins
from relight.domain.schema import Column, PairColumns, Schema
from relight.domain.splitting import PARTS, TRAIN, VALIDATION, Parts
from relight.params.split import SplitParams


def describe_pairs(params: SplitParams, schema: Schema, parts: Parts, table: pl.DataFrame) -> Features:
    """The features as both sides of the train rows describe them, as if they were records of one table."""
    assert schema.pairs
    train = _stacked(schema.pairs, schema.target, table.filter(parts == TRAIN))
    records = _of_records(schema, train.height)
    params = params.model_copy(update={"column": None})  # names a column of the table, not of a record
    inputs = find_inputs(params, records, [learn(params, records, train)]) if records.features else Inputs([], [])
    rows = TrainRows(records, inputs, np.full(train.height, TRAIN, dtype=np.int8))
    encoded = encode_chunk(train, records, inputs)
    rows.add(encoded, statistics_of_numbers(encoded))
    described = rows.features()
    return described.model_copy(
        update={
            "weight": schema.weight,
            "class_counts": (count_classes(encoded.target, len(schema.classes or [])) // 2).tolist(),
            "n_train": train.height // 2,
            "test_rows_validate": not bool((parts == VALIDATION).any()),
            "pairs": PairFeatures(
                left=schema.pairs.left,
                right=schema.pairs.right,
                texts=[column.name for column in schema.pairs.columns if column.is_text],
                n_letters=N_LETTERS,
                n_buckets=N_BUCKETS,
            ),
        }
    )


def report_pairs(schema: Schema, features: Features, parts: Parts, table: pl.DataFrame) -> PartsReport:
    """The sizes of the parts, and what may make their scores misleading."""
    assert schema.pairs
    names = names_of(schema.pairs)
    left = one_side(table, schema.pairs.left, names).hash_rows(seed=0).to_numpy()
    both = table.select(prefix + name for name in names for prefix in (schema.pairs.left, schema.pairs.right))
    twins, shared = count_twins(both.hash_rows(seed=0).to_numpy(), parts), count_twins(left, parts)
    said = {
        f"Pairs that stand in more than one part: {twins}; scores may be too good.": twins > 0,
        f"Left records that stand in more than one part: {shared}; with a column that names them, split.method: group "
        "keeps each in one part.": shared > 0,
        f"Columns with one value in all train rows: {', '.join(_silent(features))}; they tell the model nothing.": bool(
            _silent(features)
        ),
    }
    rows = {part: int((parts == index).sum()) for index, part in enumerate(PARTS)}
    return PartsReport(
        rows=rows, left_out=int((parts < 0).sum()), notes=[note for note, holds in said.items() if holds]
    )


def tensors_of_pairs(schema: Schema, features: Features, table: pl.DataFrame) -> dict[str, np.ndarray]:
    """All that training reads: six arrays of both sides, `target` (n_rows, 1) float32 with 1 for alike, `weight`."""
    assert schema.pairs
    assert features.pairs
    names = names_of(schema.pairs)
    left, right = (one_side(table, prefix, names) for prefix in (schema.pairs.left, schema.pairs.right))
    chunk = encode_chunk(table, schema, Inputs([], []))
    weight = {} if chunk.weight is None else {"weight": chunk.weight}
    return {**encode_sides(left, right, features, features.pairs.texts), "target": chunk.target, **weight}


def _stacked(pairs: PairColumns, target: str, table: pl.DataFrame) -> pl.DataFrame:
    """All left records, then all right ones, each with the label of its pair."""
    sides = [one_side(table, prefix, names_of(pairs)) for prefix in (pairs.left, pairs.right)]
    return pl.concat([side.with_columns(table[target].alias(target)) for side in sides])


def _of_records(schema: Schema, n_rows: int) -> Schema:
    """The schema of a table of records: what is a number or a level; texts have no statistics."""
    assert schema.pairs
    columns = [
        Column(name=c.name, kind=c.kind) for c in schema.pairs.columns if c.kind != "categorical" or not c.is_text
    ]
    return schema.model_copy(update={"rows": n_rows, "weight": None, "columns": columns, "pairs": None})


def _silent(features: Features) -> list[str]:
    constant = [number.name for number in features.numeric if number.low == number.high and number.moment is None]
    return [f"'{name}'" for name in [*constant, *(c.name for c in features.categorical if len(c.levels) < 2)]]
