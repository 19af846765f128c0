"""Trials are proposed, claimed and pruned, without training anything."""

from pathlib import Path
from typing import Any

import pytest

from relight.sweep.params import SweepParams
from relight.sweep.processes import acquire_slot
from relight.sweep.proposals import PerTrialSampler, grid_points, max_trials, search_distributions
from relight.sweep.storage import open_study
from relight.sweep.trial_queue import TrialQueue
from relight.sweep.trials import PruningRungs

SPACE = {
    "a.rate": {"low": 0.001, "high": 0.1, "log": True},
    "a.blocks": {"low": 1, "high": 4},
    "b.name": ["x", "y", None],
}


def sweep(**given: Any) -> SweepParams:
    return SweepParams.model_validate({"params": SPACE, **given})


def trial_queue(params: SweepParams, folder: Path) -> TrialQueue:
    study = open_study(None, folder / "journal", params.name, "minimize", PerTrialSampler(params))
    return TrialQueue(study, search_distributions(params), folder / "take", n_trials=max_trials(params), minutes=None)


def proposals(params: SweepParams, folder: Path, *, at_once: int = 1000) -> list[dict[str, Any]]:
    """All of them, each finished with a value that depends only on it; `at_once` trials for each start."""
    found: list[dict[str, Any]] = []
    while True:
        with acquire_slot(folder / "jobs") as held:
            one = trial_queue(params, folder)
            for _ in range(at_once):
                if (taken := one.claim(held)) is None:
                    return found
                found.append(taken.proposal)
                taken.complete(len(repr(taken.proposal)) % 7, 0.0)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_same_seed_proposes_the_same_and_a_new_start_changes_nothing(sampler: str, tmp_path: Path) -> None:
    params = sweep(sampler=sampler, budget={"trials": 24}, seed=5)
    first = proposals(params, tmp_path / "first")
    assert first == proposals(params, tmp_path / "again")
    assert first == proposals(params, tmp_path / "in pieces", at_once=5)
    assert first != proposals(sweep(sampler=sampler, budget={"trials": 24}, seed=6), tmp_path / "other")
    assert len({repr(one) for one in first}) == 24  # after a new start nothing is drawn again


def test_proposals_lie_in_their_ranges(tmp_path: Path) -> None:
    for one in proposals(sweep(sampler="random", budget={"trials": 50}), tmp_path):
        assert 0.001 <= one["a.rate"] <= 0.1
        assert one["a.blocks"] in (1, 2, 3, 4)
        assert one["b.name"] in ("x", "y", None)


def test_a_grid_is_covered_once(tmp_path: Path) -> None:
    space = {"a": {"low": 0.1, "high": 0.3, "step": 0.1}, "b": {"low": 1, "high": 2}, "c": [True, "z"]}
    params = SweepParams.model_validate({"params": space, "sampler": "grid"})
    expected = [{"a": a, "b": b, "c": c} for a in (0.1, 0.2, 0.3) for b in (1, 2) for c in (True, "z")]
    assert grid_points(params) == expected
    assert max_trials(params) == 12
    assert proposals(params, tmp_path) == expected


def test_a_budget_of_minutes_counts_what_trials_took(tmp_path: Path) -> None:
    params = sweep(budget={"trials": None, "minutes": 1.0})
    study = open_study(None, tmp_path / "journal", "sweep", "minimize", PerTrialSampler(params))
    with acquire_slot(tmp_path / "jobs") as held:
        one = TrialQueue(study, search_distributions(params), tmp_path / "take", n_trials=None, minutes=1.0)
        for seconds in (20.0, 20.0, 20.0):
            taken = one.claim(held)
            assert taken is not None
            taken.complete(1.0, seconds)
        assert one.claim(held) is None


def test_a_trial_whose_process_is_gone_is_taken_up_with_the_same_params(tmp_path: Path) -> None:
    params = sweep(budget={"trials": 2})
    with acquire_slot(tmp_path / "jobs") as held:
        lost = trial_queue(params, tmp_path).claim(held)
        assert lost is not None
        with acquire_slot(tmp_path / "jobs") as other:  # while the first is alive, it is its own
            assert other.number == 1
            second = trial_queue(params, tmp_path).claim(other)
            assert second is not None
            assert second.number == 1
            second.complete(1.0, 0.0)
            assert trial_queue(params, tmp_path).claim(other) is None
    with acquire_slot(tmp_path / "jobs") as held:
        found = trial_queue(params, tmp_path).claim(held)
        assert found is not None
        assert (found.number, found.proposal) == (0, lost.proposal)


def test_a_trial_that_ends_its_process_three_times_is_left_alone(tmp_path: Path) -> None:
    params = sweep(budget={"trials": 1})
    for _ in range(3):
        with acquire_slot(tmp_path / "jobs") as held:
            assert trial_queue(params, tmp_path).claim(held) is not None
    with acquire_slot(tmp_path / "jobs") as held:
        assert trial_queue(params, tmp_path).claim(held) is None
    (row,) = trial_queue(params, tmp_path).records()
    assert (row.state, row.reason) == ("failed", "it ended its process 3 times")


def test_a_line_that_was_cut_short_is_cut_off(tmp_path: Path) -> None:
    params = sweep(budget={"trials": 3})
    with acquire_slot(tmp_path / "jobs") as held:
        taken = trial_queue(params, tmp_path).claim(held)
        assert taken is not None
        taken.complete(2.0, 0.0)
    with open(tmp_path / "journal", "a") as journal:
        journal.write('{"op_code":5,"work')
    assert [row.value for row in trial_queue(params, tmp_path).records()] == [2.0]
    assert len(proposals(params, tmp_path)) == 2


def test_what_two_machines_begin_beyond_the_budget_waits_for_a_larger_one(tmp_path: Path) -> None:
    small, large = sweep(budget={"trials": 1}), sweep(budget={"trials": 2})
    with acquire_slot(tmp_path / "jobs") as held:
        one = trial_queue(small, tmp_path)
        taken = one.claim(held)
        assert taken is not None
        taken.complete(1.0, 0.0)
        assert one._new(held) is None  # as another machine does that saw the first too late
        assert [row.number for row in one.records()] == [0]
        late = trial_queue(large, tmp_path).claim(held)
        assert late is not None
        assert late.number == 1
        late.complete(1.0, 0.0)
        assert [row.state for row in trial_queue(large, tmp_path).records()] == ["complete", "complete"]


def test_a_curve_in_the_worst_quarter_is_hopeless(tmp_path: Path) -> None:
    """Five reach 1; two at 2 end at epoch 4, where they count from then on: the bar is 1.5 there, and 1 at epoch 6."""
    params = sweep(budget={"trials": 8})
    one, ends = trial_queue(params, tmp_path), []
    with acquire_slot(tmp_path / "jobs") as held:
        for score in (1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 1.4):
            taken = one.claim(held)
            assert taken is not None
            rungs = PruningRungs(taken.should_prune)
            ends.append(next((epoch for epoch in range(1, 11) if rungs.update([score] * epoch)), None))
            taken.complete(score, 0.0) if ends[-1] is None else taken.prune(0.0)
    assert ends == [None, None, None, None, None, 4, 4, 6]


def test_a_trial_that_ends_with_its_process_while_another_looks_for_work_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trial_queue(sweep(budget={"trials": 2}), tmp_path)
    with acquire_slot(tmp_path / "one") as held:
        first = one.claim(held)
        assert first is not None
        other = trial_queue(sweep(budget={"trials": 2}), tmp_path)
        seen = other._all()  # read before the first trial ends
        first.complete(1.0, 2.0)
    monkeypatch.setattr(other, "_all", lambda: seen)
    with acquire_slot(tmp_path / "other") as held:
        second = other.claim(held)
        assert second is not None
        second.complete(3.0, 4.0)
    assert [(row.number, row.value) for row in one.records()] == [(0, 1.0), (1, 3.0)]


def test_the_first_result_of_a_trial_stays_when_two_processes_run_it(tmp_path: Path) -> None:
    with acquire_slot(tmp_path / "one") as held:
        slow = trial_queue(sweep(budget={"trials": 1}), tmp_path).claim(held)
    with acquire_slot(tmp_path / "other") as held:  # the first one counts as dead, and goes on
        fast = trial_queue(sweep(budget={"trials": 1}), tmp_path).claim(held)
    assert slow is not None
    assert fast is not None
    assert slow.number == fast.number
    fast.complete(1.0, 2.0)
    assert not slow.should_prune(3, 0.5)
    slow.fail("too late", 9.0)
    (row,) = trial_queue(sweep(budget={"trials": 1}), tmp_path).records()
    assert (row.state, row.value, row.seconds, row.reason) == ("complete", 1.0, 2.0, "")
