import copy
import re
from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from relight.errors import InputError, RunError
from relight.model.build import build_model
from relight.model.networks.mlp import LinearParameters
from relight.model.params import ModelParams
from relight.model.pipeline import DeepEnsemble
from relight.model.rows import Rows
from relight.model.table import build_rows, preprocess_rows, trainable_module
from relight.train.batches import InMemoryBatches
from relight.train.loop import Validation, fit, train_epoch, train_step
from relight.train.losses.losses import Loss, build_loss, l1, mse
from relight.train.optim.optimizers import Optimizer, build_optimizer
from relight.train.optim.schedules import Schedule
from relight.train.params import OptimizerParams
from relight.train.scores import build_validation_score
from relight.train.state import EarlyStopping, EpochRecord, TrainingState
from relight.train.training import assert_no_batch_norm
from tests.feature_tables import small_table


def sgd(learning_rate: float) -> OptimizerParams:
    return OptimizerParams(name="sgd", learning_rate=learning_rate, weight_decay=0.0, momentum=0.0)


def flat_line(bias: float = 0.0) -> LinearParameters:
    """weights 0; over rows with x = 0 every step moves the bias alone."""
    model = LinearParameters()
    model.load_state_dict({"weights": torch.zeros(1), "bias": torch.full((1,), bias)})
    return model


def rows_at_zero(*targets: float) -> Rows:
    return Rows((torch.zeros(len(targets), 1),), torch.tensor(targets).reshape(-1, 1))


def fit_line(
    model: nn.Module,
    train: Rows,
    validation: Rows,
    *,
    learning_rate: float,
    epochs: int,
    loss_fn: Loss = l1,
    patience: int | None = None,
    learning_rates: Callable[[int, int], float] | None = None,
) -> list[EpochRecord]:
    state = TrainingState(
        model, build_optimizer(sgd(learning_rate), model), EarlyStopping(patience) if patience else None
    )
    fit(
        state,
        InMemoryBatches(train, "full", seed=0),
        Validation(validation, build_validation_score("regression", "l1", nn.Identity(), validation.target, None)),
        loss_fn=loss_fn,
        schedule=Schedule(epochs, learning_rates or (lambda _epoch, _step: learning_rate)),
    )
    return state.history


def train_once(
    model: nn.Module,
    rows: Rows,
    loss_fn: Loss,
    optimizer: Optimizer,
    batch_size: Literal["full"] | int,
    *,
    seed: int = 0,
) -> float:
    """One epoch; its train loss."""
    state = TrainingState(model, optimizer)
    model.train()
    held = Schedule(1, lambda _epoch, _step: optimizer.learning_rate)
    train_epoch(state, InMemoryBatches(rows, batch_size, seed), train_step(state, model, loss_fn), held)
    return state.loss.item()


def test_the_tutorials_losses_to_the_last_digit() -> None:
    x = torch.arange(0, 1, 0.02).unsqueeze(1)
    y = 0.7 * x + 0.3
    torch.manual_seed(42)
    model = LinearParameters()
    history = fit_line(model, Rows((x[:40],), y[:40]), Rows((x[40:],), y[40:]), learning_rate=0.01, epochs=100)
    assert history[0][:3] == (0, 0.31288138031959534, 0.48106518387794495)
    assert history[50][:3] == (50, 0.04167863354086876, 0.09919948130846024)
    assert history[90][:3] == (90, 0.02788739837706089, 0.06473556160926819)
    assert (round(model.weights.item(), 4), round(model.bias.item(), 4)) == (0.5784, 0.3513)


def test_losses_and_weights_of_each_epoch_by_hand() -> None:
    # l1, learning rate 1/8: the bias goes 0 → 1/8 → 2/8 → 3/8 towards 1; the train loss is that before the step,
    # the validation loss (target 1/2) that after it
    model = flat_line()
    history = fit_line(model, rows_at_zero(1, 1), rows_at_zero(0.5), learning_rate=0.125, epochs=3)
    assert history == [(0, 1, 0.375, 0.375, 0.125), (1, 0.875, 0.25, 0.25, 0.125), (2, 0.75, 0.125, 0.125, 0.125)]
    assert model.bias.item() == 0.375


def test_early_stopping_ends_with_the_best_weights_not_the_last() -> None:
    # The bias passes 1/2, where the validation loss is 0, in epoch 3 of 8; epochs 4 and 5 bring no gain.
    model = flat_line()
    history = fit_line(model, rows_at_zero(2), rows_at_zero(0.5), learning_rate=0.125, epochs=8, patience=2)
    assert [epoch.validation_loss for epoch in history] == [0.375, 0.25, 0.125, 0, 0.125, 0.25]
    assert model.bias.item() == 0.5


def test_the_best_weights_are_restored_when_the_epochs_run_out_first() -> None:
    model = flat_line()
    history = fit_line(model, rows_at_zero(2), rows_at_zero(0.5), learning_rate=0.125, epochs=5, patience=4)
    assert len(history) == 5
    assert model.bias.item() == 0.5


def test_without_early_stopping_the_last_weights_stay() -> None:
    model = flat_line()
    fit_line(model, rows_at_zero(2), rows_at_zero(0.5), learning_rate=0.125, epochs=8)
    assert model.bias.item() == 1


def test_a_loss_that_is_no_number_ends_the_run_with_the_epoch_and_the_rate() -> None:
    # mse from 0 to 1: each step multiplies the error by about -2 * 5e9, so the loss goes 1, 1e20, 1e40:
    # float32 ends at 3.4e38, and the validation loss after epoch 1 is infinite
    said = "no longer a number at epoch 1, with learning rate 5e+09 (train 1e+20, validation inf)"
    with pytest.raises(RunError, match=re.escape(said)) as caught:
        fit_line(flat_line(), rows_at_zero(1), rows_at_zero(1), learning_rate=5e9, epochs=9, loss_fn=mse)
    assert caught.value.exit_code == 1


def test_a_target_that_is_no_number_is_noticed_in_the_validation_rows_alone_too() -> None:
    with pytest.raises(RunError, match=r"at epoch 0, with learning rate 0\.1 \(train 1, validation nan\)"):
        fit_line(flat_line(), rows_at_zero(1), rows_at_zero(float("nan")), learning_rate=0.1, epochs=9)


def test_the_train_loss_is_the_mean_over_rows_not_over_batches() -> None:
    # |0 - 1|, |0 - 2|, |0 - 6|: 3 on the mean of rows, whichever two rows share a batch
    model, train = flat_line(), rows_at_zero(1, 2, 6)
    loss = train_once(model, train, l1, build_optimizer(sgd(1e-30), model), 2)
    assert loss == pytest.approx(3, rel=1e-6)


def test_a_step_is_taken_for_each_batch() -> None:
    # six rows in batches of two: three steps of 1/8
    model, train = flat_line(), rows_at_zero(9, 9, 9, 9, 9, 9)
    train_once(model, train, l1, build_optimizer(sgd(0.125), model), 2)
    assert model.bias.item() == 0.375


def test_the_model_trains_in_train_mode_and_predicts_in_eval_mode() -> None:
    modes = []
    model = flat_line()
    model.register_forward_hook(
        lambda module, _inputs, _output: modes.append((module.training, torch.is_grad_enabled()))
    )
    fit_line(model, rows_at_zero(1), rows_at_zero(1), learning_rate=0.1, epochs=2)
    assert modes == [(True, True), (False, False)] * 2


def test_each_epoch_has_an_order_of_its_own() -> None:
    seen = []
    model = flat_line()
    rows = Rows((torch.zeros(20, 1),), torch.arange(20.0).unsqueeze(1))

    def spy(predictions: Tensor, targets: Tensor, _weights: Tensor | None = None) -> Tensor:
        if predictions.requires_grad:
            seen.append(targets.flatten().tolist())
        return l1(predictions, targets)

    optimizer = build_optimizer(sgd(0.01), model)
    for epoch in range(2):
        train_once(model, rows, spy, optimizer, 20, seed=epoch)
    assert seen[0] != seen[1]
    assert sorted(seen[0]) == sorted(seen[1]) == list(range(20))


def test_early_stopping_looks_at_the_score_not_at_the_loss() -> None:
    # the loss says 9 in every epoch; the score is best in the second
    scores = iter([3.0, 1.0, 2.0, 5.0, 0.0])

    def flat(outputs: Tensor, _targets: Tensor, _weights: Tensor | None = None) -> Tensor:
        return 0 * outputs.sum() + 9

    model = flat_line()
    state = TrainingState(model, build_optimizer(sgd(0.1), model), EarlyStopping(2))
    fit(
        state,
        InMemoryBatches(rows_at_zero(1), "full", seed=0),
        Validation(rows_at_zero(1), lambda _: next(scores)),
        loss_fn=flat,
        schedule=Schedule(9, lambda _epoch, _step: 0.1),
    )
    assert [epoch.validation_score for epoch in state.history] == [3, 1, 2, 5]
    assert [epoch.validation_loss for epoch in state.history] == [9, 9, 9, 9]


def test_the_schedule_sets_the_rate_of_each_epoch() -> None:
    # the slope is 1: the bias goes by the rates, 1/8, 1/4, 1/2
    model = flat_line()
    rates = [0.125, 0.25, 0.5]
    history = fit_line(
        model,
        rows_at_zero(9),
        rows_at_zero(9),
        learning_rate=77,
        epochs=3,
        learning_rates=lambda epoch, _step: rates[epoch],
    )
    assert [epoch.learning_rate for epoch in history] == rates
    assert model.bias.item() == 0.875


def test_batch_normalisation_never_sees_a_single_row() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 1))
    rows = Rows((torch.randn(9, 1),), torch.randn(9, 1))
    loss = train_once(model, rows, l1, build_optimizer(sgd(0.1), model), 4)
    assert loss > 0


def test_a_long_gradient_is_cut_before_the_step() -> None:
    # mse from 0 to 100: a slope of -200, cut to 2; a rate of 1/8 moves the bias by 1/4
    model, train = flat_line(), rows_at_zero(100)
    train_once(model, train, mse, build_optimizer(sgd(0.125), model, gradient_clip=2.0), "full")
    assert model.bias.item() == pytest.approx(0.25, rel=1e-6)


def test_the_train_loss_counts_rows_by_their_weights() -> None:
    # errors 1, 2, 6 with weights 2, 1, 1: 10 / 4, whichever two rows share a batch
    model = flat_line()
    train = Rows((torch.zeros(3, 1),), torch.tensor([[1.0], [2.0], [6.0]]), torch.tensor([2.0, 1.0, 1.0]))
    for seed in range(3):
        loss = train_once(model, train, l1, build_optimizer(sgd(1e-30), model), 2, seed=seed)
        assert loss == pytest.approx(2.5, rel=1e-6)


class Body(nn.Module):
    """A line of the first number, whatever the codes."""

    def __init__(self) -> None:
        super().__init__()
        self.line = LinearParameters()

    def forward(self, numbers: Tensor, _codes: Tensor) -> Tensor:
        out: Tensor = self.line(numbers)
        return out


@pytest.mark.parametrize("gradient_clip", [None, 0.5])
@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_several_copies_learn_as_each_would_alone(name: Any, gradient_clip: float | None) -> None:
    torch.manual_seed(4)
    rows = Rows((torch.randn(20, 1), torch.zeros(20, 0)), torch.randn(20, 1))
    copies: list[nn.Module] = [Body() for _ in range(3)]
    together, alone = DeepEnsemble(copies), copy.deepcopy(copies)
    params = OptimizerParams(name=name, learning_rate=0.05, weight_decay=0.1, momentum=0.0)
    optimizers = [build_optimizer(params, model, gradient_clip) for model in (together, *alone)]
    for model, optimizer in zip((together, *alone), optimizers, strict=True):
        for epoch in range(5):
            train_once(model, rows, mse, optimizer, 8, seed=epoch)
    for one, other in zip(together.networks, alone, strict=True):
        for name_of, value in one.state_dict().items():
            torch.testing.assert_close(value, other.state_dict()[name_of], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch_size", ["full", 8])
@pytest.mark.parametrize("numeric", ["none", "standardize", "quantile_normal"])
def test_a_front_applied_once_trains_to_the_same_bits_as_a_front_in_every_step(
    numeric: str, batch_size: Literal["full"] | int
) -> None:
    table = small_table("multiclass")

    def trained(*, once: bool) -> list[bytes]:
        params = ModelParams.model_validate(
            {"name": "mlp", "numeric": numeric, "mlp": {"n_blocks": 2, "d_block": 8, "dropout": 0.3}}
        )
        torch.manual_seed(5)
        model = build_model(params, table.features, target_scale="none")
        rows = build_rows(model, table.train, "the train rows")
        trainee, seen = (trainable_module(model), preprocess_rows(model, rows)) if once else (model, rows)
        optimizer = build_optimizer(sgd(0.1), trainee)
        torch.manual_seed(6)  # dropout draws too
        for epoch in range(5):
            train_once(trainee, seen, build_loss("cross_entropy"), optimizer, batch_size, seed=epoch)
        return [value.numpy().tobytes() for value in model.state_dict().values()]

    assert trained(once=True) == trained(once=False)


def test_batch_normalisation_inside_a_network_is_refused_for_several_processes() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4))
    with pytest.raises(InputError, match="no batch normalisation with several processes, got BatchNorm1d at 1; "):
        assert_no_batch_norm(network)
    assert_no_batch_norm(torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.LayerNorm(4)))
