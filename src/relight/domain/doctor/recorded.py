"""dvc.lock against what is there.

DVC writes it, with exit code 0, even where a full disk kept an out from the cache.
"""

from collections.abc import Sequence

from relight.domain.doctor.finding import Finding, listed


def of_broken(*, has_marks: bool, is_committed: bool) -> Finding:
    """
    Args:
        has_marks: of a merge.
        is_committed: whether the dvc.lock of HEAD is whole.
    """
    why = "no dvc command can say what is current"
    if has_marks:
        mend = (("git", "checkout", "--ours", "dvc.lock"), ("dvc", "repro"), ("git", "add", "dvc.lock"))
        return Finding("dvc.lock holds the marks of a merge", why, mend, remark="`dvc repro` runs what differs now")
    back = (("git", "checkout", "HEAD", "dvc.lock"),) if is_committed else (("mv", "dvc.lock", "dvc.lock.damaged"),)
    return Finding("dvc.lock is cut short or damaged", why, (*back, ("dvc", "repro")))


def of_out(
    *, path: str, stage: str, n_missing: int, has_list: bool, is_here: bool, copy_to: str | None, has_remote: bool
) -> Finding:
    """An out of which something is not in the cache.

    Args:
        n_missing: objects.
        has_list: whether it is a file, or a folder of which the cache knows the files.
        is_here: whether the workspace has just what dvc.lock says.
        copy_to: of a file that is here, where its object belongs.
    """
    if is_here:
        what = f"dvc.lock records {path}, and the cache has not got it; only the workspace has"
        why = "a `dvc push` leaves it out, and the next run of the stage removes it"
        if copy_to is not None:
            folder = copy_to.rsplit("/", 1)[0]
            mend = (("mkdir", "-p", folder), ("cp", path, copy_to), ("chmod", "444", copy_to))
            return Finding(what, why, mend, is_safe=True)
        return Finding(what, why, (("dvc", "repro", stage),), remark="a full disk leaves it so; DVC ends with 0 then")
    count = f"{n_missing} of its files" if has_list and n_missing > 1 else "it"
    what = f"dvc.lock records {path}, and neither cache nor workspace has {count}"
    return Finding(what, "nobody can check it out or push it", _again(path, stage, has_remote))


def of_nothing(paths: Sequence[str], *, has_remote: bool) -> Finding:
    """Where all outs are missing, as in a fresh clone."""
    what = f"dvc.lock records {len(paths)} outs ({listed(paths)}), and neither cache nor workspace has any"
    return Finding(what, "this is how a fresh clone begins", (("dvc", "pull"),) if has_remote else (("dvc", "repro"),))


def _again(path: str, stage: str, has_remote: bool) -> tuple[tuple[str, ...], ...]:
    return (("dvc", "pull", path), ("dvc", "repro", stage)) if has_remote else (("dvc", "repro", stage),)
