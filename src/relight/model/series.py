"""Windows of series: views into the steps, gathered batch by batch and never copied as a whole."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from relight.data.series_features import SeriesFeatures
from relight.model.inference import prediction_batch_size
from relight.model.networks.forecaster import Forecaster, in_units
from relight.model.rows import Arrays, Rows, StoredInputs, row_numbers


@dataclass(frozen=True)
class Windows:
    """Windows of series, on one device.

    Attributes:
        steps: (n_steps, n_channels) float32: the target with its gaps filled, the covariates, the waves of the
            calendar; NaN for a gap of a covariate.
        truth: (n_steps,) float32: the target, NaN for a gap.
        origin: (n_windows,) int64: the first step that each window forecasts.
        series_number: (n_windows,) int64: of the series of each window in the features.
        offset: (n_windows,) float64: what the target of each window lacks; it stays on the CPU.
        length, horizon: the steps before the origin that the model sees, and those that it forecasts.
        n_future: the number of the last channels that are known ahead.
        scale: (n_windows, 1) float32: the unit of each window, if they are in the network's units; else None.
        teacher_forcing: whether the model is shown its targets in training.
    """

    steps: Tensor
    truth: Tensor
    origin: Tensor
    series_number: Tensor
    offset: np.ndarray
    length: int
    horizon: int
    n_future: int
    scale: Tensor | None = None
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
        target = self._strip(self.truth.unsqueeze(1), self.horizon).index_select(0, self.origin).squeeze(2)
        return target if self.scale is None else in_units(target - self.last, self.scale)

    @property
    def overlap(self) -> float:
        """About how many windows see the same value as a target, at least 1."""
        step = int((self.origin[1:] - self.origin[:-1]).min()) if len(self.origin) > 1 else 1
        return max(1.0, self.horizon / max(step, 1))

    @property
    def last(self) -> Tensor:
        """The last value that each window sees, (n_windows, 1)."""
        return self.steps[self.origin - 1, :1]

    @property
    def inputs(self) -> StoredInputs:
        """What the model reads, some windows at a time; never the targets."""
        without_targets = replace(self, teacher_forcing=False)
        return StoredInputs(lambda blocks: without_targets.pick(row_numbers(blocks).to(self.device)), self.n_rows)

    def to(self, device: torch.device) -> "Windows":
        scale = None if self.scale is None else self.scale.to(device)
        parts = (part.to(device) for part in (self.steps, self.truth, self.origin, self.series_number))
        steps, truth, origin, number = parts
        return replace(self, steps=steps, truth=truth, origin=origin, series_number=number, scale=scale)

    def pick(self, indices: Tensor) -> Rows:
        """Return the windows at these indices: past (n, length, n_channels), future (n, horizon, n_future), targets.

        In the network's units the values are differences to the last one of each window; otherwise the numbers of the
        series come with them.
        """
        origin = self.origin.index_select(0, indices)
        past = self._strip(self.steps, self.length).index_select(0, origin - self.length)
        future_channels = self.steps[:, self.steps.shape[1] - self.n_future :]
        future = self._strip(future_channels, self.horizon).index_select(0, origin)
        target = self._strip(self.truth.unsqueeze(1), self.horizon).index_select(0, origin).squeeze(2)
        if self.scale is None:
            return Rows((past, future, self.series_number.index_select(0, indices)), target)
        scale, last = self.scale.index_select(0, indices), past[:, -1:, 0]
        target = in_units(target - last, scale)
        past[:, :, 0] = in_units(past[:, :, 0] - last, scale)
        return Rows((past, future, target) if self.teacher_forcing else (past, future), target)

    def whole(self) -> Rows:
        """Return all windows, for a batch that holds all."""
        return self.pick(torch.arange(self.n_rows, device=self.device))

    def subset(self, chosen: Tensor) -> "Windows":
        """Return the windows at these places, (n,) bool or int64."""
        scale = None if self.scale is None else self.scale[chosen]
        offset = self.offset[chosen.cpu().numpy()]
        return replace(
            self, origin=self.origin[chosen], series_number=self.series_number[chosen], offset=offset, scale=scale
        )

    @staticmethod
    def _strip(steps: Tensor, width: int) -> Tensor:
        """Return (n_steps - width + 1, width, n): the `width` steps from each step on, as a view."""
        by_step, by_channel = steps.stride()
        size = (max(0, len(steps) - width + 1), width, steps.shape[1])
        return steps.as_strided(size, (by_step, by_step, by_channel), steps.storage_offset())


def build_windows(arrays: Arrays, features: SeriesFeatures) -> Windows:
    """Return the windows of the arrays that split wrote."""
    steps = np.concatenate([arrays["value"][:, None], arrays["covariates"]], axis=1)
    of_window = np.searchsorted(arrays["first"], arrays["origin"] - 1, side="right") - 1
    series_schema = features.series_schema
    return Windows(
        torch.from_numpy(steps),
        torch.from_numpy(arrays["target"]),
        torch.from_numpy(arrays["origin"]),
        torch.from_numpy(arrays["series"][of_window]),
        arrays["offset"][of_window],
        series_schema.length,
        series_schema.horizon,
        features.n_future,
    )


def preprocess_windows(model: Forecaster, windows: Windows) -> Windows:
    """Return the windows in the network's units, with the covariates standardised: once, not in every batch."""
    with torch.no_grad():
        steps = model.preprocessor.steps(windows.steps)
        scale = window_scale(model, windows)
    return replace(windows, steps=steps, scale=scale, teacher_forcing=model.network.wants_truth)


def window_scale(model: Forecaster, windows: Windows) -> Tensor:
    """Return the unit of each window, (n_windows, 1)."""
    return _of_windows(model, windows, model.scale)


def window_spread(model: Forecaster, windows: Windows) -> Tensor:
    """Return the unit of the interval of each window, (n_windows, 1)."""
    return _of_windows(model, windows, model.spread)


def _of_windows(model: Forecaster, windows: Windows, compute: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    chunks = windows.inputs.chunks(prediction_batch_size(model))
    with torch.no_grad():
        parts = [compute(past[:, :, 0], series) for past, _, series in chunks]
    return torch.cat(parts) if parts else torch.ones(0, 1, device=windows.device)


def log_windows(windows: Windows) -> Windows:
    """Return preprocessed windows with the logarithms of their values, without a unit; NaN for a value without one."""
    steps = windows.steps.clone()
    steps[:, 0] = torch.where(steps[:, 0] > 0, steps[:, 0], torch.nan).log()
    truth = torch.where(windows.truth > 0, windows.truth, torch.nan).log()
    return replace(windows, steps=steps, truth=truth, scale=torch.ones(windows.n_rows, 1, device=windows.device))
