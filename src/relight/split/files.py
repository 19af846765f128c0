"""What split writes."""

from pathlib import Path
from typing import NamedTuple


class SplitFiles(NamedTuple):
    """
    Attributes:
        train, validation, test: the tensors of each part.
        features: what the train rows alone say of each feature.
        report: the sizes of the parts, and what is odd about them.
    """

    train: Path
    validation: Path
    test: Path
    features: Path
    report: Path
