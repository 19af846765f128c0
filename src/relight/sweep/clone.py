"""A clone of the repository, in which one process runs experiments one after another.

`dvc exp run --temp` stashes the workspace for each experiment and takes the first stash it finds: two at once may take
each other's. A clone has its own stash, shares Git's objects and DVC's cache with the repository, and keeps its outputs
from one experiment to the next, so that only what differs runs. Whatever a kill left in it is thrown away.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from relight.errors import RunError
from relight.repository.dvc_command import run_dvc
from relight.repository.git import git_environment, git_output, make_sharing_repository, run_git
from relight.runtime.lifetime import PARENT_VARIABLE, is_locked
from relight.runtime.workspace import model_folder, repository_root, scratch_folder
from relight.sweep import dvc_child

POLL_SECONDS = 0.25  # seconds between two looks at a running experiment

IDENTITY_OPTIONS = ("user.name", "user.email")

# What a Git hook sets: the repository that it runs in.
REPOSITORY_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")

MADE_MARKER = "relight-made"  # in the .git of a complete clone
LOCK_SECONDS = 30.0  # for which a stage of a killed dvc may take to end

# dvc_child.py of this code, not of the clone; its path is no environment variable, which the stages would inherit.
SOURCE_ROOT = str(Path(dvc_child.__file__).resolve().parents[2])

START_CODE = """
import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("relight.sweep.dvc_child", None, "__main__")
"""

DVC_COMMAND = [sys.executable, "-P", "-c", START_CODE, SOURCE_ROOT]  # -P: it imports nothing of the folder


class Baseline(NamedTuple):
    """The state that every experiment starts from.

    Attributes:
        root: the top of the Git repository.
        commit: its HEAD.
        changes: a commit of the changes in tracked files since; "" if there are none.
        cache: the folder of DVC's cache.
    """

    root: str
    commit: str
    changes: str
    cache: str


class ExperimentClone:
    """One clone, used only by the process that holds its slot.

    Attributes:
        folder: its top.
        model: the folder of the model in it.
    """

    def __init__(self, folder: Path, baseline: Baseline) -> None:
        self.folder, self._baseline = folder, baseline
        self.model, self._root = self._inside(Path.cwd()), self._inside(repository_root())
        if not (folder / ".git" / MADE_MARKER).exists():
            self._make()

    def run(self, name: str, overrides: list[str], is_hopeless: Callable[[Path], bool]) -> bool:
        """Run one experiment and push it to the repository.

        Args:
            overrides: as KEY=VALUE.
            is_hopeless: called with the folder several times a second; ends the experiment by returning True.

        Returns:
            Whether the experiment is complete.

        Raises:
            RunError: with the message of DVC or the stage, if it failed.
        """
        try:
            self._reset()
        except RunError:  # a kill may have left a state that Git cannot fix
            self._make()
        if not self.model.is_dir():
            raise RunError(f"{model_folder()}: Git tracks no file in it, and a trial would lack it; run `git add .`")
        log = self.folder.with_suffix(".log")
        sets = [word for override in overrides for word in ("-S", override)]
        with open(log, "w", encoding="utf-8") as output:
            child = subprocess.Popen(
                [*DVC_COMMAND, "exp", "run", "-n", name, *sets],
                cwd=self.model,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                is_complete = self._wait(child, is_hopeless)
            finally:
                child.kill()  # its stage polls for it, and ends too
                child.wait()
        if not is_complete:
            return False
        if child.returncode != 0:
            raise RunError(_failure_reason(log.read_text(encoding="utf-8", errors="replace"), child.returncode))
        self._publish(name)
        return True

    def _wait(self, child: subprocess.Popen, is_hopeless: Callable[[Path], bool]) -> bool:
        while True:
            with suppress(subprocess.TimeoutExpired):
                child.wait(POLL_SECONDS)
                return True
            if is_hopeless(self.model):
                return False

    def _make(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        make_sharing_repository(self.folder, _git_environment())
        for key in IDENTITY_OPTIONS:
            with suppress(RunError):  # the environment may set it; if nothing does, DVC says so
                self._git("config", key, run_git("config", key))
        self._reset()
        local = repository_root() / ".dvc/config.local"
        if local.exists():
            shutil.copy(local, self._root / ".dvc/config.local")
        cache = os.path.relpath(self._baseline.cache, self._root)  # DVC cannot write letters outside ASCII
        run_dvc("--cd", str(self._root), "config", "--local", "cache.dir", cache)
        with suppress(RunError):  # the first experiment makes what is missing
            run_dvc("--cd", str(self._root), "checkout", "--quiet")
        (self.folder / ".git" / MADE_MARKER).touch()

    def _reset(self) -> None:
        """Restore the baseline; of earlier experiments only the outputs that Git ignores stay."""
        _wait_for_lock(self._inside(scratch_folder() / "lock"))
        for path in (self.folder / ".git").glob("**/*.lock"):  # left by a Git that was killed
            path.unlink()
        refs = self._git("for-each-ref", "--format=%(refname)", "refs/exps", "refs/stash").split()
        for ref in refs:
            self._git("update-ref", "--no-deref", "-d", ref)
        shutil.rmtree(self.folder / ".git/refs/exps", ignore_errors=True)  # symbolic refs to a ref that is gone
        self._git("checkout", "--quiet", "--force", "--detach", self._baseline.commit)
        self._git("clean", "--quiet", "-fd")
        if self._baseline.changes:
            self._git("restore", f"--source={self._baseline.changes}", "--staged", "--worktree", "--", ".")
        for path in (self._root / ".dvc/tmp").glob("*"):  # locks, and files that a killed dvc left half written
            if path.name != "relight":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _publish(self, name: str) -> None:
        refs = self._git("for-each-ref", "--format=%(refname)", "refs/exps").split()
        ref = next((ref for ref in refs if ref.endswith(f"/{name}")), None)
        if ref is None:
            raise RunError(f"{name}: dvc made no experiment of it; see {self.folder.with_suffix('.log')}")
        push = ("-c", "protocol.file.allow=always", "push", "--quiet", "--force")
        self._git(*push, self._baseline.root, f"{ref}:{ref}")

    def _inside(self, path: Path) -> Path:
        """Return the path in the clone that corresponds to one in the repository."""
        return self.folder / os.path.relpath(path, self._baseline.root)

    def _git(self, *arguments: str) -> str:
        said = git_output("-C", str(self.folder), *arguments, environment=_git_environment())
        return os.fsdecode(said).removesuffix("\n")


def current_baseline() -> Baseline:
    """Return the state of the repository in the current folder.

    Raises:
        RunError: with the message of Git or DVC, if it is no repository or has no commit.
    """
    commit = run_git("rev-parse", "--verify", "HEAD")
    is_changed = run_git("status", "--porcelain", "--untracked-files=no") != ""
    changes = run_git("stash", "create") if is_changed else ""  # it fails if there is nothing to stash
    return Baseline(run_git("rev-parse", "--show-toplevel"), commit, changes, run_dvc("cache", "dir"))


def existing_experiments(names: Collection[str], commit: str) -> set[str]:
    """Return those of the names that are experiments of a commit already."""
    refs = run_git("for-each-ref", "--format=%(refname)", f"refs/exps/{commit[:2]}/{commit[2:]}").split()
    return {ref.rsplit("/", 1)[1] for ref in refs} & set(names)


def _environment() -> dict[str, str]:
    """Return this environment without the variables of a calling dvc or git; `python` in dvc.yaml is this one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "GIT_"))}
    folder = str(Path(sys.executable).parent)
    identity = {name: value for name, value in os.environ.items() if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))}
    return {**kept, **identity, "PATH": f"{folder}{os.pathsep}{kept['PATH']}", PARENT_VARIABLE: str(os.getpid())}


def _git_environment() -> dict[str, str]:
    """Return the environment for Git in the clone, even if a Git hook has set another repository."""
    return {name: value for name, value in git_environment().items() if name not in REPOSITORY_VARIABLES}


def _failure_reason(output: str, code: int) -> str:
    """Return the errors of the stage, or else those of DVC."""
    lines = output.splitlines()
    for start in ("error: ", "ERROR: "):
        if errors := [line.removeprefix(start) for line in lines if line.startswith(start)]:
            return "; ".join(errors)
    what = f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
    return f"dvc exp run ended with {what}"


def _wait_for_lock(path: Path) -> None:
    """Wait for the stage of a killed dvc, which ends within a second."""
    until = time.monotonic() + LOCK_SECONDS
    while is_locked(path):
        if time.monotonic() > until:
            raise RunError(f"{path}: a stage that no command waits for still runs; end it with `kill`")
        time.sleep(0.1)
