import pytest
from pydantic import ValidationError

from relight.data.schema import SequenceParams


def test_a_sequence_has_an_id_and_a_time_or_symbols() -> None:
    assert SequenceParams(id="a", time="t").model_dump() == {"id": "a", "time": "t"}
    assert SequenceParams(symbols="text").model_dump() == {"symbols": "text"}


def test_a_forecast_has_a_time_alone() -> None:
    foretold = SequenceParams(time="t", horizon=24)
    assert foretold.is_forecast
    assert foretold.model_dump() == {"time": "t", "horizon": 24}
    assert not SequenceParams(id="a", time="t").is_forecast


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({}, "must have id and time"),
        ({"id": "a"}, "must have id and time"),
        ({"symbols": "text", "id": "a"}, "symbols must come without id and time"),
        ({"symbols": "text", "time": "t"}, "symbols must come without id and time"),
        ({"id": "a", "time": "a"}, "must be two columns, got 'a'"),
        ({"id": "", "time": "t"}, "at least 1 character"),
        ({"id": "a", "time": "t", "horizon": 3}, "horizon must be left out with id or symbols"),
        ({"time": "t", "length": 0}, "must be auto or a whole number from 1 to 1000000"),
        ({"id": "a", "time": "t", "steps": "s"}, "Extra inputs are not permitted"),
    ],
)
def test_other_combinations_are_refused(given: dict[str, str], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        SequenceParams(**given)
