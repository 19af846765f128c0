"""The stages of dvc.yaml: which params each names, what it reads and what it writes, and the stage that writes a path.

What a stage writes is kept by DVC, and is made by `dvc repro`.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from relight.errors import InputError
from relight.runtime.nested import value_at
from relight.runtime.strict_yaml import read_yaml
from relight.runtime.workspace import find_root

PIPELINE_PATH, PARAMS = Path("dvc.yaml"), "params.yaml"
OUT_KEYS = ("outs", "metrics", "plots")
REFERENCE = re.compile(r"\$\{([\w.-]+)\}")  # as ${prepare.source}


def read_stages(path: Path = PIPELINE_PATH) -> dict[str, dict[str, Any]]:
    """Return the entry of each stage; that of a stage with `foreach` is what it does.

    Raises:
        InputError: if the file cannot be read.
    """
    stages = read_yaml(path).value.get("stages")
    entries = stages if isinstance(stages, dict) else {}
    plain = {name: entry.get("do", entry) for name, entry in entries.items() if isinstance(entry, dict)}
    return {name: entry for name, entry in plain.items() if isinstance(entry, dict)}


def named_params(entry: dict[str, Any]) -> dict[str, tuple[str, ...] | None]:
    """Return the dotted keys that a stage names, by their file of params; None for all of a file."""
    named: dict[str, tuple[str, ...] | None] = {}
    for item in _listed(entry.get("params")):
        for file, keys in (item if isinstance(item, dict) else {PARAMS: [item]}).items():
            name, before = posixpath.normpath(file), named.get(posixpath.normpath(file), ())
            named[name] = None if keys is None or before is None else (*before, *map(str, keys))
    return named


def named_sections(stages: dict[str, dict[str, Any]]) -> list[str]:
    """Return the sections of params.yaml that the stages name, each once; a stage that reads all of it names none."""
    keys = [key for entry in stages.values() for key in named_params(entry).get(PARAMS) or ()]
    return list(dict.fromkeys(key.split(".")[0] for key in keys))


def frozen_stages(stages: dict[str, dict[str, Any]]) -> list[str]:
    """Return the stages that `dvc freeze` keeps from running."""
    return [name for name, entry in stages.items() if str(entry.get("frozen")).lower() == "true"]


def frozen_params(stages: dict[str, dict[str, Any]], recorded: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the params that frozen stages ran with, by their dotted keys: params.yaml may have others by now.

    A section is that of the stage with its name, `model` that of train, and one of your own that of the first stage
    that names it.

    Args:
        recorded: what dvc.lock records of params.yaml for each stage, by dotted key.
    """
    return {
        key: value
        for name in frozen_stages(stages)
        for key, value in recorded.get(name, {}).items()
        if stage_of_section(key.split(".")[0], stages) == name
    }


def stage_of_section(section: str, stages: dict[str, dict[str, Any]]) -> str:
    """Return the stage that a section of params.yaml is for; "" if no stage names it."""
    name = "train" if section == "model" else section
    if name in stages:
        return name
    return next((stage for stage, entry in stages.items() if section in named_sections({stage: entry})), "")


def named_paths(entry: dict[str, Any], *keys: str) -> list[str]:
    """Return the paths that a stage lists under some keys, as `deps` or `outs`, as they are written."""
    listed = [item for key in keys for item in _listed(entry.get(key))]
    return [item if isinstance(item, str) else str(next(iter(item), "")) for item in listed]


def _listed(items: Any) -> list[str | dict[str, Any]]:
    return [item for item in items if isinstance(item, str | dict)] if isinstance(items, list) else []


class WrittenPath(NamedTuple):
    """An out of a stage, by its path from the current folder."""

    stage: str
    path: str

    def covers(self, path: str) -> bool:
        """Return whether a path is this out, lies in it, or is a folder around it."""
        return path == self.path or path.startswith(f"{self.path}/") or self.path.startswith(f"{path}/")


def find_maker(path: str) -> str:
    """Return the name of the stage that writes a path, or what lies in it; "" if none does.

    Args:
        path: from the current folder.
    """
    plain = posixpath.normpath(path)
    return next((out.stage for out in paths_written_around([plain]) if out.covers(plain)), "")


def paths_written_around(paths: Iterable[str]) -> list[WrittenPath]:
    """Return what the stages write of the dvc.yaml here, and of those in the folders above some paths.

    A dvc.yaml that cannot be read writes nothing: others say what is wrong with it.
    """
    above = {parent for path in paths for parent in PurePath(posixpath.normpath(path)).parents}
    root = find_root(Path.cwd()) or Path.cwd()
    inside = sorted(str(folder) for folder in above if Path(folder).resolve().is_relative_to(root))
    return [out for folder in dict.fromkeys([".", *inside]) for out in _written_in(folder)]


def _written_in(folder: str) -> Iterator[WrittenPath]:
    pipeline = Path(folder) / PIPELINE_PATH
    try:
        stages = read_stages(pipeline) if pipeline.is_file() else {}
        values = _values(pipeline) if stages else []
    except InputError:
        return
    for stage, entry in stages.items():
        for items in _repetitions(read_yaml(pipeline).value["stages"][stage], values):
            base = posixpath.join(folder, _filled_in(str(entry.get("wdir", ".")), [items, *values]))
            for out in named_paths(entry, *OUT_KEYS):
                path = posixpath.normpath(posixpath.join(base, _filled_in(out, [items, *values])))
                if REFERENCE.search(path) is None:  # else it is not known here
                    yield WrittenPath(stage, path)


def _repetitions(entry: dict[str, Any], values: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield the values of `item` and `key` for each repetition of a stage (`foreach`, `matrix`); none for a plain one.

    A list or a mapping may be a reference, as `foreach: ${countries}`.
    """
    each = _resolved(entry.get("foreach"), values)
    axes = _resolved(entry.get("matrix"), values)
    if isinstance(each, dict):
        yield from ({"key": key, "item": item} for key, item in each.items())
    elif isinstance(each, list):
        yield from ({"item": item} for item in each)
    elif isinstance(axes, dict):
        lists = [axis if isinstance(axis, list) else [] for axis in (_resolved(one, values) for one in axes.values())]
        yield from ({"item": dict(zip(axes, chosen, strict=True))} for chosen in product(*lists))
    else:
        yield {}


def _resolved(value: Any, values: list[Any]) -> Any:
    reference = REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if reference is None:
        return value
    return next((found for each in values if (found := value_at(each, reference[1])) is not None), None)


def _values(pipeline: Path) -> list[Any]:
    """Return the mappings that references of a dvc.yaml name: those in its `vars`, and the files of params."""
    listed = read_yaml(pipeline).value.get("vars")
    items = [*(listed if isinstance(listed, list) else []), PARAMS]
    files = [pipeline.parent / item.split(":")[0] for item in items if isinstance(item, str)]
    given = [item for item in items if isinstance(item, dict)]
    return [
        *given,
        *(read_yaml(file).value for file in files if file.is_file() and file.suffix in (".yaml", ".yml", ".json")),
    ]


def _filled_in(path: str, values: list[Any]) -> str:
    def text(reference: re.Match[str]) -> str:
        value = _resolved(reference[0], values)
        return reference[0] if value is None else str(value)

    return REFERENCE.sub(text, path)
