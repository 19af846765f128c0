"""A name that a person gives to a state of the project: a commit, a tag, a branch, or an experiment of DVC."""

from relight.io.experiments import PLACE, commit_named, commits_of, experiments
from relight.io.git import git


def commit_of(name: str) -> str:
    """The commit that is meant. An experiment of the Git remote comes with the call, without its files.

    Raises:
        InputError: when nothing is called so, or several experiments are.
        RunError: when the Git remote cannot be asked, or has another experiment of a name that is taken here.
    """
    known = commits_of([name])
    remote = None if known else _git_remote()
    if remote is not None:
        _fetch_experiment(remote, name)
    return commit_named(name, known, experiments(), git("rev-parse", "HEAD"), remote)


def _git_remote() -> str | None:
    names = git("remote").split()
    return "origin" if "origin" in names else next(iter(names), None)


def _fetch_experiment(remote: str, name: str) -> None:
    """By Git itself: `dvc exp pull` does not heed the SSH settings of Git, and ends well where files are missing."""
    listed = (line.split("\t") for line in git("ls-remote", remote, f"refs/exps/*/{name}").splitlines())
    refs = [ref for _commit, ref in listed if (place := PLACE.fullmatch(ref)) and place[3] == name]
    if refs:
        git("fetch", "--quiet", remote, *(f"{ref}:{ref}" for ref in refs))
