"""The other models of the repository: where they are, and which of them an experiment changes.

An experiment is a commit of the whole repository, and DVC does not record the folder that it was made in.
"""

import os
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import NamedTuple

from relight.errors import InputError
from relight.repository.git import git_or_none, git_output, run_git
from relight.repository.revisions import LOCK_PATH, PARAMS_PATH
from relight.runtime.messages import abbreviate
from relight.runtime.pipeline import PIPELINE_PATH
from relight.runtime.workspace import find_root


def assert_model_here() -> None:
    """Check that this is the folder of a model, if the repository has models in other folders.

    Raises:
        InputError: with the folders to go to.
    """
    if PIPELINE_PATH.exists():
        return
    listed = git_or_none("ls-files", "-z", "--", f":(top,glob)**/{PIPELINE_PATH}") or ""
    folders = [str(PurePath(file).parent) for file in listed.split("\0") if file]
    folders = list(dict.fromkeys([*_model_above(), *folders]))
    if folders:
        raise InputError(
            f"{Path.cwd()}: must be the folder of a model, got one without {PIPELINE_PATH}; "
            f"go to {abbreviate(folders)} and run the command there"
        )


def _model_above() -> list[str]:
    """Return the nearest folder of a model above this one, although Git may not know it yet; empty if there is none."""
    root = find_root(Path.cwd()) or Path.cwd()
    above = [folder for folder in Path.cwd().parents if folder.is_relative_to(root)]
    return [os.path.relpath(folder) for folder in above if (folder / PIPELINE_PATH).exists()][:1]


class ChangedFolders(NamedTuple):
    """The folders that a commit is about.

    Attributes:
        here: whether it changes one file of the current folder.
        elsewhere: whether it changes the params.yaml or the dvc.lock of another folder.
    """

    here: bool
    elsewhere: bool


def changed_folders(commits_and_baselines: Iterable[tuple[str, str]], own: str) -> dict[str, ChangedFolders]:
    """Return what commits change. One process of Git reads all.

    Args:
        commits_and_baselines: each commit, and the one that it is compared with.
        own: the file of the current folder: dvc.lock for what has run, params.yaml for what was to run.
    """
    baselines = dict(commits_and_baselines)
    if not baselines:
        return {}
    here = run_git("rev-parse", "--show-prefix")
    changed = {commit: set(paths) for commit, paths in _changed_files(baselines).items()}
    owned = {here + PARAMS_PATH, here + LOCK_PATH}
    return {commit: ChangedFolders(here + own in paths, bool(paths - owned)) for commit, paths in changed.items()}


def commits_of_other_models(commits_and_baselines: Iterable[tuple[str, str]], own: str) -> set[str]:
    """Return the commits that are only about other folders; the arguments are the same."""
    changed = changed_folders(commits_and_baselines, own)
    return {commit for commit, folders in changed.items() if folders.elsewhere and not folders.here}


def _changed_files(baselines: dict[str, str]) -> dict[str, list[str]]:
    """Return the changed params.yaml and dvc.lock files, from the top of the Git repository, by commit."""
    names = [f":(top,glob)**/{name}" for name in (PARAMS_PATH, LOCK_PATH)]
    options = ("--stdin", "-r", "--no-renames", "--no-relative", "--name-only", "-z")
    pairs = "".join(f"{commit} {baseline}\n" for commit, baseline in baselines.items())
    listed = git_output("diff-tree", *options, "--", *names, stdin=pairs.encode())
    changed: dict[str, list[str]] = {commit: [] for commit in baselines}
    commit = ""
    for word in os.fsdecode(listed).split("\0"):
        if word in changed:
            commit = word
        elif word:
            changed[commit].append(word)
    return changed
