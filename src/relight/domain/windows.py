"""Windows of series: views into the steps, gathered batch by batch and never copied as a whole."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from relight.domain.models.forecaster import Forecaster
from relight.domain.row_order import rows_of
from relight.domain.rows import Rows
from relight.domain.series_features import SeriesFeatures
from relight.domain.stored import StoredInputs


@dataclass(frozen=True)
class Windows:
    """
    Attributes:
        steps: (n_steps, n_channels) float32: the target with its gaps filled, the covariates, the waves; NaN for a
            gap of a covariate.
        truth: (n_steps,) float32: the target, NaN where there is none.
        origin: (n_windows,) int64: the step of each window's first target.
        n_future: so many of the last channels are known of steps to come.
        tells: whether a training may show the model its targets, for teacher forcing.
    """

    steps: Tensor
    truth: Tensor
    origin: Tensor
    length: int
    horizon: int
    n_future: int
    tells: bool = False
    weight: None = None

    @property
    def n_rows(self) -> int:
        return len(self.origin)

    @property
    def has_gaps(self) -> bool:
        """Whether some step has no value to foretell."""
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
        """Past and future, so many windows at a time; never the targets."""
        silent = replace(self, tells=False)
        return StoredInputs(lambda blocks: silent.pick(rows_of(blocks).to(self.device)), self.n_rows)

    def to(self, device: torch.device) -> "Windows":
        parts = (self.steps.to(device), self.truth.to(device), self.origin.to(device))
        return Windows(*parts, self.length, self.horizon, self.n_future, self.tells)

    def pick(self, places: Tensor) -> Rows:
        """The windows at some places: past (n, length, n_channels), future (n, horizon, n_future), their targets."""
        origin = self.origin.index_select(0, places)
        past = self._strip(self.steps, self.length).index_select(0, origin - self.length)
        known = self.steps[:, self.steps.shape[1] - self.n_future :]
        future = self._strip(known, self.horizon).index_select(0, origin)
        target = self._strip(self.truth.unsqueeze(1), self.horizon).index_select(0, origin).squeeze(2)
        return Rows((past, future, target) if self.tells else (past, future), target)

    def whole(self) -> Rows:
        """All of them, for a batch that holds all."""
        return self.pick(torch.arange(self.n_rows, device=self.device))

    @staticmethod
    def _strip(steps: Tensor, width: int) -> Tensor:
        """(n_steps - width + 1, width, n): each row the steps from one on, in the memory of the steps."""
        by_step, by_channel = steps.stride()
        size = (max(0, len(steps) - width + 1), width, steps.shape[1])
        return steps.as_strided(size, (by_step, by_step, by_channel), steps.storage_offset())


def windows_of(arrays: dict[str, np.ndarray], features: SeriesFeatures) -> Windows:
    """The arrays of a part, as split wrote them."""
    steps = np.concatenate([arrays["value"][:, None], arrays["covariates"]], axis=1)
    known = features.known
    return Windows(
        torch.from_numpy(steps),
        torch.from_numpy(arrays["target"]),
        torch.from_numpy(arrays["origin"]),
        known.length,
        known.horizon,
        features.n_future,
    )


def as_trainee_sees_windows(model: nn.Module, windows: Windows) -> Windows:
    """The steps in the network's units: once, not in every batch."""
    assert isinstance(model, Forecaster)
    with torch.no_grad():
        steps, truth = model.front.steps(windows.steps), model.back.to_network(windows.truth)
    return replace(windows, steps=steps, truth=truth, tells=model.body.wants_truth)
