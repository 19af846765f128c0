"""What the rows of a new table hold that no train row did, counted while they pass by."""

from collections import Counter

import numpy as np

from relight.domain.encoding import Encoded
from relight.domain.features import Features

MOST_NAMES = 5


class Surprises:
    """Rows so far, categories that are missing or unknown, and numbers that are missing where none was in training."""

    def __init__(self, features: Features) -> None:
        self.without_gaps = {f.column: place for place, f in enumerate(features.numeric) if not f.gaps}
        self.n_rows = 0
        self.n_categories = 0
        self.n_missing: Counter[str] = Counter()  # by column

    def add(self, rows: Encoded) -> None:
        self.n_rows += len(rows.numeric)
        self.n_categories += int((rows.categories == 0).sum())
        missing = np.isnan(rows.numeric).sum(axis=0)
        for column, place in self.without_gaps.items():
            self.n_missing[column] += int(missing[place])

    def sentences(self) -> str:
        """What there is to say, each after a semicolon."""
        said = f"; {self.n_categories} categories were missing or unknown" if self.n_categories else ""
        names = [name for name, n_missing in self.n_missing.items() if n_missing]
        if names:
            more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
            said += (
                f"; {self.n_missing.total()} numbers are missing in columns without gaps in training "
                f"({', '.join(names[:MOST_NAMES])}{more}): the train rows' mean stands for them"
            )
        return said
