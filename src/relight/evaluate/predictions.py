"""The predictions of a model for each part, before its calibration, and of each of its seeds."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from torch import Tensor, nn

from relight.model.pipeline import TabularModel, Temperature
from relight.model.saved_model import SequenceModel, TableModel

OutputsChange = Callable[[Tensor], Tensor]


class PartPredictions(NamedTuple):
    """Predictions as `predictions_from_outputs` returns them.

    Attributes:
        by_part: for the rows of each part.
        uncalibrated: for the test rows, before the temperature was fitted; None if the model has none.
        by_seed: for the test rows, by the networks of each seed; empty with one seed.
    """

    by_part: dict[str, np.ndarray]
    uncalibrated: np.ndarray | None
    by_seed: list[np.ndarray]


class PredictPart(Protocol):
    """Returns the predictions for the rows of a part; `change` is applied to the raw outputs first."""

    def __call__(self, part: str, change: OutputsChange | None = None) -> np.ndarray: ...


def predict_parts(saved: TableModel | SequenceModel, parts: Iterable[str], predict: PredictPart) -> PartPredictions:
    """Return the predictions for each part, and for the test rows those before the temperature and of each seed."""
    by_part = {part: predict(part) for part in parts}
    temperature = fitted_temperature(saved.model)
    uncalibrated = None
    if temperature is not None:  # the outputs are logits divided by it
        uncalibrated = predict("test", lambda outputs: outputs * temperature)
    n_seeds = saved.description.seeds
    by_seed = [
        predict("test", partial(members_of_seed, n_seeds, seed)) for seed in range(n_seeds if n_seeds > 1 else 0)
    ]
    return PartPredictions(by_part, uncalibrated, by_seed)


def fitted_temperature(model: nn.Module) -> Tensor | None:
    """Return the temperature of the probabilities, or None if none was fitted."""
    if not isinstance(model, TabularModel) or not isinstance(model.target_transform, Temperature):
        return None
    return model.target_transform.temperature if model.target_transform.temperature.item() != 1 else None


def members_of_seed(n_seeds: int, seed: int, outputs: Tensor) -> Tensor:
    """Return the outputs of the members that one seed drew, out of (n_rows, n_seeds * n_members, d_out)."""
    return outputs.chunk(n_seeds, dim=1)[seed]
