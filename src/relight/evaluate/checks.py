"""What evaluate cannot say.

What evaluate can say of forecasts: checked before anything runs, and again by evaluate.

What evaluate can say of sequences, and what it cannot.

What pairs ask of the evaluate section.
"""

from relight.data.schema import Schema
from relight.errors import InputError
from relight.evaluate.params import EvaluateParams
from relight.runtime.messages import did_you_mean


def assert_can_evaluate_forecasts(params: EvaluateParams) -> None:
    """
    Raises:
        InputError: for what evaluate says of rows of a table alone.
    """
    requested = {"references": params.references, "slices": params.slices, "importance": params.importance}
    problems = [
        f"evaluate.{name}: is not there for a forecast (its references are always in the table); leave it out"
        for name, value in requested.items()
        if value
    ]
    if params.threshold != "none":
        problems.append(f"evaluate.threshold: must be none for a forecast, got {params.threshold}")
    if problems:
        raise InputError(*problems)


def assert_can_evaluate_sequences(params: EvaluateParams) -> None:
    """References, slices and importance look at the columns of one row; a sequence has many.

    Raises:
        InputError: with all that is asked for, and is for tables alone.
    """
    requested = {"references": list(params.references), "slices": list(params.slices), "importance": params.importance}
    problems = [
        f"evaluate.{key}: must be {'0' if key == 'importance' else '[]'} for sequences, got {value}; "
        "it looks at rows that stand for themselves"
        for key, value in requested.items()
        if value
    ]
    if problems:
        raise InputError(*problems)


def assert_can_evaluate_pairs(params: EvaluateParams) -> None:
    """
    Raises:
        InputError: for what is not there for pairs.
    """
    wrong = {
        "evaluate.references: must be [] for similarity; the share of common n-grams stands beside the model anyway": (
            params.references
        ),
        "evaluate.importance: must be 0 for similarity": params.importance,
        "evaluate.threshold: must be none for similarity; the one with the best accuracy on the validation rows is "
        "part of the model": params.threshold != "none",
    }
    if problems := [problem for problem, holds in wrong.items() if holds]:
        raise InputError(*problems)


def columns_to_slice(schema: Schema) -> list[str]:
    """All columns of the prepared table, those that the model does not see too."""
    weight = [] if schema.weight is None else [schema.weight]
    return [*(column.name for column in schema.columns), *schema.targets, *weight]


def assert_slices(params: EvaluateParams, columns: list[str]) -> None:
    """
    Args:
        known: the columns of the prepared table.

    Raises:
        InputError: for each column of evaluate.slices that is none of them.
    """
    problems = [
        f"evaluate.slices: '{name}' is not a column{did_you_mean(name, columns)}"
        for name in params.slices
        if name not in columns
    ]
    if problems:
        raise InputError(*problems)
