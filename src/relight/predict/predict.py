"""predict: the rows of a new table → predictions, with nothing but the saved model."""

from pathlib import Path

from relight.model.devices import make_deterministic
from relight.model.saved_model import PairModel, SequenceModel, SeriesModel, TableModel, load_model
from relight.predict.pairs import predict_pairs
from relight.predict.sequences import predict_sequences
from relight.predict.series import predict_series
from relight.predict.table import assert_can_write_predictions, predict_ranking, predict_table


def predict(table: Path, *, models: Path, output: Path) -> str:
    """Write the predictions for a table; return what to tell the person.

    Raises:
        InputError: for missing columns, values that do not fit, or a damaged model.
    """
    assert_can_write_predictions(output, table)
    saved = load_model(models)
    make_deterministic(saved.description.threads)
    match saved:
        case TableModel() if saved.features.task == "ranking":
            return predict_ranking(table, saved, output=output)
        case TableModel():
            return predict_table(table, saved, output=output)
        case SequenceModel():
            return predict_sequences(table, saved, output=output)
        case SeriesModel():
            return predict_series(table, saved, output=output)
        case PairModel():
            return predict_pairs(table, saved, output=output)
