"""Series: a row is a window of steps, and the steps after it are forecast.

The autoregression is fitted in closed form before the first step; after the last one see `mixing.py`.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from relight.data.features import Features
from relight.errors import InputError
from relight.model.inference import ChunkedInputs
from relight.model.networks.forecaster import Forecaster
from relight.model.rows import Rows, StoredRows
from relight.model.series import Windows, build_windows, preprocess_windows, window_scale
from relight.own_code.calls import Call
from relight.train.auto import LossName
from relight.train.batches import Batches, InMemoryBatches, batch_weight
from relight.train.datasets import BatchSize, TensorStore, TrainingData, assert_steps_fit
from relight.train.losses.losses import Loss
from relight.train.losses.own import OwnLoss, assert_skips_gaps
from relight.train.mixing import Parts, finish_forecaster
from relight.train.monitors.metrics import Truth
from relight.train.params import TrainParams
from relight.train.scores import ScoreFunction

CPU = torch.device("cpu")


@dataclass(frozen=True)
class SeriesData(TrainingData):
    """Train and validation windows, and the forecaster that they train.

    Attributes:
        has_validation: whether the validation windows are none of the test windows.
        loss: its name, or a call of the user's own; least squares would undo what the line has learned by that.
    """

    model: Forecaster
    train: Windows
    validation: Windows
    has_validation: bool
    loss: str | Call = "auto"

    def network(self) -> nn.Module:
        return self.model.network

    def batches(self, device: torch.device, batch_size: BatchSize, seed: int) -> Batches:
        return InMemoryBatches(preprocess_windows(self.model, self.train.to(device)), batch_size, seed)

    def validation_rows(self, device: torch.device) -> StoredRows:
        windows = preprocess_windows(self.model, self.validation.to(device))
        return StoredRows(windows.inputs, windows.target)

    def validation_inputs(self) -> ChunkedInputs:
        return self.validation.inputs

    def score_fn(self, loss: LossName) -> ScoreFunction:
        return forecast_score(loss, preprocess_windows(self.model, self.validation.to(self._device)).to(CPU))

    def truth(self) -> Truth:
        windows = self.validation
        offset, last = windows.offset[:, None], windows.last.double().numpy()
        scale: np.ndarray = window_scale(self.model, windows.to(self._device)).double().cpu().numpy()
        true = windows.target.double().numpy() + offset

        def predict(outputs: Tensor) -> np.ndarray:
            predictions: np.ndarray = offset + last + scale * outputs.double().cpu().numpy()
            return predictions

        return Truth("forecast", true, np.ones(len(true)), predict)

    def loss_fn(self, loss: Loss) -> Loss:
        if self._has_gaps and isinstance(loss, OwnLoss):
            assert_skips_gaps(loss, self.validation.target.shape[1], self._device)
        return skip_missing_targets(loss) if self._has_gaps else loss

    def batch_weight(self, rows: Rows) -> int | Tensor:
        return count_observed_targets(rows) if self._has_gaps else batch_weight(rows)

    def before_training(self) -> None:
        parts = self._parts()
        scaled = [preprocess_windows(self.model, windows) for windows in parts if windows is not None]
        validation = scaled[1] if self.has_validation else None
        self.model.network.autoregression.fit(scaled[0], validation, overlap=parts.train.overlap)

    def after_training(self) -> None:
        """Settle the shares and the intervals, and fit the lines again."""
        is_own = isinstance(self.loss, Call)
        finish_forecaster(self.model, self._parts(), absolute=self.loss != "mse", refits=not is_own)

    @property
    def _has_gaps(self) -> bool:
        return self.train.has_gaps or self.validation.has_gaps

    @property
    def _device(self) -> torch.device:
        return self.model.unit.device

    def _parts(self) -> Parts:
        return Parts(self.train.to(self._device), self.validation.to(self._device) if self.has_validation else None)


def load_series(
    model: nn.Module, params: TrainParams, features: Features, train: TensorStore, validation: TensorStore
) -> SeriesData:
    """Return the windows of both parts.

    Raises:
        InputError: if there is no window, or the steps take more memory than they may.
    """
    assert isinstance(model, Forecaster)
    return SeriesData(
        model,
        load_windows(model, train, "the train rows", params.memory_gb),
        load_windows(model, validation, "the validation rows", params.memory_gb),
        has_validation=not features.validates_on_test,
        loss=params.loss,
    )


def load_windows(model: Forecaster, store: TensorStore, source_name: str, memory_gb: float | None) -> Windows:
    """Return the windows; `source_name` names them in messages.

    Raises:
        InputError: if there is none, or the steps take more memory than they may.
    """
    n_windows, n_steps = (store.layouts[name].shape[0] for name in ("origin", "value"))
    if n_windows == 0:
        raise InputError(
            f"{source_name}: hold no window of prepare.sequence.length and horizon; use a shorter length, "
            "or longer parts"
        )
    windows = store.read([range(n_windows)], ["origin"])
    windows |= store.read([range(store.layouts["first"].shape[0])], ["first", "series", "offset"])
    steps = store.read([range(n_steps)], ["value", "target", "covariates"])
    assert_steps_fit(sum(array.nbytes for array in steps.values()), "series", source_name, memory_gb)
    return build_windows({**windows, **steps}, model.features)


def skip_missing_targets(loss: Loss) -> Loss:
    """Return the mean of the loss over the targets that are not NaN; both (n, horizon).

    A gap counts as predicted exactly: it adds 0 to the loss and nothing to the gradient.
    """

    def observed(outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        is_observed = targets.isfinite()
        filled = torch.where(is_observed, targets, outputs.detach())
        share = is_observed.float().mean().clamp(min=torch.finfo(torch.float32).tiny)
        return loss(outputs, filled, weights) / share

    return observed


def count_observed_targets(rows: Rows) -> Tensor:
    """Return the number of targets that `skip_missing_targets` is the mean of, ()."""
    return rows.target.isfinite().sum()


def forecast_score(loss: LossName, windows: Windows) -> ScoreFunction:
    """Return outputs on the network's scale → RMSE (mse) or MAE in the target's own unit, over all steps ahead.

    Of several series each counts in its own unit, so that none drowns the others; the mean is then multiplied by the
    harmonic mean of these units.

    Args:
        windows: preprocessed.
    """
    assert windows.scale is not None
    true, units = windows.target.double(), windows.scale.double()
    unit = 1 / float((1 / units[units > 0]).mean()) if bool((units > 0).any()) else 1.0

    def score(outputs: Tensor) -> float:
        errors = outputs.cpu().double() - true
        if loss == "mse":
            return unit * math.sqrt(errors.square().nanmean().item())
        return unit * float(errors.abs().nanmean())

    return score
