"""Damaged and unfinished files of the cache. A damaged one is put aside, never deleted: it may be the only copy."""

from collections.abc import Sequence

from relight.domain.doctor.finding import Command, Finding

ASIDE = ".dvc/tmp/relight/damaged"


def of_object(
    *,
    path: str,
    md5: str,
    size: int,
    outs: Sequence[str],
    intact: str | None,
    spoilt: Sequence[str],
    has_remote: bool,
) -> Finding:
    """
    Args:
        md5: by which DVC knows it.
        outs: files of the present dvc.lock that it is the content of.
        intact: a file of the workspace with the right bytes.
        spoilt: files of the workspace with the bytes of the damaged object.
        has_remote: whether there is one to pull from.
    """
    damage = "is empty" if size == 0 else "is damaged"
    whose = f"the content of {', '.join(outs)}" if outs else "of another run than the last"
    put_aside: list[Command] = [("mkdir", "-p", ASIDE), ("mv", path, f"{ASIDE}/{md5}")]
    put_aside += [("rm", file) for file in spoilt]
    if intact is not None:
        put_aside += [("cp", intact, path), ("chmod", "444", path)]
    is_needed = intact is None and outs
    again: tuple[Command, ...] = (("dvc", "pull", *outs),) if has_remote else ()
    return Finding(
        f"{path} {damage}: {whose}",
        "DVC trusts its name, checks it out and pushes it without a word",
        tuple(put_aside),
        is_safe=True,
        then=(*again, ("dvc", "repro")) if is_needed else (),
        remark="" if intact is None else f"{intact} has the right bytes",
    )


def of_temporary(paths: Sequence[str], n_bytes: int) -> list[Finding]:
    """
    Args:
        paths: of files that a copy into the cache did not finish, an hour ago or earlier.
    """
    if not paths:
        return []
    what = f"the cache holds {len(paths)} unfinished copies ({n_bytes / 1e6:.1f} MB), such as {paths[0]}"
    return [Finding(what, "a kill or a full disk left them, and nothing removes them", (("rm", "-f", *paths),), True)]
