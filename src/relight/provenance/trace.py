"""`relight trace`: from a file back to the raw data, and whether each step can still be reproduced."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from relight.model.manifest import changed_versions, is_code, versions_with_relight
from relight.provenance.lineage import (
    ArtifactState,
    Availability,
    LineageStep,
    RecoveryOptions,
    recovery_options,
    step_lines,
    upstream_stages,
    verdict_line,
)
from relight.provenance.records import MANIFEST_PATH, LockRecord, find_record, has_manifest, recorded_manifest
from relight.repository.dvc_command import cache_folder
from relight.repository.git import is_shallow, read_files_at
from relight.repository.history import Commit, commits_that_record, committed_entries, names_that_record
from relight.repository.line_ends import entries_with_other_line_ends
from relight.repository.objects import object_state
from relight.repository.params_files import changed_params
from relight.repository.recorded_paths import lies_inside, recorded_md5
from relight.repository.remotes import RemoteContents, query_remote
from relight.repository.revisions import Lock, LockedStage, LockEntry
from relight.runtime.files import json_text
from relight.runtime.installed import installed_hash
from relight.runtime.messages import abbreviate
from relight.runtime.workspace import repository_root

MAX_NAMES_SHOWN = 4  # of branches, tags and experiments
SHALLOW_LINE = "  shallow   this clone lacks the older commits; `git fetch --unshallow` fetches them"
REMOTE_NOT_ASKED = RemoteContents(None, "not asked", {})


class Locations(NamedTuple):
    """The places that hold the bytes of files.

    Attributes:
        in_git, in_workspace: path and MD5 of what the commit and the workspace hold.
        other_line_ends: path and MD5 of what the commit holds with other line ends.
        cache, remote: the state of each object, by its MD5.
        makers: the stage that wrote each file.
    """

    in_git: set[tuple[str, str]]
    in_workspace: set[tuple[str, str]]
    other_line_ends: set[tuple[str, str]]
    cache: Mapping[str, ArtifactState]
    remote: Mapping[str, ArtifactState]
    makers: dict[LockEntry, str]


def trace(path: Path, *, as_json: bool, ask: bool) -> tuple[str, list[str]]:
    """Trace a file back to the raw data.

    Args:
        path: a file or folder, here or copied elsewhere; or one that is recorded and not here.
        ask: whether to look at the default remote.

    Returns:
        the report, as text or JSON, and the problems of the file itself.

    Raises:
        InputError: if no dvc.lock of the history records it.
    """
    cache = cache_folder()
    record, problems = find_record(path, cache)
    names = upstream_stages(*_read_and_written(record.lock), record.stage) if record.stage else []
    remote = query_remote(_object_sizes(record, names), cache) if ask else REMOTE_NOT_ASKED
    locations = _locate(record, names, cache, remote)
    steps = [_lineage_step(name, record, locations) for name in names]
    doubts = _doubts(record.lock, cache) if names else []
    options: dict[str, RecoveryOptions] = {}
    for step in reversed(steps):
        options[step.stage] = recovery_options(step, options, doubts, remote.problem)
    render = _report_json if as_json else _report_text
    return render(path, record, problems, [(step, options[step.stage]) for step in steps], remote), problems


def _read_and_written(lock: Lock) -> tuple[dict[str, set[LockEntry]], dict[str, set[LockEntry]]]:
    """Return what each stage read, and what each wrote."""
    return (
        {name: set(stage.deps.values()) for name, stage in lock.items()},
        {name: set(stage.outs.values()) for name, stage in lock.items()},
    )


def _is_code(path: str) -> bool:
    """Return whether a file is code; a folder is if it holds some now, because dvc.lock does not list its files."""
    is_here = lies_inside(Path(path), repository_root().resolve())
    return is_code(path) or (is_here and any(is_code(file.name) for file in Path(path).glob("*")))


def _object_sizes(record: LockRecord, names: Iterable[str]) -> dict[str, int]:
    """Return the bytes of each object that a remote may hold, by its MD5."""
    stages = [record.lock[name] for name in names]
    entries = [entry for stage in stages for entry in (*stage.deps.values(), *stage.outs.values())]
    return {entry.md5: entry.size for entry in entries if not _is_code(entry.path)}


def _locate(record: LockRecord, names: Iterable[str], cache: Path, remote: RemoteContents) -> Locations:
    """Look everything up at once, so that each file, which may be large, is hashed only once."""
    stages = [record.lock[name] for name in names]
    entries = {entry for stage in stages for entry in (*stage.deps.values(), *stage.outs.values())}
    data = [entry for entry in entries if not _is_code(entry.path)]
    makers = {entry: name for name, stage in record.lock.items() for entry in stage.outs.values()}
    in_git = committed_entries(record.revision, [(entry.path, entry.md5) for entry in entries])
    others = {(entry.path, entry.md5) for entry in entries if not _maker_text(entry, makers)} - in_git
    return Locations(
        in_git=in_git,
        in_workspace={(entry.path, entry.md5) for entry in data if recorded_md5(entry.path) == entry.md5},
        other_line_ends=entries_with_other_line_ends(record.revision, others),
        cache={md5: object_state(cache, md5) for md5 in {entry.md5 for entry in data}},
        remote=remote.states,
        makers=makers,
    )


def _lineage_step(name: str, record: LockRecord, locations: Locations) -> LineageStep:
    stage = record.lock[name]
    code = {entry.path: entry.md5 for entry in stage.deps.values() if _is_code(entry.path)}
    return LineageStep(
        name,
        stage.command,
        stage.named_params(),
        data=[_availability(entry, locations) for entry in stage.deps.values() if entry.path not in code],
        code=code,
        changed_code=[path for path, md5 in code.items() if (path, md5) not in locations.in_git],
        changed_params=_changed_params(stage, record.revision),
        installed=stage.installed,
        other_installed=[key for key, digest in stage.installed.items() if installed_hash(key) != digest],
        outs=[_availability(entry, locations) for entry in stage.outs.values()],
        other_line_ends=[path for path, entry in stage.deps.items() if (path, entry.md5) in locations.other_line_ends],
    )


def _availability(entry: LockEntry, locations: Locations) -> Availability:
    return Availability(
        *entry,
        maker=_maker_text(entry, locations.makers),
        git=(entry.path, entry.md5) in locations.in_git,
        workspace=(entry.path, entry.md5) in locations.in_workspace,
        cache=locations.cache[entry.md5],
        remote=locations.remote.get(entry.md5, "unknown"),
    )


def _maker_text(entry: LockEntry, makers: dict[LockEntry, str]) -> str:
    """Return the stage that wrote the entry: an earlier run, if the last one wrote other bytes there."""
    again = next((name for other, name in makers.items() if other.path == entry.path), None)
    return makers.get(entry, f"an earlier {again}" if again else "")


def _changed_params(stage: LockedStage, revision: str) -> list[str]:
    files = stage.params_by_file()
    contents = read_files_at((revision, file) for file in files)
    return changed_params(files, lambda file: contents.get((revision, file)))


def _doubts(lock: Lock, cache: Path) -> list[str]:
    """Return why another run may give other bits, by the manifest of the model."""
    if not has_manifest(lock):
        return ["the model has no manifest, so the versions that made it are not known"]
    manifest = recorded_manifest(lock, cache)
    if manifest is None:
        return [f"{MANIFEST_PATH} is not here, so the versions that made it are not known; run `dvc fetch`"]
    device = [] if manifest.device == "cpu" else [f"it was trained on {manifest.device}"]
    return [*changed_versions(manifest.versions, versions_with_relight()), *device]


def _report_text(
    path: Path,
    record: LockRecord,
    problems: list[str],
    steps: list[tuple[LineageStep, RecoveryOptions]],
    remote: RemoteContents,
) -> str:
    lines = [*problems, *_record_lines(path, record)]
    lines += [f"  remote    {f'{remote.name}: ' if remote.name else ''}{remote.problem}"] if remote.problem else []
    lines.append(verdict_line([(step.stage, options) for step, options in steps]))
    at = f"commit {record.commit.id[:7]}" if record.commit else "HEAD"
    remote_name = remote.name if remote.name and not remote.problem else ""
    width = shutil.get_terminal_size().columns
    for step, options in steps:
        lines += ["", *step_lines(step, options, at, remote_name, width)]
    return "\n".join([*lines, ""])


def _record_lines(path: Path, record: LockRecord) -> list[str]:
    """Return the file, its MD5, and the commits and names that record it."""
    commit, entry = record.commit, record.entry
    inside = "" if entry.path == str(path) else f", as {entry.path}"
    lines = [
        f"{path}  md5 {entry.md5}{inside}",
        f"  recorded  {_commit_line(commit) if commit else 'in no commit yet'}",
    ]
    first = commits_that_record(entry.md5, commit.id)[-1:] if commit else []
    lines += [f"  first in  {_commit_line(earlier)}" for earlier in first if earlier != commit]
    lines += (
        ["  shallow   this clone lacks older commits; `git fetch --unshallow` fetches them"] if is_shallow() else []
    )
    names = names_that_record(entry.md5)
    lines += [f"  now in    {abbreviate(names, MAX_NAMES_SHOWN)}"] if names else []
    return lines


def _commit_line(commit: Commit) -> str:
    return f"{commit.id[:7]}  {commit.day}  {commit.subject[:60]}"


def _report_json(
    path: Path,
    record: LockRecord,
    problems: list[str],
    steps: list[tuple[LineageStep, RecoveryOptions]],
    remote: RemoteContents,
) -> str:
    content: dict[str, Any] = {
        "path": str(path),
        "entry": record.entry._asdict(),
        "problems": problems,
        "commits": [commit._asdict() for commit in commits_that_record(record.entry.md5)],
        "traced_at": record.commit.id if record.commit else None,
        "now_in": names_that_record(record.entry.md5),
        "remote": {"name": remote.name, "problem": remote.problem},
        "steps": [
            {
                **step._asdict(),
                "data": [item._asdict() for item in step.data],
                "outs": [item._asdict() for item in step.outs],
                "rebuild": {**options._asdict(), "can": options.has_any()},
            }
            for step, options in steps
        ],
    }
    return json_text(content)
