import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from relight.metrics.scorers import PairScorer, group_numbers, recall_at


def test_auc_average_precision_and_accuracy_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    target, score = generator.integers(0, 2, 200), generator.normal(size=200).round(1)
    scores = PairScorer(target, score)(np.ones(200))
    assert scores["auc"] == pytest.approx(roc_auc_score(target, score))
    assert scores["average_precision"] == pytest.approx(average_precision_score(target, score))
    assert scores["accuracy"] == pytest.approx(np.mean((score >= 0) == (target == 1)))


def test_pairs_of_one_kind_have_an_accuracy_alone() -> None:
    assert set(PairScorer(np.array([0, 0]), np.array([1.0, -1.0]))(np.ones(2))) == {"accuracy"}


def test_recall_at_k_by_hand() -> None:
    """Record 0: its match is first. Record 1: second of two. Record 2: no match. Record 3: no other candidate.
    Record 4: its match is on a level with another, and that counts as better."""
    group = np.array([0, 0, 1, 1, 2, 3, 4, 4])
    target = np.array([1, 0, 1, 0, 0, 1, 0, 1])
    score = np.array([0.9, 0.1, 0.2, 0.3, 0.9, 0.0, 0.5, 0.5])
    assert recall_at(group, target, score) == {"recall_at_1": pytest.approx(1 / 3), "recall_at_5": 1.0}


def test_recall_is_left_out_where_nothing_is_to_be_found() -> None:
    assert recall_at(np.array([0, 1]), np.array([1, 0]), np.zeros(2)) == {}


def test_any_of_several_matches_counts_once() -> None:
    assert recall_at(np.zeros(3, int), np.array([1, 1, 0]), np.array([0.1, 0.9, 0.5]))["recall_at_1"] == 1.0


def test_rows_that_are_the_same_everywhere_are_one_group() -> None:
    numbers = np.array([[1.0], [np.nan], [1.0], [np.nan]], dtype=np.float32)
    groups = group_numbers([numbers, np.array([[1], [2], [1], [2]], np.int32), np.zeros((4, 0, 0), np.int32)])
    assert groups[0] == groups[2] != groups[1] == groups[3]
    assert sorted(set(groups.tolist())) == [0, 1]
