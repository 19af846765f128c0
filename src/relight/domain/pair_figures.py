"""The distances of pairs as a picture."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from relight.domain.canvas import PREDICTED, TRAIN, WIDE, canvas

BINS = 60


def distances(table: pl.DataFrame, threshold: float) -> Figure:
    """Columns distance, alike: how many pairs of either kind are how far apart; a line at the threshold."""
    figure, axes = canvas(WIDE, "Distances (test rows)", "distance", "pairs")
    farthest = max(float(table["distance"].to_numpy().max()), threshold)
    edges = np.linspace(0, farthest or 1.0, BINS + 1)
    for code, colour, name in ((0, PREDICTED, "not alike"), (1, TRAIN, "alike")):
        found = table.filter(pl.col("alike") == code)["distance"].to_numpy()
        axes.hist(found, edges.tolist(), color=colour, alpha=0.6, label=f"{name} ({len(found)})")
    axes.axvline(threshold, color="0.3", linestyle="--", linewidth=1, label=f"threshold ({threshold:.3g})")
    axes.legend()
    return figure
