import pytest
import torch
from pydantic import ValidationError

from relight.model.build import untrained_model
from relight.model.inference import predict_outputs
from relight.model.params import ModelParams, TabmParams
from relight.model.pipeline import DeepEnsemble, TabularModel
from relight.model.saved_model import Description, hash_outputs
from tests.feature_tables import category, features_of, number

LINE = features_of([number("x", [0, 1])], n_train=40, test_rows_validate=True)
PARAMETERS = ModelParams(name="linear_parameters", numeric="none")


def test_the_tutorials_model_before_training() -> None:
    model = untrained_model(PARAMETERS, LINE, target_scale="none", seed=42)
    state = {name: round(value.item(), 4) for name, value in model.state_dict().items()}
    assert state == {"weights": 0.3367, "bias": 0.1288}
    predictions = predict_outputs(model, (torch.arange(0, 1, 0.02)[40:].unsqueeze(1),))
    expected = [0.3982, 0.4049, 0.4116, 0.4184, 0.4251, 0.4318, 0.4386, 0.4453, 0.4520, 0.4588]
    assert [round(value, 4) for value in predictions.flatten().tolist()] == expected


def test_the_untrained_model_depends_on_the_seed_alone() -> None:
    def weights(seed: int) -> list[float]:
        return [
            value.item()
            for value in untrained_model(PARAMETERS, LINE, target_scale="none", seed=seed).state_dict().values()
        ]

    first = weights(7)
    torch.manual_seed(123)
    assert weights(7) == first
    assert weights(8) != first


def test_a_proof_holds_for_the_very_bits() -> None:
    outputs = torch.tensor([[0.1], [0.2]])
    last_bit = torch.nextafter(outputs, torch.tensor(1.0))
    assert hash_outputs(outputs) == hash_outputs(outputs.clone())
    assert hash_outputs(outputs) != hash_outputs(last_bit)


def test_a_description_reads_back_as_it_was_written() -> None:
    written = Description(
        model=PARAMETERS,
        model_choice="",
        features=LINE,
        loss="l1",
        target_scale="none",
        batch_size=40,
        seed=42,
        seeds=1,
        threads=1,
        epochs=9,
        best_epoch=8,
        output_sha256="0",
        versions={"torch": "2"},
    )
    assert Description.model_validate_json(written.model_dump_json()) == written


def test_a_description_of_another_format_is_refused() -> None:
    with pytest.raises(ValidationError, match="format"):
        Description.model_validate({"format": 1})


@pytest.mark.parametrize("name", ["linear", "tabm"])
def test_each_of_several_copies_is_the_model_that_its_own_seed_would_give(name: str) -> None:
    small = TabmParams(k=2, n_blocks=1, d_block=4, n_bins=2, d_embedding=2)
    params = ModelParams.model_validate({"name": name, "numeric": "standardize", "tabm": small})
    table = features_of([number("x", [0, 1, 4])], [category("c", 40)])
    together = untrained_model(params, table, target_scale="standardize", seed=5, seeds=3)
    assert isinstance(together, TabularModel)
    assert isinstance(together.network, DeepEnsemble)
    for place, copy in enumerate(together.network.networks):
        alone = untrained_model(params, table, target_scale="standardize", seed=5 + place)
        assert isinstance(alone, TabularModel)
        expected = alone.network.state_dict()
        assert list(copy.state_dict()) == list(expected)
        assert all(torch.equal(value, expected[name]) for name, value in copy.state_dict().items())
