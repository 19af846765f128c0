"""The exported model of a table: columns in, predictions out, with everything in between."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from relight.data.features import DatePart, Features
from relight.export.feeds import (
    MISSING_NUMBER,
    example_rows,
    input_columns,
    model_metadata,
    offsets_metadata,
    table_feeds,
)
from relight.export.file_formats import onnx_bytes, pt2_bytes, run_onnx, run_pt2
from relight.export.programs import (
    N_TRACED_ROWS,
    Exported,
    ExportFormat,
    export_program,
    model_predictions,
    with_real_rows,
)
from relight.model.inference import decode_outputs
from relight.model.pipeline import TabularModel
from relight.model.saved_model import TableModel
from relight.runtime.files import json_text
from relight.split.encoding import EncodedFeatures, encode

MICROSECONDS_PER_DAY = 86_400_000_000
DAYS_FROM_YEAR_0 = 719_468  # days from 0000-03-01 to 1970-01-01: every later count of days is positive
DAYS_TO_YEAR_2000 = 10_957  # days from 1970-01-01 to 2000-01-01


def export_table(export_format: ExportFormat, saved: TableModel, prepared: Path, validation: Path) -> Exported:
    """Return the file of a model of rows, with its predictions for example rows and for validation rows."""
    features = saved.features
    exportable = ExportableModel(saved.model, features).eval()
    rows = _clean_rows(exportable, features, prepared, validation)
    encoded = encode(rows, features)
    content, predictions = (
        _onnx_file(exportable, features, rows) if export_format == "onnx" else _pt2_file(exportable, features, encoded)
    )
    return Exported(content, predictions, model_predictions(exportable, *encoded), "rows")


def _clean_rows(exportable: "ExportableModel", features: Features, prepared: Path, validation: Path) -> pl.DataFrame:
    """Return the rows to compare: examples, and rows of the prepared table if it is that of this model."""
    examples = example_rows(features, gaps=exportable.has_preprocessor)  # without a preprocessor no gap can be read
    rows = with_real_rows(examples, prepared, validation)
    return rows if exportable.has_preprocessor else rows.drop_nulls()


def _onnx_file(exportable: "ExportableModel", features: Features, rows: pl.DataFrame) -> tuple[bytes, np.ndarray]:
    columns = {column.name: column.levels if column.kind == "category" else None for column in input_columns(features)}
    program = program_from_columns(ExportableFromColumns(exportable, features))
    content = onnx_bytes(program, columns, features.classes, model_metadata(features))
    predictions, *_label = run_onnx(content, table_feeds(rows, input_columns(features))).values()
    return content, predictions


def _pt2_file(exportable: "ExportableModel", features: Features, encoded: EncodedFeatures) -> tuple[bytes, np.ndarray]:
    names = {"numeric": [feature.name for feature in features.numeric]}
    levels = {"categories": [feature.model_dump() for feature in features.categorical]}
    metadata = json_text({**model_metadata(features), **names, **levels, **offsets_metadata(features)})
    content = pt2_bytes(program_from_tensors(exportable, features), metadata)
    return content, run_pt2(content, *encoded)[0]


class ExportableModel(nn.Module):
    """A model whose outputs are decoded to predictions, float64 if the target has an offset.

    **Shape**
        - numeric: (n_rows, n_numeric) float32, NaN for a gap
        - categories: (n_rows, n_categorical) int32, 0 for a level that train lacks
        - output: (n_rows,) numbers for regression, else (n_rows, n_classes) probabilities
    """

    target_offset: Tensor | None

    def __init__(self, model: nn.Module, features: Features) -> None:
        super().__init__()
        self.model = model
        self.task = features.task
        offset = torch.tensor(features.target_offset, dtype=torch.float64) if features.target_offset else None
        self.register_buffer("target_offset", offset)
        self.has_preprocessor = isinstance(model, TabularModel)

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        outputs = self.model(numeric, categories) if self.has_preprocessor else self.model(numeric)
        return plus_offset(decode_outputs(self.task, outputs), self.target_offset)


def plus_offset(predictions: Tensor, offset: Tensor | None) -> Tensor:
    """Return the predictions plus the offset of the target, then float64; the same if there is none."""
    return predictions if offset is None else predictions.double() + offset


class ColumnTensors(nn.Module):
    """Turns the columns of a table, in the order of `input_columns(features)`, into the tensors of a model.

    **Shape**
        - columns: (n_rows, 1) each; a number float32, or with an offset float64, or int64 beyond 2**53; a date int64
          microseconds, a category its code int64; what follows them is not read
        - output: `numeric` and `categories`, as `ExportableModel` takes them
    """

    def __init__(self, features: Features) -> None:
        super().__init__()
        self.kinds = [column.kind for column in input_columns(features)]
        index_of = {name: index for index, name in enumerate(features.columns)}
        self.numbers = [(index_of[feature.column], feature.date_part) for feature in features.numeric]
        self.has_offset = [bool(feature.offset) for feature in features.numeric]
        for index, feature in enumerate(features.numeric):  # a buffer, because ONNX makes a float32 of a Python number
            kind = torch.int64 if self.kinds[self.numbers[index][0]] == "whole" else torch.float64
            offset = torch.tensor(feature.offset, dtype=torch.float64).to(kind) if feature.offset else None
            self.register_buffer(f"offset_{index}", offset)
        self.categories = [index_of[feature.name] for feature in features.categorical]

    def forward(self, columns: list[Tensor]) -> tuple[Tensor, Tensor]:
        n_rows = columns[0].shape[0]
        offsets = [self.get_buffer(f"offset_{k}") if has else None for k, has in enumerate(self.has_offset)]
        numbers = [
            date_part_tensor(columns[index], part, offset) if part else number_tensor(columns[index], offset)
            for (index, part), offset in zip(self.numbers, offsets, strict=True)
        ]
        codes = [columns[index].int() for index in self.categories]
        numeric = torch.cat(numbers, dim=1) if numbers else torch.zeros(n_rows, 0)
        categories = torch.cat(codes, dim=1) if codes else torch.zeros(n_rows, 0, dtype=torch.int32)
        return numeric, categories

    def examples(self) -> list[Tensor]:
        """Return an example of each column."""
        return [torch.zeros(N_TRACED_ROWS, 1, dtype=_dtype(kind)) for kind in self.kinds]


class ExportableFromColumns(nn.Module):
    """`ExportableModel` from the columns of a table. **Shape**: as `ColumnTensors` in, as `ExportableModel` out."""

    def __init__(self, exportable: ExportableModel, features: Features) -> None:
        super().__init__()
        self.exportable = exportable
        self.columns = ColumnTensors(features)

    def forward(self, columns: list[Tensor]) -> Tensor:
        predictions: Tensor = self.exportable(*self.columns(columns))
        return predictions


def program_from_columns(model: ExportableFromColumns) -> ExportedProgram:
    """Return the graph of a model whose inputs are the columns of a table, for any number of rows."""
    columns = model.columns.examples()
    return export_program(model, (columns,), ([{0: Dim("n_rows")} for _ in columns],))


def program_from_tensors(model: ExportableModel, features: Features) -> ExportedProgram:
    """Return the graph of a model whose inputs are `numeric` and `categories`, for any number of rows."""
    numeric = torch.zeros(N_TRACED_ROWS, len(features.numeric))
    categories = torch.zeros(N_TRACED_ROWS, len(features.categorical), dtype=torch.int32)
    return export_program(model, (numeric, categories), ({0: Dim("n_rows")}, {0: Dim("n_rows")}))


def _dtype(kind: str) -> torch.dtype:
    return {"number": torch.float32, "large": torch.float64}.get(kind, torch.int64)


def number_tensor(column: Tensor, offset: Tensor | None) -> Tensor:
    """Return a column minus its offset, float32, as `split.encoding` computes it.

    **Shape**: any, float32 without an offset, float64 or int64 with one; the same out.
    """
    if offset is None:
        return column
    if column.dtype == torch.int64:
        return torch.where(column == MISSING_NUMBER, torch.nan, (column - offset).float())
    return (column - offset).float()


class _CivilDate(NamedTuple):
    year: Tensor
    month: Tensor


def date_part_tensor(microseconds: Tensor, part: DatePart, offset: Tensor | None = None) -> Tensor:
    """Return one number of each date, float32, as `split.encoding` computes it; NaN for a gap.

    **Shape**: any, int64 microseconds since 1970-01-01, from the year 0 on; the same out.
    """
    since_year_0 = microseconds + DAYS_FROM_YEAR_0 * MICROSECONDS_PER_DAY
    days = since_year_0 // MICROSECONDS_PER_DAY
    match part:
        case "year":
            number = _civil_from_days(days).year
        case "month":
            number = _civil_from_days(days).month
        case "weekday":
            number = (days + 2) % 7 + 1  # 0000-03-01 was a Wednesday
        case "hour":
            number = since_year_0 % MICROSECONDS_PER_DAY // (MICROSECONDS_PER_DAY // 24)
        case "elapsed":
            number = (microseconds - DAYS_TO_YEAR_2000 * MICROSECONDS_PER_DAY).double() / MICROSECONDS_PER_DAY
            number = number if offset is None else number - offset
    return torch.where(microseconds == MISSING_NUMBER, torch.nan, number.float())


def _civil_from_days(days: Tensor) -> _CivilDate:
    """Return year and month of days since 0000-03-01.

    Howard Hinnant, 2013, "chrono-compatible low-level date algorithms", civil_from_days. A year that begins in March
    has its leap day at the end, and 400 of them always have 146,097 days.
    """
    of_era = days % 146_097
    years = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * years + years // 4 - years // 100)
    from_march = (5 * of_year + 2) // 153
    month = (from_march + 2) % 12 + 1
    year = days // 146_097 * 400 + years + (month <= 2).long()
    return _CivilDate(year, month)
