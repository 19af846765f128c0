"""split: assign the rows to parts, describe the train rows, write each part as tensors; each kind has a file."""

from pathlib import Path

from relight.data.schema import Schema
from relight.runtime.files import read_model
from relight.split.files import SplitFiles, read_rows, write_split
from relight.split.pairs import split_pairs
from relight.split.params import SplitParams
from relight.split.sequences import split_sequences
from relight.split.series import split_series
from relight.split.table import split_table


def split(
    params: SplitParams,
    *,
    table: Path,
    schema: Path,
    train: Path,
    validation: Path,
    test: Path,
    features: Path,
    report: Path,
) -> None:
    """Write three files of tensors, what only the train rows tell about each feature, and the sizes of the parts.

    A table of independent rows streams; all other kinds are in memory as a whole.

    Raises:
        InputError: for a table that is not the one of the schema, or that cannot be split in this way.
    """
    files = SplitFiles(train, validation, test, features, report)
    table_schema = read_model(schema, Schema)
    if table_schema.pairs is not None:
        done = split_pairs(params, table_schema, table_schema.pairs, read_rows(table, table_schema))
    elif table_schema.series is not None:
        done = split_series(params, table_schema, table_schema.series, read_rows(table, table_schema))
    elif table_schema.sequence is not None:
        done = split_sequences(params, table_schema, table_schema.sequence, read_rows(table, table_schema))
    else:
        split_table(params, table_schema, table, files)
        return
    write_split(files, done)
