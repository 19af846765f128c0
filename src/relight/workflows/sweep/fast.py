"""Trials that train in this process: the imports and the split tensors are there once."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from relight.domain.devices import choose_device, compute_the_same_each_time
from relight.domain.features import Features
from relight.domain.fitting import fit_as_asked, start, untrained
from relight.domain.group import Alone
from relight.domain.settling import settle
from relight.domain.sweeping import value_of
from relight.domain.training_state import TrainingState
from relight.io.ahead import ahead
from relight.io.artifacts import read_model
from relight.io.params import read_section
from relight.io.tensors import StoredTensors
from relight.io.yaml12 import Document
from relight.params.model import ModelParams
from relight.params.train import TrainParams

SPLIT = Path("data/split")


class HopelessError(Exception):
    """The curves say that the trial will not be one of the best."""


class FastTrainer:
    """What the train stage does up to its last epoch, on the rows that it would read."""

    def __init__(self) -> None:
        self._features = read_model(SPLIT / "features.json", Features)
        self._stores = [StoredTensors(SPLIT / f"{part}.safetensors") for part in ("train", "validation")]

    def train(self, document: Document, is_hopeless: Callable[[Sequence[float]], bool]) -> float | None:
        """The validation score of the model that the train stage would save; None: it was hopeless.

        Args:
            document: params.yaml as the trial has it.
            is_hopeless: of the validation scores of all epochs so far.

        Raises:
            InputError: when params and table do not fit together.
            RunError: when the loss is no longer a number.
        """
        model_params = read_section(document, "model", ModelParams)
        params = read_section(document, "train", TrainParams)
        compute_the_same_each_time(params.threads)
        device = choose_device(params.device)
        settled = settle(model_params, params, self._features, device.type)
        training = untrained(params, settled, self._features, *self._stores)
        training.model.to(device)
        state = start(training, Alone(), None)
        try:
            fit_as_asked(training, state, Alone(), _Watch(is_hopeless), ahead)
        except HopelessError:
            return None
        finally:
            if device.type == "cuda":
                torch.cuda.empty_cache()
        return value_of(
            [epoch.validation_score for epoch in state.history], keeps_best=params.early_stopping is not None
        )


class _Watch:
    """Looks at the curve after each epoch."""

    def __init__(self, is_hopeless: Callable[[Sequence[float]], bool]) -> None:
        self._is_hopeless = is_hopeless
        self._scores: list[float] = []

    def after_step(self, state: TrainingState) -> None: ...

    def after_epoch(self, state: TrainingState) -> None:
        self._scores.append(state.history[-1].validation_score)
        if self._is_hopeless(self._scores):
            raise HopelessError

    def at_end(self, state: TrainingState) -> None: ...
