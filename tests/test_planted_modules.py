"""A repository of a stranger may hold files that are named as modules: commands that look import none of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from relight.doctor.doctor import run_fix
from relight.errors import RunError
from relight.repository import dvc_command
from relight.repository.dvc_command import assert_dvc_installed, environment_of_dvc, run_dvc
from tests.repositories import REPOSITORY, clean_environment, make_repository

# As the script `relight` starts: the current folder is no place to import from.
RELIGHT = (sys.executable, "-P", "-c", "from relight.cli import entry; entry()")
NAMES = (
    "configobj", "dvc/__init__", "git", "yaml", "ruamel/__init__", "numpy", "polars", "pydantic", "runpy", "json",
    "logging", "sitecustomize", "usercustomize", "dvc_s3", "fsspec", "pygit2", "relight/__init__", "antigravity",
)  # fmt: skip


def plant(root: Path, canary: Path) -> None:
    """Put modules into a folder, each of which adds a line to a file when it is imported."""
    for name in NAMES:
        path = root / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"with open({str(canary)!r}, 'a') as file:\n    file.write({name!r} + '\\n')\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "root/.dvc").mkdir(parents=True)
    plant(tmp_path / "root", tmp_path / "canary")
    monkeypatch.chdir(tmp_path / "root")
    return tmp_path


def test_commands_that_look_import_nothing_of_the_repository(tmp_path: Path) -> None:
    root, canary = tmp_path / "root", tmp_path / "canary"
    root.mkdir()
    make_repository(root)
    plant(root, canary)
    environment = {**clean_environment(), "PYTHONPATH": str(REPOSITORY / "src")}
    for words in ("doctor", "trace params.yaml", "check", "show", "compare HEAD HEAD", "pull", "deps"):
        done = subprocess.run(
            [*RELIGHT, *words.split()], cwd=root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 1, 2), f"{words}: {done.stderr}"
        assert done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert not canary.exists(), f"{words}: {canary.read_text()}"


@pytest.mark.parametrize("before", ["", ":", ".", "{root}", "{root}/.dvc/..:/nowhere", "../root"])
def test_dvc_imports_nothing_of_the_current_folder(before: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", before.format(root=folder / "root"))
    assert run_dvc("--version").startswith("3.")
    assert run_fix((("dvc", "--version"),)) is None
    assert not (folder / "canary").exists()


def test_a_plain_python_would(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "dvc", "--version"], capture_output=True, check=False)
    assert "dvc/__init__" in (folder / "canary").read_text()


def test_other_entries_of_the_path_stay(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"/one::{folder}/root:src:/two:")
    assert environment_of_dvc()["PYTHONPATH"] == "/one:src:/two"
    monkeypatch.setenv("PYTHONPATH", ".")
    assert "PYTHONPATH" not in environment_of_dvc()
    monkeypatch.delenv("PYTHONPATH")
    assert environment_of_dvc() == dict(os.environ)


def test_a_dvc_of_the_repository_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = folder / "root/dvc/__init__.py"

    class Spec:
        origin = str(planted)

    monkeypatch.setattr(dvc_command, "find_spec", lambda _name: Spec)
    with pytest.raises(RunError, match=f"dvc: must be installed beside {sys.executable}, got {planted} of this"):
        run_dvc("--version")
    monkeypatch.setattr(dvc_command, "find_spec", lambda _name: None)
    with pytest.raises(RunError, match=f"dvc: must be installed beside {sys.executable}, got none; run `pip install"):
        assert_dvc_installed()
