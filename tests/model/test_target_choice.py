import pytest

from relight.errors import InputError
from relight.model.checks import resolve_target_scale
from relight.model.params import ModelParams
from tests.feature_tables import features_of


def params(target: str, numeric: str = "standardize") -> ModelParams:
    return ModelParams.model_validate({"name": "linear", "numeric": numeric, "target": target})


@pytest.mark.parametrize(
    ("target", "numeric", "settled"),
    [
        ("auto", "none", "none"),
        ("auto", "standardize", "standardize"),
        ("auto", "quantile_normal", "standardize"),
        ("none", "standardize", "none"),
        ("standardize", "none", "standardize"),
        ("log", "none", "log"),
    ],
)
def test_auto_follows_the_columns_and_other_words_mean_what_they_say(target: str, numeric: str, settled: str) -> None:
    assert resolve_target_scale(params(target, numeric), features_of([], target=[1, 2])) == settled


def test_classes_have_no_scale() -> None:
    classes = features_of([], task="binary", target=[0, 1])
    assert resolve_target_scale(params("auto"), classes) == resolve_target_scale(params("none"), classes) == "none"
    with pytest.raises(InputError, match=r"model\.target: must be auto or none for binary, got log"):
        resolve_target_scale(params("log"), classes)


def test_a_target_of_zero_has_no_logarithm() -> None:
    with pytest.raises(InputError, match=r"model\.target: log must have targets above 0, .* to standardize"):
        resolve_target_scale(params("log"), features_of([], target=[0, 2]))
