"""The run that a commit, or the workspace, records: dvc.lock, params.yaml and the metrics.

dvc.lock holds the MD5 of everything that each stage read and wrote when it last ran.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from relight.errors import InputError, RelightError
from relight.repository.git import read_files_at
from relight.repository.objects import assert_md5, bytes_md5, can_be_path, list_problems
from relight.repository.params_files import (
    Keys,
    chosen_values,
    frozen_note,
    other_params_files,
    read_params_file,
    stage_entries,
    yaml_as_texts,
)
from relight.repository.recorded_paths import lies_inside
from relight.runtime.dependencies import INSTALLED
from relight.runtime.nested import with_values
from relight.runtime.pipeline import PIPELINE_PATH, frozen_params, frozen_stages
from relight.runtime.strict_yaml import parse_yaml
from relight.runtime.workspace import find_root

PARAMS_PATH, METRICS_PATH, LOCK_PATH = "params.yaml", "reports/metrics.json", "dvc.lock"
PIPELINE = str(PIPELINE_PATH)
RECORD_PATHS = (PARAMS_PATH, METRICS_PATH, LOCK_PATH, PIPELINE)
# These sections are most of a dvc.lock. Cutting them out first saves most of the time that 200 of them take.
UNREAD_SECTIONS = re.compile(rb"^    (?:deps|params):\n(?:    - .*\n|     .*\n)*", re.MULTILINE)


class LockEntry(NamedTuple):
    """A file or folder in dvc.lock.

    Attributes:
        md5: that of the bytes of a file, or of the list of a folder's files: then it ends in `.dir`.
        size: bytes.
    """

    path: str
    md5: str
    size: int


class LockedStage(NamedTuple):
    """A stage in dvc.lock.

    Attributes:
        deps, outs: the entries by their paths.
        params: the sections of params.yaml that it read; every value is a text, as it stands in the file.
        other_params: the values of other files of params, by the file and their dotted keys.
        installed: the keys of relight.json: the hash of the installed code of Relight that it ran.
    """

    command: str
    deps: dict[str, LockEntry]
    params: dict[str, Any]
    outs: dict[str, LockEntry]
    installed: dict[str, str]
    other_params: dict[str, dict[str, Any]]

    def named_params(self) -> dict[str, Any]:
        """Return all values by their key, those of another file as `mine/params.yaml:featurize`."""
        others = {f"{file}:{key}": value for file, each in self.other_params.items() for key, value in each.items()}
        return {**self.params, **others}

    def params_by_file(self) -> dict[str, dict[str, Any]]:
        """Return all values by the file and their key."""
        return {PARAMS_PATH: self.params, **self.other_params}


Lock = dict[str, LockedStage]  # by the name of the stage


def read_lock(text: bytes, name: str = LOCK_PATH) -> Lock:
    """Return the stages of a dvc.lock, in the order of the file.

    Args:
        name: the file, for messages.

    Raises:
        InputError: if it is cut short, holds the marks of a merge, or is not a dvc.lock at all.
    """
    try:
        # All values are texts, so that no hash can be taken for a number.
        return {stage: _locked_stage(entry) for stage, entry in yaml_as_texts(text)["stages"].items()}
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{name}: is damaged, or holds the marks of a merge; `git checkout {name}` brings back the committed one"
        ) from error


def read_lock_file(path: Path = Path(LOCK_PATH)) -> Lock:
    """Return the stages of the dvc.lock in the workspace; no stages if the pipeline never ran."""
    return read_lock(path.read_bytes(), str(path)) if path.exists() else {}


def locked_list_problems(cache: Path) -> list[str]:
    """Return why lists of folders that dvc.lock names must not be checked out, as far as the cache has them."""
    try:
        stages = read_lock_file().values()
    except InputError:  # `relight doctor` says it; the check is one of params and data
        return []
    entries = [entry for stage in stages for entry in (*stage.deps.values(), *stage.outs.values())]
    return list_problems(cache, [entry.md5 for entry in entries])


def _locked_stage(entry: dict[str, Any]) -> LockedStage:
    params = entry.get("params", {})
    return LockedStage(
        entry["cmd"],
        _lock_entries(entry.get("deps", [])),
        params.get(PARAMS_PATH, {}),
        _lock_entries(entry.get("outs", [])),
        params.get(INSTALLED, {}),
        {file: keys for file, keys in params.items() if file not in (PARAMS_PATH, INSTALLED) and keys},
    )


def _lock_entries(listed: list[dict[str, str]]) -> dict[str, LockEntry]:
    entries = [LockEntry(item["path"], assert_md5(item["md5"], item["path"]), int(item["size"])) for item in listed]
    if not all(can_be_path(entry.path) for entry in entries):
        raise ValueError("no disk can hold one of the paths")
    return {entry.path: entry for entry in entries}


class RecordedRun(NamedTuple):
    """A run, as the files of a commit or of the workspace record it.

    Attributes:
        params: every value is a text, as it stands in the file; those of other files of params that stages name are
            under names such as `mine/params.yaml:featurize`.
        metrics: empty if there are none.
        objects: the MD5 of each out by its path; empty if the metrics are not those of dvc.lock.
        missing: a sentence for each file that is missing or cannot be read.
    """

    params: dict[str, Any]
    metrics: dict[str, Any]
    objects: dict[str, str]
    missing: list[str]


def read_commits(commits: Iterable[str]) -> dict[str, RecordedRun]:
    """Return the run that each commit records. One process reads all of them; one more, if there are other params."""
    unique = list(dict.fromkeys(commits))
    contents = read_files_at((commit, path) for commit in unique for path in RECORD_PATHS)
    files = {commit: {path: contents.get((commit, path)) for path in RECORD_PATHS} for commit in unique}
    asked = [(commit, path) for commit in unique for path in _other_files(files[commit])]
    others = read_files_at(asked) if asked else {}
    for commit, path in asked:
        files[commit][path] = others.get((commit, path))
    return {commit: parse_run(read) for commit, read in files.items()}


def read_workspace() -> RecordedRun:
    """Return the run that the files of the workspace record."""
    files = {path: _bytes_or_none(path) for path in RECORD_PATHS}
    root = (find_root(Path.cwd()) or Path.cwd()).resolve()
    others = [path for path in _other_files(files) if lies_inside(Path(path), root)]
    return parse_run({**files, **{path: _bytes_or_none(path) for path in others}})


def _bytes_or_none(path: str) -> bytes | None:
    return Path(path).read_bytes() if Path(path).is_file() else None


def _other_files(files: dict[str, bytes | None]) -> Mapping[str, Keys]:
    """Return the dotted keys that stages name in other files than params.yaml, by the file."""
    return other_params_files(files.get(PIPELINE) or b"", files.get(LOCK_PATH) or b"")


def parse_run(files: dict[str, bytes | None]) -> RecordedRun:
    """Return the run in these files. A file that cannot be read is named in `missing`, and the others are read.

    Args:
        files: the content of PARAMS_PATH, METRICS_PATH and LOCK_PATH, of dvc.yaml and of other files of params; None
            for one that does not exist.
    """
    missing: list[str] = []
    values: dict[str, Any] = {}
    for path, parse in ((PARAMS_PATH, _parse_params), (METRICS_PATH, _parse_metrics), (LOCK_PATH, _parse_outs)):
        content = files[path]
        if content is None:
            missing.append(f"no {path}")
            continue
        try:
            values[path] = parse(content)
        except (RelightError, ValueError, RecursionError, yaml.YAMLError) as error:
            missing.append(f"{path} cannot be read ({str(error).splitlines()[0]})")
    objects: dict[str, str] = values.get(LOCK_PATH, {})
    metrics_md5 = objects.get(METRICS_PATH) if METRICS_PATH in values else None
    if metrics_md5 is not None and metrics_md5 != bytes_md5(files[METRICS_PATH] or b""):
        missing.append(f"{METRICS_PATH} is not the one of {LOCK_PATH}, so that its predictions are not known")
        objects = {}
    ran = _frozen_params(files)
    missing += [f"the params of {', '.join(ran)} are those of {LOCK_PATH}, because its stage is frozen"] if ran else []
    params = {**with_values(values.get(PARAMS_PATH, {}), ran), **_other_params(files, missing)}
    return RecordedRun(params, values.get(METRICS_PATH, {}), objects, missing)


def _frozen_params(files: dict[str, bytes | None]) -> dict[str, Any]:
    """Return the params that frozen stages ran with, by dotted key; those of params.yaml did not make the model."""
    pipeline = files.get(PIPELINE) or b""
    if b"frozen" not in pipeline:
        return {}
    try:
        lock = read_lock(files.get(LOCK_PATH) or b"")
    except InputError:  # it is named already
        return {}
    return frozen_params(stage_entries(pipeline), {name: stage.params for name, stage in lock.items()})


def frozen_notes(pipeline: Path = PIPELINE_PATH) -> str:
    """Return a line for each frozen stage; with the params that it ran with, if those of params.yaml are others."""
    frozen = frozen_stages(stage_entries(_bytes_or_none(str(pipeline)) or b""))
    try:
        lock = read_lock_file() if frozen else {}
    except InputError:  # `relight doctor` says it
        return ""
    ran = {name: stage.params_by_file() for name, stage in lock.items() if name.split("@")[0] in frozen}
    never = {name: None for name in frozen if not any(each.split("@")[0] == name for each in ran)}
    return "".join(frozen_note(name, files, _bytes_or_none) for name, files in {**ran, **never}.items())


def _other_params(files: dict[str, bytes | None], missing: list[str]) -> dict[str, Any]:
    """Return the values of other files of params by their names; a file that cannot be read is added to `missing`."""
    params: dict[str, Any] = {}
    for path, keys in _other_files(files).items():
        content = files.get(path)
        try:
            values = chosen_values(read_params_file(content, path), keys) if content is not None else {}
        except InputError as error:
            missing += error.problems
            continue
        missing += [f"no {path}"] if content is None else []
        params |= {f"{path}:{key}": value for key, value in values.items()}
    return params


def _parse_params(content: bytes) -> dict[str, Any]:
    if b"&" in content or b"*" in content:  # it may be an alias bomb: parse it as strictly as the stages do
        return parse_yaml(content.decode("utf-8-sig"), PARAMS_PATH).value
    value = yaml_as_texts(content)
    if not isinstance(value, dict):
        raise InputError("is no mapping of sections")
    return value


class _Scores(BaseModel):
    """Those parts of metrics.json that runs are compared by; others may be anything."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)

    test: dict[str, float | None]
    intervals: dict[str, dict[str, list[float] | None]] = {}
    seeds: dict[str, dict[str, dict[str, float | None] | None]] = {}
    threshold_distance: float | None = None


def _parse_metrics(content: bytes) -> dict[str, Any]:
    value = json.loads(content)
    if not isinstance(value, dict) or not isinstance(value.get("test"), dict):
        raise InputError("has no scores of test rows")
    try:
        _Scores.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return value


def _parse_outs(content: bytes) -> dict[str, str]:
    """Return the MD5 of each out by its path."""
    stages = read_lock(UNREAD_SECTIONS.sub(b"", content)).values()
    return {path: entry.md5 for stage in stages for path, entry in stage.outs.items()}
