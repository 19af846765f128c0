from typing import Any

import pytest

from relight.data.features import Features
from relight.data.schema import Task
from relight.errors import InputError
from relight.model.checks import assert_model_reads
from relight.model.params import MlpParams, ModelParams
from tests.feature_tables import category, features_of, number


def model_params(name: Any) -> ModelParams:
    return ModelParams(name=name, numeric="none", mlp=MlpParams(n_blocks=1, d_block=1, dropout=0))


def features(*, n_numeric: int = 1, gaps: int = 0, n_categorical: int = 0, task: Task = "regression") -> Features:
    numbers = [number(f"x{k}", [0, 1], gaps=gaps) for k in range(n_numeric)]
    return features_of(numbers, [category(f"c{k}", 2) for k in range(n_categorical)], task=task, target=[0, 1])


OTHER = {
    "two columns": features(n_numeric=2),
    "gaps": features(gaps=1),
    "a category beside": features(n_categorical=1),
    "a category alone": features(n_numeric=0, n_categorical=1),
    "classes": features(task="binary"),
}


@pytest.mark.parametrize("name", ["linear_parameters", "linear", "mlp"])
def test_every_model_reads_one_whole_column(name: str) -> None:
    assert_model_reads(model_params(name), features())


@pytest.mark.parametrize("seen", OTHER.values(), ids=OTHER.keys())
def test_two_bare_parameters_read_nothing_but_one_whole_column(seen: Features) -> None:
    with pytest.raises(InputError, match=r"model\.name: linear_parameters must .*; set model\.name to linear"):
        assert_model_reads(model_params("linear_parameters"), seen)


@pytest.mark.parametrize("seen", OTHER.values(), ids=OTHER.keys())
@pytest.mark.parametrize("name", ["linear", "mlp"])
def test_the_other_models_read_everything(name: str, seen: Features) -> None:
    assert_model_reads(model_params(name), seen)


def test_what_is_wrong_is_said_with_the_columns_and_the_task() -> None:
    with pytest.raises(InputError, match="got 3 columns, binary;"):
        assert_model_reads(model_params("linear_parameters"), features(n_numeric=2, n_categorical=1, task="binary"))


@pytest.mark.parametrize("numeric", ["none", "standardize", "quantile_normal"])
@pytest.mark.parametrize("name", ["linear", "tabm"])
def test_columns_of_one_value_have_nothing_to_teach(name: str, numeric: str) -> None:
    constant = features_of([number("a", [7, 7]), number("b", [0, 0])])
    params = ModelParams.model_validate({"name": name, "numeric": numeric})
    with pytest.raises(InputError, match=r"got the same value in every column that the model may see: a, b;"):
        assert_model_reads(params, constant)
    assert_model_reads(params, features_of([number("a", [7, 7], gaps=3)]))  # where it is missing may say something
    assert_model_reads(params, features_of([number("a", [7, 7])], [category("c", 1)]))
