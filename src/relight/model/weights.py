"""The weights of a model, a state_dict in a `.pth` file: written from memory, read with suspicion.

`torch.load` does not notice bit flips (2884 of 3000 single flips gave a wrong tensor) and unpacks a 195 KB file to
200 MB. So what it would believe is checked first: the size, members that are not compressed, CRCs, and then the sizes
that the tensors claim. No pickle beyond tensors is ever read (`weights_only=True`).
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from relight.errors import InputError

StateDict = dict[str, Tensor]
FOLDER_ATTRIBUTE = 0x10  # in the attributes of a zip member


def save_weights(path: Path, model: nn.Module) -> None:
    """Write the state_dict; the bytes do not depend on the file's name, which `torch.save` would put inside."""
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    path.write_bytes(buffer.getvalue())


def load_weights(path: Path, model: nn.Module, reason: str = "") -> None:
    """Load the weights of a file into a model.

    Args:
        reason: why they may not fit it, if that is known.

    Raises:
        InputError: if the file is missing or damaged, or belongs to another model.
    """
    state = read_state(path)
    problem = _state_difference(state, model.state_dict())
    if problem:
        raise InputError(f"{path}: {problem}; {reason or 'run `dvc checkout --force`, or `dvc repro`'}")
    model.load_state_dict(state)


def read_state(path: Path) -> StateDict:
    """Return the tensors of a file, intact and finite.

    Raises:
        InputError: if the file is missing, damaged, or holds anything but tensors.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`") from error
    try:
        _check_archive(content)
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        _check_tensors(state)
    except Exception as error:  # torch raises all kinds of errors for damaged bytes; all mean the same
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
            # PyTorch does not read a member that is marked as a folder: the tensor would hold uninitialized memory.
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
    """Return the first reason why the tensors are not those of the model, or None."""
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


def largest_weight_difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> tuple[str, float] | None:
    """Return the name of the tensor whose values differ most, and the largest difference.

    Returns:
        None if names, shapes or types differ, so that nothing can be compared.
    """
    if {name: (value.shape, value.dtype) for name, value in one.items()} != {
        name: (value.shape, value.dtype) for name, value in other.items()
    }:
        return None
    filled = [name for name, value in one.items() if value.numel()]
    differences = {name: float((one[name].double() - other[name].double()).abs().max()) for name in filled}
    largest = max(differences, key=lambda name: differences[name], default=None)
    return None if largest is None else (largest, differences[largest])
