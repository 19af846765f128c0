"""What a killed worker or a killed `dvc exp run --temp` leaves. Asked when no dvc works on the repository."""

from collections.abc import Sequence

from relight.domain.doctor.finding import Command, Finding

FAILED = "refs/exps/celery/failed"  # where DVC keeps what failed tasks were queued with


def of_task(
    *, commit: str, name: str, head: str, baseline: str, pid: int | None, pid_file: str, is_taken: bool
) -> list[Finding]:
    """One that says Running though nothing runs.

    Args:
        commit: what it was queued with.
        pid: of the process that ran it, where it had begun.
        is_taken: whether the pid is now that of a process that is no dvc: DVC would kill it.
    """
    keep = ("git", "update-ref", "--create-reflog", "-m", f"commit: dvc-exp:{head}:{baseline}:{name}", FAILED, commit)
    forget: tuple[Command, ...] = (("rm", pid_file),) if is_taken else ()
    process = "it had not begun" if pid is None else f"pid {pid} is gone"
    return [
        Finding(
            f"queue task {name} ({commit[:7]}) says Running, and its worker is dead ({process})",
            "it stays so for ever, and no worker takes it again",
            (keep, *forget, ("dvc", "queue", "kill", "--force", commit[:7])),
            is_safe=True,
            remark=f"it says Failed then; what it asked for stays: `git show {commit[:7]}:params.yaml`",
        )
    ]


def of_folder(
    *, path: str, n_bytes: int, asked_for: str | None, is_known: bool, fetch: Sequence[str], user: int | None
) -> list[Finding]:
    """A temporary workspace that no dvc uses.

    Args:
        asked_for: the commit with the experiment's params and files, if the repository has it.
        is_known: whether the queue keeps that commit.
        fetch: finished experiments that are only there: refs.
        user: the pid of another process that works in it.
    """
    what = f"{path}: the workspace of an experiment that was killed ({n_bytes / 1e6:.1f} MB)"
    if user is not None:
        return [
            Finding(f"{what}, in which pid {user} still works", "nobody collects its result", (("kill", str(user)),))
        ]
    keep: list[Command] = [("git", "fetch", path, f"{ref}:{ref}") for ref in fetch]
    if asked_for is not None and not is_known:
        keep.append(("git", "stash", "store", "-m", "experiment, killed in its temporary folder", asked_for))
    why = "nobody goes on with it, and it holds a copy of .dvc/config.local"
    kept = "what it asked for stays in `git stash list`" if asked_for is not None and not is_known else ""
    return [Finding(what, why, (*keep, ("rm", "-rf", path)), True, remark=kept)]
