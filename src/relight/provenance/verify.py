"""`relight verify`: run the pipeline of a commit again, and compare the bytes with those that its dvc.lock records."""

from pathlib import Path
from typing import NamedTuple

from relight.errors import InputError, RunError
from relight.model.manifest import Manifest, changed_versions
from relight.provenance.rebuild import find_top, place_input, run_in_checkout, temporary_checkout
from relight.provenance.records import MANIFEST_PATH, recorded_manifest
from relight.repository.dvc_command import cache_folder, dvc_command
from relight.repository.git import read_files_at
from relight.repository.history import resolve_commit
from relight.repository.objects import FOLDER_SUFFIX, file_md5, find_with_md5, folder_files, is_intact, path_md5
from relight.repository.params_files import changed_params
from relight.repository.recorded_paths import lies_inside
from relight.repository.revisions import LOCK_PATH, Lock, LockedStage, LockEntry, read_lock
from relight.runtime.files import read_format
from relight.runtime.lifetime import single_instance
from relight.runtime.messages import abbreviate
from relight.runtime.processes import PROCESSES_VARIABLE
from relight.runtime.workspace import scratch_folder

WEIGHTS_PATH = "models/model.pth"
MAX_PATHS_SHOWN = 5  # of a long list


class ComparedOutput(NamedTuple):
    """An out of the new run, compared with the recorded one.

    Attributes:
        difference: in words; "" if the bytes are equal.
    """

    stage: str
    path: str
    difference: str


def verify(revision: str, stage: str | None) -> tuple[str, list[str]]:
    """Run a commit's pipeline again.

    Args:
        revision: a commit, or the name of an experiment.
        stage: the one to run, on its recorded inputs; None: all of them, on the raw data.

    Returns:
        the comparison as text, and the problems: one if an out differs.

    Raises:
        InputError: if there is no such revision or stage, or an input is neither in the commit nor in the cache.
        RunError: if the pipeline of that commit fails.
    """
    commit = resolve_commit(revision)
    lock = _read_commit_lock(commit, revision)
    if stage is not None and stage not in lock:
        raise InputError(f"--stage: must be one of {', '.join(lock)}, got {stage}")
    stages = lock if stage is None else {stage: lock[stage]}
    cache = cache_folder()
    workspace = scratch_folder()
    workspace.mkdir(parents=True, exist_ok=True)
    with (
        single_instance(workspace / "verify.lock", "relight verify"),
        temporary_checkout(commit, workspace / "verify") as folder,
    ):
        _place_inputs(stages, folder, cache)
        reasons = [*_changed_deps(lock, stages, folder), *_changed_params(stages, folder)]
        _rebuild(revision, stage, folder, _processes_environment(lock, cache))
        compared = [
            ComparedOutput(name, entry.path, _difference(entry, folder, cache))
            for name, locked in stages.items()
            for entry in locked.outs.values()
        ]
        reasons += _reasons(lock, folder, cache) if any(output.difference for output in compared) else []
    return _report_text(f"{commit[:7]} ({revision})", compared, reasons)


def _read_commit_lock(commit: str, revision: str) -> Lock:
    text = read_files_at([(commit, LOCK_PATH)]).get((commit, LOCK_PATH))
    if text is None:
        raise InputError(f"{LOCK_PATH}: is not in {revision}; run `dvc repro` and commit it")
    return read_lock(text, f"{LOCK_PATH} of {revision}")


def _place_inputs(stages: Lock, folder: Path, cache: Path) -> None:
    made = {path for locked in stages.values() for path in locked.outs}
    inputs = {entry for locked in stages.values() for entry in locked.deps.values() if entry.path not in made}
    problems = [place_input(entry.path, entry.md5, folder, cache) for entry in sorted(inputs)]
    if any(problems):
        raise InputError(*filter(None, problems))


def _changed_deps(lock: Lock, stages: Lock, folder: Path) -> list[str]:
    """Return a reason if the commit holds files with other bytes than its own dvc.lock records."""
    made = {path for locked in lock.values() for path in locked.outs}
    raw = {entry for locked in stages.values() for entry in locked.deps.values() if entry.path not in made}
    changed = [entry.path for entry in sorted(raw) if path_md5(folder / entry.path) != entry.md5]
    return [f"dvc.lock was recorded with other bytes of {abbreviate(changed, MAX_PATHS_SHOWN)}"] if changed else []


def _changed_params(stages: Lock, folder: Path) -> list[str]:
    """Return a reason if files of params of the commit have other values than its own dvc.lock records."""
    changed = {key: None for locked in stages.values() for key in _differing_params(locked, folder)}
    return [f"dvc.lock was recorded with other params: {abbreviate(changed, MAX_PATHS_SHOWN)}"] if changed else []


def _differing_params(locked: LockedStage, folder: Path) -> list[str]:
    def read(file: str) -> bytes | None:
        path = folder / file
        return path.read_bytes() if path.is_file() and lies_inside(path, find_top(folder)) else None

    return changed_params(locked.params_by_file(), read)


def _processes_environment(lock: Lock, cache: Path) -> dict[str, str]:
    """Return the variables that make the training use as many processes as the recorded one."""
    manifest = recorded_manifest(lock, cache)
    return {PROCESSES_VARIABLE: str(manifest.processes)} if manifest and manifest.processes > 1 else {}


def _rebuild(revision: str, stage: str | None, folder: Path, environment: dict[str, str]) -> None:
    chosen = [] if stage is None else ["--single-item", stage]
    command = dvc_command("repro", "--force", "--no-run-cache", "--no-commit", *chosen)
    code = run_in_checkout(command, folder, environment)
    if code != 0:
        raise RunError(f"verify: `dvc repro` of {revision} ended with code {code}; its messages are above")


def _difference(entry: LockEntry, folder: Path, cache: Path) -> str:
    path = folder / entry.path
    if path_md5(path) == entry.md5:
        return ""
    if not path.exists():
        return "was not written"
    if entry.md5.endswith(FOLDER_SUFFIX):
        return f"differs: {_changed_files(path, entry.md5, cache)}"
    return f"differs: {_weights_text(path, entry.md5, cache)}" if entry.path == WEIGHTS_PATH else "differs"


def _changed_files(path: Path, md5: str, cache: Path) -> str:
    if not is_intact(cache, md5):
        return "in unknown files, because the recorded list is not in the cache"
    recorded = folder_files(cache, md5)
    made = {file.relative_to(path).as_posix(): file_md5(file) for file in path.rglob("*") if file.is_file()}
    return abbreviate(sorted(name for name in recorded | made if recorded.get(name) != made.get(name)), MAX_PATHS_SHOWN)


def _weights_text(path: Path, md5: str, cache: Path) -> str:
    recorded = find_with_md5(Path(WEIGHTS_PATH), md5, cache)
    if recorded is None:
        return "by how much is unknown, because the recorded model is not in the cache"
    from relight.model.weights import largest_weight_difference, read_state

    difference = largest_weight_difference(read_state(recorded), read_state(path))
    if difference is None:
        return "it has other tensors"
    return f"the largest difference of a weight is {difference[1]:.3g}, in {difference[0]}"


def _reasons(lock: Lock, folder: Path, cache: Path) -> list[str]:
    """Return what else has changed, by the recorded manifest and that of the run."""
    recorded, made = recorded_manifest(lock, cache), folder / MANIFEST_PATH
    if recorded is None or not made.exists():
        return ["the recorded manifest is not here, so versions cannot be compared"]
    now = read_format(made, Manifest, 1)
    reasons = changed_versions(recorded.versions, now.versions)
    changed = [path for path in {**recorded.code, **now.code} if recorded.code.get(path) != now.code.get(path)]
    reasons += [f"the model was made by other code: {abbreviate(sorted(changed), MAX_PATHS_SHOWN)}"] if changed else []
    return reasons + ([f"device {recorded.device} → {now.device}"] if recorded.device != now.device else [])


def _report_text(name: str, compared: list[ComparedOutput], reasons: list[str]) -> tuple[str, list[str]]:
    wrong = [output for output in compared if output.difference]
    widths = [max(len(output[k]) for output in compared) for k in (0, 1)]
    lines = [
        f"{output.stage:<{widths[0]}}  {output.path:<{widths[1]}}  {output.difference or 'equal'}"
        for output in compared
    ]
    if not wrong:
        return "\n".join([*lines, f"{name} is rebuilt: all {len(compared)} outs are equal, byte for byte", ""]), []
    why = "; ".join(reasons) or "unknown: a stage may depend on chance, on time or on the processor"
    problem = f"verify: {len(wrong)} of {len(compared)} outs of {name} differ from dvc.lock"
    return "\n".join([*lines, f"likely why: {why}", ""]), [problem]
