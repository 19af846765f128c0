"""Clean pairs → arrays, side by side."""

import numpy as np
import polars as pl

from relight.domain.encoding import encode
from relight.domain.features import Features, Inputs
from relight.domain.labels import as_labels
from relight.domain.letters import N_LETTERS, letters_of
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
        numeric (n_rows, n_numeric) float32, categories (n_rows, n_categorical) int32, and letters (n_rows, n_texts,
        n_letters) int32.
    """
    encoded = encode(records, inputs)
    letters = np.zeros((records.height, len(texts), N_LETTERS), dtype=np.int32)
    for place, name in enumerate(texts):
        letters[:, place] = letters_of(as_labels(records[name]))
    return {"numeric": encoded.numeric, "categories": encoded.categories, "letters": letters}


def encode_sides(
    left: pl.DataFrame, right: pl.DataFrame, inputs: Features | Inputs, texts: list[str]
) -> dict[str, np.ndarray]:
    """Both sides: `left_numeric`, `left_categories`, `left_letters`, and so on."""
    sides = zip(SIDES, (left, right), strict=True)
    return {
        f"{side}_{part}": array
        for side, records in sides
        for part, array in encode_records(records, inputs, texts).items()
    }
