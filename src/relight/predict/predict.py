"""predict: new rows → answers, from the model alone; by what the task needs. No training data is needed."""

from pathlib import Path

from relight.model.devices import make_deterministic
from relight.model.saved_model import MODEL_FORMAT, Description
from relight.predict.pairs import predict_pairs
from relight.predict.sequences import predict_sequences
from relight.predict.series import predict_series
from relight.predict.table import assert_can_write_predictions, predict_ranking, predict_table
from relight.runtime.files import read_format


def predict(table: Path, *, models: Path, output: Path) -> str:
    """Write the answers for a table; returns what to tell the person.

    Raises:
        InputError: for missing columns, values that do not fit, or a damaged model.
    """
    assert_can_write_predictions(output, table)
    description = read_format(models / "model.json", Description, MODEL_FORMAT)
    make_deterministic(description.threads)
    if description.features.pairs is not None:
        return predict_pairs(table, description, weights=models / "model.pth", output=output)
    if description.features.series is not None:
        return predict_series(table, description, weights=models / "model.pth", output=output)
    if description.features.sequence is not None:
        return predict_sequences(table, description, weights=models / "model.pth", output=output)
    if description.features.task == "ranking":
        return predict_ranking(table, description, weights=models / "model.pth", output=output)
    return predict_table(table, description, weights=models / "model.pth", output=output)
