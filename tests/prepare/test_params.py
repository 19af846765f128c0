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
        ({"target": ["y", True]}, TARGET),
        ({"columns": {"x": "number"}}, "should be 'numeric', 'categorical', 'boolean', 'datetime' or 'ignore'"),
    ],
)
def test_what_no_table_could_fit_is_refused(changed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        PrepareParams.model_validate({**WHOLE, **changed})


def test_names_that_yaml_reads_as_numbers_are_names() -> None:
    asked = {"target": 4, "ignore": [1, 2.5], "columns": {0: "categorical"}, "weight": 3, "zones": {7: "UTC"}}
    params = PrepareParams.model_validate({**WHOLE, **asked})
    assert (params.target, params.ignore, params.weight) == ("4", ["1", "2.5"], "3")
    assert (params.columns, params.zones) == ({"0": "categorical"}, {"7": "UTC"})
    assert PrepareParams.model_validate({**WHOLE, "target": [0, 1]}).target == ["0", "1"]
    with pytest.raises(ValidationError, match="must be the name of a column, got true; write it in quotes"):
        PrepareParams.model_validate({**WHOLE, "weight": True})


def test_an_older_section_is_still_valid() -> None:
    params = PrepareParams.model_validate(WHOLE)
    assert (params.ignore, params.columns, params.weight) == ([], {}, None)
    assert PrepareParams.model_validate({**WHOLE, "target": ["a", "b"]}).target == ["a", "b"]
