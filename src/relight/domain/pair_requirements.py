"""What pairs ask of the evaluate section."""

from relight.errors import InputError
from relight.params.evaluate import EvaluateParams


def assert_pairs_evaluate(params: EvaluateParams) -> None:
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
