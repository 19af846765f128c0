"""Tables of a run out of DVC's cache: they may be gone, or damaged, and are never taken for whole then."""

from pathlib import Path

import numpy as np
import polars as pl

from relight.errors import RelightError, RunError
from relight.io.objects import files_of, is_intact, object_path
from relight.io.tensors import read_tensors

PREDICTIONS, CURVES, TEST = "reports/evaluate", "reports/train/curves.csv", "data/split/test.safetensors"


def cached_predictions(cache: Path, objects: dict[str, str]) -> pl.DataFrame:
    """predictions.csv as texts.

    Raises:
        RunError: when it is not in the cache, damaged, or the run wrote none.
    """
    folder = _of(objects, PREDICTIONS)
    _intact(cache, folder, PREDICTIONS)
    listed = files_of(cache, folder)
    return _table(cache, _of(listed, "predictions.csv"), "predictions.csv")


def cached_curves(cache: Path, objects: dict[str, str]) -> pl.DataFrame:
    """curves.csv as texts.

    Raises:
        RunError: as above.
    """
    return _table(cache, _of(objects, CURVES), CURVES)


def cached_weights(cache: Path, objects: dict[str, str]) -> np.ndarray | None:
    """How much each test row counts, (n_rows,), where they differ.

    Raises:
        RunError: as above.
    """
    try:
        return read_tensors(_intact(cache, _of(objects, TEST), TEST)).get("weight")
    except RelightError as error:
        raise RunError(str(error)) from error


def _table(cache: Path, md5: str, name: str) -> pl.DataFrame:
    try:
        return pl.read_csv(_intact(cache, md5, name), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise RunError(f"{name}: is not a table") from error


def _intact(cache: Path, md5: str, name: str) -> Path:
    if not is_intact(cache, md5):
        raise RunError(f"{name} is missing in the cache or damaged there; `dvc pull` or `dvc exp pull` brings it")
    return cache / object_path(md5)


def _of(objects: dict[str, str], path: str) -> str:
    if path not in objects:
        raise RunError(f"{path}: is not in dvc.lock")
    return objects[path]
