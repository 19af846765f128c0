"""Experiments in which only other models of the repository ran.

An experiment is a commit of the whole repository, and DVC does not record for which folder it was made.
"""

import os
import subprocess
from collections.abc import Iterable

from relight.errors import RunError
from relight.repository.git import git_error_text, run_git


def commits_of_other_models(commits_and_baselines: Iterable[tuple[str, str]], file: str) -> set[str]:
    """Return the commits that change a file of this name in other folders, and not the one in the current folder.

    Args:
        commits_and_baselines: each commit, and the one that it is compared with.
        file: dvc.lock for experiments that ran, params.yaml for those that did not.
    """
    baselines = dict(commits_and_baselines)
    if not baselines:
        return set()
    own = run_git("rev-parse", "--show-prefix") + file
    changed = _changed_files(baselines, file)
    return {commit for commit, paths in changed.items() if paths and own not in paths}


def _changed_files(baselines: dict[str, str], name: str) -> dict[str, list[str]]:
    """Return the changed files of this name, from the top of the Git repository, by commit. One process reads all."""
    command = ["git", "diff-tree", "--stdin", "-r", "--no-renames", "--name-only", "-z", "--", f":(top,glob)**/{name}"]
    pairs = "".join(f"{commit} {baseline}\n" for commit, baseline in baselines.items())
    done = subprocess.run(command, input=pairs.encode(), capture_output=True, check=False)
    if done.returncode != 0:
        raise RunError(git_error_text(["diff-tree"], done.stderr))
    changed: dict[str, list[str]] = {commit: [] for commit in baselines}
    commit = ""
    for word in os.fsdecode(done.stdout).split("\0"):
        if word in changed:
            commit = word
        elif word:
            changed[commit].append(word)
    return changed
