"""Named arrays in one safetensors file: no code inside, the same bytes for the same arrays."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from relight.errors import InputError

Arrays = dict[str, np.ndarray]


def write_tensors(path: Path, arrays: Arrays) -> None:
    path.write_bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def read_tensors(path: Path) -> Arrays:
    """The arrays of a file.

    Raises:
        InputError: when the file is missing or damaged.
    """
    try:
        return load(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`") from error
    except SafetensorError as error:
        raise InputError(f"{path}: is damaged ({error}); run `dvc checkout --force`") from error
