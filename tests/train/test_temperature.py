import math
from functools import partial

import pytest
import torch

from relight.model.pipeline import Temperature
from relight.train.scores import MAX_TEMPERATURE, MIN_TEMPERATURE, PRIOR_STD, best_temperature, log_loss

MANY = 10**12  # rows: the prior has nothing to say beside them
temperature_of = partial(best_temperature, n_rows=MANY)


@pytest.mark.parametrize("best", [0.06, 0.5, 1.0, 3.7, 19.0])
def test_the_lowest_point_of_a_valley_is_found(best: float) -> None:
    assert temperature_of(lambda t: (math.log(t) - math.log(best)) ** 2) == pytest.approx(best, rel=1e-6)


def test_of_two_valleys_the_deeper_one_is_found() -> None:
    def loss(temperature: float) -> float:
        x = math.log(temperature)
        return min((x - 2) ** 2, (x + 2) ** 2 - 0.1)

    assert temperature_of(loss) == pytest.approx(math.exp(-2), rel=1e-6)


@pytest.mark.parametrize(("slope", "end"), [(1, MIN_TEMPERATURE), (-1, MAX_TEMPERATURE)])
def test_without_a_valley_it_stays_near_the_end(slope: int, end: float) -> None:
    assert temperature_of(lambda t: slope * t) == pytest.approx(end, rel=0.15)


def test_logits_that_are_twice_too_sure_are_halved() -> None:
    # 3 of 4 rows are right: p = 3/4 is a logit of log 3, however the model says 2 log 3
    logits = torch.full((4, 1), 2 * math.log(3))
    target = torch.tensor([[1.0], [1], [1], [0]])
    found = temperature_of(lambda t: log_loss("binary", logits.double() / t, target, None))
    assert found == pytest.approx(2, rel=1e-6)


@pytest.mark.parametrize("n_rows", [1, 10, 1000])
def test_few_rows_move_it_less_than_many(n_rows: int) -> None:
    # x = log t; n (x - 1)^2 + x^2 / (2 s^2) is least at x = 1 / (1 + 1 / (2 s^2 n))
    found = best_temperature(lambda t: (math.log(t) - 1) ** 2, n_rows)
    assert math.log(found) == pytest.approx(1 / (1 + 1 / (2 * PRIOR_STD**2 * n_rows)), rel=1e-6)


def test_a_temperature_divides_logits_and_is_one_at_first() -> None:
    back = Temperature()
    assert back(torch.tensor([[2.0, -4.0]])).tolist() == [[2, -4]]
    back.load_state_dict({"temperature": torch.tensor(4.0)})
    assert back(torch.tensor([[2.0, -4.0]])).tolist() == [[0.5, -1]]
