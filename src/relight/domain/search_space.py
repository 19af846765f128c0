"""What may be proposed: the params of a sweep as Optuna knows them, and the points of a grid."""

import itertools

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from relight.params.sweep import Choices, Range, Scalar, SweepParams, n_values

Proposal = dict[str, Scalar]  # dotted keys → values


def distributions(params: SweepParams) -> dict[str, BaseDistribution]:
    """By dotted key, in the order of the file."""
    return {key: _distribution(search) for key, search in params.params.items()}


def _distribution(search: Range | Choices) -> BaseDistribution:
    if isinstance(search, Choices):
        return CategoricalDistribution(search.values)
    if search.is_whole:
        return IntDistribution(int(search.low), int(search.high), log=search.log, step=int(search.step or 1))
    low, high = float(search.low), float(search.high)
    return FloatDistribution(low, high, log=search.log, step=None if search.step is None else float(search.step))


def grid(params: SweepParams) -> list[Proposal]:
    """Every combination once; the last key changes fastest."""
    columns = [_values(search) for search in params.params.values()]
    return [dict(zip(params.params, point, strict=True)) for point in itertools.product(*columns)]


def _values(search: Range | Choices) -> list[Scalar]:
    if isinstance(search, Choices):
        return list(search.values)
    step = search.step or 1
    values = [search.low + place * step for place in range(n_values(search))]
    # 0.1 + 2 * 0.1 is 0.30000000000000004, and nobody means it.
    return [value if isinstance(value, int) else float(f"{value:.12g}") for value in values]


def n_trials(params: SweepParams) -> int | None:
    """How many there can be: of a grid no more than it has points."""
    asked = params.budget.trials
    if params.sampler != "grid":
        return asked
    size = len(grid(params))
    return size if asked is None else min(asked, size)
