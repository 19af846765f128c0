"""A name that a person gives to a state of the project: a commit, a tag, a branch, or an experiment of DVC."""

import re

from relight.errors import InputError, RunError
from relight.io.git import git

EXPERIMENT = r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/"  # then its name; the hash is that of the commit it started from


def commit_of(name: str) -> str:
    """The commit that is meant. An experiment of the Git remote comes with the call, without its files.

    Raises:
        InputError: when nothing is called so, or several experiments are.
        RunError: when the Git remote cannot be asked, or has another experiment of a name that is taken here.
    """
    with_name = _local_commit(name)
    if with_name is not None:
        return with_name
    remote = _git_remote()
    if remote is not None:
        _fetch_experiment(remote, name)
    here = _experiments(git("for-each-ref", "--format=%(objectname)\t%(refname)", "refs/exps"), name)
    if len(here) != 1:
        raise InputError(_not_one(name, here, remote))
    return next(iter(here.values()))


def _local_commit(name: str) -> str | None:
    try:
        return git("rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}").splitlines()[-1]
    except RunError:
        return None


def _git_remote() -> str | None:
    names = git("remote").split()
    return "origin" if "origin" in names else next(iter(names), None)


def _fetch_experiment(remote: str, name: str) -> None:
    """By Git itself: `dvc exp pull` does not heed the SSH settings of Git, and ends well where files are missing."""
    refs = _experiments(git("ls-remote", remote, f"refs/exps/*/{name}"), name)
    if refs:
        git("fetch", "--quiet", remote, *(f"{ref}:{ref}" for ref in refs))


def _experiments(listed: str, name: str) -> dict[str, str]:
    """The commit of each reference to an experiment of that name, from lines of a commit, a tab and a reference."""
    pairs = (line.split("\t") for line in listed.splitlines())
    return {ref: commit for commit, ref in pairs if re.fullmatch(EXPERIMENT + re.escape(name), ref)}


def _not_one(name: str, found: dict[str, str], remote: str | None) -> str:
    if found:
        commits = ", ".join(commit[:10] for commit in found.values())
        return f"{name}: several experiments are called so; name the commit of one: {commits}"
    where = "`dvc exp list` lists them" if remote is None else f"`dvc exp list --all {remote}` lists those of {remote}"
    return f"{name}: is no commit, tag, branch or experiment; {where}"
