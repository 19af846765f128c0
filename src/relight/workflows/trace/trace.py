"""trace: from a file back to the raw data, and whether each step can still be done again."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from relight.domain.lineage import Standing, State, Step, Ways, same_params, stages_behind, ways
from relight.domain.lineage_text import step_lines, verdict_line
from relight.domain.manifest import CODE, Manifest, changed_versions
from relight.io.artifacts import json_text, read_format
from relight.io.dvc import cache_folder
from relight.io.git import files_at
from relight.io.history import commits_that_record, committed, names_that_record
from relight.io.lock_file import Entry, texts_of
from relight.io.objects import found_as_recorded, md5_of_either, state_of
from relight.io.remote import Remote, ask_remote
from relight.io.versions import all_versions
from relight.workflows.trace.record import Lock, Record, find_record

MANIFEST, PARAMS = "models/manifest.json", "params.yaml"
NOT_ASKED = Remote(None, "not asked", {})


def trace(path: Path, *, as_json: bool, ask: bool) -> tuple[str, list[str]]:
    """What to say, and what is wrong with the file itself.

    Args:
        path: a file or folder, here or copied elsewhere; also one that is recorded, and not here.
        ask: whether to look at the default remote.

    Raises:
        InputError: when no dvc.lock of the history records it.
    """
    cache = cache_folder()
    record, problems = find_record(path, cache)
    names = stages_behind(*_paths(record.lock), record.stage) if record.stage else []
    remote = ask_remote(_sizes(record, names), cache) if ask else NOT_ASKED
    steps = [_step(name, record, cache, remote) for name in names]
    doubts = _doubts(record.lock, cache) if names else []
    found: dict[str, Ways] = {}
    for step in reversed(steps):
        found[step.stage] = ways(step, found, doubts, remote.problem)
    said = _machine if as_json else _text
    return said(path, record, problems, [(step, found[step.stage]) for step in steps], remote), problems


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
    when = f"{commit.id[:7]}  {commit.day}  {commit.subject[:60]}" if commit else "in no commit yet"
    lines.append(f"  recorded  {when}")
    lines += [f"  now in    {', '.join(names)}"] if names else []
    lines += [f"  remote    {remote.name or 'none'}: {remote.problem}"] if remote.problem else []
    lines.append(verdict_line([(step.stage, found) for step, found in steps]))
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
