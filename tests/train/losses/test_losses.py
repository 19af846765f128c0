import math
from typing import get_args

import pytest
import torch
from sklearn.metrics import mean_pinball_loss
from torch import Tensor
from torch.nn import functional

from relight.train.auto import LOSSES_BY_TASK, LossName
from relight.train.losses.losses import Loss, bce, build_loss, cross_entropy, huber, kl_div, l1, mse, nll, poisson
from relight.train.params import TrainParams


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1)


def test_l1_is_the_mean_absolute_error() -> None:
    # (|1 - 1.5| + |2 - 2| + |4 - 2|) / 3 = 2.5 / 3
    assert l1(column(1, 2, 4), column(1.5, 2, 2)).item() == pytest.approx(2.5 / 3, rel=1e-15)


def test_mse_is_the_mean_squared_error() -> None:
    # (0.5² + 0² + 2²) / 3 = 4.25 / 3
    assert mse(column(1, 2, 4), column(1.5, 2, 2)).item() == pytest.approx(4.25 / 3, rel=1e-15)


def test_bce_is_the_mean_surprise_at_the_true_class() -> None:
    # sigmoid(0) = 1/2, sigmoid(log 3) = 3/4; -(log 1/2 + log(1 - 3/4)) / 2 = (log 2 + 2 log 2) / 2
    assert bce(column(0, math.log(3)), column(1, 0)).item() == pytest.approx(1.5 * math.log(2), rel=1e-15)


def test_cross_entropy_is_the_mean_surprise_at_the_true_class() -> None:
    # softmax(0, 0) = (1/2, 1/2), softmax(log 3, 0) = (3/4, 1/4); -(log 1/2 + log 3/4) / 2 = log(8/3) / 2
    logits = torch.tensor([[0, 0], [math.log(3), 0]], dtype=torch.float64)
    assert cross_entropy(logits, torch.tensor([1, 0])).item() == pytest.approx(math.log(8 / 3) / 2, rel=1e-15)


def test_bce_stays_finite_where_a_probability_rounds_to_zero() -> None:
    # sigmoid(-1000) is 0 in any float; the surprise at class 1 is 1000 all the same
    assert bce(column(-1000), column(1)).item() == 1000


@pytest.mark.parametrize("loss", [l1, mse, huber, poisson, build_loss("quantile"), bce, kl_div])
def test_a_column_against_a_row_is_refused(loss: Loss) -> None:
    with pytest.raises(ValueError, match=r"shapes must be equal, got .*\[3, 1\].*\[3\]"):
        loss(torch.zeros(3, 1), torch.zeros(3))


@pytest.mark.parametrize(
    ("logits", "targets"),
    [
        (torch.zeros(3, 2), torch.zeros(3, 1, dtype=torch.int64)),
        (torch.zeros(3, 2), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros(3), torch.zeros(3, dtype=torch.int64)),
        (torch.zeros(3, 3), torch.zeros(3, 3)),
        (torch.zeros(3, 2), torch.zeros(3)),
    ],
    ids=["column", "fewer rows", "no classes", "shares of the classes", "float classes"],
)
def test_cross_entropy_takes_one_class_code_for_each_row_of_logits(logits: Tensor, targets: Tensor) -> None:
    with pytest.raises(ValueError, match=r"shapes must be \(n, c\) and \(n,\), got"):
        cross_entropy(logits, targets)


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (l1, column(5, -5, 5, -5)),  # away from the predictions: l1 has no slope at 0
        (mse, column(5, -5, 5, -5)),
        (huber, column(0.25, -5, 5, 0.5)),
        (bce, column(0, 1, 1, 0)),
    ],
)
def test_the_gradient_is_the_slope_of_the_loss(loss: Loss, targets: Tensor) -> None:
    predictions = column(0.5, -1, 2, 0).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: loss(p, targets), predictions)


def test_the_gradient_of_cross_entropy_is_its_slope() -> None:
    logits = torch.tensor([[0.5, -1, 2], [0, 0.25, -3]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: cross_entropy(p, torch.tensor([2, 0])), logits)


def test_huber_is_a_square_near_and_a_line_far() -> None:
    # |d| = 1/2: 1/8; |d| = 3: 3 - 1/2
    assert huber(column(1, 5), column(1.5, 2)).item() == (1 / 8 + 2.5) / 2


def test_nll_is_minus_the_log_probability_of_the_true_class() -> None:
    logs = torch.tensor([[0.25, 0.75], [0.5, 0.5]], dtype=torch.float64).log()
    assert nll(logs, torch.tensor([1, 0])).item() == pytest.approx(-math.log(0.75 * 0.5) / 2, rel=1e-15)


def test_kl_div_is_the_surprise_beyond_that_of_the_shares_themselves() -> None:
    # 1/2 log(1/2 / 1/4) + 1/2 log(1/2 / 3/4); the second row is right, and 0 log 0 is 0
    logs = torch.tensor([[0.25, 0.75], [1, 1e-300]], dtype=torch.float64).log()
    shares = torch.tensor([[0.5, 0.5], [1, 0]], dtype=torch.float64)
    assert kl_div(logs, shares).item() == pytest.approx((math.log(2) + math.log(2 / 3)) / 4, rel=1e-15)


TASKS: dict[str, tuple[int, Tensor]] = {  # width of the outputs, targets of three rows
    "l1": (1, column(0.5, -1, 2)),
    "mse": (1, column(0.5, -1, 2)),
    "huber": (1, column(0.5, -1, 2)),
    "quantile": (1, column(0.5, -1, 2)),
    "poisson": (1, column(0, 3, 1.5)),
    "bce": (1, column(1, 0, 1)),
    "focal": (4, torch.tensor([3, 0, 2])),
    "cross_entropy": (4, torch.tensor([3, 0, 2])),
    "nll": (4, torch.tensor([3, 0, 2])),
    "kl_div": (4, torch.tensor([[0.1, 0.2, 0.3, 0.4], [1, 0, 0, 0], [0.25] * 4], dtype=torch.float64)),
    "hinge_embedding": (1, column(0, 0, 1)),
}
THEIRS = {
    "quantile": lambda x, t: (x - t).abs().mean() / 2,  # of the share 1/2
    "poisson": functional.poisson_nll_loss,
    "focal": lambda x, t: focal_of_probabilities(functional.softmax(x, dim=1)[torch.arange(3), t]),
    "l1": functional.l1_loss,
    "mse": functional.mse_loss,
    "huber": functional.huber_loss,
    "bce": functional.binary_cross_entropy_with_logits,
    "cross_entropy": functional.cross_entropy,
    "nll": functional.cross_entropy,
    "kl_div": lambda x, t: functional.kl_div(functional.log_softmax(x, dim=1), t, reduction="batchmean"),
    "hinge_embedding": lambda raw, target: functional.hinge_embedding_loss(raw, 2 * target - 1),
}


def focal_of_probabilities(p: Tensor) -> Tensor:
    """The formula of the paper, with its gamma of 2."""
    return -((1 - p).square() * p.log()).mean()


def outputs(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", TASKS)
def test_each_loss_of_raw_outputs_is_that_of_torch(name: LossName) -> None:
    width, target = TASKS[name]
    raw = outputs(3, width)
    torch.testing.assert_close(build_loss(name)(raw, target), THEIRS[name](raw, target), rtol=1e-12, atol=0)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("name", TASKS)
def test_members_have_the_mean_of_their_losses(name: LossName, smoothing: float) -> None:
    width, target = TASKS[name]
    raw, loss = outputs(3, 5, width), build_loss(name, smoothing)
    alone = torch.stack([loss(raw[:, member], target) for member in range(5)])
    torch.testing.assert_close(loss(raw, target), alone.mean(), rtol=1e-12, atol=0)
    assert not torch.isclose(loss(raw, target), loss(raw.mean(dim=1), target))


@pytest.mark.parametrize("members", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("name", TASKS)
def test_a_row_of_weight_two_counts_as_two_rows_and_one_of_zero_not_at_all(
    name: LossName, smoothing: float, members: bool
) -> None:
    width, target = TASKS[name]
    raw, loss = outputs(3, 4, width) if members else outputs(3, width), build_loss(name, smoothing)
    weighted = loss(raw, target, torch.tensor([2.0, 0, 1], dtype=torch.float64))
    places = torch.tensor([0, 0, 2])
    torch.testing.assert_close(weighted, loss(raw[places], target[places]), rtol=1e-12, atol=0)


def test_weights_by_hand() -> None:
    # |errors| 1, 2, 4 with weights 1, 0.5, 0.25: 3 / 1.75
    weights = torch.tensor([1, 0.5, 0.25], dtype=torch.float64)
    assert l1(column(1, 2, 4), column(0, 0, 0), weights).item() == pytest.approx(3 / 1.75, rel=1e-15)


def test_rows_that_all_count_nothing_have_no_loss() -> None:
    assert mse(column(1, 2), column(0, 0), torch.zeros(2, dtype=torch.float64)).item() == 0


def test_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"weights must be \(n_rows,\), got .*\[3, 1\]"):
        l1(column(1, 2, 4), column(0, 0, 0), torch.ones(3, 1))


def test_smoothing_of_many_classes_is_that_of_torch() -> None:
    width, target = TASKS["cross_entropy"]
    raw = outputs(3, width)
    expected = functional.cross_entropy(raw, target, label_smoothing=0.2)
    for name in ("cross_entropy", "nll"):
        torch.testing.assert_close(build_loss(name, 0.2)(raw, target), expected, rtol=1e-12, atol=0)


def test_smoothing_of_two_classes_is_that_of_many_for_two() -> None:
    raw, target = outputs(3, 1), column(1, 0, 1)
    expected = functional.cross_entropy(
        torch.cat([torch.zeros_like(raw), raw], dim=1), target.flatten().long(), label_smoothing=0.2
    )
    torch.testing.assert_close(build_loss("bce", 0.2)(raw, target), expected, rtol=1e-12, atol=0)


def test_members_of_a_column_against_a_row_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shapes must be equal, got .*\[3, 2, 1\].*\[3, 2\]"):
        mse(torch.zeros(3, 2, 1), torch.zeros(3, 2))


def test_every_loss_that_params_may_name_is_there() -> None:
    named = set(get_args(LossName))
    suited = {loss for losses in LOSSES_BY_TASK.values() for loss in losses}
    names, _call = get_args(TrainParams.model_fields["loss"].annotation)
    in_params = set(get_args(get_args(names)[0])) - {"auto"}
    of_orders = {"listwise", "margin_ranking"}  # test_ranking_losses.py
    assert {*TASKS, *of_orders} == named == suited == in_params


def test_the_quantile_by_hand() -> None:
    # share 0.9; targets 2 above and 1 below: (0.9 * 2 + 0.1 * 1) / 2; with weights 1 and 3: (1.8 + 3 * 0.1) / 4
    predictions, targets, loss = column(1, 1), column(3, 0), build_loss("quantile", share=0.9)
    assert loss(predictions, targets).item() == pytest.approx(0.95, rel=1e-15)
    weights = torch.tensor([1, 3], dtype=torch.float64)
    assert loss(predictions, targets, weights).item() == pytest.approx(0.525, rel=1e-15)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_quantile_is_the_pinball_loss_of_scikit_learn(share: float) -> None:
    predictions, targets, weights = outputs(20, 1), outputs(20, 2)[:, 1:], outputs(20).abs()
    expected = mean_pinball_loss(targets, predictions, sample_weight=weights, alpha=share)
    assert build_loss("quantile", share=share)(predictions, targets, weights).item() == pytest.approx(
        expected, rel=1e-12
    )


@pytest.mark.parametrize("share", [0.2, 0.9])
def test_the_quantile_is_smallest_where_that_share_of_the_targets_lies_below(share: float) -> None:
    targets, loss = column(*range(101)), build_loss("quantile", share=share)
    losses = [loss(torch.full_like(targets, guess), targets).item() for guess in range(101)]
    assert losses.index(min(losses)) == pytest.approx(100 * share, abs=1)


def test_poisson_by_hand() -> None:
    # log rates 0 and log 2, counts 3 and 0: (1 - 3 * 0 + 2 - 0) / 2
    assert build_loss("poisson")(column(0, math.log(2)), column(3, 0)).item() == pytest.approx(1.5, rel=1e-15)


def test_focal_of_two_classes_by_hand() -> None:
    # sigmoid(0) = 1/2: 1/4 log 2; sigmoid(log 3) = 3/4, and the true class is the other: 9/16 log 4
    loss = build_loss("focal")(column(0, math.log(3)), column(1, 0)).item()
    assert loss == pytest.approx((math.log(2) / 4 + 9 / 16 * math.log(4)) / 2, rel=1e-14)


def test_focal_of_two_classes_is_that_of_many_for_two() -> None:
    raw, target = outputs(3, 1), column(1, 0, 1)
    both, codes = torch.cat([torch.zeros_like(raw), raw], dim=1), target.long().reshape(-1)
    for gamma in (0.0, 0.5, 3.0):
        loss = build_loss("focal", gamma=gamma)
        torch.testing.assert_close(loss(raw, target), loss(both, codes), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("width", "target"), [(1, column(1, 0, 1)), (4, torch.tensor([3, 0, 2]))])
def test_focal_without_its_gamma_is_the_plain_loss(width: int, target: Tensor) -> None:
    raw, plain = outputs(3, width), bce if width == 1 else cross_entropy
    torch.testing.assert_close(build_loss("focal", gamma=0.0)(raw, target), plain(raw, target), rtol=1e-12, atol=0)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("logit", [-200.0, 0.0, 200.0])
def test_focal_has_a_slope_however_sure_the_network_is(logit: float, gamma: float) -> None:
    binary = torch.tensor([[logit]], requires_grad=True)
    several = torch.tensor([[logit, 0.0, 0.0]], requires_grad=True)
    loss = build_loss("focal", gamma=gamma)
    for raw, target in ((binary, torch.ones(1, 1)), (several, torch.tensor([0]))):
        value = loss(raw, target)
        (slope,) = torch.autograd.grad(value, raw)
        assert value.isfinite()
        assert slope.isfinite().all()


def test_members_and_weights_of_focal_with_two_classes() -> None:
    raw, target, loss = outputs(3, 5, 1), column(1, 0, 1), build_loss("focal")
    weights = torch.tensor([2, 0, 1], dtype=torch.float64)
    alone = torch.stack([loss(raw[:, member], target, weights) for member in range(5)])
    torch.testing.assert_close(loss(raw, target, weights), alone.mean(), rtol=1e-12, atol=0)
    twice = torch.tensor([0, 0, 2])
    torch.testing.assert_close(loss(raw, target, weights), loss(raw[twice], target[twice]), rtol=1e-12, atol=0)


def test_hinge_embedding_is_that_of_torch() -> None:
    torch.manual_seed(0)
    distances, alike = 3 * torch.rand(20, 1), (torch.rand(20, 1) < 0.5).float()
    expected = torch.nn.HingeEmbeddingLoss(margin=1.5)(distances, 2 * alike - 1)
    torch.testing.assert_close(build_loss("hinge_embedding", margin=1.5)(distances, alike), expected)


def test_hinge_embedding_by_hand() -> None:
    """Alike at 0.4: 0.4. Not alike at 0.3 and 2.0, margin 1: 0.7 and 0. With weights 1, 2, 1: (0.4 + 1.4) / 4."""
    distances, alike = torch.tensor([[0.4], [0.3], [2.0]]), torch.tensor([[1.0], [0.0], [0.0]])
    loss = build_loss("hinge_embedding")
    assert loss(distances, alike).item() == pytest.approx(1.1 / 3)
    assert loss(distances, alike, torch.tensor([1.0, 2.0, 1.0])).item() == pytest.approx(1.8 / 4)


def test_hinge_embedding_refuses_shapes_that_would_broadcast() -> None:
    with pytest.raises(ValueError, match="must"):
        build_loss("hinge_embedding")(torch.zeros(3, 1), torch.zeros(3))
