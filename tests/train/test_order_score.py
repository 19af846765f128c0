import numpy as np
import pytest
import torch

from relight.metrics.ranking import RankingScorer
from relight.train.ranking import one_minus_ndcg


def test_the_score_is_what_ndcg_at_10_lacks() -> None:
    draw = np.random.default_rng(0)
    target = np.column_stack([draw.integers(0, 4, 500), draw.integers(0, 60, 500)]).astype(np.float32)
    target[:3, 1] = [900, 901, 901]  # one candidate alone, two that are equal
    target[1:3, 0] = 2
    scores = draw.normal(size=500).astype(np.float32)
    expected = 1 - RankingScorer(target.astype(np.float64), scores)(np.ones(500))["ndcg@10"]
    assert one_minus_ndcg(torch.from_numpy(target))(torch.from_numpy(scores)) == pytest.approx(expected, abs=1e-12)
