import numpy as np
import pytest
import torch

from relight.train.losses import ranking
from relight.train.losses.ranking import listwise, margin_ranking

# Queries 4 and 2, scattered; query 0 has one candidate, query 1 two that are equally relevant.
TARGETS = torch.tensor([[2.0, 4], [1, 2], [0, 4], [3, 0], [0, 2], [1, 1], [1, 1], [1, 4]])
SCORES = torch.tensor([0.5, -1.0, 0.2, 9.0, 0.4, 7.0, 8.0, 1.5])


def test_listwise_by_hand() -> None:
    # Query 4: gains 3, 0, 1, shares 3/4, 0, 1/4. Query 2: gains 1, 0.
    first = -(0.75 * 0.5 + 0.25 * 1.5) + np.log(np.exp(0.5) + np.exp(0.2) + np.exp(1.5))
    second = 1.0 + np.log(np.exp(-1.0) + np.exp(0.4))
    assert listwise(SCORES.unsqueeze(1), TARGETS).item() == pytest.approx((first + second) / 2)


def test_margin_ranking_by_hand() -> None:
    # Query 4: pairs (2, 0), (2, 1), (1, 0): 1 - 0.3, 1 + 1.0, 0. Query 2: 1 + 1.4.
    expected = ((0.7 + 2.0 + 0.0) / 3 + 2.4) / 2
    assert margin_ranking(SCORES.unsqueeze(1), TARGETS).item() == pytest.approx(expected)


@pytest.mark.parametrize("loss", [listwise, margin_ranking])
class TestBoth:
    def test_the_order_of_the_rows_and_other_numbers_of_queries_change_nothing(self, loss) -> None:  # type: ignore[no-untyped-def]
        order = torch.tensor([3, 7, 0, 5, 2, 6, 4, 1])
        renamed = TARGETS[order] * torch.tensor([1.0, 100.0])
        expected = loss(SCORES.unsqueeze(1), TARGETS)
        assert loss(SCORES[order].unsqueeze(1), renamed) == pytest.approx(expected.item())

    def test_members_have_the_mean_of_their_losses(self, loss) -> None:  # type: ignore[no-untyped-def]
        members = torch.stack([SCORES, -SCORES, 3 * SCORES], dim=1)
        alone = [loss(members[:, k : k + 1], TARGETS).item() for k in range(3)]
        assert loss(members.unsqueeze(2), TARGETS).item() == pytest.approx(np.mean(alone))

    def test_the_gradient_is_that_of_differences(self, loss) -> None:  # type: ignore[no-untyped-def]
        scores = SCORES.double().unsqueeze(1).requires_grad_()
        assert torch.autograd.gradcheck(lambda s: loss(s, TARGETS.double()), (scores,))

    def test_queries_without_an_order_pull_nowhere(self, loss) -> None:  # type: ignore[no-untyped-def]
        scores = SCORES.unsqueeze(1).requires_grad_()
        loss(scores, TARGETS).backward()
        assert scores.grad is not None
        assert scores.grad[[3, 5, 6]].tolist() == [[0.0], [0.0], [0.0]]
        assert (scores.grad[[0, 1, 2, 4, 7]] != 0).all()

    def test_without_any_order_it_is_0_and_can_be_learned_from(self, loss) -> None:  # type: ignore[no-untyped-def]
        scores = SCORES[[3, 5, 6]].unsqueeze(1).requires_grad_()
        value = loss(scores, TARGETS[[3, 5, 6]])
        value.backward()
        assert value.item() == 0

    def test_scores_far_apart_stay_finite(self, loss) -> None:  # type: ignore[no-untyped-def]
        assert torch.isfinite(loss(1e30 * SCORES.unsqueeze(1), TARGETS))

    def test_shapes_that_would_broadcast_and_weights_are_refused(self, loss) -> None:  # type: ignore[no-untyped-def]
        for wrong in (
            (SCORES, TARGETS),
            (SCORES.unsqueeze(1), TARGETS[:, :1]),
            (SCORES.unsqueeze(1), TARGETS[:5]),
            (SCORES.unsqueeze(1), TARGETS, torch.ones(8)),
        ):
            with pytest.raises(ValueError, match="shapes must be"):
                loss(*wrong)


def test_pairs_some_queries_at_a_time_are_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = torch.Generator().manual_seed(0)
    targets = torch.stack([torch.randint(0, 4, (300,), generator=draw), torch.randint(0, 30, (300,), generator=draw)])
    scores, whole = torch.randn(300, 1, generator=draw), targets.T.float()
    expected = margin_ranking(scores, whole)
    monkeypatch.setattr(ranking, "MAX_PAIRS_AT_ONCE", 250)
    assert margin_ranking(scores, whole).item() == pytest.approx(expected.item())
