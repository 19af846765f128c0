"""Windows of series: views into the steps, gathered batch by batch and never copied as a whole."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from relight.data.features import SeriesFeatures
from relight.model.networks.forecaster import Forecaster
from relight.model.rows import Arrays, Rows, StoredInputs, row_numbers


@dataclass(frozen=True)
class Windows:
    """Windows of series, on one device.

    Attributes:
        steps: (n_steps, n_channels) float32: the target with its gaps filled, the covariates, the waves of the
            calendar; NaN for a gap of a covariate.
        truth: (n_steps,) float32: the target, NaN for a gap.
        origin: (n_windows,) int64: the first step that each window forecasts.
        length, horizon: the steps before the origin that the model sees, and those that it forecasts.
        n_future: the number of the last channels that are known ahead.
        teacher_forcing: whether the model is shown its targets in training.
    """

    steps: Tensor
    truth: Tensor
    origin: Tensor
    length: int
    horizon: int
    n_future: int
    teacher_forcing: bool = False
    weight: None = None

    @property
    def n_rows(self) -> int:
        return len(self.origin)

    @property
    def has_gaps(self) -> bool:
        """Return whether some step has no value to predict."""
        return not bool(self.truth.isfinite().all())

    @property
    def device(self) -> torch.device:
        return self.origin.device

    @property
    def target(self) -> Tensor:
        """(n_windows, horizon)."""
        return self._strip(self.truth.unsqueeze(1), self.horizon).index_select(0, self.origin).squeeze(2)

    @property
    def inputs(self) -> StoredInputs:
        """Past and future, some windows at a time; never the targets."""
        without_targets = replace(self, teacher_forcing=False)
        return StoredInputs(lambda blocks: without_targets.pick(row_numbers(blocks).to(self.device)), self.n_rows)

    def to(self, device: torch.device) -> "Windows":
        parts = (self.steps.to(device), self.truth.to(device), self.origin.to(device))
        return Windows(*parts, self.length, self.horizon, self.n_future, self.teacher_forcing)

    def pick(self, indices: Tensor) -> Rows:
        """Return the windows at these indices: past (n, length, n_channels), future (n, horizon, n_future), targets."""
        origin = self.origin.index_select(0, indices)
        past = self._strip(self.steps, self.length).index_select(0, origin - self.length)
        future_channels = self.steps[:, self.steps.shape[1] - self.n_future :]
        future = self._strip(future_channels, self.horizon).index_select(0, origin)
        target = self._strip(self.truth.unsqueeze(1), self.horizon).index_select(0, origin).squeeze(2)
        return Rows((past, future, target) if self.teacher_forcing else (past, future), target)

    def whole(self) -> Rows:
        """Return all windows, for a batch that holds all."""
        return self.pick(torch.arange(self.n_rows, device=self.device))

    @staticmethod
    def _strip(steps: Tensor, width: int) -> Tensor:
        """Return (n_steps - width + 1, width, n): the `width` steps from each step on, as a view."""
        by_step, by_channel = steps.stride()
        size = (max(0, len(steps) - width + 1), width, steps.shape[1])
        return steps.as_strided(size, (by_step, by_step, by_channel), steps.storage_offset())


def build_windows(arrays: Arrays, features: SeriesFeatures) -> Windows:
    """Return the windows of the arrays that split wrote."""
    steps = np.concatenate([arrays["value"][:, None], arrays["covariates"]], axis=1)
    series_schema = features.series_schema
    return Windows(
        torch.from_numpy(steps),
        torch.from_numpy(arrays["target"]),
        torch.from_numpy(arrays["origin"]),
        series_schema.length,
        series_schema.horizon,
        features.n_future,
    )


def preprocess_windows(model: Forecaster, windows: Windows) -> Windows:
    """Return the windows in the network's unit: once, not in every batch."""
    with torch.no_grad():
        steps, truth = model.preprocessor.steps(windows.steps), model.target_transform.transform(windows.truth)
    return replace(windows, steps=steps, truth=truth, teacher_forcing=model.network.wants_truth)
