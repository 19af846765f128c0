"""DVC's list of who is busy (rwlock), and our lock of the stages."""

from collections.abc import Mapping

from relight.domain.doctor.finding import Finding, listed

OURS = {"relight.io.ending_dvc", "relight.workflows.sweep.worker"}  # modules that run dvc in their own process


def is_dvc(words: tuple[str, ...]) -> bool:
    """Whether a command line is that of a dvc that works on a repository."""
    names = [word.rsplit("/", 1)[-1] for word in words[:5]]
    return not OURS.isdisjoint(names) or ("dvc" in names and "daemon" not in names)


def of_rwlock(
    *,
    path: str,
    owners: Mapping[int, str] | None,
    written: float,
    living: Mapping[int, tuple[tuple[str, ...], float]],
) -> list[Finding]:
    """Asked when no dvc works on the repository.

    Args:
        owners: the command of each process that the file names, by its pid; None where it cannot be read.
        written: when the file was last written, in seconds since 1970.
        living: the words and the start of each process of this machine.
    """
    mend = (("rm", path),)
    if owners is None:
        return [
            Finding(f"{path} is cut short or damaged", "every dvc command that runs something stops at it", mend, True)
        ]
    stale = [
        f"pid {pid}, {_fate(living.get(pid))}"
        for pid, command in owners.items()
        if pid not in living or not _owns(command, written, *living[pid])
    ]
    if not stale:
        return []
    why = "dvc warns of it, or waits for a stranger that has the number now"
    return [Finding(f"{path} names a dvc that is gone ({listed(stale)})", why, mend, len(stale) == len(owners))]


def of_stage_lock(*, holder: str | None) -> list[Finding]:
    """Asked when no dvc works on the repository.

    Args:
        holder: the stage and the pid in the lock, where a process holds it.
    """
    if holder is None:
        return []
    pid = holder.rsplit(" ", 1)[-1]
    return [
        Finding(
            f"a stage still runs ({holder}), though its dvc is gone",
            "what it trains is recorded nowhere, and no other stage can run beside it",
            (("kill", pid),),
            remark="it keeps a checkpoint when it ends; `dvc repro` goes on from there",
        )
    ]


def _owns(command: str, written: float, words: tuple[str, ...], started: float) -> bool:
    """Whether a living process can be the one that wrote its pid there, not a later one with the same number."""
    return started <= written and (is_dvc(words) or " ".join(words).endswith(command))


def _fate(process: tuple[tuple[str, ...], float] | None) -> str:
    if process is None or not process[0]:
        return "dead"
    return f"now `{' '.join(process[0])[:40]}`"
