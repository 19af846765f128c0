import pytest

from relight.train.optimizers import build_schedule
from relight.train.params import ScheduleParams


def rates(name: str, warmup: int, epochs: int) -> list[float]:
    schedule = build_schedule(ScheduleParams.model_validate({"name": name, "warmup": warmup}), peak=0.1, epochs=epochs)
    return [schedule.learning_rate(epoch) for epoch in range(epochs)]


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
