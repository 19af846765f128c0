"""Series: a row is a window of steps, and the steps after it are forecast.

The autoregression is fitted in closed form before the first step. After the last one it is fitted again, on the
validation windows too, because the steps just before those to come say most about them.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from relight.data.features import Features
from relight.errors import InputError
from relight.model.inference import ChunkedInputs, predict_outputs, set_training_mode
from relight.model.networks.forecaster import NOMINAL_COVERAGE, UNKNOWN, Forecaster, WindowBack
from relight.model.rows import Rows, StoredRows
from relight.model.series import Windows, build_windows, preprocess_windows
from relight.own_code.calls import Call
from relight.train.auto import LossName
from relight.train.batches import Batches, InMemoryBatches, batch_weight
from relight.train.datasets import BatchSize, TensorStore, TrainingData, assert_steps_fit
from relight.train.losses.losses import Loss
from relight.train.losses.own import OwnLoss, assert_skips_gaps
from relight.train.monitors.metrics import Truth
from relight.train.params import TrainParams
from relight.train.scores import ScoreFunction


@dataclass(frozen=True)
class SeriesData(TrainingData):
    """Train and validation windows, and the forecaster that they train.

    Attributes:
        has_validation: whether the validation windows are none of the test windows.
        refits: whether the autoregression is fitted again at the end; not with a loss of the user's own, because least
            squares would undo what it has learned.
    """

    model: Forecaster
    train: Windows
    validation: Windows
    has_validation: bool
    refits: bool = True

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
        return forecast_score(loss, self.model.target_transform, self.validation.target)

    def truth(self) -> Truth:
        true, back = self.validation.target.double().numpy(), self.model.target_transform
        return Truth("forecast", true, np.ones(len(true)), lambda outputs: back(outputs).double().cpu().numpy())

    def loss_fn(self, loss: Loss) -> Loss:
        if self._has_gaps and isinstance(loss, OwnLoss):
            assert_skips_gaps(loss, self.validation.target.shape[1], self._device)
        return skip_missing_targets(loss) if self._has_gaps else loss

    def batch_weight(self, rows: Rows) -> int | Tensor:
        return count_observed_targets(rows) if self._has_gaps else batch_weight(rows)

    def before_training(self) -> None:
        train, validation = self._preprocessed()
        self.model.network.autoregression.fit(train, validation if self.has_validation else None)

    def after_training(self) -> None:
        """Fit the widths of the intervals, then the autoregression again; not without validation windows."""
        if not self.has_validation:
            return
        network = self.model.network
        fit_conformal_widths(self.model, self.validation.to(self._device))
        if not self.refits:
            return
        set_training_mode(network, training=False)
        with torch.no_grad():
            network.autoregression.refit(list(self._preprocessed()), network.learned)

    @property
    def _has_gaps(self) -> bool:
        return self.train.has_gaps or self.validation.has_gaps

    @property
    def _device(self) -> torch.device:
        return self.model.half_width.device

    def _preprocessed(self) -> tuple[Windows, Windows]:
        train, validation = self.train.to(self._device), self.validation.to(self._device)
        return preprocess_windows(self.model, train), preprocess_windows(self.model, validation)


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
        refits=not isinstance(params.loss, Call),
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


def forecast_score(loss: LossName, target_transform: WindowBack, target: Tensor) -> ScoreFunction:
    """Return outputs on the network's scale → RMSE (mse) or MAE in the target's own unit, over all steps ahead.

    Args:
        target: (n_windows, horizon) in its own unit, NaN for a gap, on the CPU.
    """
    true = target.double()

    def score(outputs: Tensor) -> float:
        errors = target_transform(outputs).double().cpu() - true
        if loss == "mse":
            return math.sqrt(errors.square().nanmean().item())
        return float(errors.abs().nanmean())

    return score


def fit_conformal_widths(model: Forecaster, validation: Windows) -> None:
    """Fit the half-widths of the intervals on the validation windows, before anything else is fitted on them."""
    widths = conformal_half_widths(
        validation.target.cpu().numpy(), predict_outputs(model, validation.inputs).cpu().numpy()
    )
    model.half_width.copy_(torch.from_numpy(np.where(np.isfinite(widths), widths, UNKNOWN)))


def conformal_half_widths(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Return (horizon,): how far from the forecast the truth lies at most in `NOMINAL_COVERAGE` of these windows.

    Split conformal prediction (Lei et al. 2018, "Distribution-Free Predictive Inference for Regression", section 2.2):
    the ceil((n + 1) NOMINAL_COVERAGE)-th smallest error of each step ahead, or the largest if there are fewer; NaN if
    there is none.

    Args:
        y_true, y_pred: (n_windows, horizon), NaN for a gap.
    """
    widths = []
    for errors in np.abs(y_true.astype(np.float64) - y_pred).T:
        observed = np.sort(errors[np.isfinite(errors)])
        rank = min(len(observed), int(np.ceil((len(observed) + 1) * NOMINAL_COVERAGE)))
        widths.append(observed[rank - 1] if rank else np.nan)
    return np.array(widths)
