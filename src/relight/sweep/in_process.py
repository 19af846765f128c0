"""Trials that train in this process: torch is imported and the split is read only once."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from relight.data.features import Features
from relight.data.tensors import StoredTensors
from relight.model.devices import choose_device, make_deterministic
from relight.model.monitor import Monitor
from relight.model.params import ModelParams
from relight.runtime.files import read_model
from relight.runtime.params import read_section
from relight.runtime.strict_yaml import Document
from relight.sweep.scores import trial_value
from relight.train.distributed.group import SingleProcess
from relight.train.params import TrainParams
from relight.train.state import TrainingState
from relight.train.training import build_training, resolve_settings

SPLIT_FOLDER = Path("data/split")


class PrunedError(Exception):
    """The validation curve shows that the trial will not be one of the best."""


class InProcessTrainer:
    """Trains like the train stage up to its last epoch, on the rows that it would read."""

    def __init__(self) -> None:
        self._features = read_model(SPLIT_FOLDER / "features.json", Features)
        self._stores = [StoredTensors(SPLIT_FOLDER / f"{part}.safetensors") for part in ("train", "validation")]

    def train(self, document: Document, is_hopeless: Callable[[Sequence[float]], bool]) -> float | None:
        """Return the validation score of the model that the train stage would save; None if the trial was pruned.

        Args:
            document: params.yaml with the values of the trial.
            is_hopeless: called with the validation scores of all epochs so far, as losses; True prunes the trial.

        Raises:
            InputError: if params and table do not fit together.
            RunError: if the loss is no longer a number.
        """
        model_params = read_section(document, "model", ModelParams)
        params = read_section(document, "train", TrainParams)
        make_deterministic(params.threads)
        device = choose_device(params.device)
        settings = resolve_settings(model_params, params, self._features, device.type)
        training = build_training(params, settings, self._features, *self._stores)
        training.start(device, SingleProcess())
        try:
            history = training.run(_PruningCallback(is_hopeless, settings.monitor))
        except PrunedError:
            return None
        finally:
            if device.type == "cuda":
                torch.cuda.empty_cache()
        scores = [epoch.validation_score for epoch in history]
        return trial_value(scores, settings.monitor, keeps_best=params.early_stopping is not None)


class _PruningCallback:
    """Checks the validation curve after each epoch."""

    def __init__(self, is_hopeless: Callable[[Sequence[float]], bool], monitor: Monitor) -> None:
        self._is_hopeless, self._as_loss = is_hopeless, monitor.as_loss
        self._scores: list[float] = []

    def after_step(self, state: TrainingState) -> None: ...

    def after_epoch(self, state: TrainingState) -> None:
        self._scores.append(self._as_loss(state.history[-1].validation_score))
        if self._is_hopeless(self._scores):
            raise PrunedError

    def at_end(self, state: TrainingState) -> None: ...
