import pytest
import torch
from pydantic import ValidationError

from relight.domain.description import Description, proof_of, untrained_model
from relight.domain.features import Features, NumericFeature
from relight.domain.predicting import predict
from relight.params.model import ModelParams

LINE = Features(
    task="regression",
    target="y",
    classes=None,
    numeric=[NumericFeature(name="x", kind="numeric", mean=0, std=1, gaps=0)],
    categorical=[],
    target_mean=0.0,
    target_std=1.0,
    n_train=40,
    test_rows_validate=True,
)
PARAMETERS = ModelParams(name="linear_parameters", numeric="none")


def test_the_tutorials_model_before_training() -> None:
    model = untrained_model(PARAMETERS, LINE, seed=42)
    state = {name: round(value.item(), 4) for name, value in model.state_dict().items()}
    assert state == {"weights": 0.3367, "bias": 0.1288}
    predictions = predict(model, (torch.arange(0, 1, 0.02)[40:].unsqueeze(1),))
    expected = [0.3982, 0.4049, 0.4116, 0.4184, 0.4251, 0.4318, 0.4386, 0.4453, 0.4520, 0.4588]
    assert [round(value, 4) for value in predictions.flatten().tolist()] == expected


def test_the_untrained_model_depends_on_the_seed_alone() -> None:
    def weights(seed: int) -> list[float]:
        return [value.item() for value in untrained_model(PARAMETERS, LINE, seed).state_dict().values()]

    first = weights(7)
    torch.manual_seed(123)
    assert weights(7) == first
    assert weights(8) != first


def test_a_proof_holds_for_the_very_bits() -> None:
    outputs = torch.tensor([[0.1], [0.2]])
    last_bit = torch.nextafter(outputs, torch.tensor(1.0))
    assert proof_of(outputs) == proof_of(outputs.clone())
    assert proof_of(outputs) != proof_of(last_bit)


def test_a_description_reads_back_as_it_was_written() -> None:
    written = Description(
        model=PARAMETERS, features=LINE, seed=42, threads=1, epochs=9, best_epoch=8, proof="0", versions={"torch": "2"}
    )
    assert Description.model_validate_json(written.model_dump_json()) == written


def test_a_description_of_another_format_is_refused() -> None:
    with pytest.raises(ValidationError, match="format"):
        Description.model_validate({"format": 2})
