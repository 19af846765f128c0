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
from relight.repository.git import read_files_at
from relight.runtime.strict_yaml import parse_yaml

PARAMS_PATH, METRICS_PATH, LOCK_PATH = "params.yaml", "reports/metrics.json", "dvc.lock"
# What is not asked for is most of a dvc.lock, and would be most of the time that 200 of them take.
UNREAD_SECTIONS = re.compile(rb"^    (?:deps|params):\n(?:    - .*\n|     .*\n)*", re.MULTILINE)


class LockEntry(NamedTuple):
    """
    Attributes:
        md5: of the bytes of a file; of a folder, ending in `.dir`, that of the list of its files.
    """

    path: str
    md5: str
    size: int


class LockedStage(NamedTuple):
    command: str
    deps: dict[str, LockEntry]
    params: dict[str, Any]
    outs: dict[str, LockEntry]


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
        return {stage: _locked_stage(entry) for stage, entry in yaml_as_texts(text)["stages"].items()}
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{name}: is damaged, or holds the marks of a merge; `git checkout {name}` brings back the committed one"
        ) from error


def yaml_as_texts(text: bytes) -> Any:
    """A YAML file with every value as the text that stands there.

    Raises:
        yaml.YAMLError: when it is none.
    """
    return yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))


def read_lock_file(path: Path = Path("dvc.lock")) -> dict[str, LockedStage]:
    """The one in the workspace; of a pipeline that never ran, nothing."""
    return read_lock(path.read_bytes(), str(path)) if path.exists() else {}


def _locked_stage(entry: dict[str, Any]) -> LockedStage:
    params = entry.get("params", {}).get("params.yaml", {})
    return LockedStage(entry["cmd"], _lock_entries(entry.get("deps", [])), params, _lock_entries(entry.get("outs", [])))


def _lock_entries(listed: list[dict[str, str]]) -> dict[str, LockEntry]:
    return {item["path"]: LockEntry(item["path"], item["md5"], int(item["size"])) for item in listed}


class RecordedRun(NamedTuple):
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


def read_commits(commits: Iterable[str]) -> dict[str, RecordedRun]:
    """One process for all of them."""
    unique = list(dict.fromkeys(commits))
    contents = read_files_at((commit, path) for commit in unique for path in (PARAMS_PATH, METRICS_PATH, LOCK_PATH))
    return {
        commit: parse_run({path: contents.get((commit, path)) for path in (PARAMS_PATH, METRICS_PATH, LOCK_PATH)})
        for commit in unique
    }


def read_workspace() -> RecordedRun:
    paths = {path: Path(path) for path in (PARAMS_PATH, METRICS_PATH, LOCK_PATH)}
    return parse_run({name: path.read_bytes() if path.is_file() else None for name, path in paths.items()})


def parse_run(files: dict[str, bytes | None]) -> RecordedRun:
    """A file that cannot be read is said, and the others are read."""
    missing: list[str] = []
    values: dict[str, Any] = {}
    for path, read in ((PARAMS_PATH, _parse_params), (METRICS_PATH, _parse_metrics), (LOCK_PATH, _parse_outs)):
        content = files[path]
        try:
            if content is not None:
                values[path] = read(content)
        except (RelightError, ValueError, yaml.YAMLError) as error:
            missing.append(f"{path} cannot be read ({str(error).splitlines()[0]})")
        if content is None:
            missing.append(f"no {path}")
    outs: dict[str, LockEntry] = values.get(LOCK_PATH, {})
    if (
        METRICS_PATH in values
        and METRICS_PATH in outs
        and outs[METRICS_PATH].md5 != _bytes_md5(files[METRICS_PATH] or b"")
    ):
        missing.append(f"{METRICS_PATH} is not the one of {LOCK_PATH}, so that its predictions are not known")
        outs = {}
    objects = {path: entry.md5 for path, entry in outs.items()}
    return RecordedRun(values.get(PARAMS_PATH, {}), values.get(METRICS_PATH, {}), objects, missing)


def _parse_params(content: bytes) -> dict[str, Any]:
    """Values are texts as they stand there: libyaml reads 200 of these files in the time of ten."""
    if b"&" in content or b"*" in content:  # an alias bomb, or a text with such a sign: as strictly as the stages do
        return parse_yaml(content.decode("utf-8-sig"), PARAMS_PATH).value
    value = yaml.load(content, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    if not isinstance(value, dict):
        raise InputError("is no mapping of sections")
    return value


def _parse_metrics(content: bytes) -> dict[str, Any]:
    value = json.loads(content)
    if not isinstance(value, dict) or not isinstance(value.get("test"), dict):
        raise InputError("has no scores of test rows")
    return value


def _parse_outs(content: bytes) -> dict[str, LockEntry]:
    stages = read_lock(UNREAD_SECTIONS.sub(b"", content)).values()
    return {path: entry for stage in stages for path, entry in stage.outs.items()}


def _bytes_md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
