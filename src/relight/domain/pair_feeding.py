"""Clean pairs → what an exported tower takes: the columns of both sides, and the letters of their texts."""

import json

import polars as pl

from relight.domain.features import Features
from relight.domain.feeding import Facts, Feeds, feeds, inputs_of, properties_of
from relight.domain.pair_cleaning import record_kinds
from relight.domain.pair_encoding import encode_records, one_side
from relight.domain.similarity import PairScale

HOW = (
    "code points of the text in small letters, without spaces around it, 0 behind its end and for a gap; of a longer "
    "text its beginning; a whole number reads 3, never 3.0"
)


def pair_columns(features: Features) -> dict[str, tuple[str, ...] | None]:
    """The inputs of the graph, and for a category its levels: of the left side its columns and letters, then the right.

    Letters have the name of a column `letters`, and a `_` behind it where a column is called so.
    """
    assert features.pairs
    levels = {column.name: column.levels if column.kind == "category" else None for column in inputs_of(features)}
    letters: dict[str, None] = {_letters(features): None} if features.pairs.texts else {}
    prefixes = (features.pairs.left, features.pairs.right)
    return {prefix + name: found for prefix in prefixes for name, found in {**levels, **letters}.items()}


def pair_feeds(table: pl.DataFrame, features: Features) -> Feeds:
    """Both sides of a clean table, under the names of `pair_columns`."""
    assert features.pairs
    found: Feeds = {}
    for prefix in (features.pairs.left, features.pairs.right):
        side = one_side(table, prefix, list(record_kinds(features)))
        found |= {prefix + name: column for name, column in feeds(side, inputs_of(features)).items()}
        if features.pairs.texts:
            letters = encode_records(side, features, features.pairs.texts)["letters"]
            found[prefix + _letters(features)] = letters
    return found


def facts_of_pairs(features: Features, scale: PairScale) -> Facts:
    """What an exported tower says about itself: its columns without a prefix, and how its answers are made."""
    assert features.pairs
    known = {
        "sides": [features.pairs.left, features.pairs.right],
        "numeric": [feature.name for feature in features.numeric],
        "categories": [feature.model_dump() for feature in features.categorical],
        "letters": {"columns": features.pairs.texts, "n_letters": features.pairs.n_letters, "are": HOW},
        "threshold": scale.threshold,
    }
    return {**properties_of(features), **{name: json.dumps(fact, ensure_ascii=False) for name, fact in known.items()}}


def _letters(features: Features) -> str:
    name = "letters"
    while name in features.columns:
        name += "_"
    return name
