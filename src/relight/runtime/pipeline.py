"""The stages of dvc.yaml as they are written: which params each names, what it reads and what it writes."""

import posixpath
from pathlib import Path
from typing import Any

from relight.runtime.strict_yaml import read_yaml

PIPELINE_PATH, PARAMS = Path("dvc.yaml"), "params.yaml"
OUT_KEYS = ("outs", "metrics", "plots")


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


def named_paths(entry: dict[str, Any], *keys: str) -> list[str]:
    """Return the paths that a stage lists under some keys, as `deps` or `outs`, as they are written."""
    listed = [item for key in keys for item in _listed(entry.get(key))]
    return [item if isinstance(item, str) else str(next(iter(item), "")) for item in listed]


def _listed(items: Any) -> list[str | dict[str, Any]]:
    return [item for item in items if isinstance(item, str | dict)] if isinstance(items, list) else []
