"""Dvc.lock, params, metrics of commits.

dvc.lock: what each stage read and wrote when it last ran, by the MD5 of its bytes.

What a commit, or the workspace, says of a run: its params, its metrics, and which objects it wrote.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from relight.errors import InputError, RelightError
from relight.repository.git import files_at
from relight.runtime.strict_yaml import parse_yaml

PARAMS, METRICS, LOCK = "params.yaml", "reports/metrics.json", "dvc.lock"
# What is not asked for is most of a dvc.lock, and would be most of the time that 200 of them take.
NOT_ASKED = re.compile(rb"^    (?:deps|params):\n(?:    - .*\n|     .*\n)*", re.MULTILINE)


class Entry(NamedTuple):
    """
    Attributes:
        md5: of the bytes of a file; of a folder, ending in `.dir`, that of the list of its files.
    """

    path: str
    md5: str
    size: int


class LockedStage(NamedTuple):
    command: str
    deps: dict[str, Entry]
    params: dict[str, Any]
    outs: dict[str, Entry]


def read_lock(text: bytes, name: str = "dvc.lock") -> dict[str, LockedStage]:
    """
    Args:
        name: stands for the file in messages.

    Returns:
        the stages in the order of the file. Values of params are texts as they stand there.

    Raises:
        InputError: when it is cut short, holds the marks of a merge, or is otherwise none.
    """
    try:
        # All values are texts, so that no hash can be taken for a number.
        return {stage: _stage(entry) for stage, entry in texts_of(text)["stages"].items()}
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{name}: is damaged, or holds the marks of a merge; `git checkout {name}` brings back the committed one"
        ) from error


def texts_of(text: bytes) -> Any:
    """A YAML file with every value as the text that stands there.

    Raises:
        yaml.YAMLError: when it is none.
    """
    return yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))


def read_lock_file(path: Path = Path("dvc.lock")) -> dict[str, LockedStage]:
    """The one in the workspace; of a pipeline that never ran, nothing."""
    return read_lock(path.read_bytes(), str(path)) if path.exists() else {}


def _stage(entry: dict[str, Any]) -> LockedStage:
    params = entry.get("params", {}).get("params.yaml", {})
    return LockedStage(entry["cmd"], _entries(entry.get("deps", [])), params, _entries(entry.get("outs", [])))


def _entries(listed: list[dict[str, str]]) -> dict[str, Entry]:
    return {item["path"]: Entry(item["path"], item["md5"], int(item["size"])) for item in listed}


class Run(NamedTuple):
    """
    Attributes:
        params: every value a text, as it stands in the file.
        metrics: empty where there are none.
        objects: the MD5 of each out by its path; empty where the metrics are not those of dvc.lock.
        missing: what is not there, a sentence each.
    """

    params: dict[str, Any]
    metrics: dict[str, Any]
    objects: dict[str, str]
    missing: list[str]


def read_commits(commits: Iterable[str]) -> dict[str, Run]:
    """One process for all of them."""
    asked = list(dict.fromkeys(commits))
    found = files_at((commit, path) for commit in asked for path in (PARAMS, METRICS, LOCK))
    return {commit: read_run({path: found.get((commit, path)) for path in (PARAMS, METRICS, LOCK)}) for commit in asked}


def read_workspace() -> Run:
    paths = {path: Path(path) for path in (PARAMS, METRICS, LOCK)}
    return read_run({name: path.read_bytes() if path.is_file() else None for name, path in paths.items()})


def read_run(files: dict[str, bytes | None]) -> Run:
    """A file that cannot be read is said, and the others are read."""
    missing: list[str] = []
    values: dict[str, Any] = {}
    for path, read in ((PARAMS, _params), (METRICS, _metrics), (LOCK, _outs)):
        content = files[path]
        try:
            if content is not None:
                values[path] = read(content)
        except (RelightError, ValueError, yaml.YAMLError) as error:
            missing.append(f"{path} cannot be read ({str(error).splitlines()[0]})")
        if content is None:
            missing.append(f"no {path}")
    outs: dict[str, Entry] = values.get(LOCK, {})
    if METRICS in values and METRICS in outs and outs[METRICS].md5 != _md5(files[METRICS] or b""):
        missing.append(f"{METRICS} is not the one of {LOCK}, so that its predictions are not known")
        outs = {}
    objects = {path: entry.md5 for path, entry in outs.items()}
    return Run(values.get(PARAMS, {}), values.get(METRICS, {}), objects, missing)


def _params(content: bytes) -> dict[str, Any]:
    """Values are texts as they stand there: libyaml reads 200 of these files in the time of ten."""
    if b"&" in content or b"*" in content:  # an alias bomb, or a text with such a sign: as strictly as the stages do
        return parse_yaml(content.decode("utf-8-sig"), PARAMS).value
    value = yaml.load(content, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    if not isinstance(value, dict):
        raise InputError("is no mapping of sections")
    return value


def _metrics(content: bytes) -> dict[str, Any]:
    value = json.loads(content)
    if not isinstance(value, dict) or not isinstance(value.get("test"), dict):
        raise InputError("has no scores of test rows")
    return value


def _outs(content: bytes) -> dict[str, Entry]:
    stages = read_lock(NOT_ASKED.sub(b"", content)).values()
    return {path: entry for stage in stages for path, entry in stage.outs.items()}


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
