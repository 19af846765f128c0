"""`relight pull` takes nothing from a remote that is a folder: what is damaged there stays, and is named."""

import subprocess
import sys
from pathlib import Path

import pytest

from relight.commands.pull import pull
from relight.errors import RunError
from relight.repository.objects import bytes_md5, object_path

FILES = {"data/a.csv": b"x\n1\n", "data/folder/b.csv": b"x\n2\n", "data/folder/c.csv": b"x\n3\n"}


def dvc(*words: str) -> None:
    done = subprocess.run([sys.executable, "-P", "-m", "dvc", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A remote that holds the files of a repository, whose cache and files are gone."""
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.chdir(root)
    subprocess.run(["git", "init", "-q"], check=True)
    dvc("init", "-q")
    dvc("remote", "add", "-q", "--default", "storage", str(tmp_path / "remote"))
    for path, content in FILES.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content)
    dvc("add", "-q", "data/a.csv", "data/folder")
    dvc("push", "-q")
    for path in sorted([*Path(".dvc/cache").rglob("*"), *map(Path, FILES)]):
        if path.is_file():
            path.unlink()
    return tmp_path / "remote"


@pytest.mark.parametrize(("mode", "verify"), [(0o644, "true"), (0o444, "false")])
def test_what_is_damaged_on_a_folder_stays_there_and_is_named(remote: Path, mode: int, verify: str) -> None:
    dvc("remote", "modify", "-q", "storage", "verify", verify)
    objects = {path: remote / object_path(bytes_md5(content)) for path, content in FILES.items()}
    damaged = {path: objects[path] for path in ("data/a.csv", "data/folder/b.csv")}
    for path in objects.values():
        path.chmod(0o644)
    for path in damaged.values():
        path.write_bytes(b"damaged, and perhaps worth a look")
    for path in objects.values():
        path.chmod(mode)
    before = {path: path.read_bytes() for path in sorted(remote.rglob("*")) if path.is_file()}
    with pytest.raises(RunError) as caught:
        pull(None)
    assert {path: path.read_bytes() for path in sorted(remote.rglob("*")) if path.is_file()} == before
    assert [problem.split(":")[0] for problem in caught.value.problems] == list(damaged)
    for problem, path in zip(caught.value.problems, damaged.values(), strict=True):
        assert f"is damaged on remote 'storage' ({remote})" in problem
        assert str(path) in problem
    for path in damaged.values():  # as the messages say
        path.unlink()
    for name in damaged:
        assert not Path(name).exists()


@pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # DVC's own
def test_what_is_intact_comes(remote: Path) -> None:
    for path in remote.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert "3 files are intact, in the cache and in the workspace" in pull(None)
    assert {path: Path(path).read_bytes() for path in FILES} == FILES
