"""Names of columns: near misses, and columns that only name their rows."""

import difflib
from collections.abc import Collection

import polars as pl

FEWEST_IDS = 20  # fewer rows than this are all different by chance


def did_you_mean(name: str, known: list[str], taken: Collection[str] = ()) -> str:
    """The closest known name that is not taken already, or the known ones."""
    close = difflib.get_close_matches(name, [other for other in known if other not in taken], n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    shown = ", ".join(known[:20])
    return f"; its columns are {shown}{', ...' if len(known) > 20 else ''}"


def look_like_ids(values: pl.Series) -> bool:
    """Texts, or whole numbers without gaps between them, that differ in every row."""
    if len(values) < FEWEST_IDS or values.n_unique() < len(values):
        return False
    if values.dtype == pl.String:
        return True
    if not values.dtype.is_numeric():
        return False
    return bool((values.sort().diff().drop_nulls() == 1).all())
