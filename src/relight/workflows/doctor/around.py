"""What is looked at besides files: Git, python, processes, locks, experiments, the queue and the settings."""

from pathlib import Path

from relight.domain.doctor import experiments as of_experiments
from relight.domain.doctor import locks as of_locks
from relight.domain.doctor import queue as of_queue
from relight.domain.doctor import settings as of_settings
from relight.domain.doctor import surroundings as of_surroundings
from relight.domain.doctor.finding import Finding, Look
from relight.io.doctor import experiments, locks, queue, recorded, settings, surroundings
from relight.io.doctor.processes import Process, is_within
from relight.io.git import git


def look_at_git(around: surroundings.Git | None) -> Look:
    if around is None:
        return Look("Git", "no repository", [of_surroundings.no_git()])
    return Look("Git", f"commits: {around.commits}", of_surroundings.of_git(**around._asdict()))


def look_at_python() -> Look:
    on_path, here = surroundings.environment_of_python(), surroundings.environment_here()
    found = of_surroundings.of_python(on_path=on_path, here=here, activate=surroundings.activation())
    return Look("python", on_path or "none", found)


def look_at_locks(everybody: list[Process]) -> Look:
    living = {process.pid: (process.words, process.started) for process in everybody}
    files = locks.read_rwlocks()
    found = [finding for file in files for finding in of_locks.of_rwlock(**file._asdict(), living=living)]
    found += of_locks.of_stage_lock(holder=locks.holder_of_stages())
    return Look("locks", f"rwlock files: {len(files)}; the lock of the stages", found)


def look_at_experiments() -> Look:
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


def look_at_queue(everybody: list[Process]) -> Look:
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


def look_at_settings(has_commit: bool) -> Look:
    known = settings.read_settings(has_git=has_commit)
    remotes = of_settings.remotes(known.committed, known.local)
    found = of_settings.of_secrets(known.committed, known.in_history)
    found += of_settings.of_remotes(known.committed, known.local)
    found += of_settings.of_relative_remotes(known.committed)
    return Look("settings", f".dvc/config; remotes: {len(remotes)}", found)
