"""verify: make everything again from a commit, and compare the bytes with those that its dvc.lock records."""

import sys
from pathlib import Path
from typing import NamedTuple

from relight.errors import InputError, RunError
from relight.provenance.rebuild import checked_out, place_input, run_inside
from relight.repository.dvc import cache_folder
from relight.repository.git import files_at
from relight.repository.history import LOCK, commit_of
from relight.repository.objects import FOLDER, files_of, found_as_recorded, is_intact, md5_of, md5_of_either
from relight.repository.revisions import Entry, LockedStage, read_lock
from relight.runtime.files import read_format
from relight.runtime.lifetime import only_one
from relight.runtime.processes import PROCESSES
from relight.train.manifest import Manifest, changed_versions

WORKSPACE = Path(".dvc/tmp/relight")

MANIFEST, WEIGHTS = "models/manifest.json", "models/model.pth"

SHOWN = 5  # of a long list

Lock = dict[str, LockedStage]


class Compared(NamedTuple):
    """
    Attributes:
        difference: in words; "" of equal bytes.
    """

    stage: str
    path: str
    difference: str


def verify(revision: str, stage: str | None) -> tuple[str, list[str]]:
    """What to say, and what is not as it was recorded.

    Args:
        revision: a commit, or the name of an experiment.
        stage: the one to run, on its recorded inputs; None: all of them, on the raw data.

    Raises:
        InputError: when there is no such revision or stage, or an input cannot be had.
        RunError: when the pipeline of that commit fails.
    """
    commit = commit_of(revision)
    lock = _lock(commit, revision)
    if stage is not None and stage not in lock:
        raise InputError(f"--stage: must be one of {', '.join(lock)}, however: {stage}")
    stages = lock if stage is None else {stage: lock[stage]}
    cache = cache_folder()
    WORKSPACE.mkdir(parents=True, exist_ok=True)
    with only_one(WORKSPACE / "verify.lock", "relight verify"), checked_out(commit, WORKSPACE / "verify") as folder:
        _place_inputs(stages, folder, cache)
        reasons = _changed_deps(lock, stages, folder)
        _rebuild(revision, stage, folder, _environment(lock, cache))
        compared = [
            Compared(name, entry.path, _difference(entry, folder, cache))
            for name, locked in stages.items()
            for entry in locked.outs.values()
        ]
        reasons += _reasons(lock, folder, cache) if any(found.difference for found in compared) else []
    return _text(f"{commit[:7]} ({revision})", compared, reasons)


def _lock(commit: str, revision: str) -> Lock:
    text = files_at([(commit, LOCK)]).get((commit, LOCK))
    if text is None:
        raise InputError(f"{LOCK}: is not in {revision}; run `dvc repro` and commit it")
    return read_lock(text, f"{LOCK} of {revision}")


def _place_inputs(stages: Lock, folder: Path, cache: Path) -> None:
    made = {path for locked in stages.values() for path in locked.outs}
    inputs = {entry for locked in stages.values() for entry in locked.deps.values() if entry.path not in made}
    problems = [place_input(entry.path, entry.md5, folder, cache) for entry in sorted(inputs)]
    if any(problems):
        raise InputError(*filter(None, problems))


def _changed_deps(lock: Lock, stages: Lock, folder: Path) -> list[str]:
    """What the commit holds with other bytes than its own dvc.lock records."""
    made = {path for locked in lock.values() for path in locked.outs}
    raw = {entry for locked in stages.values() for entry in locked.deps.values() if entry.path not in made}
    changed = [entry.path for entry in sorted(raw) if md5_of_either(folder / entry.path) != entry.md5]
    return [f"dvc.lock was recorded with other bytes of {_some(changed)}"] if changed else []


def _environment(lock: Lock, cache: Path) -> dict[str, str]:
    """So many processes as trained together."""
    manifest = _recorded_manifest(lock, cache)
    return {PROCESSES: str(manifest.processes)} if manifest and manifest.processes > 1 else {}


def _recorded_manifest(lock: Lock, cache: Path) -> Manifest | None:
    entry = next((locked.outs[MANIFEST] for locked in lock.values() if MANIFEST in locked.outs), None)
    found = found_as_recorded(Path(MANIFEST), entry.md5, cache) if entry else None
    return read_format(found, Manifest, 1) if found else None


def _rebuild(revision: str, stage: str | None, folder: Path, environment: dict[str, str]) -> None:
    chosen = [] if stage is None else ["--single-item", stage]
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--no-run-cache", "--no-commit", *chosen]
    code = run_inside(command, folder, environment)
    if code != 0:
        raise RunError(f"verify: `dvc repro` of {revision} ended with code {code}; what it said stands above")


def _difference(entry: Entry, folder: Path, cache: Path) -> str:
    path = folder / entry.path
    if md5_of_either(path) == entry.md5:
        return ""
    if not path.exists():
        return "was not written"
    if entry.md5.endswith(FOLDER):
        return f"differs: {_changed_files(path, entry.md5, cache)}"
    return f"differs: {_weights(path, entry.md5, cache)}" if entry.path == WEIGHTS else "differs"


def _changed_files(path: Path, md5: str, cache: Path) -> str:
    if not is_intact(cache, md5):
        return "in which files cannot be said, for the recorded list is not in the cache"
    recorded = files_of(cache, md5)
    made = {file.relative_to(path).as_posix(): md5_of(file) for file in path.rglob("*") if file.is_file()}
    return _some(sorted(name for name in recorded | made if recorded.get(name) != made.get(name)))


def _weights(path: Path, md5: str, cache: Path) -> str:
    recorded = found_as_recorded(Path(WEIGHTS), md5, cache)
    if recorded is None:
        return "how far cannot be said, for the recorded model is not in the cache"
    from relight.model.saved_model import largest_difference, read_state

    found = largest_difference(read_state(recorded), read_state(path))
    if found is None:
        return "it has other tensors"
    return f"the largest difference of a weight is {found[1]:.3g}, in {found[0]}"


def _reasons(lock: Lock, folder: Path, cache: Path) -> list[str]:
    """What else is not as it was, by the manifests of then and now."""
    recorded, made = _recorded_manifest(lock, cache), folder / MANIFEST
    if recorded is None or not made.exists():
        return ["the recorded manifest is not here, so versions cannot be compared"]
    now = read_format(made, Manifest, 1)
    found = changed_versions(recorded.versions, now.versions)
    changed = [path for path in {**recorded.code, **now.code} if recorded.code.get(path) != now.code.get(path)]
    found += [f"the model was made by other code: {_some(sorted(changed))}"] if changed else []
    return found + ([f"device {recorded.device} → {now.device}"] if recorded.device != now.device else [])


def _text(name: str, compared: list[Compared], reasons: list[str]) -> tuple[str, list[str]]:
    wrong = [found for found in compared if found.difference]
    widths = [max(len(found[k]) for found in compared) for k in (0, 1)]
    lines = [
        f"{found.stage:<{widths[0]}}  {found.path:<{widths[1]}}  {found.difference or 'equal'}" for found in compared
    ]
    if not wrong:
        return "\n".join([*lines, f"{name} is rebuilt: all {len(compared)} outs are equal, byte for byte", ""]), []
    why = "; ".join(reasons) or "nothing that is known: a stage may depend on chance, time, another processor"
    problem = f"verify: {len(wrong)} of {len(compared)} outs of {name} differ from dvc.lock"
    return "\n".join([*lines, f"likely why: {why}", ""]), [problem]


def _some(paths: list[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f"{', '.join(paths[:SHOWN])}{more}"
