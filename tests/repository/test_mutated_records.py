"""Whatever stands in dvc.lock, in the list of a folder, in a manifest or in metrics.json: a result, or our own error.

It comes within bounded time and memory, and nothing outside of the repository is opened, listed, written or removed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relight.commands.show import show
from relight.compare.compare import compare
from relight.doctor.dvc_lock import BrokenLock, check_lock, locked_outputs, read_locked_stages
from relight.errors import InputError, RelightError
from relight.model.manifest import Manifest
from relight.provenance import trace as tracing
from relight.provenance.trace import trace
from relight.repository.objects import bytes_md5, files_in_list, folder_files, object_path
from relight.repository.revisions import parse_run, read_lock, read_lock_file, read_workspace
from relight.runtime.files import read_format
from tests.bounds import bounded
from tests.closure import REPOSITORY
from tests.mutations import mutations
from tests.repositories import Repository

FOLDER = [HealthCheck.function_scoped_fixture]  # one folder for all examples: each writes its files anew
often = settings(deadline=None, derandomize=True, max_examples=200, suppress_health_check=FOLDER)
seldom = settings(often, max_examples=25)
PATHS_OF_EVENTS = {"open": 1, "os.listdir": 1, "os.scandir": 1, "os.remove": 1, "os.rmdir": 1, "os.mkdir": 1}
PATHS_OF_EVENTS |= {"os.rename": 2, "os.link": 2, "os.symlink": 2, "os.truncate": 1, "os.chmod": 1, "os.utime": 1}
SYSTEM = [sys.prefix, sys.base_prefix, REPOSITORY, "/proc", "/dev/null", "/usr", "/etc/localtime"]

watched: list[Path] = []  # what is touched outside of these folders; nothing is watched while it is empty
touched: list[str] = []


def note(event: str, arguments: tuple[Any, ...]) -> None:
    for path in arguments[: PATHS_OF_EVENTS.get(event, 0)] if watched else ():
        if isinstance(path, str | bytes | os.PathLike):
            place = Path(os.path.realpath(os.fsdecode(path)))
            if not any(place.is_relative_to(folder) for folder in watched):
                touched.append(f"{event} {place}")


sys.addaudithook(note)


@contextmanager
def within(root: Path) -> Iterator[None]:
    """A block that ends in time, takes little memory, and touches nothing outside of a folder."""
    watched[:], touched[:] = [Path(folder).resolve() for folder in (root, *SYSTEM)], []
    try:
        with bounded():
            yield
    finally:
        watched.clear()
    assert touched == []


@pytest.fixture(scope="module")
def traced(finished: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished repository next to somebody's files, which dvc.lock could name."""
    folder = tmp_path_factory.mktemp("mutated")
    shutil.copytree(finished.root, folder / "here/clone", symlinks=True)
    for command in (["add", "--all"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a result"]):
        subprocess.run(["git", "-C", folder / "here/clone", *command], check=True)
    shutil.copytree(folder / "here/clone", folder / "kept", symlinks=True)
    (folder / "canary").mkdir()
    (folder / "canary/file").write_bytes(b"of somebody else")
    return folder / "here/clone"


@pytest.fixture
def clone(traced: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(traced)
    monkeypatch.setattr(tracing, "cache_folder", lambda: traced / ".dvc/cache")  # it would start a dvc each time
    return traced


def test_a_touch_outside_is_noticed(clone: Path) -> None:
    with pytest.raises(AssertionError, match="canary/file"), within(clone):
        (clone / "../../canary/file").read_bytes()


@seldom
@given(data=st.data())
def test_any_dvc_lock_is_traced_and_looked_at_within_the_repository(clone: Path, data: st.DataObject) -> None:
    (clone / "dvc.lock").write_bytes(data.draw(mutations(original(clone, "dvc.lock"))))
    with within(clone):
        for path in ("models/model.pth", "reports/plots"):
            with suppress(RelightError):
                assert trace(Path(path), as_json=False, ask=False)
        stages = read_locked_stages()
        if not isinstance(stages, BrokenLock):
            cache = clone / ".dvc/cache"
            assert check_lock(stages, locked_outputs(stages, cache, set()), cache, has_remote=False).summary
        read_workspace()


def original(clone: Path, path: str) -> bytes:
    """The file of the pipeline that ran; an example that failed may have left another one."""
    return (clone.parent.parent / "kept" / path).read_bytes()


@often
@given(data=st.data())
def test_any_dvc_lock_is_read_or_refused(clone: Path, data: st.DataObject) -> None:
    content = data.draw(mutations(original(clone, "dvc.lock")))
    with within(clone):
        with suppress(InputError):
            read_lock(content)
        run = parse_run({"params.yaml": content, "reports/metrics.json": content, "dvc.lock": content})
        assert len(run.missing) <= 3


@often
@given(data=st.data())
def test_any_list_of_a_folder_names_files_of_that_folder(clone: Path, data: st.DataObject) -> None:
    (clone / "dvc.lock").write_bytes(original(clone, "dvc.lock"))
    md5 = next(
        out.md5 for stage in read_lock_file().values() for out in stage.outs.values() if out.md5.endswith(".dir")
    )
    content = data.draw(mutations((clone / ".dvc/cache" / object_path(md5)).read_bytes()))
    with within(clone), suppress(InputError):
        for path, file in files_in_list(content, "here").items():
            assert (clone / "out" / path).resolve().is_relative_to(clone.resolve() / "out")
            assert object_path(file).parts[:2] == ("files", "md5")


def test_a_list_that_is_named_by_its_bytes_is_checked_all_the_same(clone: Path) -> None:
    content = b'[{"md5": "0123456789abcdef0123456789abcdef", "relpath": "../../../canary/file"}]'
    md5 = f"{bytes_md5(content)}.dir"
    path = clone / ".dvc/cache" / object_path(md5)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with within(clone), pytest.raises(InputError, match="must list files that lie in their folder"):
        folder_files(clone / ".dvc/cache", md5)
    path.unlink()


@often
@given(data=st.data())
def test_any_manifest_is_read_or_refused(clone: Path, data: st.DataObject) -> None:
    path = clone / "manifest.json"
    path.write_bytes(data.draw(mutations(original(clone, "models/manifest.json"))))
    with within(clone), suppress(InputError):
        read_format(path, Manifest, 1)


@often
@given(data=st.data())
def test_any_metrics_are_shown_or_refused(clone: Path, data: st.DataObject) -> None:
    path = clone / "metrics.json"
    path.write_bytes(data.draw(mutations(original(clone, "reports/metrics.json"))))
    with within(clone), suppress(RelightError):
        assert show(path, clone / "reports/report.html", None)


@settings(seldom, max_examples=10)
@given(data=st.data())
def test_any_metrics_are_compared_or_refused(clone: Path, data: st.DataObject) -> None:
    path = clone / "reports/metrics.json"
    (clone / "dvc.lock").write_bytes(original(clone, "dvc.lock"))
    path.write_bytes(data.draw(mutations(original(clone, "reports/metrics.json"))))
    with within(clone), suppress(RelightError):
        assert compare(["HEAD", "workspace"], page=None, markdown=data.draw(st.booleans()), n_rows=5)
