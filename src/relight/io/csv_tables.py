"""CSV tables in, every value as the text that stands in the file."""

from pathlib import Path

import polars as pl

from relight.errors import InputError
from relight.io.csv_structure import check_csv


def read_csv(path: Path) -> pl.DataFrame:
    """A table of texts, so that types are decided on whole columns.

    Raises:
        InputError: with file and line, for anything that could be read in two ways.
    """
    names, n_rows = check_csv(path)
    try:
        table = pl.read_csv(path, has_header=False, infer_schema=False, new_columns=names, glob=False)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: cannot be read as CSV: {str(error).strip().splitlines()[0][:200]}") from error
    return table.slice(1, n_rows)  # without the header, and without blank lines at the end
