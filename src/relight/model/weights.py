"""The weights of a model, a state_dict in a `.pth` file: written from memory, read with suspicion.

Neither file of a model is believed: its description may ask for any memory, so that the network is built within a
bound that the size of its weights sets, and then the weights may not be larger than the network has room for.
"""

import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from relight.data.pickle_check import ForeignError
from relight.data.torch_archive import load_archive
from relight.errors import InputError
from relight.runtime.files import memory_bytes, read_regular

StateDict = dict[str, Tensor]
SPARE_BYTES, SPARE_FACTOR = 2**28, 4  # an own network may make tensors that its state_dict does not hold
ARCHIVE_BYTES, TENSOR_BYTES = 2**16, 2**12  # what a file has at most besides its numbers, whole and for each tensor
SIZED = (
    torch.empty, torch.zeros, torch.ones, torch.full, torch.eye, torch.rand, torch.randn, torch.randint, torch.randperm,
    torch.arange, torch.linspace, torch.logspace, torch.empty_strided,
)  # fmt: skip


class WeightsRecord(NamedTuple):
    """The file of weights that a model.json was saved with.

    Attributes:
        description: the model.json.
        sha256: None if the model.json is of a time when none held it.
    """

    description: Path
    sha256: str | None

    def difference(self, content: bytes) -> str:
        """Return that a file of weights is another one, with the next step; "" if it is not, or that is unknown."""
        actual = hashlib.sha256(content).hexdigest()
        if self.sha256 in (None, actual):
            return ""
        return (
            f"must be the weights that {self.description} was saved with (sha256 {self.sha256[:12]}…), got "
            f"others ({actual[:12]}…): the two files are of different runs, or the weights were changed; copy both "
            "files of one run, or run `dvc checkout --force`, or `dvc repro`"
        )


def save_weights(path: Path, model: nn.Module) -> None:
    """Write the state_dict; the bytes do not depend on the file's name, which `torch.save` would put inside."""
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    path.write_bytes(buffer.getvalue())


class MemoryBound(TorchFunctionMode):
    """Within it, each new tensor is made without memory first (`meta`), until they have more bytes than the weights.

    Args:
        weights: the file; four times its size is enough for every network that it holds.

    Raises:
        InputError: from the function that makes the first tensor beyond.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self._weights = weights
        self._bytes = weights.stat().st_size if weights.is_file() else 0
        self._left = SPARE_BYTES + SPARE_FACTOR * self._bytes

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in SIZED and "out" not in kwargs:
            others = {name: value for name, value in kwargs.items() if name not in ("generator", "pin_memory")}
            self._take(func(*args, **{**others, "device": "meta"}).nbytes)
        elif func is Tensor.clone:  # of copied modules
            self._take(args[0].nbytes)
        return func(*args, **kwargs)

    def _take(self, n_bytes: int) -> None:
        self._left -= n_bytes
        if self._left < 0:
            bound = f"{SPARE_BYTES + SPARE_FACTOR * self._bytes:,}"
            raise InputError(
                f"{self._weights}: must be as large as what model.json describes, got {self._bytes:,} bytes "
                f"for more than {bound} in memory; run `dvc checkout --force`, or `dvc repro`"
            )


def load_weights(path: Path, model: nn.Module, record: WeightsRecord | None = None, reason: str = "") -> None:
    """Load the weights of a file into a model.

    Args:
        record: of the model's description; None if there is none to compare with.
        reason: why they may not fit the model, if that is known.

    Raises:
        InputError: if the file is missing or damaged, or belongs to another model or another run.
    """
    wanted = model.state_dict()
    try:
        content = _read_bytes(path, _most_bytes(wanted))
        state = _state_in(path, content)
    except InputError as error:
        raise InputError(*error.problems, *([reason] if reason else [])) from error
    other_run = record.difference(content) if record else ""
    problem = _state_difference(state, wanted) or _index_difference(state, model)
    if problem:
        next_step = reason or "run `dvc checkout --force`, or `dvc repro`"
        raise InputError(f"{path}: {problem}; {other_run or next_step}")
    if other_run:
        raise InputError(f"{path}: {other_run}")
    model.load_state_dict(state)


def _most_bytes(state: Mapping[str, Tensor]) -> int:
    """Return the largest size of a file of these tensors; those that share memory, or see a part of it, lie there."""
    storages = {value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() for value in state.values()}
    names = sum(len(name.encode()) for name in state)
    return ARCHIVE_BYTES + sum(storages.values()) + TENSOR_BYTES * len(state) + 4 * names


def read_state(path: Path, most_bytes: int | None = None) -> StateDict:
    """Return the tensors of a file, intact and finite.

    Args:
        most_bytes: the size of the largest file that is read; None for the memory of this machine.

    Raises:
        InputError: if the file is missing, too large, damaged, or holds anything but tensors.
    """
    return _state_in(path, _read_bytes(path, memory_bytes() if most_bytes is None else most_bytes))


def _read_bytes(path: Path, most_bytes: int) -> bytes:
    try:
        return read_regular(path, most_bytes)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`") from error


def _state_in(path: Path, content: bytes) -> StateDict:
    """Return the tensors of a file's content."""
    try:
        state = load_archive(io.BytesIO(content), checks_sums=True)
        _check_tensors(state)
    except Exception as error:  # torch raises all kinds of errors for damaged bytes; all mean the same
        what = str(error).split("\n")[0][:120] if isinstance(error, ForeignError) else "not a PyTorch state_dict"
        raise InputError(f"{path}: is damaged or foreign ({what}); run `dvc checkout --force`") from error
    return dict(state)


def _check_tensors(state: object) -> None:
    if not isinstance(state, dict):
        raise ForeignError("it holds no state_dict")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ForeignError("it holds more than named tensors")
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ForeignError(f"{name} holds numbers that are not finite")


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


def _index_difference(state: StateDict, model: nn.Module) -> str | None:
    """Return which indices name a column that the model does not have, or None.

    They are no weights: such an index would read beyond a row. Modules of an own network may learn theirs.
    """
    for part_name, part in model.named_modules():
        is_ours = type(part).__module__.partition(".")[0] == "relight"
        buffers = dict(part.named_buffers(part_name, recurse=False)) if is_ours else {}
        indices = {name: value for name, value in buffers.items() if value.dtype == torch.int64 and value.dim() == 1}
        last = max((int(value.max()) for value in indices.values() if len(value)), default=-1)
        for name in indices:
            if len(state[name]) and not 0 <= int(state[name].min()) <= int(state[name].max()) <= last:
                return f"{name} names a column that model.json does not have; it belongs to another model"
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
