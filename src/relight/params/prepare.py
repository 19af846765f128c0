"""The `prepare` section: which table, which target, which task."""

from typing import Literal

from pydantic import Field

from relight.params.section import Section


class PrepareParams(Section):
    source: str = Field(min_length=1, examples=["data/raw/line.yaml"])
    target: str = Field(min_length=1, examples=["y"])
    task: Literal["auto", "regression", "binary", "multiclass"] = Field(examples=["auto"])
    ignore: list[str] = Field(examples=[[]])
