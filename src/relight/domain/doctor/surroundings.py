"""Where the pipeline lives: a Git repository with a commit and an identity, a DVC repository, the right python."""

from relight.domain.doctor.finding import Finding


def no_git() -> Finding:
    return Finding(
        "this folder is not in a Git repository",
        "experiments, comparisons and history live in Git",
        (("git", "init"), ("git", "add", "--all"), ("git", "commit", "-m", "start")),
    )


def no_dvc() -> Finding:
    return Finding(
        "this folder is not a DVC repository (it has no .dvc/config)",
        "no stage can run; if the repository lies elsewhere, go to its top folder",
        (("dvc", "init"),),
    )


def of_git(*, commits: int, is_shallow: bool, top: str | None, missing: tuple[str, ...]) -> list[Finding]:
    """
    Args:
        commits: that lead to HEAD.
        top: the top folder of the repository, where this folder is another.
        missing: of user.name and user.email, those that Git does not know.
    """
    found = []
    if top is not None:
        found.append(
            Finding(
                "this folder is not the top of its Git repository",
                "the paths of dvc.yaml and of this command begin there",
                (("cd", top),),
            )
        )
    if missing:
        values = {"user.name": "Your Name", "user.email": "you@example.com"}
        found.append(
            Finding(
                f"Git has no {' and no '.join(missing)}",
                "`dvc exp run` records each experiment as a commit of somebody",
                tuple(("git", "config", "--global", key, values[key]) for key in missing),
            )
        )
    if commits == 0:
        found.append(
            Finding(
                "the Git repository has no commit yet",
                "an experiment needs one to start from",
                (("git", "add", "--all"), ("git", "commit", "-m", "start")),
            )
        )
    if is_shallow:
        found.append(
            Finding(
                f"the Git repository is a shallow clone ({commits} commits)",
                "experiments and results of the commits that are left out can be neither compared nor traced",
                (("git", "fetch", "--unshallow"),),
            )
        )
    return found


def of_python(*, on_path: str | None, here: str, activate: str | None) -> list[Finding]:
    """
    Args:
        on_path: the environment (sys.prefix) of the `python` that stages run with; None where there is none.
        here: the environment of this command.
        activate: the script that puts this environment first.
    """
    if on_path == here:
        return []
    what = "there is no python on PATH" if on_path is None else f"`python` is of {on_path}, this command of {here}"
    command = ("source", activate) if activate is not None else ("conda", "activate", here)
    return [Finding(what, "the stages run `python`, with other packages or none", (command,))]


def of_disk(*, cache: str, error: str | None, free: int, needed: int) -> list[Finding]:
    """
    Args:
        error: what the system says when a few bytes are written there.
        free: bytes.
        needed: bytes of all outs in dvc.lock: what one more run may write.
    """
    why = "a run loses its work there, and DVC may still record it, with exit code 0"
    look = (("df", "-h", cache),)
    if error is not None:
        return [Finding(f"{cache}: nothing can be written into the cache ({error})", why, look)]
    if free < needed:
        left = f"{free / 1e6:.1f} MB are left on the disk of the cache, and one run writes {needed / 1e6:.1f} MB"
        return [Finding(f"{cache}: {left}", why, look)]
    return []
