"""What a person should know of the scores, in whole sentences."""

from relight.domain.features import Features
from relight.domain.importance import MOST_ROWS as MOST_SHUFFLED
from relight.domain.intervals import MOST_ROWS as MOST_RESAMPLED
from relight.domain.judging import Parts
from relight.domain.remarks_on_queries import remarks_on_queries
from relight.params.evaluate import EvaluateParams

FEW = 200  # test rows: their scores say little about a tenth


def remarks_on_scores(
    params: EvaluateParams, features: Features, parts: Parts, found: list[str], *, calibrated: bool
) -> list[str]:
    """What was done otherwise than asked, and how far the scores reach.

    Args:
        found: the references that were fitted.
        calibrated: whether the model has a temperature of its own.
    """
    n_test, validated = len(parts["test"].target), "validation" in parts
    skipped = [name for name in params.references if name not in found]
    said = {
        f"The test part has {n_test} rows: its scores are rough.": n_test < FEW and features.task != "ranking",
        f"Intervals are of {MOST_RESAMPLED} of the {n_test} test rows, scaled to all of them.": (
            params.bootstrap > 0 and n_test > MOST_RESAMPLED
        ),
        f"Importance is measured on {MOST_SHUFFLED} of the {n_test} test rows.": (
            params.importance > 0 and n_test > MOST_SHUFFLED
        ),
        "The probabilities are as the network gave them: no temperature was fitted.": (
            features.task in ("binary", "multiclass") and not calibrated
        ),
        f"No such reference for this target: {', '.join(skipped)}.": bool(skipped),
        "The references were fitted without validation rows: with the usual penalty, and a tenth of the "
        "train rows to stop the trees.": bool(found) and not validated,
        "No threshold was chosen: there are no validation rows to choose it on.": (
            params.threshold != "none" and features.task == "binary" and not validated
        ),
    }
    of_queries = (
        []
        if features.task != "ranking"
        else [sentence for part, rows in parts.items() for sentence in remarks_on_queries(part, rows.target)]
    )
    return [*of_queries, *(sentence for sentence, holds in said.items() if holds)]
