"""Exported tabular model.

The numbers of a date, from its microseconds: with them a graph reads dates as `encoding` reads a table.

The module that is exported: columns in, answers out, with everything in between.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from relight.data.features import Features, Moment
from relight.export.feeds import NO_DATE, feeds, inputs_of, properties_of, trial_rows
from relight.export.file_formats import onnx_bytes, pt2_bytes, run_onnx, run_pt2
from relight.export.programs import EXAMPLE_ROWS, ExportFormat, _answers, _Exported, _with_real_rows, program_of
from relight.model.inference import answer_tensor
from relight.model.pipeline import Fitted
from relight.runtime.files import json_text
from relight.split.encoding import Encoded, encode

DAY = 86_400_000_000
TO_YEAR_0 = 719_468  # days from 0000-03-01 to 1970-01-01: every later count of days is positive
TO_2000 = 10_957  # days from 1970-01-01 to 2000-01-01


class _Date(NamedTuple):
    year: Tensor
    month: Tensor


def numbers_of_date(microseconds: Tensor, moment: Moment) -> Tensor:
    """One number of each date, float32; NaN for a gap.

    **Shape**: any, int64 since 1970-01-01, from the year 0 on; the same out.
    """
    since_year_0 = microseconds + TO_YEAR_0 * DAY
    days = since_year_0 // DAY
    match moment:
        case "year":
            number = _date(days).year
        case "month":
            number = _date(days).month
        case "weekday":
            number = (days + 2) % 7 + 1  # 0000-03-01 was a Wednesday
        case "hour":
            number = since_year_0 % DAY // (DAY // 24)
        case "elapsed":
            number = (microseconds - TO_2000 * DAY).double() / DAY
    return torch.where(microseconds == NO_DATE, torch.nan, number.float())


def _date(days: Tensor) -> _Date:
    """Howard Hinnant, 2013, "chrono-compatible low-level date algorithms", civil_from_days.

    A year that begins in March has its leap day at the end, and 400 of them always have 146,097 days.
    """
    of_era = days % 146_097
    years = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * years + years // 4 - years // 100)
    from_march = (5 * of_year + 2) // 153
    month = (from_march + 2) % 12 + 1
    year = days // 146_097 * 400 + years + (month <= 2).long()
    return _Date(year, month)


class Answering(nn.Module):
    """A model and what its outputs mean.

    **Shape**
        - numeric: (n_rows, n_numeric) float32, NaN for a gap
        - categories: (n_rows, n_categorical) int32, 0 for a gap or an unknown level
        - output: (n_rows,) numbers for regression, else (n_rows, n_classes) probabilities
    """

    def __init__(self, model: nn.Module, features: Features) -> None:
        super().__init__()
        self.model = model
        self.task = features.task
        self.has_front = isinstance(model, Fitted)

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        outputs = self.model(numeric, categories) if self.has_front else self.model(numeric)
        return answer_tensor(self.task, outputs)


class Columns(nn.Module):
    """The columns of a table, in the order of `inputs_of(features)`, as the tensors of a model.

    **Shape**
        - columns: (n_rows, 1) each; a number float32, a date int64 microseconds, a category its code int64; what
          follows them is not read
        - output: `numeric` and `categories`, as `Answering` takes them
    """

    def __init__(self, features: Features) -> None:
        super().__init__()
        self.kinds = [column.kind for column in inputs_of(features)]
        places = {name: place for place, name in enumerate(features.columns)}
        self.numbers = [(places[feature.column], feature.moment) for feature in features.numeric]
        self.categories = [places[feature.name] for feature in features.categorical]

    def forward(self, columns: list[Tensor]) -> tuple[Tensor, Tensor]:
        n_rows = columns[0].shape[0]
        numbers = [
            numbers_of_date(columns[place], moment) if moment else columns[place] for place, moment in self.numbers
        ]
        codes = [columns[place].int() for place in self.categories]
        numeric = torch.cat(numbers, dim=1) if numbers else torch.zeros(n_rows, 0)
        categories = torch.cat(codes, dim=1) if codes else torch.zeros(n_rows, 0, dtype=torch.int32)
        return numeric, categories

    def examples(self) -> list[Tensor]:
        return [torch.zeros(EXAMPLE_ROWS, 1, dtype=_dtype(kind)) for kind in self.kinds]


class FromColumns(nn.Module):
    """`Answering` from the columns of a table. **Shape**: as `Columns` in, as `Answering` out."""

    def __init__(self, answering: Answering, features: Features) -> None:
        super().__init__()
        self.answering = answering
        self.columns = Columns(features)

    def forward(self, columns: list[Tensor]) -> Tensor:
        answers: Tensor = self.answering(*self.columns(columns))
        return answers


def program_from_columns(model: FromColumns) -> ExportedProgram:
    """The graph of a model whose inputs are the columns of a table; any number of rows."""
    columns = model.columns.examples()
    return program_of(model, (columns,), ([{0: Dim("n_rows")} for _ in columns],))


def program_from_tensors(model: Answering, features: Features) -> ExportedProgram:
    """The graph of a model whose inputs are `numeric` and `categories`; any number of rows."""
    numeric = torch.zeros(EXAMPLE_ROWS, len(features.numeric))
    categories = torch.zeros(EXAMPLE_ROWS, len(features.categorical), dtype=torch.int32)
    return program_of(model, (numeric, categories), ({0: Dim("n_rows")}, {0: Dim("n_rows")}))


def _dtype(kind: str) -> torch.dtype:
    return torch.float32 if kind == "number" else torch.int64


def _rows(answering: Answering, features: Features, prepared: Path, validation: Path) -> pl.DataFrame:
    """Clean rows to compare: of the pipeline's own table, too, where it is there and is the one of this model."""
    made_up = trial_rows(features, gaps=answering.has_front)  # without a front no gap can be read
    rows = _with_real_rows(made_up, prepared, validation)
    return rows if answering.has_front else rows.drop_nulls()


def _table(form: ExportFormat, model: nn.Module, features: Features, prepared: Path, validation: Path) -> _Exported:
    answering = Answering(model, features).eval()
    rows = _rows(answering, features, prepared, validation)
    encoded = encode(rows, features)
    content, answers = _onnx(answering, features, rows) if form == "onnx" else _pt2(answering, features, encoded)
    return _Exported(content, answers, _answers(answering, *encoded))


def _onnx(answering: Answering, features: Features, rows: pl.DataFrame) -> tuple[bytes, np.ndarray]:
    columns = {column.name: column.levels if column.kind == "category" else None for column in inputs_of(features)}
    program = program_from_columns(FromColumns(answering, features))
    content = onnx_bytes(program, columns, features.classes, properties_of(features))
    answers, *_label = run_onnx(content, feeds(rows, inputs_of(features))).values()
    return content, answers


def _pt2(answering: Answering, features: Features, encoded: Encoded) -> tuple[bytes, np.ndarray]:
    names = {"numeric": [feature.name for feature in features.numeric]}
    levels = {"categories": [feature.model_dump() for feature in features.categorical]}
    about = json_text({**properties_of(features), **names, **levels})
    content = pt2_bytes(program_from_tensors(answering, features), about)
    return content, run_pt2(content, *encoded)[0]
