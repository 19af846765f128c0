import pytest
import torch
from torch import nn

from relight.model import inference
from relight.model.inference import MAX_PREDICTION_NUMBERS, MAX_PREDICTION_ROWS, predict_outputs, prediction_batch_size
from relight.model.networks.mlp import Mlp


class Doubling(nn.Module):
    """Twice the sum of its inputs; notes how many rows it sees at once, and in which mode."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, bool, bool]] = []

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        self.seen.append((len(first), self.training, torch.is_grad_enabled()))
        return 2 * (first + second)


def mlp() -> Mlp:
    torch.manual_seed(0)
    return Mlp(3, 2, n_blocks=2, d_block=8, dropout=0.5)


@pytest.mark.parametrize("n_rows", [1, 6, 7, 8, 50])
def test_predicting_in_chunks_equals_predicting_at_once(n_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = mlp(), torch.randn(n_rows, 3)
    at_once = predict_outputs(model, (x,))
    monkeypatch.setattr(inference, "MAX_PREDICTION_ROWS", 7)
    assert predict_outputs(model, (x,)).shape == (n_rows, 2)
    torch.testing.assert_close(predict_outputs(model, (x,)), at_once, rtol=1e-5, atol=1e-6)


def test_chunks_of_all_inputs_come_together_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    first = torch.arange(20.0).unsqueeze(1)
    monkeypatch.setattr(inference, "MAX_PREDICTION_ROWS", 7)
    model = Doubling()
    assert torch.equal(predict_outputs(model, (first, 100 * first)), 202 * first)
    assert [n_rows for n_rows, _, _ in model.seen] == [7, 7, 6]


def test_predictions_are_made_in_eval_mode_and_without_slopes() -> None:
    model = Doubling().train()
    outputs = predict_outputs(model, (torch.zeros(2, 1), torch.zeros(2, 1)))
    assert model.seen == [(2, False, False)]
    assert not outputs.requires_grad


def test_dropout_takes_no_part_in_predictions() -> None:
    model, x = mlp(), torch.ones(4, 3)
    assert torch.equal(predict_outputs(model, (x,)), predict_outputs(model, (x,)))


def test_no_rows_have_no_predictions() -> None:
    assert predict_outputs(mlp(), (torch.empty(0, 3),)).shape == (0, 2)


def test_a_wide_model_sees_fewer_rows_at_once() -> None:
    narrow, wide = (Mlp(3, 2, n_blocks=1, d_block=d_block, dropout=0) for d_block in (8, 2**14))
    assert prediction_batch_size(narrow) == MAX_PREDICTION_ROWS
    assert prediction_batch_size(nn.Sequential(wide)) == MAX_PREDICTION_NUMBERS // 2**14 == 1024
    assert prediction_batch_size(nn.Linear(1, 1)) == MAX_PREDICTION_ROWS


def test_no_model_is_too_wide_for_one_row() -> None:
    model = Doubling()
    model.d_widest = 10 * MAX_PREDICTION_NUMBERS  # type: ignore[assignment]
    assert predict_outputs(model, (torch.zeros(3, 1), torch.zeros(3, 1))).shape == (3, 1)
    assert [n_rows for n_rows, _, _ in model.seen] == [1, 1, 1]
