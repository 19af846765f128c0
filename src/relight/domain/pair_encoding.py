"""Clean pairs → arrays, side by side."""

import numpy as np
import polars as pl

from relight.domain.encoding import encode
from relight.domain.features import Features, Inputs
from relight.domain.labels import as_labels
from relight.domain.ngrams import ngram_codes
from relight.domain.schema import PairColumns

SIDES = ("left", "right")


def one_side(table: pl.DataFrame, prefix: str, names: list[str]) -> pl.DataFrame:
    """The columns of one side, without their prefix."""
    return table.select(pl.col(prefix + name).alias(name) for name in names)


def names_of(pairs: PairColumns) -> list[str]:
    """What stands on both sides."""
    return [column.name for column in pairs.columns]


def encode_records(records: pl.DataFrame, inputs: Features | Inputs, texts: list[str]) -> dict[str, np.ndarray]:
    """One side without its prefix.

    Returns:
        numeric (n_rows, n_numeric) float32, categories (n_rows, n_categorical) int32, and text (n_rows, n_texts,
        n_slots) int32.
    """
    encoded = encode(records, inputs)
    codes = [ngram_codes(as_labels(records[name])) for name in texts]
    text = np.stack(codes, axis=1) if codes else np.zeros((records.height, 0, 0), dtype=np.int32)
    return {"numeric": encoded.numeric, "categories": encoded.categories, "text": text}


def encode_sides(
    left: pl.DataFrame, right: pl.DataFrame, inputs: Features | Inputs, texts: list[str]
) -> dict[str, np.ndarray]:
    """Both sides: `left_numeric`, `left_categories`, `left_text`, and so on."""
    sides = zip(SIDES, (left, right), strict=True)
    return {
        f"{side}_{part}": array
        for side, records in sides
        for part, array in encode_records(records, inputs, texts).items()
    }
