import re
from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from relight.domain.early_stopping import EarlyStopping
from relight.domain.features import CategoricalFeature, Features, NumericFeature
from relight.domain.losses import LOSSES, l1, mse
from relight.domain.models.building import build_model
from relight.domain.models.linear import LinearParameters
from relight.domain.optimizers import build_optimizer
from relight.domain.rows import Rows, after_front
from relight.domain.training import Epoch, batches, fit, loss_of, train_epoch
from relight.errors import RunError
from relight.params.model import MlpParams, ModelParams
from relight.params.train import OptimizerParams


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
    loss_fn: Callable[[Tensor, Tensor], Tensor] = l1,
    patience: int | None = None,
) -> list[Epoch]:
    return fit(
        model,
        train,
        validation,
        loss_fn=loss_fn,
        optimizer=build_optimizer(sgd(learning_rate), model),
        epochs=range(epochs),
        batch_size="full",
        seed=0,
        early_stopping=EarlyStopping(patience) if patience else None,
    )


def test_the_tutorials_losses_to_the_last_digit() -> None:
    x = torch.arange(0, 1, 0.02).unsqueeze(1)
    y = 0.7 * x + 0.3
    torch.manual_seed(42)
    model = LinearParameters()
    history = fit_line(model, Rows((x[:40],), y[:40]), Rows((x[40:],), y[40:]), learning_rate=0.01, epochs=100)
    assert history[0] == (0, 0.31288138031959534, 0.48106518387794495)
    assert history[50] == (50, 0.04167863354086876, 0.09919948130846024)
    assert history[90] == (90, 0.02788739837706089, 0.06473556160926819)
    assert (round(model.weights.item(), 4), round(model.bias.item(), 4)) == (0.5784, 0.3513)


def test_losses_and_weights_of_each_epoch_by_hand() -> None:
    # l1, learning rate 1/8: the bias goes 0 → 1/8 → 2/8 → 3/8 towards 1; the train loss is that before the step,
    # the validation loss (target 1/2) that after it
    model = flat_line()
    history = fit_line(model, rows_at_zero(1, 1), rows_at_zero(0.5), learning_rate=0.125, epochs=3)
    assert history == [(0, 1.0, 0.375), (1, 0.875, 0.25), (2, 0.75, 0.125)]
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
    loss = train_epoch(model, train, l1, build_optimizer(sgd(1e-30), model), batches(train, 2, seed=0))
    assert loss == pytest.approx(3, rel=1e-6)


def test_a_step_is_taken_for_each_batch() -> None:
    # five rows in batches of two: three steps of 1/8
    model, train = flat_line(), rows_at_zero(9, 9, 9, 9, 9)
    train_epoch(model, train, l1, build_optimizer(sgd(0.125), model), batches(train, 2, seed=0))
    assert model.bias.item() == 0.375


def test_the_model_trains_in_train_mode_and_predicts_in_eval_mode() -> None:
    modes = []
    model = flat_line()
    model.register_forward_hook(
        lambda module, _inputs, _output: modes.append((module.training, torch.is_grad_enabled()))
    )
    fit_line(model, rows_at_zero(1), rows_at_zero(1), learning_rate=0.1, epochs=2)
    assert modes == [(True, True), (False, False)] * 2


def numbered(n_rows: int) -> Rows:
    numbers = torch.arange(n_rows)
    return Rows((numbers.unsqueeze(1).float(), numbers.unsqueeze(1).int()), numbers)


@pytest.mark.parametrize(("batch_size", "sizes"), [(4, [4, 4, 2]), (5, [5, 5]), (1, [1] * 10), (10, [10]), (99, [10])])
def test_batches_are_a_permutation_of_all_rows_and_the_last_may_be_shorter(batch_size: int, sizes: list[int]) -> None:
    made = list(batches(numbered(10), batch_size, seed=3))
    assert [len(batch.target) for batch in made] == sizes
    assert sorted(torch.cat([batch.target for batch in made]).tolist()) == list(range(10))
    for batch in made:
        assert batch.inputs[0].flatten().tolist() == batch.inputs[1].flatten().tolist() == batch.target.tolist()


def test_batches_depend_on_the_seed_alone() -> None:
    def order(seed: int, noise: int) -> list[int]:
        torch.manual_seed(noise)
        return torch.cat([batch.target for batch in batches(numbered(100), 7, seed)]).tolist()

    assert order(3, noise=0) == order(3, noise=1)
    assert order(3, noise=0) != order(4, noise=0)
    assert order(3, noise=0) != list(range(100))


def test_batches_draw_nothing_from_the_generator_of_the_weights() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(batches(numbered(10), 3, seed=1))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_full_batch_is_the_rows_as_they_are() -> None:
    rows = numbered(10)
    (only,) = batches(rows, "full", seed=3)
    assert only is rows


def test_each_epoch_has_an_order_of_its_own() -> None:
    seen = []
    model = flat_line()
    rows = Rows((torch.zeros(20, 1),), torch.arange(20.0).unsqueeze(1))

    def spy(predictions: Tensor, targets: Tensor) -> Tensor:
        if predictions.requires_grad:
            seen.append(targets.flatten().tolist())
        return l1(predictions, targets)

    optimizer = build_optimizer(sgd(0.01), model)
    fit(
        model, rows, rows, loss_fn=spy, optimizer=optimizer, epochs=range(2), batch_size=20, seed=0, early_stopping=None
    )
    assert seen[0] != seen[1]
    assert sorted(seen[0]) == sorted(seen[1]) == list(range(20))


def fronted_model(numeric: Any, levels: int) -> nn.Module:
    """A classifier of two numbers, one of them with gaps, and a category; drawn with seed 5."""
    features = Features(
        task="multiclass",
        target="y",
        classes=["a", "b", "c"],
        numeric=[
            NumericFeature(name="a", kind="numeric", mean=0.1, std=1.3, gaps=4),
            NumericFeature(name="b", kind="numeric", mean=-0.2, std=0.7, gaps=0),
        ],
        categorical=[CategoricalFeature(name="c", levels=[f"level {k}" for k in range(levels)])],
        target_mean=0.0,
        target_std=1.0,
        n_train=30,
        test_rows_validate=False,
    )
    mlp = MlpParams(n_blocks=2, d_block=8, dropout=0.3)
    torch.manual_seed(5)
    return build_model(ModelParams(name="mlp", numeric=numeric, mlp=mlp), features)


def raw_rows(n_rows: int, seed: int) -> Rows:
    generator = torch.Generator().manual_seed(seed)
    numeric = torch.randn(n_rows, 2, generator=generator)
    numeric[::7, 0] = float("nan")
    categories = torch.randint(0, 4, (n_rows, 1), generator=generator, dtype=torch.int32)
    return Rows((numeric, categories), torch.randint(0, 3, (n_rows,), generator=generator))


@pytest.mark.parametrize("batch_size", ["full", 8])
@pytest.mark.parametrize("numeric", ["none", "standardize"])
def test_a_front_applied_once_trains_to_the_same_bits_as_a_front_in_every_step(
    numeric: str, batch_size: Literal["full"] | int
) -> None:
    def trained(*, once: bool) -> tuple[list[Epoch], list[bytes]]:
        model = fronted_model(numeric, levels=3)
        train, validation = raw_rows(30, seed=1), raw_rows(12, seed=2)
        trainee = model
        if once:
            trainee, train = after_front(model, train)
            _, validation = after_front(model, validation)
            assert trainee is not model
        torch.manual_seed(6)  # dropout draws too
        history = fit(
            trainee,
            train,
            validation,
            loss_fn=LOSSES["cross_entropy"],
            optimizer=build_optimizer(sgd(0.1), trainee),
            epochs=range(10),
            batch_size=batch_size,
            seed=0,
            early_stopping=EarlyStopping(3),
        )
        return history, [value.numpy().tobytes() for value in model.state_dict().values()]

    assert trained(once=True) == trained(once=False)


def test_the_loss_over_all_rows_learns_nothing() -> None:
    model = flat_line(bias=0.25)
    assert loss_of(model, rows_at_zero(0.5, 1), l1) == 0.5  # (1/4 + 3/4) / 2
    assert all(weight.grad is None for weight in model.parameters())
