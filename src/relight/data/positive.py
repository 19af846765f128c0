"""The positive class of two: the one that the params name, else the one that its name gives away, else the rarer.

Precision, recall, F1, average precision, the ROC curve and the threshold are those of the positive class, which stands
last among the classes.
"""

import math
import re
from collections.abc import Mapping

from relight.errors import ColumnError
from relight.runtime.messages import closest_name

AUTO = "auto"

# A negative and a positive name in small letters; a label of one column and any other make a pair as well, as yes and
# unknown. Single letters are only read in pairs.
_NEGATIVE_NAMES = {"false", "no", "negative", "neg", "nein", "non", "não", "nee", "nej", "нет", "否"}
_POSITIVE_NAMES = {"true", "yes", "positive", "pos", "ja", "oui", "sim", "sí", "да", "是"}
_PAIRS = {
    ("n", "y"), ("n", "j"), ("f", "t"), ("n", "p"), ("-", "+"), ("no", "si"),
    ("off", "on"), ("absent", "present"), ("normal", "abnormal"),
}  # fmt: skip
_NOT = re.compile(r"^(?:not|non|no)[\s_-]*(?=\S)")


def with_positive_last(classes: list[str], counts: Mapping[str, int], requested: str) -> list[str]:
    """Return the classes in their order, but of two the positive one last.

    Args:
        classes: in the order of the alphabet, or of their numbers.
        counts: how many rows have each class.
        requested: `prepare.positive`.

    Raises:
        ColumnError: for a class that does not exist, and for one of more than two.
    """
    if len(classes) != 2:
        if requested != AUTO:
            raise ColumnError(
                f"has {len(classes)} classes, and prepare.positive must be auto: it is for two classes, "
                f"got '{requested}'"
            )
        return classes
    positive = _find_class(requested, classes) if requested != AUTO else positive_by_name(classes)
    if positive is None:
        first, last = classes
        positive = first if counts[first] < counts[last] else last
    return [*(label for label in classes if label != positive), positive]


def positive_by_name(classes: list[str]) -> str | None:
    """Return the label that means yes, or that the other one denies; None if the names say nothing."""
    small = {label: label.strip().casefold() for label in classes}
    found = [label for label in classes for other in classes if label != other and _denies(small[other], small[label])]
    return found[0] if len(found) == 1 else None


def positive_reason(classes: list[str], requested: str) -> str:
    """Return why the last of two classes is the positive one, in a few words."""
    if requested != AUTO:
        return "as prepare.positive says"
    if positive_by_name(classes) is not None:
        return "by its name"
    return "the rarer one; prepare.positive names another"


def _denies(negative: str, positive: str) -> bool:
    """Return whether two labels in small letters are a no and its yes."""
    if (numbers := _as_numbers(negative, positive)) is not None:
        return numbers[0] <= 0 < numbers[1]
    is_no = negative in _NEGATIVE_NAMES and positive not in _NEGATIVE_NAMES
    is_yes = positive in _POSITIVE_NAMES and negative not in _POSITIVE_NAMES
    return is_no or is_yes or (negative, positive) in _PAIRS or _NOT.sub("", negative) == positive != negative


def _as_numbers(*texts: str) -> list[float] | None:
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        return None
    return numbers if all(math.isfinite(number) for number in numbers) else None


def _find_class(requested: str, classes: list[str]) -> str:
    """Return the class as the table writes it: it may say True, and the params true.

    Raises:
        ColumnError: if there is none.
    """
    if requested in classes:
        return requested
    alike = [label for label in classes if label.casefold() == requested.strip().casefold()]
    if len(alike) != 1:
        close = closest_name(requested, classes)
        raise ColumnError(
            f"has the classes {' and '.join(classes)}, and prepare.positive must be one of them or auto, got "
            f"'{requested}'{'' if close is None else f'; did you mean {close}?'}"
        )
    return alike[0]
