"""Values that must agree in all rows of a sequence: its target, its weight, its part."""

import numpy as np
import polars as pl


def differing(values: pl.Series, ids: pl.Series, place: np.ndarray) -> list[str]:
    """What is wrong where a value must be the same in all rows of a sequence.

    Args:
        place: (n_rows,) of each row's sequence, from 0.
    """
    first_rows = np.unique(place, return_index=True)[1]
    first = values[first_rows][place]
    wrong = values.ne_missing(first)
    if not wrong.any():
        return []
    at = int(wrong.arg_max() or 0)
    return [
        f"'{values.name}' must be the same in all rows of a sequence, however: "
        f"{ids.name} '{ids[at]}' has '{first[at]}' and '{values[at]}'"
    ]
