"""split: share the rows out, describe the train rows, write each part as tensors; by what the task needs."""

from pathlib import Path

from relight.data.schema import Schema
from relight.runtime.files import read_model
from relight.split.files import SplitFiles
from relight.split.pairs import split_pairs
from relight.split.params import SplitParams
from relight.split.sequences import split_sequences
from relight.split.series import split_forecast
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
    """Write three files of tensors, what the train rows alone say of each feature, and the sizes of the parts."""
    files = SplitFiles(train, validation, test, features, report)
    table_schema = read_model(schema, Schema)
    if table_schema.pairs is not None:
        return split_pairs(params, table_schema, table, files)
    if table_schema.series is not None:
        return split_forecast(params, table_schema, table, files)
    if table_schema.sequence is not None:
        return split_sequences(params, table_schema, table, files)
    return split_table(params, table_schema, table, files)
