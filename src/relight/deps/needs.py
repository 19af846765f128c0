"""The files of own code that each stage runs, compared with the `deps` of dvc.yaml."""

import posixpath
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from relight.errors import InputError
from relight.own_code.calls import Call, find_calls
from relight.own_code.closure import closure, imported_modules, own_files
from relight.own_code.project import relative
from relight.runtime.strict_yaml import Document

# The stages that run a call, by the section of params.yaml that holds it.
STAGES_OF_SECTION = {
    "prepare": ("prepare",),
    "model": ("train", "evaluate"),
    "train": ("train",),
    "evaluate": ("evaluate",),
}
OUR_STAGES = ("prepare", "train", "evaluate")
ALL_STAGES = ("prepare", "split", "train", "evaluate", "plot")
OUR_FOLDERS = ("src/relight/", "stages/")


class Need(NamedTuple):
    """A file that a stage runs.

    Attributes:
        key: what runs it: the setting that holds the call, or the command of the stage.
    """

    stage: str
    path: str
    key: str


def needs(params: Document, root: Path) -> list[Need]:
    """Return the files of own code that the stages run, each once, in the order of the stages.

    A call that cannot be read is left out: the checks say what is wrong with it.
    """
    return needs_of(find_calls(params.value), root)


def needs_of(calls: Iterable[tuple[str, Call]], root: Path) -> list[Need]:
    """Return the files that some calls run, as `needs`.

    Args:
        calls: each with the dotted key of its setting.
    """
    found: dict[tuple[str, str], Need] = {}
    for key, call in calls:
        try:
            paths = [relative(path, root) for path in own_files(call, root)]
        except InputError:
            continue
        for stage in STAGES_OF_SECTION.get(key.split(".")[0], ()):
            for path in paths:
                found.setdefault((stage, path), Need(stage, path, key))
    return sorted(found.values(), key=lambda need: (OUR_STAGES.index(need.stage), need.path))


def script_needs(pipeline: Document, root: Path) -> list[Need]:
    """Return the scripts that stages of the user's own run, and the own code that these import.

    Raises:
        InputError: if a script cannot be read.
    """
    stages = pipeline.value.get("stages")
    commands = {name: entry.get("cmd") for name, entry in stages.items()} if isinstance(stages, dict) else {}
    return [
        Need(name, relative(path, root), f"stages.{name}.cmd")
        for name, command in commands.items()
        if name not in ALL_STAGES and isinstance(command, str)
        for script in _scripts(command, root)
        for path in sorted({script, *_imported_files(script, root)})
    ]


def _scripts(command: str, root: Path) -> list[Path]:
    """Return the files that `python -m package.module` or `python folder/file.py` names in a command."""
    words = re.findall(r"[^\s'\"]+", command)
    modules = [word.replace(".", "/") + ".py" for before, word in pairwise(words) if before == "-m"]
    paths = [Path(root, word) for word in (*modules, *words) if word.endswith(".py")]
    return [path for path in paths if path.is_file() and path.resolve().is_relative_to(root.resolve())]


def _imported_files(script: Path, root: Path) -> list[Path]:
    module = relative(script, root).removesuffix(".py").replace("/", ".")
    return [path for name in imported_modules(script, module, root) for path in closure(name, root)]


def undeclared(wanted: list[Need], pipeline: Document) -> list[Need]:
    """Return the needs that no dep of their stage covers, as a file or as a folder above it."""
    return [need for need in wanted if not any(_covers(dep, need.path) for dep in declared_deps(pipeline, need.stage))]


def unneeded(wanted: list[Need], pipeline: Document) -> list[tuple[str, str]]:
    """Return the stage and path of each dep that is a file of Python, not Relight's, and that no call runs."""
    needed = {(need.stage, need.path) for need in wanted}
    return [
        (stage, dep)
        for stage in OUR_STAGES
        for dep in declared_deps(pipeline, stage)
        if dep.endswith(".py") and not dep.startswith(OUR_FOLDERS) and (stage, dep) not in needed
    ]


def declared_deps(pipeline: Document, stage: str) -> list[str]:
    """Return the paths that a stage of dvc.yaml depends on, `./` and a last slash left out."""
    return [posixpath.normpath(dep) for dep in _deps(pipeline.value, stage)]


def _deps(pipeline: dict[str, Any], stage: str) -> Iterator[str]:
    stages = pipeline.get("stages")
    entry = stages.get(stage) if isinstance(stages, dict) else None
    deps = entry.get("deps") if isinstance(entry, dict) else None
    for dep in deps if isinstance(deps, list) else []:
        if isinstance(dep, str):
            yield dep
        elif isinstance(dep, dict):
            yield from dep


def _covers(dep: str, path: str) -> bool:
    return dep in (path, ".") or path.startswith(f"{dep}/")
