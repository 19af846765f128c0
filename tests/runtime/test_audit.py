"""The audit of what a stage reads and imports, in this process."""

from pathlib import Path

import pytest

from relight.errors import RunError
from relight.runtime.audit import Audit


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of own code in the repository."""
    monkeypatch.chdir(tmp_path)
    Path(".dvc").mkdir()
    for path in ("src/own/__init__.py", "src/own/empty.py", "outside"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()
    return Path("src/own")


def test_an_empty_init_may_be_read_because_it_cannot_change_a_result(package: Path) -> None:
    with Audit("train", (), Path("scratch")):
        assert (package / "__init__.py").read_bytes() == b""


@pytest.mark.parametrize("name", ["__init__.py", "empty.py"])
def test_code_that_nothing_declares_may_not(package: Path, name: str) -> None:
    (package / "__init__.py").write_text("x = 1")
    message = f"stage train reads src/own/{name}, which is not among its deps"
    with pytest.raises(RunError, match=message), Audit("train", (), Path("scratch")):
        (package / name).read_bytes()


def test_an_empty_init_may_not_be_written(package: Path) -> None:
    message = r"stage train writes src/own/__init__\.py"
    with pytest.raises(RunError, match=message), Audit("train", (), Path("scratch")):
        (package / "__init__.py").write_text("")


def test_bytecode_and_its_folder_are_no_outs(package: Path) -> None:
    """Python makes them when it imports own code for the first time."""
    with Audit("train", (), Path("scratch")):
        (package / "__pycache__").mkdir()
        (package / "__pycache__/nets.cpython-311.pyc").write_bytes(b"")
    with pytest.raises(RunError, match="stage train changes src/own/cache"), Audit("train", (), Path("scratch")):
        (package / "cache").mkdir()
