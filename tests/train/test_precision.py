import pytest
import torch
from torch import Tensor, nn

from relight.model.rows import Rows
from relight.train.batches import InMemoryBatches
from relight.train.compilation import Precision, autocast_for
from relight.train.loop import Validation, fit
from relight.train.losses.losses import mse
from relight.train.optim.optimizers import build_optimizer
from relight.train.optim.schedules import Schedule
from relight.train.params import OptimizerParams
from relight.train.scores import build_validation_score
from relight.train.state import TrainingState

CPU = torch.device("cpu")


def trained(precision: Precision, seen: list[torch.dtype] | None = None) -> TrainingState:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 1))
    if seen is not None:
        model[0].register_forward_hook(lambda _module, _inputs, output: seen.append(output.dtype))
    rows = Rows((torch.randn(64, 5),), torch.randn(64, 1))
    optimizer = build_optimizer(OptimizerParams(name="adamw", learning_rate=0.01, weight_decay=0, momentum=0), model)
    state = TrainingState(model, optimizer)
    fit(
        state,
        InMemoryBatches(rows, 16, seed=0),
        Validation(rows, build_validation_score("regression", "mse", nn.Identity(), rows.target, None)),
        loss_fn=mse,
        schedule=Schedule(10, lambda _epoch, _step: 0.01),
        autocast=autocast_for(precision, CPU),
    )
    return state


def weights(state: TrainingState) -> Tensor:
    return torch.cat([value.flatten() for value in state.model.state_dict().values()])


def test_steps_in_bf16_end_near_those_in_fp32_and_not_on_them() -> None:
    whole, half = trained("fp32"), trained("bf16")
    assert not torch.equal(weights(whole), weights(half))
    for one, other in zip(whole.history, half.history, strict=True):
        assert other.train_loss == pytest.approx(one.train_loss, rel=0.02)
        assert other.validation_loss == pytest.approx(one.validation_loss, rel=0.02)


def test_two_runs_in_bf16_have_the_same_bits() -> None:
    assert torch.equal(weights(trained("bf16")), weights(trained("bf16")))


def test_the_steps_are_in_bf16_and_weights_and_validation_in_fp32() -> None:
    seen: list[torch.dtype] = []
    state = trained("bf16", seen)
    assert seen == [*[torch.bfloat16] * 4, torch.float32] * 10
    assert weights(state).dtype == state.loss.dtype == torch.float32
