import pytest
from pydantic import ValidationError

from relight.params.prepare import PrepareParams


@pytest.mark.parametrize("empty", ["source", "target"])
def test_source_and_target_must_not_be_empty(empty: str) -> None:
    whole = {"source": "t.csv", "target": "y", "task": "auto", "ignore": []}
    assert PrepareParams.model_validate(whole).ignore == []
    with pytest.raises(ValidationError, match="at least 1 character"):
        PrepareParams.model_validate({**whole, empty: ""})
