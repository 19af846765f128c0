"""Real repositories, for the tests that run the real `dvc`."""

import compileall
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.fork_servers import ForkServers

REPOSITORY = Path(__file__).resolve().parent.parent
# Of a test session; a benchmark has none, and every command is a new interpreter.
fork_servers: ForkServers | None = None
WHAT_A_CLONE_HAS = ("data/raw", "recipes", "src", "stages", "dvc.yaml", "params.yaml", ".dvcignore", ".gitignore")


class Repository:
    """A Git and DVC repository of its own, with the code as it stands now.

    Helpers for tests only: run a command, run the pipeline, set params, read hashes.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *command: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env={**quick_environment(), **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )

    def repro(self, *arguments: str) -> list[str]:
        """`dvc repro`; the stages that ran, in their order. Fails the test when dvc fails."""
        done = self.run("dvc", "repro", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]

    def relight(self, *arguments: str) -> tuple[int, str]:
        """The command of the code in the repository: its exit code, and all that it said."""
        start = "import sys; from relight.cli import main; sys.exit(main(sys.argv[1:]))"
        done = self.run("python", "-c", start, *arguments, env={"PYTHONPATH": "src"})
        return done.returncode, done.stdout + done.stderr

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text, f"{path} has no {old!r}"
        (self.root / path).write_text(text.replace(old, new, 1), encoding="utf-8")

    def hashes(self) -> str:
        return (self.root / "dvc.lock").read_text(encoding="utf-8")

    def bytes_of(self, *paths: str) -> dict[str, bytes]:
        return {path: (self.root / path).read_bytes() for path in paths}


# What a command, or a library under it, sets in its own process, which may be that of the tests.
SET_BY_COMMANDS = {"CUBLAS_WORKSPACE_CONFIG", "GIT_OPTIONAL_LOCKS", "GLOO_SOCKET_IFNAME", "TORCHINDUCTOR_CACHE_DIR"}


def clean_environment() -> dict[str, str]:
    """This environment with its own python first, and without what a dvc or a command in this process left in it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in SET_BY_COMMANDS and not name.startswith(("DVC_", "RELIGHT_", "PYTHON"))
    }
    here = str(Path(sys.executable).parent)
    return {**kept, "PATH": f"{here}{os.pathsep}{kept['PATH']}", "DVC_NO_ANALYTICS": "1"}


def quick_environment() -> dict[str, str]:
    """A clean environment in which `python`, `dvc` and `relight` fork from processes that have their imports."""
    environment = clean_environment()
    return environment if fork_servers is None else {**environment, "PATH": fork_servers.path(environment)}


@cache
def compile_once() -> None:
    for name in ("src", "stages"):
        compileall.compile_dir(REPOSITORY / name, quiet=1)


def make_repository(root: Path) -> Repository:
    """A first commit, an empty cache, nothing run yet. The code is compiled already."""
    compile_once()
    for name in WHAT_A_CLONE_HAS:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("*.egg-info"))
        else:
            shutil.copy(source, root / name)
    (root / ".dvc").mkdir()
    shutil.copy(REPOSITORY / ".dvc/config", root / ".dvc/config")
    shutil.copy(REPOSITORY / ".dvc/.gitignore", root / ".dvc/.gitignore")
    repository = Repository(root)
    for command in (
        ("git", "init", "-q", "-b", "main"),
        ("git", "config", "user.name", "Test"),
        ("git", "config", "user.email", "test@example.invalid"),
        ("git", "add", "-A"),
        ("git", "commit", "-qm", "start"),
    ):
        done = repository.run(*command)
        assert done.returncode == 0, done.stderr
    return repository


def run_recipe(folder: Path, recipe: str, *edits: tuple[str, str]) -> Repository:
    """A repository in this folder in which a recipe has run from end to end.

    Args:
        edits: old and new texts in its params.
    """
    root = folder / "repository"
    root.mkdir()
    repository = make_repository(root)
    shutil.copy(root / f"recipes/{recipe}.yaml", root / "params.yaml")
    for old, new in edits:
        repository.edit("params.yaml", old, new)
    assert repository.repro() == ["prepare", "split", "train", "evaluate", "plot"]
    return repository
