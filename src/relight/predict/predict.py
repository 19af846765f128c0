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
    known = read_format(models / "model.json", Description, MODEL_FORMAT)
    make_deterministic(known.threads)
    if known.features.pairs is not None:
        return predict_pairs(table, known, weights=models / "model.pth", output=output)
    if known.features.series is not None:
        return predict_series(table, known, weights=models / "model.pth", output=output)
    if known.features.sequence is not None:
        return predict_sequences(table, known, weights=models / "model.pth", output=output)
    if known.features.task == "ranking":
        return predict_ranking(table, known, weights=models / "model.pth", output=output)
    return predict_table(table, known, weights=models / "model.pth", output=output)
