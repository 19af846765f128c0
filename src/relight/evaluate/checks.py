"""Settings of evaluate that a kind of data does not have, and slices that are no columns.

They are checked before anything runs, and again by evaluate.
"""

from relight.data.schema import Schema
from relight.errors import InputError
from relight.evaluate.params import EvaluateParams
from relight.runtime.messages import did_you_mean


def assert_can_evaluate_sequences(params: EvaluateParams) -> None:
    """Check that only settings are on that sequences have.

    Raises:
        InputError: with all others.
    """
    reason = "it looks at the columns of one row, and a sequence has many rows"
    _assert_off(params, "sequences", dict.fromkeys(("references", "slices", "importance"), reason))


def assert_can_evaluate_forecasts(params: EvaluateParams) -> None:
    """Check that only settings are on that forecasts have.

    Raises:
        InputError: with all others.
    """
    reasons = {
        "references": "its references are always in the report",
        **dict.fromkeys(("slices", "importance"), "it looks at the columns of one row, and a window has many rows"),
        "threshold": "it is for two classes",
    }
    _assert_off(params, "a forecast", reasons)


def assert_can_evaluate_pairs(params: EvaluateParams) -> None:
    """Check that only settings are on that pairs have.

    Raises:
        InputError: with all others.
    """
    reasons = {
        "references": "the overlap of n-grams is always in the report",
        "importance": "each column is there twice",
        "threshold": "the one with the best accuracy on the validation rows is part of the model",
    }
    _assert_off(params, "similarity", reasons)


def _assert_off(params: EvaluateParams, kind: str, reasons: dict[str, str]) -> None:
    """Check that settings have the default that turns them off.

    Args:
        reasons: by the name of the setting, why this kind of data does not have it.
    """
    off = EvaluateParams()
    problems = [
        f"evaluate.{name}: must be {getattr(off, name)} for {kind}, got {getattr(params, name)}; {reason}"
        for name, reason in reasons.items()
        if getattr(params, name) != getattr(off, name)
    ]
    if problems:
        raise InputError(*problems)


def columns_to_slice(schema: Schema) -> list[str]:
    """Return all columns of the prepared table, also those that the model does not see."""
    weight = [] if schema.weight is None else [schema.weight]
    return [*(column.name for column in schema.columns), *schema.targets, *weight]


def assert_slices(params: EvaluateParams, columns: list[str]) -> None:
    """Check that the slices are columns.

    Args:
        columns: those of the prepared table.

    Raises:
        InputError: with each of evaluate.slices that is none of them.
    """
    problems = [
        f"evaluate.slices: '{name}' is not a column{did_you_mean(name, columns)}"
        for name in params.slices
        if name not in columns
    ]
    if problems:
        raise InputError(*problems)
