"""predict, for the candidates of queries: a score for each, and its rank in its query."""

from pathlib import Path

import numpy as np
import polars as pl

from relight.domain.answers import answers
from relight.domain.columns import UncleanError
from relight.domain.description import Description
from relight.domain.encoding import encode
from relight.domain.models.building import build_model
from relight.domain.predicting import predict as outputs_of
from relight.domain.query_column import query_labels
from relight.domain.rows import inputs_for
from relight.domain.surprises import Surprises
from relight.errors import InputError
from relight.io.atomic import write_parts
from relight.io.checkpoints import load_weights
from relight.workflows.predict.table import check_finite, chunk_rows, clean_chunks


def predict_ranking(table: Path, known: Description, *, weights: Path, output: Path) -> str:
    """Write query, prediction and rank (1 is the best, ties by row) for each row, in the order of the table; returns
    what to tell the person.

    The answers are held until all rows have passed: the candidates of a query may lie anywhere.

    Raises:
        InputError: for missing columns, values that do not fit, rows without a query, or a damaged model.
    """
    features = known.features
    model = build_model(known.model, features, target_scale=known.target_scale, seeds=known.seeds)
    load_weights(weights, model)
    surprises, queries, scores = Surprises(features), [], []
    for rows in clean_chunks(table, features, chunk_rows(model)):
        queries.append(_queries(rows[str(features.query)], table, surprises.n_rows))
        encoded = encode(rows, features)
        scores.append(answers(features.task, outputs_of(model, inputs_for(model, *encoded, str(table)))))
        check_finite(scores[-1], table, surprises.n_rows)
        surprises.add(encoded)
    ranked = ranked_rows(pl.concat(queries), np.concatenate(scores))
    write_parts(output, iter([ranked.write_csv().encode()]))
    n_queries = ranked["query"].n_unique()
    return f"{output}: {surprises.n_rows} candidates of {n_queries} queries ranked{surprises.sentences()}\n"


def ranked_rows(query: pl.Series, score: np.ndarray) -> pl.DataFrame:
    """Columns query, prediction, rank: from 1, the highest score first, of equal scores the first row."""
    rank = pl.col("prediction").rank("ordinal", descending=True).over("query")
    return pl.DataFrame({"query": query, "prediction": score}).with_columns(rank=rank)


def _queries(raw: pl.Series, table: Path, n_before: int) -> pl.Series:
    try:
        return query_labels(raw, n_before + 1)
    except UncleanError as unclean:
        raise InputError(f"{table}: column '{raw.name}' {unclean}") from unclean
