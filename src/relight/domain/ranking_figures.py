"""The scores of queries → figures."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from relight.domain.canvas import PREDICTED, TRAIN, WIDE, canvas

MOST_GROUPS = 8  # of queries by their size, each with as many of them
MOST_POINTS = 5_000


def ndcg_by_size(queries: pl.DataFrame) -> Figure:
    """Columns candidates, ndcg@10: a point for each measured query, and the mean of queries of about one size."""
    figure, axes = canvas(WIDE, "NDCG@10 by query size (test rows)", "candidates of the query", "NDCG@10")
    known = queries.drop_nulls("ndcg@10").sort("candidates", maintain_order=True)
    shown = known[np.unique(np.linspace(0, known.height - 1, MOST_POINTS).astype(int)).tolist()]
    axes.scatter(shown["candidates"], shown["ndcg@10"], s=14, alpha=0.35, color=TRAIN, linewidths=0, label="a query")
    groups = _groups(known)
    axes.plot(groups["candidates"], groups["ndcg@10"], color=PREDICTED, marker="o", label="mean of queries of a size")
    axes.axhline(float(known["ndcg@10"].mean()), color="0.5", linewidth=1, linestyle="--", label="mean of all")  # type: ignore[arg-type]
    axes.set_ylim(-0.03, 1.03)
    axes.legend(loc="lower right")
    return figure


def _groups(known: pl.DataFrame) -> pl.DataFrame:
    """At most 8, of as many queries each; queries of one size are in one group."""
    ranks = (known["candidates"].rank("min") - 1) * MOST_GROUPS // known.height
    columns = pl.col("candidates", "ndcg@10").mean()
    return known.with_columns(group=ranks).group_by("group", maintain_order=True).agg(columns)
