"""`relight verify`: run the pipeline of a commit again, and compare the bytes with those that its dvc.lock records."""

from graphlib import CycleError, TopologicalSorter
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
from relight.runtime.pipeline import PIPELINE_PATH, frozen_stages, read_stages
from relight.runtime.processes import PROCESSES_VARIABLE
from relight.runtime.workspace import scratch_folder

WEIGHTS_PATH = "models/model.pth"
MAX_PATHS_SHOWN = 5  # of a long list


class ComparedOutput(NamedTuple):
    """An out of the new run, compared with the recorded one.

    Attributes:
        difference: in words; "" if the bytes are equal.
        is_frozen: whether its stage is frozen, so that it was taken as recorded.
    """

    stage: str
    path: str
    difference: str
    is_frozen: bool = False


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
        frozen = _frozen_stages(folder, stage)
        kept = {name: locked for name, locked in stages.items() if name.split("@")[0] in frozen}
        stages = {name: locked for name, locked in stages.items() if name not in kept}
        if not stages:
            raise InputError(f"verify: must have a stage to run, got only frozen ones; {_unfreeze_step(*kept)}")
        _place_inputs(stages, kept, folder, cache)
        reasons = [*_changed_deps(lock, stages, folder), *_changed_params(stages, folder)]
        chosen = _run_order(stages) if kept or stage else []
        _rebuild(revision, chosen, folder, _processes_environment(lock, cache))
        compared = [
            ComparedOutput(name, entry.path, _difference(entry, folder, cache))
            for name, locked in stages.items()
            for entry in locked.outs.values()
        ]
        compared += [
            ComparedOutput(name, path, "", is_frozen=True) for name, locked in kept.items() for path in locked.outs
        ]
        reasons += _reasons(lock, folder, cache) if any(output.difference for output in compared) else []
    return _report_text(f"{commit[:7]} ({revision})", compared, reasons)


def _read_commit_lock(commit: str, revision: str) -> Lock:
    text = read_files_at([(commit, LOCK_PATH)]).get((commit, LOCK_PATH))
    if text is None:
        raise InputError(f"{LOCK_PATH}: is not in {revision}; run `dvc repro` and commit it")
    return read_lock(text, f"{LOCK_PATH} of {revision}")


def _frozen_stages(folder: Path, stage: str | None) -> list[str]:
    """Return the stages of the commit that DVC does not run.

    Raises:
        InputError: if the chosen one is among them.
    """
    try:
        frozen = frozen_stages(read_stages(folder / PIPELINE_PATH))
    except InputError:  # dvc says what is wrong with its dvc.yaml
        return []
    if stage is not None and stage.split("@")[0] in frozen:
        raise InputError(f"--stage: must be one that runs, got {stage}, which is frozen; {_unfreeze_step(stage)}")
    return frozen


def _unfreeze_step(*stages: str) -> str:
    return f"`dvc unfreeze {' '.join(stages)}` and a commit of {PIPELINE_PATH} let it run"


def _place_inputs(stages: Lock, kept: Lock, folder: Path, cache: Path) -> None:
    """Put what no stage makes into its place: raw files, and what frozen stages wrote."""
    made = {path for locked in stages.values() for path in locked.outs}
    inputs = {entry for locked in stages.values() for entry in locked.deps.values() if entry.path not in made}
    inputs |= {entry for locked in kept.values() for entry in locked.outs.values()}
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


def _run_order(stages: Lock) -> list[str]:
    """Return the stages, each after those whose outs it reads."""
    makers = {path: name for name, locked in stages.items() for path in locked.outs}
    reads = {
        name: {
            maker
            for dep in locked.deps
            for out, maker in makers.items()
            if maker != name and (f"{dep}/".startswith(f"{out}/") or f"{out}/".startswith(f"{dep}/"))
        }
        for name, locked in stages.items()
    }
    try:
        return list(TopologicalSorter(reads).static_order())
    except CycleError as error:
        raise InputError(f"{LOCK_PATH}: must have no stages that read what each other writes") from error


def _rebuild(revision: str, chosen: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run the pipeline, or only the chosen stages: to DVC, `--force` of a frozen one records the params of now."""
    only = ["--single-item", *chosen] if chosen else []
    command = dvc_command("repro", "--force", "--no-run-cache", "--no-commit", *only)
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
    kept = sorted({output.stage for output in compared if output.is_frozen})
    n_run = sum(not output.is_frozen for output in compared)
    wrong = [output for output in compared if output.difference]
    widths = [max(map(len, names)) for names in ([each.stage for each in compared], [each.path for each in compared])]
    lines = [
        f"{output.stage:<{widths[0]}}  {output.path:<{widths[1]}}  "
        f"{output.difference or ('frozen, not run' if output.is_frozen else 'equal')}"
        for output in compared
    ]
    if not wrong:
        but = f", except those of {', '.join(kept)}: frozen, and taken as recorded" if kept else ""
        return "\n".join([*lines, f"{name} is rebuilt: all {n_run} outs are equal, byte for byte{but}", ""]), []
    why = "; ".join(reasons) or "unknown: a stage may depend on chance, on time or on the processor"
    problem = f"verify: {len(wrong)} of {n_run} outs of {name} differ from dvc.lock"
    return "\n".join([*lines, f"likely why: {why}", ""]), [problem]
