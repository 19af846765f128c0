"""What evaluate can say of forecasts: checked before anything runs, and again by evaluate."""

from relight.errors import InputError
from relight.params.evaluate import EvaluateParams


def assert_evaluate_suits_forecasts(params: EvaluateParams) -> None:
    """
    Raises:
        InputError: for what evaluate says of rows of a table alone.
    """
    asked = {"references": params.references, "slices": params.slices, "importance": params.importance}
    problems = [
        f"evaluate.{name}: is not there for a forecast (its references are always in the table); leave it out"
        for name, value in asked.items()
        if value
    ]
    if params.threshold != "none":
        problems.append(f"evaluate.threshold: must be none for a forecast, however: {params.threshold}")
    if problems:
        raise InputError(*problems)
