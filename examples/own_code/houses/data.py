"""Readers that params.yaml names."""

import json
from pathlib import Path

import polars as pl


def read(path: Path, *, key: str = "houses") -> pl.DataFrame:
    """Return the table in a JSON file: a list of rows below a key."""
    return pl.DataFrame(json.loads(path.read_text(encoding="utf-8"))[key])
