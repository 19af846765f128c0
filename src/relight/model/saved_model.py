"""Model.json, model.pth, output hash.

What stands beside the weights: all that is needed to rebuild the model and to use it.

How far two models are from each other.

A state_dict in a `.pth` file: written from memory, read with suspicion.

`torch.load` alone misses bit flips (2884 of 3000 single flips gave a wrong tensor) and unpacks a
195 KB file to 200 MB, so what it would believe is checked first: size, stored members, CRCs, and
then the claimed sizes. No pickle beyond tensors is ever read (`weights_only=True`).
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from relight.data.features import Features
from relight.errors import InputError
from relight.model.checks import TargetScale
from relight.model.params import ModelParams
from relight.model.similarity import DistanceCalibration

MODEL_FORMAT: Literal[3] = 3
StateDict = dict[str, Tensor]
FOLDER_ATTRIBUTE = 0x10  # in the attributes of a zip member


class Description(BaseModel):
    """The content of model.json.

    Attributes:
        model: with a name, never `auto`.
        model_choice: why `auto` chose it, one sentence; "" where the name was given.
        loss, target_scale, batch_size, calibration: what `auto` meant.
        seed: the untrained model is `untrained_model`, drawn with it.
        seeds: how many copies stand side by side.
        threads: of the training; the same number gives the same bits.
        processes: that trained together; the same number gives the same bits. Left out where it is 1.
        similarity: what a distance means, for pairs.
        proof: sha256 of the outputs for the validation rows, made before the weights were saved.
        versions: of what made the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[3] = MODEL_FORMAT
    model: ModelParams
    model_choice: str
    features: Features
    loss: str
    target_scale: TargetScale
    batch_size: int
    calibration: Literal["none", "temperature"] = "none"
    seed: int
    seeds: int
    threads: int
    processes: int = Field(default=1, exclude_if=lambda number: number == 1)
    distance_calibration: DistanceCalibration | None = Field(default=None, exclude_if=lambda value: value is None)
    epochs: int
    best_epoch: int
    output_sha256: str
    versions: dict[str, str]


def hash_outputs(outputs: Tensor) -> str:
    """A hash of the very bits."""
    return hashlib.sha256(outputs.numpy().tobytes()).hexdigest()


def largest_weight_difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> tuple[str, float] | None:
    """The tensor with the largest difference of a value, and how much it is.

    Returns:
        None where the names, shapes or types are not the same, and nothing can be compared.
    """
    if {name: (value.shape, value.dtype) for name, value in one.items()} != {
        name: (value.shape, value.dtype) for name, value in other.items()
    }:
        return None
    filled = [name for name, value in one.items() if value.numel()]
    differences = {name: float((one[name].double() - other[name].double()).abs().max()) for name in filled}
    largest = max(differences, key=lambda name: differences[name], default=None)
    return None if largest is None else (largest, differences[largest])


def save_weights(path: Path, model: nn.Module) -> None:
    """Bytes that do not depend on the file's name (`torch.save` puts it inside when given a path)."""
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    path.write_bytes(buffer.getvalue())


def load_weights(path: Path, model: nn.Module) -> None:
    """Put the weights of a file into a model.

    Raises:
        InputError: when the file is missing or damaged, or belongs to another model.
    """
    state = read_state(path)
    problem = _state_difference(state, model.state_dict())
    if problem:
        raise InputError(f"{path}: {problem}; run `dvc checkout --force`, or `dvc repro`")
    model.load_state_dict(state)


def read_state(path: Path) -> StateDict:
    """The tensors of a file, whole and finite.

    Raises:
        InputError: when the file is missing, damaged, or holds anything but tensors.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`") from error
    try:
        _check_archive(content)
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        _check_tensors(state)
    except Exception as error:  # Damaged bytes make torch raise anything; all of it means the same.
        what = str(error).split("\n")[0][:120] if isinstance(error, _DamagedError) else "not a PyTorch state_dict"
        raise InputError(f"{path}: is damaged or foreign ({what}); run `dvc checkout --force`") from error
    return dict(state)


class _DamagedError(Exception):
    pass


def _check_archive(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise _DamagedError("its members are compressed, as PyTorch never writes them")
        if any(member.external_attr & FOLDER_ATTRIBUTE for member in members):
            # PyTorch does not read what is marked as a folder: the tensor is then whatever the memory held.
            raise _DamagedError("its members are marked as folders, as PyTorch never writes them")
        if sum(member.file_size for member in members) > len(content):
            raise _DamagedError("its members claim more bytes than the file has")
        bad = archive.testzip()
        if bad is not None:
            raise _DamagedError(f"the checksum of {bad} does not match")


def _check_tensors(state: object) -> None:
    if not isinstance(state, dict):
        raise _DamagedError("it holds no state_dict")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise _DamagedError("it holds more than named tensors")
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise _DamagedError(f"{name} claims more numbers than it stores")
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise _DamagedError(f"{name} holds numbers that are not finite")


def _state_difference(state: StateDict, wanted: StateDict) -> str | None:
    """The first thing that keeps the tensors from being those of the model."""
    missing = [name for name in wanted if name not in state]
    if missing:
        return f"{missing[0]} is missing; it belongs to another model"
    for name, value in state.items():
        if name not in wanted:
            return f"{name} is unknown to this model"
        if value.shape != wanted[name].shape or value.dtype != wanted[name].dtype:
            here, there = (f"{tuple(t.shape)} {t.dtype}" for t in (value, wanted[name]))
            return f"{name} is {here} in the file, {there} in the model"
    return None
