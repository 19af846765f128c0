"""A list of a folder that names other places, in the cache with the right MD5, is named before anything follows it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from relight.cli import main
from relight.doctor.cache import check_cache, rehash_cache
from relight.doctor.doctor import run_fix
from relight.doctor.dvc_lock import locked_outputs
from relight.repository.objects import bytes_md5, object_path
from relight.repository.revisions import LockedStage, LockEntry, locked_list_problems
from tests.repositories import REPOSITORY

GOOD = "0123456789abcdef0123456789abcdef"
BAD_LISTS = {
    "up": ([{"md5": GOOD, "relpath": "../../x"}], "must list files that lie in their folder, got '../../x'"),
    "absolute": ([{"md5": GOOD, "relpath": "/etc/x"}], "must list files that lie in their folder, got '/etc/x'"),
    "object": ([{"md5": "../../x", "relpath": "a"}], "must name an object by 32 hexadecimal digits, got '../../x'"),
    "no list": ("x", "must be DVC's list of the files of a folder"),
    "a number": (5, "must be DVC's list of the files of a folder"),
}
CACHE = Path(".dvc/cache")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "root/.dvc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "root")
    return tmp_path / "root"


def store(listed: Any) -> str:
    """Put a list into the cache, and its name into dvc.lock."""
    content = json.dumps(listed).encode()
    md5 = f"{bytes_md5(content)}.dir"
    path = CACHE / object_path(md5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    out = {"path": "reports/plots", "hash": "md5", "md5": md5, "size": 5}
    stages = {"plot": {"cmd": "x", "outs": [out]}}
    Path("dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": stages}))
    return md5


@pytest.mark.parametrize("case", BAD_LISTS)
def test_a_bad_list_is_found_by_doctor_and_moved_aside(case: str) -> None:
    listed, problem = BAD_LISTS[case]
    md5 = store(listed)
    state = rehash_cache(CACHE)
    (finding,) = check_cache(CACHE, state, [], has_remote=False).findings
    assert problem in finding.problem
    assert finding.problem.startswith(f"{CACHE / object_path(md5)}: ")
    stages = {"plot": LockedStage("x", {}, {}, {"reports/plots": LockEntry("reports/plots", md5, 5)}, {}, {})}
    assert [out.files for out in locked_outputs(stages, CACHE, set())] == [None]  # doctor goes on
    assert run_fix(finding.commands) is None
    assert not (CACHE / object_path(md5)).exists()
    assert json.loads(Path(".dvc/tmp/relight/damaged", md5).read_bytes()) == listed


@pytest.mark.parametrize("case", BAD_LISTS)
def test_a_bad_list_is_found_by_the_check(case: str) -> None:
    listed, problem = BAD_LISTS[case]
    md5 = store(listed)
    (found,) = locked_list_problems(CACHE)
    assert found.startswith(f"{CACHE / object_path(md5)}: ")
    assert problem in found


def test_a_usual_list_is_none() -> None:
    md5 = store([{"md5": GOOD, "relpath": "a b/c.png"}, {"md5": GOOD, "relpath": "..d"}])
    assert rehash_cache(CACHE).bad_lists == {}
    assert locked_list_problems(CACHE) == []
    (CACHE / object_path(md5)).write_bytes(b"damaged")  # which is another finding
    assert rehash_cache(CACHE).bad_lists == {}
    assert locked_list_problems(CACHE) == []


def test_relight_check_prints_what_it_checked_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(REPOSITORY / "data/raw", "data/raw")
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(REPOSITORY / name, name)
    store([{"md5": GOOD, "relpath": "../../x"}])
    assert main(["check"]) == 1
    said = capsys.readouterr()
    assert "50 rows (40 train, 10 test)" in said.out
    assert "must list files that lie in their folder, got '../../x'" in said.err
    Path("dvc.lock").unlink()
    assert main(["check"]) == 0
