"""Fixtures of all tests, and of those that run the real `dvc`."""

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from tests import repositories
from tests.fork_servers import SEVERAL, ForkServers
from tests.repositories import Repository, make_repository, quick_environment

# The same examples in every run: a test that fails does so for everybody. HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile("same", derandomize=True)
settings.register_profile("search", max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_collection_finish() -> None:
    """Let the collector of garbage leave out what was imported and collected: it took 7 of 100 CPU seconds."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 10)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a long text by its beginning: each process of the tests holds all names, some of them many times."""
    return f"{val[:40]!a} and more, {len(val)}" if isinstance(val, str | bytes) and len(val) > 300 else None


@pytest.fixture(autouse=True)
def own_modules_are_forgotten(
    tmp_path_factory: pytest.TempPathFactory, modules_of_no_test: dict[str, object]
) -> Iterator[None]:
    """A test that imports the code of its own project leaves nothing of it to the next one."""
    folders = [*sys.path]
    yield
    sys.path[:] = folders
    base = str(tmp_path_factory.getbasetemp())
    for name, module in [*sys.modules.items()]:
        if modules_of_no_test.get(name) is module:
            continue
        if place_of(module).startswith(base):
            del sys.modules[name]
        else:
            modules_of_no_test[name] = module


@pytest.fixture(scope="session")
def modules_of_no_test() -> dict[str, object]:
    """By their names, those that were looked at after a test: there are 5,000, and to ask each one takes 12 ms."""
    return {}


def place_of(module: object) -> str:
    """The file of a module, or the folder of a package without an `__init__.py`; "" if it has none."""
    folders = getattr(module, "__path__", None)
    return str(getattr(module, "__file__", None) or next(iter(folders or ()), ""))


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder of the tests' own, for the default remote lies in it. Matplotlib keeps its list of fonts."""
    own = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MPLCONFIGDIR", str(Path.home() / ".cache/matplotlib"))
        environment.setenv("HOME", str(own))
        yield own


@pytest.fixture(autouse=True)
def settings_of_torch() -> Iterator[None]:
    """A stage sets threads and determinism for its whole process. Weights do not depend on the tests before."""
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk cannot be mounted here: it takes root")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.fixture(scope="session", autouse=True)
def fork_servers(home: Path) -> Iterator[None]:
    """The server serves all tests that run commands in repositories."""
    folder = home.with_name("servers")
    folder.mkdir()
    repositories.fork_servers = ForkServers(folder)
    yield
    repositories.fork_servers.close()
    repositories.fork_servers = None


@pytest.fixture(scope="session")
def fork_server_of_several(fork_servers: None) -> None:  # noqa: ARG001  # it makes what is asked
    """For tests of processes that train together: they fork, too."""
    assert repositories.fork_servers
    repositories.fork_servers.start(quick_environment(), SEVERAL)


@pytest.fixture
def new_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command is a new process, for tests of how a process starts, ends, or comes to its bytes."""
    monkeypatch.setattr(repositories, "fork_servers", None)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "repository"
    root.mkdir()
    return make_repository(root)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The default pipeline, run once. It is only read; take `finished_copy` to change something."""
    root = tmp_path_factory.mktemp("finished") / "repository"
    root.mkdir()
    repository = make_repository(root)
    assert repository.repro() == ["prepare", "split", "train", "evaluate", "plot"]
    return repository


@pytest.fixture
def finished_copy(finished: Repository, tmp_path: Path) -> Repository:
    """A copy of the finished repository, with its cache."""
    shutil.copytree(finished.root, tmp_path / "copy", symlinks=True)
    return Repository(tmp_path / "copy")
