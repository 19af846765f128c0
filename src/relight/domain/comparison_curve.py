"""The curves of one run beside those of others."""

from typing import NamedTuple

import polars as pl


class Curve(NamedTuple):
    """
    Attributes:
        table: curves.csv, its values as texts.
    """

    name: str
    table: pl.DataFrame
