import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from relight.model.networks import autoregression
from relight.model.networks.autoregression import PENALTIES, Autoregression
from relight.model.rows import Rows


class Examples:
    """Windows in memory."""

    device = torch.device("cpu")

    def __init__(self, past: torch.Tensor, future: torch.Tensor, target: torch.Tensor) -> None:
        self.past, self.future, self.target = past, future, target

    @property
    def n_rows(self) -> int:
        return len(self.past)

    def pick(self, indices: torch.Tensor) -> Rows:
        return Rows((self.past[indices], self.future[indices]), self.target[indices])


def examples(n: int, seed: int, noise: float = 0.1) -> Examples:
    """Two steps ahead: a weighted past, a covariate known ahead, and a wave."""
    generator = torch.Generator().manual_seed(seed)
    past, future = torch.randn(n, 6, 4, generator=generator), torch.randn(n, 2, 2, generator=generator)
    past[:, :, 0] -= past[:, -1:, 0].clone()  # differences to the last value
    target = 0.5 * past[:, -2:-1, 0] + future[:, :, 0] - 2 * future[:, :1, 1]
    return Examples(past, future, target + noise * torch.randn(n, 2, generator=generator))


def new_model() -> Autoregression:
    return Autoregression(6, 2, n_covariates=2, n_future_covariates=1, n_waves=1)


def test_it_finds_the_line_that_made_the_data() -> None:
    model = new_model()
    model.fit(examples(2000, 0, noise=0.0), examples(500, 1, noise=0.0))
    test = examples(300, 2, noise=0.0)
    predictions = model(test.past, test.future)
    torch.testing.assert_close(predictions, test.target, atol=1e-4, rtol=1e-4)


def test_without_validation_it_is_the_ridge_regression_of_scikit_learn() -> None:
    model, train = new_model(), examples(400, 0)
    model.fit(train, None)
    inputs = model.design(train.past, train.future).double().numpy()
    targets = train.target.double().numpy()
    scale = inputs.std(axis=0)
    ridge = Ridge(alpha=PENALTIES[0] * len(inputs)).fit((inputs - inputs.mean(axis=0)) / scale, targets)
    np.testing.assert_allclose(model.weight.numpy(), (ridge.coef_ / scale).T, atol=1e-5)


def test_the_penalty_is_the_one_that_the_validation_windows_like_best() -> None:
    train, validation = examples(30, 0, noise=3.0), examples(2000, 1)
    smallest, chosen = new_model(), new_model()
    smallest.fit(train, None)
    chosen.fit(train, validation)

    def error(model: Autoregression) -> float:
        return float((model(validation.past, validation.future) - validation.target).abs().mean())

    assert error(chosen) < error(smallest)


def test_windows_with_a_gap_in_their_targets_and_columns_that_never_vary_teach_nothing() -> None:
    train, model, other = examples(100, 0), new_model(), new_model()
    train.past[:, :, 1] = 7.0
    model.fit(train, None)
    spoiled = Examples(torch.cat([train.past, 100 + train.past[:1]]), torch.cat([train.future, train.future[:1]]),
                       torch.cat([train.target, torch.tensor([[torch.nan, 1.0]])]))  # fmt: skip
    other.fit(spoiled, None)
    assert torch.equal(model.weight, other.weight)
    assert bool(model.weight.isfinite().all())
    assert model.weight[10].abs().max() == pytest.approx(0, abs=1e-6)  # the column of sevens


def test_a_past_that_says_nothing_further_back_is_cut() -> None:
    """The next value depends on the last two; of 32 steps fewer are looked at, and the weights of the others are 0."""
    generator = torch.Generator().manual_seed(3)
    model = Autoregression(32, 1, n_covariates=0, n_future_covariates=0, n_waves=0)

    def windows(n: int) -> Examples:
        past = torch.randn(n, 32, 1, generator=generator)
        past -= past[:, -1:].clone()
        target = 0.5 * past[:, -2] + 0.5 * torch.randn(n, 1, generator=generator)
        return Examples(past, torch.empty(n, 1, 0), target)

    model.fit(windows(60), windows(400))
    assert model.chosen.any(dim=1).tolist() == [False, False, False, False, True]  # of 32, 16, 8, 4, 2 steps
    assert bool((model.weight[:30] == 0).all())
    assert bool((model.weight[30:] != 0).all())


def test_a_past_promotion_is_not_read_as_the_level() -> None:
    """Values are 3 times a covariate, and the next level; the line subtracts what it added, and adds what it will."""
    generator = torch.Generator().manual_seed(4)
    promotion = (torch.rand(3000, 6, generator=generator) < 0.3).float()  # 4 past steps, 2 to come
    level = torch.randn(3000, 1, generator=generator) + 0.3 * torch.randn(3000, 6, generator=generator)
    values = level + 3 * promotion
    values = values - values[:, 3:4]
    past = torch.stack([values[:, :4], promotion[:, :4]], dim=2)
    windows = Examples(past, promotion[:, 4:, None], values[:, 4:])
    model = Autoregression(4, 2, n_covariates=1, n_future_covariates=1, n_waves=0)
    model.fit(windows, None)
    columns = model.weight[:, 0]  # lag, covariate of each of 3 steps; the last covariate; those of 2 steps to come
    torch.testing.assert_close(columns[[1, 3, 5]], -3 * columns[[0, 2, 4]], atol=0.1, rtol=0)
    torch.testing.assert_close(columns[[0, 2, 4]], torch.full((3,), 0.25), atol=0.05, rtol=0)  # the mean of four
    torch.testing.assert_close(columns[6:], torch.tensor([-0.75, 3.0, 0.0]), atol=0.1, rtol=0)


def test_of_many_covariates_the_latest_steps_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoregression, "MAX_PAST_COVARIATES", 4)
    model = Autoregression(8, 1, n_covariates=3, n_future_covariates=2, n_waves=0)
    past, future = torch.arange(32.0).view(1, 8, 4), torch.tensor([[[70.0, 71.0]]])
    lags, pairs = [0.0, 4, 8, 12, 16], [20.0, 22, 23, 24, 26, 27]
    assert model.design(past, future)[0].tolist() == [*lags, *pairs, 29, 30, 31, 70, 71]
    assert model._columns(4)[0] == 4  # steps 4 to 7 of 8: a lag without covariates, then pairs
    assert model._columns(2)[0] == 8  # the pair of step 6


def test_what_the_validation_windows_cannot_tell_from_the_best_is_averaged() -> None:
    """Two windows cannot tell any of the penalties apart, and two thousand can."""
    train, few, many = examples(40, 0, noise=3.0), new_model(), new_model()
    few.fit(train, examples(2, 1))
    many.fit(train, examples(2000, 1))
    assert int(few.chosen.sum()) > int(many.chosen.sum())
    alone = [
        line.weight for line, chosen in zip(each_alone(train), few.chosen.flatten().tolist(), strict=True) if chosen
    ]
    torch.testing.assert_close(few.weight, torch.stack(alone).mean(dim=0))


def test_as_good_as_the_best_is_less_than_one_standard_error_above_it() -> None:
    train, validation, model = examples(30, 0, noise=3.0), examples(40, 1, noise=2.0), new_model()
    model.fit(train, validation)
    left = validation.target.double()
    with torch.no_grad():
        off = [
            (line(validation.past, validation.future) - left).abs().mean(dim=1).numpy() for line in each_alone(train)
        ]
    best = min(off, key=lambda errors: float(errors.mean()))
    near = [(errors - best).mean() <= (errors - best).std() / np.sqrt(len(best)) for errors in off]
    assert model.chosen.flatten().tolist() == near
    assert 1 < sum(near) < len(near)


def each_alone(train: Examples) -> list[Autoregression]:
    """The line for each past and penalty."""
    lines = []
    for index in range(new_model().chosen.numel()):
        line = new_model()
        line.chosen.view(-1)[index] = True
        line.refit([train], lambda past, _: torch.zeros_like(past[:, :1, 0]))
        lines.append(line)
    return lines


def test_refitted_it_is_the_line_through_all_windows_without_the_offset() -> None:
    first, second, model, other = examples(60, 0), examples(50, 1), new_model(), new_model()
    model.fit(first, None)
    model.refit([first, second], lambda past, _: torch.zeros_like(past[:, :1, 0]))
    both = Examples(
        *(torch.cat([getattr(first, name), getattr(second, name)]) for name in ("past", "future", "target"))
    )
    other.fit(both, None)
    torch.testing.assert_close(model.weight, other.weight)
    model.refit([first, second], lambda past, future: other(past, future))
    torch.testing.assert_close(model.weight, torch.zeros_like(model.weight), atol=1e-5, rtol=0)


def test_what_is_kept_of_the_windows_does_not_grow_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The penalty is chosen while the windows pass by: in pieces of any size it is the same one."""
    train, validation, one, other = examples(80, 0, noise=3.0), examples(500, 1), new_model(), new_model()
    one.fit(train, validation)
    monkeypatch.setattr(autoregression, "CHUNK", 7)
    other.fit(train, validation)
    assert one.chosen.tolist() == other.chosen.tolist()
    torch.testing.assert_close(one.weight, other.weight)
