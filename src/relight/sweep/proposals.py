"""The search space of a sweep and the samplers that propose its values.

A sampler draws the same for the same seed and number of a trial. Optuna's own samplers keep their random state in
memory: after a restart they would draw their first values again.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from relight.sweep.params import Choices, Range, Scalar, SweepParams, n_values

Proposal = dict[str, Scalar]  # dotted keys → values


def search_distributions(params: SweepParams) -> dict[str, BaseDistribution]:
    """Return the distribution of each dotted key, in the order of the file."""
    return {key: _distribution(search) for key, search in params.params.items()}


def _distribution(search: Range | Choices) -> BaseDistribution:
    if isinstance(search, Choices):
        return CategoricalDistribution(search.values)
    if search.is_whole:
        return IntDistribution(int(search.low), int(search.high), log=search.log, step=int(search.step or 1))
    low, high = float(search.low), float(search.high)
    return FloatDistribution(low, high, log=search.log, step=None if search.step is None else float(search.step))


def grid_points(params: SweepParams) -> list[Proposal]:
    """Return every combination once; the last key changes fastest."""
    columns = [_grid_values(search) for search in params.params.values()]
    return [dict(zip(params.params, point, strict=True)) for point in itertools.product(*columns)]


def _grid_values(search: Range | Choices) -> list[Scalar]:
    if isinstance(search, Choices):
        return list(search.values)
    step = search.step or 1
    values = [search.low + index * step for index in range(n_values(search))]
    # 12 digits, because 0.1 + 2 * 0.1 is 0.30000000000000004
    return [value if isinstance(value, int) else float(f"{value:.12g}") for value in values]


def max_trials(params: SweepParams) -> int | None:
    """Return the largest number of trials; a grid has no more than its points."""
    limit = params.budget.trials
    if params.sampler != "grid":
        return limit
    size = len(grid_points(params))
    return size if limit is None else min(limit, size)


class PerTrialSampler(BaseSampler):
    """A new sampler for each trial, seeded with the seed of the sweep and the number of the trial.

    TPE: Bergstra, Bardenet, Bengio and Kégl 2011, "Algorithms for hyper-parameter optimization".
    """

    def __init__(self, params: SweepParams) -> None:
        self._name, self._seed = params.sampler, params.seed
        self._points: list[Proposal] = grid_points(params) if params.sampler == "grid" else []
        self._number = -1
        self._inner: BaseSampler = RandomSampler(seed=0)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if self._points:
            return self._points[trial.number % len(self._points)][param_name]
        return self._of(trial).sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._of(trial).before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._of(trial).after_trial(study, trial, state, values)

    def _of(self, trial: FrozenTrial) -> BaseSampler:
        if trial.number != self._number:
            seed = int(np.random.SeedSequence([self._seed, trial.number]).generate_state(1)[0])
            self._number = trial.number
            self._inner = TPESampler(seed=seed) if self._name == "tpe" else RandomSampler(seed=seed)
        return self._inner
