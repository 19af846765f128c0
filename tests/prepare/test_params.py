from typing import Any

import pytest
from pydantic import ValidationError

from relight.prepare.params import PrepareParams

WHOLE = {"source": "t.csv", "target": "y", "task": "auto", "ignore": []}
TARGET = "must be the name of a column, or a list of two or more different ones"


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"source": ""}, "at least 1 character"),
        ({"target": ""}, TARGET),
        ({"target": []}, TARGET),
        ({"target": ["y"]}, TARGET),
        ({"target": ["y", "y"]}, TARGET),
        ({"target": ["y", 1]}, TARGET),
        ({"columns": {"x": "number"}}, "should be 'numeric', 'categorical', 'boolean', 'datetime' or 'ignore'"),
    ],
)
def test_what_no_table_could_fit_is_refused(changed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        PrepareParams.model_validate({**WHOLE, **changed})


def test_an_older_section_is_still_valid() -> None:
    params = PrepareParams.model_validate(WHOLE)
    assert (params.ignore, params.columns, params.weight) == ([], {}, None)
    assert PrepareParams.model_validate({**WHOLE, "target": ["a", "b"]}).target == ["a", "b"]
