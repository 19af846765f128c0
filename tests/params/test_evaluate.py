import pytest
from pydantic import ValidationError

from relight.params.evaluate import EvaluateParams


def test_the_section_is_empty_as_yet() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        EvaluateParams.model_validate({"metrics": ["mae"]})
