"""What dvc.yaml says of one stage: the files it reads, the files it writes, its params sections."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relight.errors import InputError, RunError
from relight.io.yaml12 import Document, read_yaml

SOURCE = "${prepare.source}"


@dataclass(frozen=True)
class Declaration:
    """Paths are relative to the repository, as dvc.yaml has them."""

    stage: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    sections: tuple[str, ...]


def read_declaration(stage: str, params: Document) -> Declaration:
    """The declaration of a stage, with the source that params.yaml names filled in."""
    try:
        stages = read_yaml(Path("dvc.yaml")).value["stages"]
    except InputError as error:
        raise RunError(f"{error}; run `dvc repro` in the repository's top folder") from error
    if stage not in stages:
        raise RunError(f"dvc.yaml: stage {stage} is missing; known are {', '.join(stages)}")
    entry = stages[stage]
    return Declaration(
        stage,
        deps=tuple(_filled_in(dep, params) for dep in entry.get("deps", [])),
        outs=tuple(_path(out) for key in ("outs", "metrics") for out in entry.get(key, [])),
        sections=tuple(entry.get("params", [])),
    )


def _path(out: Any) -> str:
    """An out is a path, or a mapping of one path to its settings."""
    return out if isinstance(out, str) else str(next(iter(out)))


def _filled_in(dep: str, params: Document) -> str:
    return str(params.value["prepare"]["source"]) if dep == SOURCE else dep
