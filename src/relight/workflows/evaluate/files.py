"""What evaluate reads of the data, and what it writes."""

from pathlib import Path
from typing import NamedTuple


class Files(NamedTuple):
    """
    Attributes:
        table: the clean rows, as prepare wrote them.
        train, validation, test: the tensors of each part.
        metrics: the scores of every part.
        reports: a new folder for tables of what the model says of the test rows.
    """

    table: Path
    train: Path
    validation: Path
    test: Path
    metrics: Path
    reports: Path
