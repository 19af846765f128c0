"""predict: new rows → predictions, with nothing but the saved model; and a reader of the project if it has one."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from relight.errors import InputError
from relight.model.devices import make_deterministic
from relight.model.saved_model import PairModel, SavedModel, SequenceModel, SeriesModel, TableModel, load_model
from relight.predict.new_rows import NewRows, open_table
from relight.predict.pairs import predict_pairs
from relight.predict.sequences import predict_sequences
from relight.predict.series import predict_series
from relight.predict.series_known import NOTHING_SAID, Ahead, AssumeKnown
from relight.predict.table import Predictions, assert_can_write_predictions, predict_ranking, predict_table
from relight.runtime.files import write_parts

FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def predict(
    table: Path,
    *,
    models: Path,
    output: Path,
    keep: Sequence[str] = (),
    escape_formulas: bool = False,
    history: Path | None = None,
    assume_known: AssumeKnown | None = None,
    project: Path = Path(),
) -> str:
    """Write the predictions for a table; return what to tell the person.

    Args:
        keep: columns of the table to write in front of the predictions.
        escape_formulas: whether a spreadsheet will open the file; see `without_formulas`.
        history: for a forecast, the rows before those of the table.
        assume_known: for a forecast, see `Ahead`.
        project: the folder below which own code of the model lies.

    Raises:
        InputError: for missing columns, values that do not fit, or a damaged model.
    """
    for read in (table,) if history is None else (table, history):
        assert_can_write_predictions(output, read)
    saved = load_model(models, project)
    make_deterministic(saved.description.threads)
    ahead = Ahead(None if history is None else open_table(history, saved, project), assume_known)
    predictions = predict_rows(open_table(table, saved, project), saved, keep, ahead)
    frames = map(without_formulas, predictions.frames) if escape_formulas else predictions.frames
    write_parts(output, _csv_lines(frames))
    return f"{output}: {predictions.count_text()}{predictions.warning_text()}\n"


def predict_rows(
    rows: NewRows, saved: SavedModel, keep: Sequence[str] = (), ahead: Ahead = NOTHING_SAID
) -> Predictions:
    """Return the predictions for some rows.

    Args:
        keep: columns of the rows to return in front of the predictions.
        ahead: what is said of the steps to come, if it is a forecast.

    Raises:
        InputError: for missing columns, and values that do not fit; also while the frames are iterated.
    """
    if not isinstance(saved, SeriesModel):
        _refuse_ahead(ahead, saved.features.task)
    match saved:
        case TableModel() if saved.features.task == "ranking":
            return predict_ranking(rows, saved, keep)
        case TableModel():
            return predict_table(rows, saved, keep)
        case SequenceModel():
            return predict_sequences(rows, saved, keep)
        case SeriesModel():
            return predict_series(rows, saved, keep, ahead)
        case PairModel():
            return predict_pairs(rows, saved, keep)


def _refuse_ahead(ahead: Ahead, task: str) -> None:
    given = [name for name, value in zip(("history", "assume-known"), ahead, strict=True) if value is not None]
    if given:
        raise InputError(*(f"{name}: must be left out, because only a forecast has it, got {task}" for name in given))


def without_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe in front of each text and column name that a spreadsheet would run as a formula.

    Numbers stay, also negative ones. Source: OWASP, "CSV Injection".
    """
    texts = pl.col(pl.String, pl.Categorical, pl.Enum).cast(pl.String)
    escaped = pl.when(texts.str.contains(FORMULA) & ~texts.str.contains(NUMBER)).then("'" + texts).otherwise(texts)
    frame = frame.with_columns(escaped.name.keep())
    return frame.rename({name: f"'{name}" for name in frame.columns if re.match(FORMULA, name)})


def _csv_lines(frames: Iterator[pl.DataFrame]) -> Iterator[bytes]:
    for index, frame in enumerate(frames):
        _assert_fits_csv(frame)
        yield frame.write_csv(include_header=index == 0).encode()


def _assert_fits_csv(frame: pl.DataFrame) -> None:
    other = [name for name, dtype in frame.schema.items() if dtype.is_nested() or dtype in (pl.Binary, pl.Object)]
    if other:
        raise InputError(*(f"keep: '{name}' is of type {frame[name].dtype}, which a CSV cannot hold" for name in other))
