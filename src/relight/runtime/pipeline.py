"""The stages of dvc.yaml as they are written: which params each names, what it reads and what it writes."""

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from relight.runtime.strict_yaml import read_yaml

PIPELINE_PATH, PARAMS_NAME = Path("dvc.yaml"), "params.yaml"
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


def named_params(entry: dict[str, Any]) -> list[str]:
    """Return the dotted keys of params.yaml that a stage names; those of other files are left out."""
    return list(_named_params(entry.get("params")))


def _named_params(listed: Any) -> Iterator[str]:
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            keys = [keys for file, keys in item.items() if posixpath.normpath(str(file)) == PARAMS_NAME]
            yield from (str(key) for each in keys if isinstance(each, list) for key in each)


def named_sections(stages: dict[str, dict[str, Any]]) -> list[str]:
    """Return the sections of params.yaml that the stages name, each once."""
    return list(dict.fromkeys(key.split(".")[0] for entry in stages.values() for key in named_params(entry)))


def named_paths(entry: dict[str, Any], *keys: str) -> list[str]:
    """Return the paths that a stage lists under some keys, as `deps` or `outs`, as they are written."""
    listed = [item for key in keys for item in _listed(entry.get(key))]
    return [item if isinstance(item, str) else str(next(iter(item), "")) for item in listed]


def _listed(items: Any) -> list[str | dict[str, Any]]:
    return [item for item in items if isinstance(item, str | dict)] if isinstance(items, list) else []
