"""Learning rates by hand, and against PyTorch's schedulers stepped once for each optimizer step."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, StepLR

from relight.train.optim.params import ScheduleParams
from relight.train.optim.schedules import Schedule, build_schedule, depends_on_epochs

PEAK = 0.1


def schedule_of(epochs: int, per_epoch: int = 1, **settings: Any) -> Schedule:
    params = ScheduleParams.model_validate(settings)
    return build_schedule(params, peak=PEAK, epochs=epochs, n_steps=lambda epochs: epochs * per_epoch)


def rates(name: str, warmup: int, epochs: int) -> list[float]:
    schedule = schedule_of(epochs, 7, name=name, warmup=warmup)
    by_step = [{schedule.learning_rate(epoch, step) for step in range(7)} for epoch in range(epochs)]
    assert all(len(values) == 1 for values in by_step)  # one rate in all steps of an epoch
    return [values.pop() for values in by_step]


def test_a_constant_rate_is_the_given_one_to_the_last_digit() -> None:
    assert rates("constant", 0, 3) == [0.1, 0.1, 0.1]


def test_warming_up_rises_from_zero_in_even_steps_and_then_stays() -> None:
    assert rates("constant", 3, 5) == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1])


def test_a_cosine_falls_towards_zero() -> None:
    expected = [
        0.1,  # (1 + cos 0) / 2
        0.0853553,  # (1 + cos 45°) / 2
        0.05,  # (1 + cos 90°) / 2
        0.0146447,  # (1 + cos 135°) / 2; after it, 0
    ]
    assert rates("cosine", 0, 4) == pytest.approx(expected, abs=1e-7)


def test_a_cosine_begins_after_the_warmup() -> None:
    expected = [
        0.0333333,  # 1/3
        0.0666667,  # 2/3
        0.1,  # cosine of 0 of 4
        0.0853553,
        0.05,
        0.0146447,
    ]
    assert rates("cosine", 2, 6) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("name", ["constant", "cosine"])
def test_a_warmup_that_never_ends_keeps_rising(name: str) -> None:
    assert rates(name, 9, 3) == pytest.approx([0.01, 0.02, 0.03])


def rates_of_torch(n_steps: int, scheduler: type[LRScheduler], **settings: Any) -> list[float]:
    """The rate of each optimizer step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    schedule = scheduler(optimizer, **settings)
    seen = []
    for _ in range(n_steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return seen


def rates_of_ours(epochs: int, per_epoch: int, **settings: Any) -> list[float]:
    schedule = schedule_of(epochs, per_epoch, **settings)
    return [schedule.learning_rate(epoch, step) for epoch in range(epochs) for step in range(per_epoch)]


@pytest.mark.parametrize(("epochs", "per_epoch"), [(1, 1), (1, 2), (3, 5), (10, 100), (1000, 1)])
@pytest.mark.parametrize(
    "settings",
    [{}, {"pct_start": 0.05, "div_factor": 4.0}, {"pct_start": 0.9, "final_div_factor": 10.0}, {"pct_start": 0.0}],
)
def test_one_cycle_is_that_of_torch(epochs: int, per_epoch: int, settings: dict[str, Any]) -> None:
    expected = rates_of_torch(
        epochs * per_epoch, OneCycleLR, max_lr=PEAK, total_steps=epochs * per_epoch, cycle_momentum=False, **settings
    )
    assert rates_of_ours(epochs, per_epoch, name="one_cycle", **settings) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("epochs", "per_epoch", "pct_start"), [(1, 10, 0.1), (1, 1, 1.0), (1, 10, 1.0)])
def test_one_cycle_has_rates_where_torch_divides_by_zero(epochs: int, per_epoch: int, pct_start: float) -> None:
    found = rates_of_ours(epochs, per_epoch, name="one_cycle", pct_start=pct_start)
    assert found.index(max(found)) == (0 if pct_start < 1 else len(found) - 1)
    assert max(found) == PEAK


@pytest.mark.parametrize(("step_size", "gamma"), [(1, 0.99), (7, 0.5), (30, 0.1), (1000, 0.1), (3, 1.0)])
def test_steps_are_those_of_torch(step_size: int, gamma: float) -> None:
    expected = rates_of_torch(120, StepLR, step_size=step_size, gamma=gamma)
    found = rates_of_ours(12, 10, name="step", step_size=step_size, gamma=gamma)
    assert found == pytest.approx(expected, abs=1e-12)


def test_only_some_schedules_know_the_number_of_epochs() -> None:
    """Checked by their rates: those of the first three epochs of five and of eight."""
    for settings in ({"name": "constant", "warmup": 4}, {"name": "cosine"}, {"name": "one_cycle"},
                     {"name": "step", "step_size": 4}):  # fmt: skip
        first = [rates_of_ours(epochs, 3, **settings)[:9] for epochs in (5, 8)]
        assert depends_on_epochs(ScheduleParams.model_validate(settings)) == (first[0] != first[1])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": "one_cycle", "warmup": 3},
         "warmup must be left out with one_cycle, which reads pct_start, div_factor, final_div_factor"),
        ({"name": "step", "step_size": 3, "warmup": 1},
         "warmup must be left out with step, which reads step_size, gamma"),
        ({"name": "cosine", "pct_start": 0.3, "gamma": 0.1},
         "gamma, pct_start must be left out with cosine, which reads warmup"),
        ({"gamma": 0.5}, "gamma must be left out with constant, which reads warmup"),
        ({"name": "step"}, "step_size is missing; add for example `step_size: 1000`"),
    ],
)  # fmt: skip
def test_a_setting_that_the_schedule_does_not_read_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        ScheduleParams.model_validate(settings)
    assert error.value.errors()[0]["msg"] == said


@pytest.mark.parametrize(
    ("settings", "written"),
    [
        ({}, {"name": "constant", "warmup": 0}),
        ({"name": "cosine", "warmup": 2}, {"name": "cosine", "warmup": 2}),
        ({"name": "one_cycle", "warmup": 0},
         {"name": "one_cycle", "pct_start": 0.3, "div_factor": 25.0, "final_div_factor": 1e4}),
        ({"name": "step", "step_size": 5}, {"name": "step", "step_size": 5, "gamma": 0.1}),
    ],
)  # fmt: skip
def test_what_a_schedule_reads_is_written_down(settings: dict[str, Any], written: dict[str, Any]) -> None:
    """No warmup is no setting of another schedule, so that a sweep may try them all."""
    assert ScheduleParams.model_validate(settings).model_dump() == written
