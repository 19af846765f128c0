"""trace: from a file back to the raw data, and whether each step can still be done again."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from relight.provenance.lineage import Standing, State, Step, Ways, stages_behind, step_lines, verdict_line, ways
from relight.provenance.records import Lock, Record, find_record
from relight.repository.dvc import cache_folder
from relight.repository.git import files_at
from relight.repository.history import Commit, commits_that_record, committed, names_that_record
from relight.repository.objects import found_as_recorded, md5_of_either, state_of
from relight.repository.remotes import RemoteContents, ask_remote
from relight.repository.revisions import Entry, texts_of
from relight.runtime.files import json_text, read_format
from relight.runtime.nested import same_params
from relight.train.manifest import CODE, Manifest, all_versions, changed_versions

MANIFEST, PARAMS = "models/manifest.json", "params.yaml"

NAMES = 4  # of branches, tags and experiments

NOT_ASKED = RemoteContents(None, "not asked", {})


class Places(NamedTuple):
    """Where bytes can be had.

    Attributes:
        held: path and MD5 of what the commit holds.
        here: of what the workspace holds.
        cache, remote: of an object, by its MD5.
        makers: the stage that wrote a file.
    """

    held: set[tuple[str, str]]
    here: set[tuple[str, str]]
    cache: Mapping[str, State]
    remote: Mapping[str, State]
    makers: dict[Entry, str]


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
    names = stages_behind(*_read_and_written(record.lock), record.stage) if record.stage else []
    remote = ask_remote(_sizes(record, names), cache) if ask else NOT_ASKED
    places = _look(record, names, cache, remote)
    steps = [_step(name, record, places) for name in names]
    doubts = _doubts(record.lock, cache) if names else []
    found: dict[str, Ways] = {}
    for step in reversed(steps):
        found[step.stage] = ways(step, found, doubts, remote.problem)
    said = _machine if as_json else _text
    return said(path, record, problems, [(step, found[step.stage]) for step in steps], remote), problems


def _read_and_written(lock: Lock) -> tuple[dict[str, set[Entry]], dict[str, set[Entry]]]:
    """What each stage read and wrote."""
    return (
        {name: set(stage.deps.values()) for name, stage in lock.items()},
        {name: set(stage.outs.values()) for name, stage in lock.items()},
    )


def _is_code(path: str) -> bool:
    return path.startswith(CODE)


def _sizes(record: Record, names: Iterable[str]) -> dict[str, int]:
    """Of all that a remote may hold."""
    stages = [record.lock[name] for name in names]
    entries = [entry for stage in stages for entry in (*stage.deps.values(), *stage.outs.values())]
    return {entry.md5: entry.size for entry in entries if not _is_code(entry.path)}


def _look(record: Record, names: Iterable[str], cache: Path, remote: RemoteContents) -> Places:
    """Each object and file is hashed once, for data may be large."""
    stages = [record.lock[name] for name in names]
    entries = {entry for stage in stages for entry in (*stage.deps.values(), *stage.outs.values())}
    data = [entry for entry in entries if not _is_code(entry.path)]
    return Places(
        held=committed(record.revision, [(entry.path, entry.md5) for entry in entries]),
        here={(entry.path, entry.md5) for entry in data if md5_of_either(Path(entry.path)) == entry.md5},
        cache={md5: state_of(cache, md5) for md5 in {entry.md5 for entry in data}},
        remote=remote.states,
        makers={entry: name for name, stage in record.lock.items() for entry in stage.outs.values()},
    )


def _step(name: str, record: Record, places: Places) -> Step:
    stage = record.lock[name]
    code = {entry.path: entry.md5 for entry in stage.deps.values() if _is_code(entry.path)}
    return Step(
        name,
        stage.command,
        stage.params,
        data=[_standing(entry, places) for entry in stage.deps.values() if entry.path not in code],
        code=code,
        changed_code=[path for path, md5 in code.items() if (path, md5) not in places.held],
        changed_params=_changed_params(stage.params, record.revision),
        outs=[_standing(entry, places) for entry in stage.outs.values()],
    )


def _standing(entry: Entry, places: Places) -> Standing:
    return Standing(
        *entry,
        maker=_maker(entry, places.makers),
        git=(entry.path, entry.md5) in places.held,
        workspace=(entry.path, entry.md5) in places.here,
        cache=places.cache[entry.md5],
        remote=places.remote.get(entry.md5, "unknown"),
    )


def _maker(entry: Entry, makers: dict[Entry, str]) -> str:
    """The stage; where it has run again since, and wrote other bytes, that run is not in dvc.lock any more."""
    again = next((name for other, name in makers.items() if other.path == entry.path), None)
    return makers.get(entry, f"an earlier {again}" if again else "")


def _changed_params(recorded: dict[str, Any], revision: str) -> list[str]:
    content = files_at([(revision, PARAMS)]).get((revision, PARAMS), b"{}")
    params = texts_of(content)
    return [section for section, value in recorded.items() if not same_params(value, params.get(section))]


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


def _text(
    path: Path, record: Record, problems: list[str], steps: list[tuple[Step, Ways]], remote: RemoteContents
) -> str:
    commit, entry = record.commit, record.entry
    at = f"commit {commit.id[:7]}" if commit else "HEAD"
    names = names_that_record(entry.md5)
    inside = "" if entry.path == str(path) else f", as {entry.path}"
    lines = [*problems, f"{path}  md5 {entry.md5}{inside}"]
    lines.append(f"  recorded  {_line(commit) if commit else 'in no commit yet'}")
    first = commits_that_record(entry.md5, commit.id)[-1:] if commit else []
    lines += [f"  first in  {_line(found)}" for found in first if found != commit]
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    lines += [f"  now in    {', '.join(names[:NAMES])}{more}"] if names else []
    lines += [f"  remote    {f'{remote.name}: ' if remote.name else ''}{remote.problem}"] if remote.problem else []
    lines.append(verdict_line([(step.stage, found) for step, found in steps]))
    width = shutil.get_terminal_size().columns
    asked = remote.name if remote.name and not remote.problem else ""
    for step, found in steps:
        lines += ["", *step_lines(step, found, at, asked, width)]
    return "\n".join([*lines, ""])


def _line(commit: Commit) -> str:
    return f"{commit.id[:7]}  {commit.day}  {commit.subject[:60]}"


def _machine(
    path: Path, record: Record, problems: list[str], steps: list[tuple[Step, Ways]], remote: RemoteContents
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
                "rebuild": {**found._asdict(), "can": found.any()},
            }
            for step, found in steps
        ],
    }
    return json_text(content)
