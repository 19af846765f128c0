"""The module that is exported of a forecast: values and times in, values in the target's own unit out."""

import math

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from relight.domain.cycles import YEAR_2000, Cycle
from relight.domain.exporting import program_by_name
from relight.domain.frequency import SECOND
from relight.domain.models.forecaster import Forecaster


class Waves(nn.Module):
    """As `domain/cycles.py` has them. What is large is told apart in float64: seconds since 2000 have ten digits.

    **Shape**: (n, n_steps) int64 microseconds since 1970, or float64 numbers, in; (n, n_steps, n_waves) float32 out.
    """

    def __init__(self, cycles: list[Cycle]) -> None:
        super().__init__()
        self.cycles = [(cycle.period, cycle.harmonics) for cycle in cycles]

    def forward(self, time: Tensor) -> Tensor:
        place = time if time.dtype == torch.float64 else time.double() / SECOND - YEAR_2000
        found = []
        for period, harmonics in self.cycles:
            turns = place / period
            phase = turns - turns.floor()
            for harmonic in range(1, harmonics + 1):
                angle = (2 * math.pi * harmonic * phase).float()  # ONNX Runtime has no cosine of float64
                found += [angle.sin(), angle.cos()]
        return torch.stack(found, dim=2)


class Foretelling(nn.Module):
    """
    **Shape**
        - past: (n, length, 1 + n_covariates) float32: the target without gaps, then the covariates, NaN for a gap
        - time: (n, length + horizon) of the past and the coming steps, as `Waves` takes them; None without waves
        - known: (n, horizon, n_known) float32, the covariates that are known of steps to come; None without any
        - output: (n, horizon)
    """

    def __init__(self, model: Forecaster) -> None:
        super().__init__()
        self.model = model
        self.waves = Waves(model.features.cycles)

    def forward(self, past: Tensor, time: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        n, length, _ = past.shape
        future = past.new_zeros(n, self.model.features.known.horizon, 0) if known is None else known
        if time is not None:
            waves = self.waves(time)
            past, future = torch.cat([past, waves[:, :length]], dim=2), torch.cat([future, waves[:, length:]], dim=2)
        answers: Tensor = self.model(past, future)
        return answers


def program_of_forecast(model: Foretelling) -> ExportedProgram:
    """The graph, for any number of windows; an input that the model does not read is left out."""
    features = model.model.features
    length, horizon = features.known.length, features.known.horizon
    inputs = {"past": torch.zeros(2, length, 1 + len(features.covariates))}
    if features.cycles:
        kind = torch.float64 if features.known.frequency.unit == "number" else torch.int64
        inputs["time"] = torch.zeros(2, length + horizon, dtype=kind)
    if n_known := sum(covariate.known for covariate in features.covariates):
        inputs["known"] = torch.zeros(2, horizon, n_known)
    return program_by_name(model, inputs, dict.fromkeys(inputs, ("n_rows",)))
