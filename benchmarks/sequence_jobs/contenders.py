"""The contenders by name."""

from sequence_jobs.cost import Contender
from sequence_jobs.data_loader import data_loader
from sequence_jobs.neural_forecast import neural_forecast
from sequence_jobs.relight_windows import relight_windows

CONTENDERS: dict[str, Contender] = {
    "DataLoader": data_loader,
    "Relight": relight_windows,
    "neuralforecast": neural_forecast,
}
