"""A trained model in Python, for notebooks and services: it predicts what `relight predict` writes, bit for bit."""

import os
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from torch import nn

from relight.model.devices import deterministic
from relight.model.inference import set_training_mode
from relight.model.saved_model import SavedModel, load_model
from relight.predict.input_columns import InputColumn, input_columns
from relight.predict.new_rows import NewRows, open_table, rows_of_frame
from relight.predict.predict import predict_rows
from relight.predict.series_known import Ahead, AssumeKnown

StrPath = str | os.PathLike[str]
_one_at_a_time = threading.Lock()  # the number of threads and determinism are settings of the whole process


class LoadedModel:
    """A trained model; several threads may use it, and predict one after the other."""

    def __init__(self, saved: SavedModel, project: Path) -> None:
        """Take a model that was read.

        Args:
            project: the folder below which its own code lies.
        """
        self._saved, self._project = saved, project
        set_training_mode(saved.model, training=False)

    def predict(
        self,
        rows: Any,
        *,
        keep: str | Sequence[str] = (),
        history: Any = None,
        assume_known: AssumeKnown | None = None,
    ) -> pl.DataFrame:
        """Return the predictions, the columns of the file that `relight predict` writes.

        Values that no train row had, and notes on series, are counted in a warning.

        Args:
            rows: a DataFrame of Polars or pandas, arrays by name, or the path of a table.
            keep: columns of the rows to return in front of the predictions.
            history: for a forecast, the rows before these; like `rows`.
            assume_known: for a forecast, what a missing value of a covariate that is known ahead is taken for:
                the last one of its series (`last`), or 0 (`zero`); by default it is refused.

        Raises:
            InputError: for missing columns, and values that do not fit.
        """
        names = [keep] if isinstance(keep, str) else list(keep)
        with _one_at_a_time, deterministic(self._saved.description.threads):
            ahead = Ahead(None if history is None else self._rows(history), assume_known)
            predictions = predict_rows(self._rows(rows), self._saved, names, ahead)
            table = pl.concat(list(predictions.frames))
        if text := predictions.warning_text().removeprefix("; "):
            warnings.warn(text, stacklevel=2)
        return table

    @property
    def module(self) -> nn.Module:
        """The model in evaluation mode: raw numbers and codes of categories in, raw outputs out."""
        return self._saved.model

    @property
    def columns(self) -> list[InputColumn]:
        """The columns that rows to predict must have: name, kind, and the levels of a category."""
        return input_columns(self._saved)

    def describe(self) -> dict[str, Any]:
        """Return the task, the target, and how the model was made."""
        description, features = self._saved.description, self._saved.features
        return {
            "task": features.task,
            "target": features.target,
            "classes": features.classes,
            "columns": [column.name for column in self.columns],
            "model": str(description.model.name),
            "loss": description.loss,
            "train_rows": features.n_train,
            "seeds": description.seeds,
            "epochs": description.epochs,
            "best_epoch": description.best_epoch,
            "versions": dict(description.versions),
        }

    def __repr__(self) -> str:
        features, name = self._saved.features, self._saved.description.model.name
        return f"<{name}: {features.task} of {features.target} from {len(self.columns)} columns>"

    def _rows(self, rows: Any) -> NewRows:
        if isinstance(rows, str | os.PathLike):
            return open_table(Path(rows), self._saved, self._project)
        return rows_of_frame(rows, self._saved)


def load(models: StrPath = "models", *, project: StrPath = ".") -> LoadedModel:
    """Return the model of a folder.

    Args:
        models: the folder of model.json and model.pth, absolute or in the project's folder.
        project: the folder below which own code of the model lies; nothing else is imported.

    Raises:
        InputError: if a file is missing or damaged, another version of Relight wrote it, or own code is missing.
    """
    root = Path(project)
    return LoadedModel(load_model(root / models, root), root)
