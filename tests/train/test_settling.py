import pytest

from relight.errors import InputError
from relight.model.monitor import USUAL_SCORE
from relight.model.params import ModelParams
from relight.train.auto import resolve_calibration
from relight.train.params import TrainParams
from relight.train.training import resolve_settings
from tests.feature_tables import features_of, number

TABLE = features_of([number("x", [0, 1])], n_train=5000)
PARAMS = TrainParams.model_validate(
    {
        "seed": 1,
        "epochs": 1,
        "batch_size": "auto",
        "loss": "auto",
        "optimizer": {"name": "sgd", "learning_rate": 0.01, "weight_decay": 0.0, "momentum": 0.0},
        "early_stopping": None,
        "device": "cpu",
        "threads": 1,
    }
)


def test_every_auto_is_replaced() -> None:
    settled = resolve_settings(ModelParams(name="auto", numeric="quantile_normal"), PARAMS, TABLE, "cpu")
    assert settled.model.name == "tabm_small"
    assert settled.model_choice == "auto chose tabm_small for 5000 train rows and 1 columns on cpu."
    assert settled[2:] == ("mse", "standardize", 128, "none", USUAL_SCORE)


@pytest.mark.parametrize(
    ("name", "task", "test_rows_validate", "meant"),
    [
        ("auto", "binary", False, "temperature"),
        ("auto", "binary", True, "none"),
        ("auto", "regression", False, "none"),
        ("none", "binary", False, "none"),
        ("temperature", "binary", False, "temperature"),
    ],
)
def test_auto_calibrates_probabilities_that_have_validation_rows(
    name: str, task: str, test_rows_validate: bool, meant: str
) -> None:
    table = TABLE.model_copy(update={"task": task, "validates_on_test": test_rows_validate})
    assert resolve_calibration(name, table) == meant


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(InputError, match=r"train\.loss: must be one of auto, mse, .*, poisson for regression"):
        resolve_settings(
            ModelParams(name="auto", numeric="none"), PARAMS.model_copy(update={"loss": "bce"}), TABLE, "cpu"
        )
