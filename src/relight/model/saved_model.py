"""A saved model: model.json, all that is needed to rebuild and use it, and model.pth, its weights."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from relight.data.features import Count, Features, PairFeatures, SequenceFeatures
from relight.data.series_features import SeriesFeatures
from relight.errors import InputError, RelightError
from relight.model.build import build_model
from relight.model.checks import TargetScale
from relight.model.monitor import USUAL_SCORE, Monitor
from relight.model.networks.forecaster import Forecaster
from relight.model.networks.tower import SiameseModel
from relight.model.own_files import assert_reader_from_project, own_code_change
from relight.model.pairs import DistanceCalibration
from relight.model.params import ModelParams
from relight.model.weights import MemoryBound, WeightsRecord, load_weights
from relight.runtime.files import read_json, read_model
from relight.runtime.messages import notify

MODEL_FORMAT: Literal[3] = 3
SHA256 = "^[0-9a-f]{64}$"  # as Rust reads it: `$` is the end of the text


class Description(BaseModel):
    """The content of model.json.

    Attributes:
        model: its name is never `auto`.
        model_choice: why `auto` chose it, one sentence; "" if the name was given.
        loss, target_scale, batch_size, calibration: the values that `auto` was resolved to.
        monitor: the score of the validation rows, by which the best epoch was chosen. Left out if it is the usual one.
        seed: `untrained_model` draws the untrained model with it.
        seeds: the number of networks side by side.
        threads: of the training; the same number gives the same bits.
        processes: that trained together; the same number gives the same bits. Left out if it is 1.
        own_code: sha256 of each file of an own network, by its path in the project. Left out if there are none.
        distance_calibration: what a distance means, for pairs.
        output_sha256: the hash of the outputs for the validation rows, computed before the weights were saved.
        weights_sha256: of model.pth, which was written first. A model that was made without it loads.
        versions: of the packages that made the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[3] = MODEL_FORMAT
    model: ModelParams
    model_choice: str
    features: Features
    loss: str
    monitor: Monitor = Field(default=USUAL_SCORE, exclude_if=lambda monitor: monitor == USUAL_SCORE)
    target_scale: TargetScale
    batch_size: Count
    calibration: Literal["none", "temperature"] = "none"
    seed: int = Field(ge=0, le=2**32 - 1)  # these as in train/params.py
    seeds: int = Field(ge=1, le=64)
    threads: int = Field(ge=1, le=4096)
    processes: int = Field(default=1, ge=1, le=2**31 - 1, exclude_if=lambda number: number == 1)
    own_code: dict[str, str] = Field(default={}, exclude_if=lambda files: not files)
    distance_calibration: DistanceCalibration | None = Field(default=None, exclude_if=lambda value: value is None)
    epochs: Count
    best_epoch: Count
    output_sha256: str
    weights_sha256: str | None = Field(default=None, pattern=SHA256, exclude_if=lambda digest: digest is None)
    versions: dict[str, str]


def hash_outputs(outputs: Tensor) -> str:
    """Return the sha256 of the outputs, bit for bit."""
    return hashlib.sha256(outputs.numpy().tobytes()).hexdigest()


@dataclass(frozen=True)
class _Saved:
    """A rebuilt model with its trained weights, and its description."""

    description: Description
    model: nn.Module

    @property
    def features(self) -> Features:
        return self.description.features


@dataclass(frozen=True)
class TableModel(_Saved):
    """A model of independent rows, or of the candidates of queries."""


@dataclass(frozen=True)
class SequenceModel(_Saved):
    """A model of sequences with one label each."""

    sequence: SequenceFeatures


@dataclass(frozen=True)
class SeriesModel(_Saved):
    """A forecaster."""

    model: Forecaster
    series: SeriesFeatures


@dataclass(frozen=True)
class PairModel(_Saved):
    """A siamese model, and what its distances mean."""

    model: SiameseModel
    pairs: PairFeatures
    calibration: DistanceCalibration


SavedModel = TableModel | SequenceModel | SeriesModel | PairModel  # one class for each kind of data


def load_model(folder: Path, project: Path = Path()) -> SavedModel:
    """Rebuild the model of a folder.

    Args:
        project: the folder below which a network of the user's own lies.

    Raises:
        InputError: as `load_model_files`.
    """
    model = load_model_files(folder / "model.json", folder / "model.pth", project)
    assert_reader_from_project(folder / "model.json", model.features.reader, project)
    return model


def load_model_files(description: Path, weights: Path, project: Path = Path()) -> SavedModel:
    """Rebuild the model of a model.json and a model.pth.

    Args:
        project: the folder below which an own network lies; if its code has changed, a note on stderr says so.

    Raises:
        InputError: if a file is missing or damaged, another version of Relight wrote it, the weights are of another
            run than the description, or its own code is not that of the project.
    """
    read = read_description(description)
    change = own_code_change(description, read.model, read.own_code, project)
    try:
        model = _build_within(read, weights, project)
    except RelightError as error:
        if not change:
            raise
        raise InputError(*error.problems, change) from error
    except Exception as error:  # a description that no training wrote makes these raise anything
        raise InputError(
            f"{description}: describes no network that can be built ({type(error).__name__}: "
            f"{str(error).splitlines()[0] if str(error) else 'no reason'}); run `dvc checkout --force`, or `dvc repro`"
        ) from error
    load_weights(weights, model, WeightsRecord(description, read.weights_sha256), change)
    if change:
        notify(f"note: {change}")
    return _saved_model(read, model)


def _build_within(read: Description, weights: Path, project: Path) -> nn.Module:
    """Build the network, and take no more memory for it than its weights allow."""
    with MemoryBound(weights):
        return build_model(read.model, read.features, target_scale=read.target_scale, seeds=read.seeds, project=project)


def read_description(path: Path) -> Description:
    """Read a model.json.

    Raises:
        InputError: if it is missing or damaged, or another version of Relight wrote it.
    """
    content = read_json(path)
    actual = content.get("format") if isinstance(content, dict) else None
    if actual != MODEL_FORMAT:
        raise InputError(f"{path}: must be of format {MODEL_FORMAT}, got {actual}: {_other_format(actual)}")
    description = read_model(path, Description)
    task, n_classes = description.features.task, len(description.features.classes or [])
    if task in ("binary", "similarity") and n_classes != 2:
        raise InputError(
            f"{path}: features.classes: must be two for {task}, got {n_classes}; run `dvc checkout` or `dvc repro`"
        )
    return description


def _other_format(actual: object) -> str:
    """Return who writes this format, and the next step."""
    if not isinstance(actual, int):
        return "it is no model.json; run `dvc checkout` or `dvc repro`"
    if actual > MODEL_FORMAT:
        return "a newer Relight wrote it; upgrade Relight"
    return "Relight 0.1 wrote it; use that version, or train again with this one (`dvc repro`)"


def _saved_model(description: Description, model: nn.Module) -> SavedModel:
    features = description.features
    if features.pairs is not None:
        assert isinstance(model, SiameseModel)
        assert description.distance_calibration is not None
        return PairModel(description, model, features.pairs, description.distance_calibration)
    if features.series is not None:
        assert isinstance(model, Forecaster)
        return SeriesModel(description, model, features.series)
    if features.sequence is not None:
        return SequenceModel(description, model, features.sequence)
    return TableModel(description, model)
