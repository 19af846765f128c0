import pytest

from relight.data.features import SequenceFeatures
from relight.data.schema import SequenceParams
from relight.model.params import ModelParams, TabmParams
from relight.train.auto import choose_model
from tests.feature_tables import category, features_of, number

TABLE = features_of([number("a", [0, 1])], [category("c", 2)], n_train=5000)


@pytest.mark.parametrize(("device", "name"), [("cuda", "tabm"), ("mps", "tabm"), ("cpu", "tabm_small")])
def test_auto_suits_the_device_and_says_why(device: str, name: str) -> None:
    params = ModelParams(name="auto", numeric="quantile_normal", tabm=TabmParams(k=7))
    chosen, why = choose_model(params, TABLE, device)
    assert chosen == params.model_copy(update={"name": name})
    assert why == f"auto chose {name} for 5000 train rows and 2 columns on {device}."


@pytest.mark.parametrize(("n_train", "name"), [(10_000_000, "tabm_small"), (10_000_001, "mlp_ple")])
def test_a_cpu_passes_so_many_numbers_through_an_ensemble(n_train: int, name: str) -> None:
    table = TABLE.model_copy(update={"n_train": n_train})  # of 2 columns
    assert choose_model(ModelParams(name="auto", numeric="standardize"), table, "cpu")[0].name == name


def test_sequences_are_for_convolutions_on_every_device() -> None:
    sequence = SequenceFeatures(columns=SequenceParams(id="who", time="t"), n_steps=100, longest=7)
    features = features_of([number("a", [0, 1])]).model_copy(update={"sequence": sequence})
    for device in ("cpu", "cuda"):
        chosen, why = choose_model(ModelParams(name="auto", numeric="none"), features, device)
        assert (chosen.name, why) == ("convolution", "auto chose convolution for sequences.")


def test_a_name_stays() -> None:
    params = ModelParams(name="linear", numeric="none")
    assert choose_model(params, TABLE, "cpu") == (params, "")
