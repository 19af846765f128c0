"""`relight data`: the sample tables of the recipes, which ship with scikit-learn."""

from pathlib import Path

import polars as pl

from relight.errors import InputError
from relight.runtime.files import write_text
from relight.runtime.pipeline import find_maker
from relight.runtime.places import SAMPLE_NAMES, assert_stays


def write_sample(name: str, raw: Path) -> str:
    """Write `raw/NAME.csv`; return the message for the person.

    Raises:
        InputError: if the name is unknown, or a file of that name has other content, or lies outside the repository.
    """
    if name not in SAMPLE_NAMES:
        raise InputError(f"data: NAME must be one of {', '.join(SAMPLE_NAMES)}, got {name}")
    path = raw / f"{name}.csv"
    assert_stays(path)
    text = _load_sample(name).write_csv()
    if path.exists() and path.read_text() != text:
        raise InputError(f"{path}: is there already, with other content; move it away first")
    raw.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return f"{path}: {text.count(chr(10)) - 1} rows\n"


def write_sample_for(source: Path) -> str:
    """Write the source if it is a sample table, does not exist yet and no stage writes it; else do nothing."""
    if source.exists() or source.stem not in SAMPLE_NAMES or source.suffix != ".csv" or find_maker(source.as_posix()):
        return ""
    return write_sample(source.stem, source.parent)


def _load_sample(name: str) -> pl.DataFrame:
    from sklearn import datasets  # 2 CPU seconds, which only this command needs

    load = {
        "breast_cancer": datasets.load_breast_cancer,
        "diabetes": datasets.load_diabetes,
        "digits": datasets.load_digits,
    }[name]
    bunch = load()
    columns = {str(column): bunch.data[:, index] for index, column in enumerate(bunch.feature_names)}
    is_quantity = name == "diabetes"
    target = bunch.target if is_quantity else [str(bunch.target_names[code]) for code in bunch.target]
    return pl.DataFrame({**columns, "target": target})
