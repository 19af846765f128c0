"""Made-up pairs that reach every corner of a tower: beside those of `trial_rows` texts of every kind."""

import polars as pl

from relight.domain.features import Features
from relight.domain.pair_cleaning import record_kinds
from relight.domain.trial_rows import N_ROWS, trial_rows

TEXTS = (
    "a", "Ab", "ab", None, "Anna Maria", "Ania  Marja", "", "ÉCOLE", "Straße", "İzmir", "李小龍", "😀 \U0010ffff",
    "00123", "x" * 24, "x" * 25, "x" * 26, "a long name " * 30,
)  # fmt: skip


def trial_pairs(features: Features) -> pl.DataFrame:
    """A clean table with the columns of both sides: 64 pairs of records, and each record beside itself."""
    assert features.pairs
    rows = trial_rows(features, gaps=True)
    texts = [_texts(name, place) for place, name in enumerate(features.pairs.texts) if name not in rows.columns]
    records = pl.DataFrame([*rows, *texts]).select(list(record_kinds(features)))
    left, right = pl.concat([records, records]), pl.concat([records.reverse(), records])
    sides = [
        left.select(pl.all().name.prefix(features.pairs.left)),
        right.select(pl.all().name.prefix(features.pairs.right)),
    ]
    return pl.concat(sides, how="horizontal")


def _texts(name: str, place: int) -> pl.Series:
    """In turn, by another stride for each column."""
    return pl.Series(name, [TEXTS[row * (place + 1) % len(TEXTS)] for row in range(N_ROWS)], dtype=pl.String)
