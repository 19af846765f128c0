"""Some columns of the prepared table."""

from pathlib import Path

import numpy as np
import polars as pl

from relight.errors import InputError


def read_prepared_columns(path: Path, names: list[str], rows: np.ndarray) -> pl.DataFrame:
    """These columns of these rows, (len(rows), len(names)), in the order of both.

    Raises:
        InputError: when the file is missing or damaged.
    """
    try:
        return pl.scan_parquet(path).select(names).collect()[rows]
    except (pl.exceptions.PolarsError, OSError) as error:
        said = str(error).strip().splitlines()[0][:200]
        raise InputError(f"{path}: cannot be read: {said}; run `dvc checkout` or `dvc repro`") from error
