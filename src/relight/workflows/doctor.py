"""doctor: find what kills, full disks and mistakes left in the repository, and name what mends it.

Looks at everything and writes nothing, unless it is told to mend.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from relight.domain.doctor import experiments as of_experiments
from relight.domain.doctor import leftovers as of_leftovers
from relight.domain.doctor import locks as of_locks
from relight.domain.doctor import objects as of_objects
from relight.domain.doctor import queue as of_queue
from relight.domain.doctor import recorded as of_recorded
from relight.domain.doctor import settings as of_settings
from relight.domain.doctor import surroundings as of_surroundings
from relight.domain.doctor.finding import Finding, listed, text_of
from relight.errors import RunError
from relight.io.doctor import experiments, leftovers, locks, objects, queue, recorded, settings, surroundings
from relight.io.doctor.mending import mend
from relight.io.doctor.processes import Process, is_within, processes
from relight.io.dvc import cache_folder
from relight.io.git import git
from relight.io.lock_file import LockedStage
from relight.io.objects import object_path

DVC = Path(".dvc")
WIDEST = 120  # columns of a line that is still read with ease


class Look(NamedTuple):
    """What was looked at, and what was found there."""

    at: str
    seen: str
    findings: list[Finding]


class Report(NamedTuple):
    """
    Attributes:
        text: for the person.
        problem: one sentence; None where nothing was found.
    """

    text: str
    problem: str | None


def doctor(*, fix: bool) -> Report:
    """
    Args:
        fix: run the commands of those findings that lose nothing, then look again.
    """
    os.environ["GIT_OPTIONAL_LOCKS"] = "0"  # `git diff` would write its index
    looks = _look()
    done = _mend(looks) if fix else []
    if done:
        looks = _look()
    found = [finding for look in looks for finding in look.findings]
    width = min(shutil.get_terminal_size().columns, WIDEST)
    lines = ["looked at", *(f"  {look.at:<12} {look.seen}" for look in looks), *done, ""]
    if not found:
        return Report("\n".join([*lines, "nothing found", ""]), None)
    for number, finding in enumerate(found, 1):
        lines += text_of(number, finding, width)
    return Report("\n".join([*lines, ""]), _problem(found))


def _problem(found: list[Finding]) -> str:
    n_safe = sum(finding.is_safe for finding in found)
    by_itself = f"; `relight doctor --fix` mends {n_safe} of them" if n_safe else ""
    return f"doctor: {len(found)} found: {listed((finding.what for finding in found), 2)}{by_itself}"


def _mend(looks: list[Look]) -> list[str]:
    """What was done: one line for each finding that is safe to mend."""
    lines = []
    for finding in (finding for look in looks for finding in look.findings if finding.is_safe):
        failed = mend(finding.commands)
        lines += [f"mended: {finding.what}" if failed is None else f"not mended: {finding.what} ({failed})"]
        lines += [f"        {finding.remark}"] if finding.remark and failed is None else []
    return lines


def _look() -> list[Look]:
    """All looks that are possible here; those at what a running dvc changes only while none runs."""
    around = surroundings.look_at_git()
    has_commit = around is not None and around.commits > 0
    looks = [_look_at_git(around), _look_at_python()]
    if not (DVC / "config").exists():
        return [*looks, Look("DVC", "no repository", [of_surroundings.no_dvc()])]
    everybody = processes()
    here = [
        process for process in everybody if of_locks.is_dvc(process.words) and is_within(process.folder, Path.cwd())
    ]
    if here:
        pids = ", ".join(str(process.pid) for process in here)
        left_alone = "locks, experiments, queue and temporary folders were left alone"
        looks.append(Look("processes", f"dvc runs here (pid {pids}); {left_alone}", []))
    else:
        looks += [
            _look_at_locks(everybody),
            *([_look_at_experiments()] if has_commit else []),
            _look_at_queue(everybody),
        ]
    return [*looks, _look_at_settings(has_commit), *_look_at_files(), _look_at_checkpoints()]


def _look_at_git(around: surroundings.Git | None) -> Look:
    if around is None:
        return Look("Git", "no repository", [of_surroundings.no_git()])
    return Look("Git", f"commits: {around.commits}", of_surroundings.of_git(**around._asdict()))


def _look_at_python() -> Look:
    on_path, here = surroundings.environment_of_python(), surroundings.environment_here()
    found = of_surroundings.of_python(on_path=on_path, here=here, activate=surroundings.activation())
    return Look("python", on_path or "none", found)


def _look_at_locks(everybody: list[Process]) -> Look:
    living = {process.pid: (process.words, process.started) for process in everybody}
    files = locks.read_rwlocks()
    found = [finding for file in files for finding in of_locks.of_rwlock(**file._asdict(), living=living)]
    found += of_locks.of_stage_lock(holder=locks.holder_of_stages())
    return Look("locks", f"rwlock files: {len(files)}; the lock of the stages", found)


def _look_at_experiments() -> Look:
    found: list[Finding] = []
    head = experiments.detached_head()
    if head is not None:
        found += of_experiments.of_head(**head._asdict())
    stashes = experiments.stashes_of_dvc()
    for stash in stashes[-1:]:  # the next one gets another number when this one is gone
        facts = stash._asdict()
        del facts["commit"], facts["message"]
        found += of_experiments.of_stash(**facts)
    found += of_experiments.of_waiting(experiments.waiting_experiments())
    refs = experiments.refs("refs/exps/exec", "refs/exps/temp")
    found += _of_exec_refs(refs)
    return Look("experiments", f"HEAD; refs of running ones: {len(refs)}; stashes by DVC: {len(stashes)}", found)


def _of_exec_refs(refs: dict[str, str]) -> list[Finding]:
    merges = [commit for ref, commit in refs.items() if ref == of_experiments.MERGE or "/temp/merge-" in ref]
    written = recorded.read_recorded()
    outs = {out for stage in written.values() for out in stage.outs} if isinstance(written, dict) else set()
    asked_for = []
    for commit in dict.fromkeys(merges):
        stash = experiments.read_stash("", commit, git("log", "-1", "--format=%s", commit), frozenset(outs))
        asked_for.append((commit, experiments.name_of(stash.message), stash.differing))
    return of_experiments.of_exec_refs(refs, asked_for)


def _look_at_queue(everybody: list[Process]) -> Look:
    tasks, folders = queue.taken_tasks(), queue.folders()
    words = {process.pid: process.words for process in everybody}
    found = []
    for task in tasks:
        is_taken = task.pid is not None and bool(words.get(task.pid))
        found += of_queue.of_task(**task._asdict(), is_taken=is_taken)
    known = {task.commit for task in tasks} | queue.known_commits()
    for folder in folders:
        users = (process.pid for process in everybody if _works_in(process, folder.path))
        is_known = folder.asked_for in known
        found += of_queue.of_folder(**folder._asdict(), is_known=is_known, user=next(users, None))
    return Look("queue", f"tasks that say Running: {len(tasks)}; temporary folders: {len(folders)}", found)


def _works_in(process: Process, folder: str) -> bool:
    return process.folder is not None and is_within(process.folder, Path(folder).resolve())


def _look_at_settings(has_commit: bool) -> Look:
    known = settings.read_settings(has_git=has_commit)
    remotes = of_settings.remotes(known.committed, known.local)
    found = of_settings.of_secrets(known.committed, known.in_history)
    found += of_settings.of_remotes(known.committed, known.local)
    found += of_settings.of_relative_remotes(known.committed)
    return Look("settings", f".dvc/config; remotes: {len(remotes)}", found)


def _look_at_files() -> list[Look]:
    """dvc.lock, the cache and its disk."""
    cache = Path(os.path.relpath(cache_folder()))
    stages = recorded.read_recorded()
    if isinstance(stages, recorded.Broken):
        locked = Look("dvc.lock", "is damaged", [of_recorded.of_broken(**stages._asdict())])
        return [locked, _look_at_cache(cache, objects.hash_again(cache), []), _look_at_disk(cache, {})]
    hashed = objects.hash_again(cache)
    outs = recorded.outs_of(stages, cache, {damaged.md5 for damaged in hashed.damaged})
    locked = Look("dvc.lock", f"stages: {len(stages)}; cached outs: {len(outs)}", _of_outs(outs, cache))
    return [locked, _look_at_cache(cache, hashed, outs), _look_at_disk(cache, stages)]


def _of_outs(outs: list[recorded.Out], cache: Path) -> list[Finding]:
    gone = [out for out in outs if out.missing]
    if outs and len(gone) == len(outs) and not any(out.here for out in gone):
        return [of_recorded.of_nothing([out.path for out in gone], has_remote=_has_remote())]
    return [
        of_recorded.of_out(
            path=out.path,
            stage=out.stage,
            n_missing=len(out.missing),
            has_list=out.files is not None,
            is_here=out.here == out.md5,
            copy_to=str(cache / object_path(out.md5)) if out.files == {} else None,
            has_remote=_has_remote(),
        )
        for out in gone
    ]


def _look_at_cache(cache: Path, hashed: objects.Cache, outs: list[recorded.Out]) -> Look:
    found = [_of_object(damaged, outs) for damaged in hashed.damaged]
    temporary = hashed.temporary
    found += of_objects.of_temporary([one.path for one in temporary], sum(one.size for one in temporary))
    size = f"{hashed.n_objects} objects, {hashed.n_bytes / 1e6:.1f} MB hashed again in {hashed.seconds:.1f} s"
    return Look("cache", f"{cache}: {size}", found)


def _of_object(damaged: objects.Damaged, outs: list[recorded.Out]) -> Finding:
    paths = list(_places(damaged.md5, outs))
    here = {path: recorded.md5_here(Path(path)) for path in paths}
    return of_objects.of_object(
        path=damaged.path,
        md5=damaged.md5,
        size=damaged.size,
        outs=paths,
        intact=next((path for path, md5 in here.items() if md5 == damaged.md5 and Path(path).is_file()), None),
        spoilt=[path for path, md5 in here.items() if md5 is not None and md5 == damaged.actual],
        has_remote=_has_remote(),
    )


def _places(md5: str, outs: list[recorded.Out]) -> Iterable[str]:
    """Of the workspace, whose content it is."""
    for out in outs:
        if out.md5 == md5:
            yield out.path
        yield from (f"{out.path}/{name}" for name, one in (out.files or {}).items() if one == md5)


def _look_at_disk(cache: Path, stages: dict[str, LockedStage]) -> Look:
    disk = surroundings.look_at_disk(cache)
    needed = sum(out.size for stage in stages.values() for out in stage.outs.values())
    found = of_surroundings.of_disk(cache=str(cache), error=disk.error, free=disk.free, needed=needed)
    return Look("disk", f"{disk.free / 1e9:.1f} GB free for the cache, a file can be written", found)


def _look_at_checkpoints() -> Look:
    kept = leftovers.kept_checkpoints()
    found = [finding for one in kept for finding in of_leftovers.of_checkpoints(**one._asdict())]
    return Look("checkpoints", f"runs: {len(kept)}; {sum(one.n_bytes for one in kept) / 1e6:.1f} MB", found)


def _has_remote() -> bool:
    known = settings.read_settings(has_git=False)
    return bool(of_settings.remotes(known.committed, known.local))


def raise_for(report: Report) -> None:
    """
    Raises:
        RunError: where something was found.
    """
    if report.problem is not None:
        raise RunError(report.problem)
