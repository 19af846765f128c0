"""Leftovers are read as they are, also if only half of a file was written."""

import fcntl
import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from relight.doctor.cache import rehash_cache
from relight.doctor.checkpoints import leftover_checkpoints
from relight.doctor.doctor import run_fix
from relight.doctor.dvc_lock import BrokenLock, read_locked_stages
from relight.doctor.environment import no_dvc_result, probe_disk, read_git_state, stray_dvc_result
from relight.doctor.experiments import detached_head, dvc_stashes, generated_files, read_stash
from relight.doctor.locks import RWLOCK_PATHS, read_rwlocks, stage_lock_holder
from relight.doctor.settings import check_line_ends, read_dvc_config
from relight.repository.revisions import read_lock
from relight.runtime.workspace import find_root


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def git(*arguments: str) -> str:
    who = ("-c", "user.name=T", "-c", "user.email=t@example.invalid")
    return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def repository() -> None:
    git("init", "-q", "-b", "main")
    for text in ("one", "two"):
        Path("file").write_text(text)
        git("add", "file")
        git("commit", "-qm", text)


@pytest.mark.parametrize(
    ("content", "owners"),
    [
        ("", None),
        ('{"read": {"a": [{"pi', None),
        ('{"write": {"a": {"cmd": "dvc repro"}}}', None),
        ("[1]", None),
        ("{}", {}),
        (
            json.dumps({"write": {"a": {"pid": 1, "cmd": "x"}}, "read": {"b": [{"pid": 2, "cmd": "y"}]}}),
            {1: "x", 2: "y"},
        ),
    ],
)
def test_a_rwlock(content: str, owners: dict[int, str] | None) -> None:
    path = Path(RWLOCK_PATHS[0])
    path.parent.mkdir(parents=True)
    path.write_text(content)
    (lock,) = read_rwlocks()
    assert (lock.path, lock.owners) == (".dvc/tmp/rwlock", owners)


def test_the_lock_of_the_stages_counts_only_while_it_is_held() -> None:
    path = Path(".dvc/tmp/relight/lock")
    path.parent.mkdir(parents=True)
    assert stage_lock_holder() is None
    path.write_text("train, pid 12")
    assert stage_lock_holder() is None
    with open(path, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert stage_lock_holder() == "train, pid 12"


def test_every_object_is_hashed_also_an_empty_one_that_is_right() -> None:
    good = {"5d/41402abc4b2a76b9719d911017c592": b"hello", "d4/1d8cd98f00b204e9800998ecf8427e": b""}
    bad = {"00/" + "0" * 30: b"hello", "11/" + "1" * 30 + ".dir": b""}
    half = {f"11/.{'n' * 22}.tmp": b"h", f"11/.{'o' * 22}.tmp": b"h"}  # new and old
    for name, content in {**good, **bad, **half}.items():
        path = Path("cache/files/md5", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o444)
    old = Path(f"cache/files/md5/11/.{'o' * 22}.tmp")
    os.utime(old, (time.time() - 7200,) * 2)
    found = rehash_cache(Path("cache"))
    assert (found.n_objects, found.n_bytes) == (4, 10)
    assert [(one.md5, one.actual, one.size) for one in found.damaged] == [
        ("0" * 32, "5d41402abc4b2a76b9719d911017c592", 5),
        ("1" * 32 + ".dir", "d41d8cd98f00b204e9800998ecf8427e", 0),
    ]
    assert [one.path for one in found.temporary] == [str(old)]


def test_nothing_but_the_objects_of_dvc_and_their_copies_is_looked_at() -> None:
    """The folder of the cache stands in .dvc/config, which may be a stranger's: here it is somebody's home."""
    name = f".{'o' * 22}.tmp"
    Path("home/documents").mkdir(parents=True)
    copies = ("", "documents/", "files/", "files/md5/", "files/md5/abc/", "files/md5/AB/")
    for path in (
        "letter.tmp",
        "files/md5/ab/letter.tmp",
        "files/md5/ab/notes",
        *(f"{place}{name}" for place in copies),
    ):
        Path("home", path).parent.mkdir(parents=True, exist_ok=True)
        Path("home", path).write_bytes(b"h")
        os.utime(Path("home", path), (0, 0))
    Path("home/files/md5/cd").symlink_to("../../documents")
    Path("home/files/md5/ab", name).symlink_to("../../../letter.tmp")
    assert rehash_cache(Path("home"))[:2] == (0, 0)
    assert rehash_cache(Path("home")).temporary == []
    Path("other/files").mkdir(parents=True)
    Path("other/files/md5").symlink_to("../../home/files/md5")
    assert rehash_cache(Path("other")).temporary == []


def test_a_head_on_a_branch_or_moved_by_a_person_is_no_head_of_dvc() -> None:
    repository()
    tip = git("rev-parse", "HEAD")
    assert detached_head() is None
    git("checkout", "-q", "HEAD~1")
    assert detached_head() is None
    git("checkout", "-q", "main")
    git("checkout", "-q", tip)
    head = detached_head()
    assert head is not None
    assert (head.branch, head.tip, head.left, head.commit) == ("main", tip, tip, tip)
    git("switch", "-q", "main")
    git("bisect", "start", "HEAD", "HEAD~1")
    git("checkout", "-q", tip)
    assert detached_head() is None


def test_a_stash_of_git_itself_is_not_one_of_dvc() -> None:
    repository()
    assert dvc_stashes() == []
    Path("file").write_text("three")
    git("stash")
    assert dvc_stashes() == []


def test_dvc_lock_with_marks_and_without_a_whole_one_in_git() -> None:
    repository()
    assert read_locked_stages() == {}
    Path("dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    git("add", "dvc.lock")
    assert read_locked_stages() == {}
    Path("dvc.lock").write_text("<<<<<<< ours\nstages: {}\n")
    assert read_locked_stages() == BrokenLock(has_marks=True, is_committed=False)
    Path("dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    git("commit", "-qm", "lock")
    Path("dvc.lock").write_text("sch")
    assert read_locked_stages() == BrokenLock(has_marks=False, is_committed=True)


def test_settings_and_those_of_the_last_commit() -> None:
    repository()
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[core]\n    remote = r\n['remote \"r\"']\n    url = s3://b\n    password = a%b\n")
    git("add", "-A")
    git("commit", "-qm", "config")
    Path(".dvc/config").write_text("no section")
    found = read_dvc_config(has_commit=True)
    assert (found.committed, found.local) == ({}, {})
    assert found.in_history == {"core": {"remote": "r"}, 'remote "r"': {"url": "s3://b", "password": "a%b"}}
    assert read_dvc_config(has_commit=False).in_history == {}


def test_checkpoints_of_a_run_that_trains_now_are_left_out() -> None:
    for name in ("free", "held"):
        Path(".dvc/tmp/relight/checkpoints", name).mkdir(parents=True)
        Path(".dvc/tmp/relight/checkpoints", name, "lock").touch()
    with open(".dvc/tmp/relight/checkpoints/held/lock") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert [Path(kept.path).name for kept in leftover_checkpoints()] == ["free"]


def test_a_full_disk(small_disk: Path) -> None:
    assert probe_disk(small_disk / "cache/files").error is None
    (small_disk / "fill").write_bytes(b"\0" * (64 << 10))
    assert probe_disk(small_disk / "cache/files").error == "No space left on device"


def test_git_below_its_top_and_without_a_commit(folder: Path) -> None:
    assert read_git_state() is None
    git("init", "-q")
    found = read_git_state()
    assert found is not None
    assert (found.n_commits, found.is_shallow, found.top, found.is_nested) == (0, False, str(folder), False)
    Path("below").mkdir()
    os.chdir("below")
    assert read_git_state() == found  # without DVC, and in the folder of a model below the one .dvc
    Path("../.dvc").mkdir()
    assert read_git_state() == found
    git("init", "-q")
    found = read_git_state()
    assert found is not None
    assert (found.top, found.is_nested) == (str(folder / "below"), True)


def test_a_dvc_that_no_init_made_is_moved_aside(folder: Path) -> None:
    """A stage of an older version left it in the folder of a model: DVC takes that for another repository."""
    Path(".dvc").mkdir()
    Path(".dvc/config").touch()
    Path("models/price/.dvc/tmp/relight").mkdir(parents=True)
    os.chdir("models/price")
    (found,) = stray_dvc_result(Path.cwd()).findings
    assert found.problem == ".dvc has no config: no `dvc init` made it"
    assert (found.commands, found.is_safe, found.follow_up_commands) == ((("mv", ".dvc", ".dvc-left"),), True, ())
    assert run_fix(found.commands) is None
    assert find_root(Path.cwd()) == folder
    os.chdir("..")
    Path("../.dvc").rename("../none")
    Path("price/.dvc").mkdir()
    os.chdir("price")
    (alone,) = stray_dvc_result(Path.cwd()).findings  # `dvc init` fails while it is there
    assert alone.follow_up_commands == (("dvc", "init"),)


def test_without_dvc_it_is_made_where_git_begins(folder: Path) -> None:
    assert no_dvc_result(None).findings[0].commands == (("dvc", "init"),)
    git("init", "-q")
    assert no_dvc_result(read_git_state()).findings[0].commands == (("dvc", "init"),)
    Path("below").mkdir()
    os.chdir("below")  # where `dvc init` fails
    assert no_dvc_result(read_git_state()).findings[0].commands == (("cd", str(folder)), ("dvc", "init"))


def test_a_stash_is_compared_from_every_folder_and_what_stages_write_does_not_count() -> None:
    lock = "stages: {s: {cmd: x, outs: [{path: reports/metrics.json, md5: '" + "1" * 32 + "', size: '1'}]}}\n"
    for name in ("price", "size"):
        Path(f"models/{name}/reports").mkdir(parents=True)
        Path(f"models/{name}/dvc.lock").write_text(lock)
        Path(f"models/{name}/reports/metrics.json").write_text("1")
        Path(f"models/{name}/params.yaml").write_text("1")
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "start")
    for file in ("params.yaml", "dvc.lock", "reports/metrics.json"):
        Path("models/price", file).write_text("2")
    Path("models/size/reports/metrics.json").write_text("2")
    stashed = git("stash", "create")
    git("checkout", "-q", ".")
    for place in (".", "models/size"):
        os.chdir(place)
        stash = read_stash("stash@{0}", stashed, "WIP", generated_files())
        assert (stash.differing, stash.changed) == (("models/price/params.yaml",), ())


def test_line_ends_that_git_changes_are_found_and_the_next_step_works() -> None:
    repository()
    Path(".gitattributes").write_text("* text=auto\n")
    Path("data").mkdir()
    for name in ("raw.csv", "made.csv"):
        Path("data", name).write_bytes(b"x\r\n1\r\n")
    git("add", "-A")
    git("commit", "-qm", "three")
    lock = "stages: {a: {cmd: x, deps: [RAW, {path: data/gone.csv, md5: MD5, size: 1}], outs: [MADE]}}"
    for word, text in {"RAW": "{path: data/raw.csv, md5: MD5, size: 1}", "MD5": "0" * 32}.items():
        lock = lock.replace(word, text)
    stages = read_lock(lock.replace("MADE", f"{{path: data/made.csv, md5: {'1' * 32}, size: 1}}").encode())
    (found,) = check_line_ends(stages).findings
    assert found.problem == "data/raw.csv: Git stores it with other line ends than DVC hashes here"
    _, line, _, command, _ = f"{found.note} ".split("`")
    Path(".gitattributes").write_text(f"* text=auto\n{line}\n")
    subprocess.run(command, shell=True, check=True)
    assert check_line_ends(stages).findings == []
    Path(".gitattributes").write_text("* text=auto\ndata/** -text\n")
    assert check_line_ends(stages).findings == []
    outside = read_lock(lock.replace("data/raw.csv", "../t.csv").replace("MADE", "").encode())
    assert check_line_ends(outside).summary.startswith("not looked at: git ls-files: ")
