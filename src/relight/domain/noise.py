"""Whether a difference of two scores is larger than what other test rows, or other seeds, would have made of it."""

from typing import Literal, NamedTuple

import numpy as np

Ends = tuple[float, float]
LEVEL = 0.975


def percentile_ends(values: np.ndarray, scale: float) -> Ends:
    """What 95 % of the values lie between, their spread around the mean multiplied by `scale`."""
    middle, (low, high) = float(values.mean()), np.quantile(values, (1 - LEVEL, LEVEL))
    return middle + scale * (float(low) - middle), middle + scale * (float(high) - middle)


class OfSeeds(NamedTuple):
    """A score of each seed alone.

    Attributes:
        deviation: None with one seed.
    """

    n: int
    mean: float
    deviation: float | None


class Verdict(NamedTuple):
    """
    Attributes:
        word: what is said of the difference.
        why: what it was held against, or why nothing can be said.
    """

    word: Literal["larger", "within", "unknown"]
    why: str


def verdict(
    difference: float,
    *,
    paired: Ends | None,
    intervals: tuple[Ends | None, Ends | None],
    seeds: tuple[OfSeeds, OfSeeds],
    without_rows: str,
) -> Verdict:
    """A difference is larger than the noise when it is larger than each kind of noise that was measured.

    Args:
        difference: other - first.
        paired: the 95 % interval of the difference on the same resamples of the rows.
        intervals: of first and other, each by itself.
        seeds: of first and other.
        without_rows: why there is no paired interval, where there is none.
    """
    found = [each for each in (_of_rows(paired, intervals), _of_seeds(difference, *seeds)) if each is not None]
    if not found:
        return Verdict("unknown", without_rows)
    small = [why for is_larger, why in found if not is_larger]
    return Verdict("within", "; ".join(small)) if small else Verdict("larger", "; ".join(why for _, why in found))


def _of_rows(paired: Ends | None, intervals: tuple[Ends | None, Ends | None]) -> tuple[bool, str] | None:
    if paired is not None:
        low, high = paired
        return not low <= 0 <= high, f"on resampled rows the difference is {low:+.3g} to {high:+.3g}"
    first, other = intervals
    if first is None or other is None:
        return None
    are_apart = first[1] < other[0] or other[1] < first[0]
    return are_apart, f"the intervals of both {'are apart' if are_apart else 'overlap'}"


def _of_seeds(difference: float, first: OfSeeds, other: OfSeeds) -> tuple[bool, str] | None:
    """By Welch's interval of two means (Welch 1947, "The generalization of Student's problem").

    Where one was trained with one seed, the other's deviation stands for both.
    """
    known = [each for each in (first, other) if each.deviation is not None]
    if not known:
        return None
    parts = [((known[0].deviation if s.deviation is None else s.deviation) or 0.0) ** 2 / s.n for s in (first, other)]
    freedom = sum(part**2 / (s.n - 1) for part, s in zip(parts, (first, other), strict=True) if s.deviation is not None)
    spread, moved = sum(parts), other.mean - first.mean
    is_plain = len(known) == 1 or freedom == 0
    n_free = float(sum(each.n - 1 for each in known)) if is_plain else spread**2 / freedom
    reach = student(n_free) * float(np.sqrt(spread))
    is_larger = abs(moved) > reach and moved * difference > 0
    return is_larger, f"the mean of the seeds moved by {moved:+.3g}, and their noise is ±{reach:.2g}"


def student(n_free: float) -> float:
    """The 97.5 % quantile of Student's t with at least one degree of freedom.

    With t = sqrt(n) tan(angle) its density is cos(angle)^(n - 1), summed here by the trapezoidal rule.
    """
    n = min(n_free, 10_000.0)
    angle = np.linspace(0, np.pi / 2, 20_001)
    density = np.cos(angle) ** (n - 1)
    reached = np.append(0, np.cumsum(density[1:] + density[:-1]))
    return float(np.sqrt(n) * np.tan(np.interp(2 * LEVEL - 1, reached / reached[-1], angle)))
