"""trace: from a file back to the raw data, and whether each step can still be done again."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from relight.domain.lineage import Standing, State, Step, Ways, same_params, stages_behind, ways
from relight.domain.lineage_text import step_lines, verdict_line
from relight.domain.manifest import CODE, Manifest, changed_versions
from relight.errors import InputError
from relight.io.artifacts import json_text, read_format
from relight.io.dvc import cache_folder
from relight.io.git import files_at
from relight.io.history import LOCK, Commit, commits_that_record, committed, names_that_record
from relight.io.lock_file import Entry, LockedStage, read_lock, read_lock_file, texts_of
from relight.io.objects import folders_with, found_as_recorded, md5_of_either, state_of
from relight.io.remote import Remote, ask_remote
from relight.io.versions import all_versions

Lock = dict[str, LockedStage]
MANIFEST, PARAMS = "models/manifest.json", "params.yaml"
NOT_ASKED = Remote(None, "not asked", {})


class Record(NamedTuple):
    """Where a file stands in a dvc.lock.

    Attributes:
        commit: None where it is in none: the workspace's dvc.lock alone records it.
        stage: that wrote it; "" of a raw file.
        entry: the file, or the folder that holds it.
    """

    commit: Commit | None
    lock: Lock
    stage: str
    entry: Entry

    @property
    def revision(self) -> str:
        return self.commit.id if self.commit else "HEAD"


def trace(path: Path, *, as_json: bool, ask: bool) -> tuple[str, list[str]]:
    """What to say, and what is wrong with the file itself.

    Args:
        path: a file or folder, here or copied elsewhere; also one that is recorded, and not here.
        ask: whether to look at the default remote.

    Raises:
        InputError: when no dvc.lock of the history records it.
    """
    cache = cache_folder()
    record, problems = _record(path, cache)
    names = stages_behind(*_paths(record.lock), record.stage) if record.stage else []
    remote = ask_remote(_sizes(record, names), cache) if ask else NOT_ASKED
    steps = [_step(name, record, cache, remote) for name in names]
    doubts = _doubts(record.lock, cache) if names else []
    found: dict[str, Ways] = {}
    for step in reversed(steps):
        found[step.stage] = ways(step, found, doubts, remote.problem)
    said = _machine if as_json else _text
    return said(path, record, problems, [(step, found[step.stage]) for step in steps], remote), problems


def _record(path: Path, cache: Path) -> tuple[Record, list[str]]:
    """That of the bytes as they are now; else, with a problem, that of the place."""
    here, md5 = read_lock_file(), md5_of_either(path)
    recorded = _at_place(here, path)
    if md5 is None and recorded is None:
        raise InputError(f"{path}: no such file, and dvc.lock records none of this name")
    if md5 is None and recorded is not None:
        return _found([recorded.md5], here) or _only_here(here, recorded), []
    holders = [md5, *folders_with(cache, str(md5)), *_folder_around(here, path)]
    found = _found([str(holder) for holder in holders], here)
    if found and (recorded is None or found.entry.md5 == recorded.md5):
        return found, []
    if recorded is None:
        raise InputError(f"{path}: no dvc.lock of this repository's history records these bytes (md5 {md5})")
    mend = f"`dvc checkout {recorded.path}` brings the recorded one back"
    changed = f"{path}: is not the file that dvc.lock records here (md5 {md5}; recorded {recorded.md5})"
    if found:
        return found, [f"{changed}; it is one of the history, traced below. {mend}"]
    known = _found([recorded.md5], here) or _only_here(here, recorded)
    return known, [f"{changed}; no dvc.lock of the history records it, so that one is traced below. {mend}"]


def _found(holders: list[str], here: Lock) -> Record | None:
    """In the history of HEAD before the workspace, and there before other branches, tags and experiments."""
    for md5 in holders:
        for commit in commits_that_record(md5, "HEAD"):
            return _in_commit(commit, md5)
        if record := _in_lock(None, here, md5):
            return record
        for commit in commits_that_record(md5):
            return _in_commit(commit, md5)
    return None


def _in_commit(commit: Commit, md5: str) -> Record | None:
    lock = read_lock(files_at([(commit.id, LOCK)])[commit.id, LOCK], f"{LOCK} of {commit.id[:7]}")
    return _in_lock(commit, lock, md5)


def _in_lock(commit: Commit | None, lock: Lock, md5: str) -> Record | None:
    for name, stage in lock.items():
        for entry in stage.outs.values():
            if entry.md5 == md5:
                return Record(commit, lock, name, entry)
    raw = [entry for stage in lock.values() for entry in stage.deps.values() if entry.md5 == md5]
    return Record(commit, lock, "", raw[0]) if raw else None


def _only_here(lock: Lock, entry: Entry) -> Record:
    record = _in_lock(None, lock, entry.md5)
    assert record
    return record


def _at_place(lock: Lock, path: Path) -> Entry | None:
    """What dvc.lock records for a path, or for a folder above it."""
    places = {str(place) for place in (path, *path.parents)}
    entries = [entry for stage in lock.values() for entry in (*stage.outs.values(), *stage.deps.values())]
    return next((entry for entry in entries if entry.path in places), None)


def _folder_around(lock: Lock, path: Path) -> list[str]:
    """The hash of the recorded folder that the file is in, as it is now."""
    entry = _at_place(lock, path)
    md5 = md5_of_either(Path(entry.path)) if entry and entry.path != str(path) else None
    return [md5] if md5 else []


def _paths(lock: Lock) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    return {n: set(stage.deps) for n, stage in lock.items()}, {n: set(stage.outs) for n, stage in lock.items()}


def _is_code(path: str) -> bool:
    return path.startswith(CODE)


def _sizes(record: Record, names: Iterable[str]) -> dict[str, int]:
    """Of all that a remote may hold."""
    stages = [record.lock[name] for name in names]
    entries = [entry for stage in stages for entry in (*stage.deps.values(), *stage.outs.values())]
    return {entry.md5: entry.size for entry in entries if not _is_code(entry.path)}


def _step(name: str, record: Record, cache: Path, remote: Remote) -> Step:
    stage = record.lock[name]
    makers = {path: other for other, locked in record.lock.items() for path in locked.outs}
    entries = [*stage.deps.values(), *stage.outs.values()]
    held = committed(record.revision, [(entry.path, entry.md5) for entry in entries])
    params = texts_of(files_at([(record.revision, PARAMS)]).get((record.revision, PARAMS), b"{}"))
    code = {entry.path: entry.md5 for entry in stage.deps.values() if _is_code(entry.path)}

    def standing(entry: Entry) -> Standing:
        seen: State = remote.states.get(entry.md5, "unknown")
        here = md5_of_either(Path(entry.path)) == entry.md5
        kept = state_of(cache, entry.md5)
        return Standing(*entry, makers.get(entry.path, ""), entry.path in held, here, kept, seen)

    return Step(
        name,
        stage.command,
        stage.params,
        data=[standing(entry) for entry in stage.deps.values() if entry.path not in code],
        code=code,
        changed_code=[path for path in code if path not in held],
        changed_params=[name for name, value in stage.params.items() if not same_params(value, params.get(name))],
        outs=[standing(entry) for entry in stage.outs.values()],
    )


def _doubts(lock: Lock, cache: Path) -> list[str]:
    """Why another run may give other bits, by the manifest of the model."""
    entries = [entry for stage in lock.values() for entry in stage.outs.values() if entry.path == MANIFEST]
    if not entries:
        return ["the model has no manifest, so the versions that made it are not known"]
    found = found_as_recorded(Path(MANIFEST), entries[0].md5, cache)
    if not found:
        return [f"{MANIFEST} is not here, so the versions that made it are not known; run `dvc fetch`"]
    manifest = read_format(found, Manifest, 1)
    device = [] if manifest.device == "cpu" else [f"it was trained on {manifest.device}"]
    return [*changed_versions(manifest.versions, all_versions()), *device]


def _text(path: Path, record: Record, problems: list[str], steps: list[tuple[Step, Ways]], remote: Remote) -> str:
    commit, entry = record.commit, record.entry
    at = f"commit {commit.id[:7]}" if commit else "HEAD"
    names = names_that_record(entry.md5)
    inside = "" if entry.path == str(path) else f", as {entry.path}"
    lines = [*problems, f"{path}  md5 {entry.md5}{inside}"]
    lines.append(
        f"  recorded  {f'{commit.id[:7]}  {commit.day}  {commit.subject[:60]}' if commit else 'in no commit yet'}"
    )
    lines += [f"  now in    {', '.join(names)}"] if names else []
    lines += [f"  remote    {remote.name or 'none'}: {remote.problem}"] if remote.problem else []
    lines += (
        [verdict_line([(step.stage, found) for step, found in steps])] if steps else ["  raw       no stage wrote it"]
    )
    width = shutil.get_terminal_size().columns
    asked = remote.name if remote.name and not remote.problem else ""
    for step, found in steps:
        lines += ["", *step_lines(step, found, at, asked, width)]
    return "\n".join([*lines, ""])


def _machine(path: Path, record: Record, problems: list[str], steps: list[tuple[Step, Ways]], remote: Remote) -> str:
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
                "rebuild": {**found._asdict(), "can": found.any()},
            }
            for step, found in steps
        ],
    }
    return json_text(content)
