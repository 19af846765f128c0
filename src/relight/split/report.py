"""The report of a split: sizes of the parts, and remarks. It depends on the test rows, so no model ever reads it."""

from collections.abc import Iterable

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from relight.data.features import Features, InputFeatures
from relight.data.schema import Part, Schema
from relight.runtime.messages import abbreviate
from relight.split.assignment import NO_PART, PARTS, TEST, TRAIN, PartAssignment, count_parts
from relight.split.description import count_classes
from relight.split.encoding import EncodedChunk, encode_chunk
from relight.split.offsets import merged_notes, sample_train_rows
from relight.split.params import SplitParams

MAX_ROWS_FOR_DUPLICATES = 2_000_000  # the hashes of more rows, eight bytes each, would be most of the memory

MAX_NAMES_LISTED = 20  # names in one sentence
MAX_CLASSES_LISTED = 5


class SplitReport(BaseModel):
    """The sizes of the parts, and remarks on them.

    Attributes:
        rows: the number of rows of each part.
        left_out: the number of rows in no part: the gap of a split by time.
        notes: whole sentences.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: dict[Part, int]
    left_out: int = 0
    notes: list[str]

    def preceded_by(self, notes: list[str]) -> "SplitReport":
        """Return the report with more notes, before the others."""
        return self.model_copy(update={"notes": [*notes, *self.notes]})

    def followed_by(self, notes: list[str]) -> "SplitReport":
        """Return the report with more notes, after the others."""
        return self.model_copy(update={"notes": [*self.notes, *notes]})


class SplitReporter:
    """Collects what the report needs, from the rows of all parts, which pass once, chunk by chunk, in order."""

    def __init__(self, schema: Schema, inputs: InputFeatures | Features, parts: PartAssignment) -> None:
        self._categories = [category.name for category in inputs.categorical]
        self._columns = [*dict.fromkeys(number.column for number in inputs.numeric), *self._categories, *schema.targets]
        self._parts = parts
        self._n_rows = 0
        self._hashes: list[np.ndarray] | None = [] if schema.rows <= MAX_ROWS_FOR_DUPLICATES else None
        self._unknown_rows = np.zeros(len(self._categories), dtype=np.int64)
        self._classes = schema.classes or [] if schema.task in ("binary", "multiclass") else []
        self._class_counts = np.zeros((len(PARTS), len(self._classes)), dtype=np.int64)

    def add(self, chunk: pl.DataFrame, encoded: EncodedChunk) -> None:
        """Add the next rows, clean and encoded."""
        parts = self._parts[self._n_rows : self._n_rows + chunk.height]
        self._n_rows += chunk.height
        if self._hashes is not None:
            self._hashes.append(chunk.select(self._columns).hash_rows(seed=0).to_numpy())
        for index, name in enumerate(self._categories):
            unknown = (encoded.categories[index] == 0) & chunk[name].is_not_null().to_numpy() & (parts == TEST)
            self._unknown_rows[index] += int(unknown.sum())
        if self._classes:
            for part, counts in enumerate(self._class_counts):
                counts += count_classes(encoded.target[parts == part], len(counts))

    def report(self, params: SplitParams, features: Features) -> SplitReport:
        """Return the sizes of the parts, and what may make their scores misleading."""
        left_out = int((self._parts == NO_PART).sum())
        return SplitReport(
            rows=count_parts(self._parts),
            left_out=left_out,
            notes=[
                *method_notes(params, left_out),
                *recurring_notes(params, features),
                *self._duplicate_notes(),
                *self._unseen_class_notes(),
                *self._unknown_level_notes(),
                *constant_columns(features),
            ],
        )

    def _duplicate_notes(self) -> list[str]:
        """Count the different rows that are in more than one part, word for word."""
        if self._hashes is None:
            return [
                "Whether rows stand in more than one part was not looked at: the table has over "
                f"{MAX_ROWS_FOR_DUPLICATES:,} rows."
            ]
        n_shared = count_shared_rows(np.concatenate(self._hashes), self._parts)
        return [f"Rows that stand in more than one part: {n_shared}; scores may be too good."] if n_shared else []

    def _unseen_class_notes(self) -> list[str]:
        return unseen_classes(self._classes, self._class_counts)

    def _unknown_level_notes(self) -> list[str]:
        """Count the test rows with a category that train lacks, for each column."""
        counts = [(name, int(n)) for name, n in zip(self._categories, self._unknown_rows, strict=True) if n]
        shown = abbreviate([f"{count} of '{name}'" for name, count in counts], MAX_NAMES_LISTED)
        note = f"Test rows with a category that no train row has: {shown}; the model does not know it."
        return [note] if counts else []


def recurring_notes(params: SplitParams, features: Features) -> list[str]:
    """Return what the model sees of the date by which the parts follow each other."""
    parts = [str(number.date_part) for number in features.numeric if number.column == params.column]
    if params.method != "time" or not parts:
        return []
    return [f"Column '{params.column}' splits by time; of it the model sees only {' and '.join(parts)}."]


def report_split(
    params: SplitParams, schema: Schema, features: Features, parts: PartAssignment, chunks: Iterable[pl.DataFrame]
) -> SplitReport:
    """Return the sizes of the parts, and what may make their scores misleading.

    Args:
        chunks: all rows in order, some at a time, in memory.
    """
    rows, kept = SplitReporter(schema, features, parts), list(chunks)
    for chunk in kept:
        rows.add(chunk, encode_chunk(chunk, schema, features))
    sample = sample_train_rows(parts, pl.concat(kept).slice)
    return rows.report(params, features).followed_by(merged_notes(features, sample))


def count_shared_rows(hashes: np.ndarray, parts: PartAssignment) -> int:
    """Count the different hashes, uint64 (n_rows,), that are in more than one part.

    The part replaces the last two bits, so that one sort brings equal rows together: np.unique takes ten times as
    long.
    """
    keys = np.sort((hashes[parts != NO_PART] & ~np.uint64(3)) | parts[parts != NO_PART].astype(np.uint64))
    sides = keys[np.append(True, keys[1:] != keys[:-1])] >> np.uint64(2)
    again = sides[1:] == sides[:-1]
    return int(again.sum()) - int((again[1:] & again[:-1]).sum())  # one in three parts is one, too


def unseen_classes(classes: list[str], counts: np.ndarray) -> list[str]:
    """Return a remark on the classes that no train row has, if there are any; features.json counts all classes.

    Args:
        counts: (n_parts, n_classes) rows.
    """
    unseen = np.flatnonzero(counts[TRAIN] == 0)
    if not len(unseen):
        return []
    n_test, it = int(counts[TEST][unseen].sum()), "it" if len(unseen) == 1 else "them"
    test_rows = f"; test rows that ask for {it}: {n_test}" if n_test else ""
    names = [f"'{classes[index]}'" for index in unseen]
    who = f"Class {names[0]} has" if len(names) == 1 else f"{len(names)} classes have"
    which = "" if len(names) == 1 else f" ({abbreviate(names, MAX_CLASSES_LISTED)})"
    return [f"{who} no train rows{which}; the model cannot learn {it}{test_rows}."]


def method_notes(params: SplitParams, left_out: int) -> list[str]:
    """Return remarks on the gap and the folds."""
    gap = [f"Rows left out between the parts: {left_out} (split.gap is {params.gap})."] if left_out else []
    fold = [f"The test rows are fold {params.fold} of the folds 0 to {params.folds - 1}."] if params.folds else []
    return [*gap, *fold]


def constant_columns(features: Features) -> list[str]:
    """Return remarks on the columns that have no value, or only one, in the train rows."""
    numbers = [number for number in features.numeric if number.date_part is None]
    empty = [n.name for n in numbers if n.gaps == features.n_described]
    empty += [category.name for category in features.categorical if not category.levels]
    constant = [n.name for n in numbers if n.low == n.high and n.name not in empty]
    notes = [f"Columns without a value in the train rows: {_quoted(empty)}; they tell the model nothing."] * bool(empty)
    if constant:
        notes.append(f"Columns with one value in all train rows: {_quoted(constant)}; they tell the model nothing.")
    return notes


def _quoted(names: list[str]) -> str:
    return abbreviate([f"'{name}'" for name in names], MAX_NAMES_LISTED)
