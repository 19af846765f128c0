"""Line ends that Git changes: what is said is compared with the bytes of a real clone."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from relight.errors import RunError
from relight.repository import line_ends
from relight.repository.line_ends import (
    ChangedLineEnds,
    entries_with_other_line_ends,
    find_changed_line_ends,
    keeping_step,
    line_ends_note,
)
from relight.repository.objects import file_md5, path_md5

CRLF, LF, MIXED = b"x,y\r\n1,2\r\n", b"x,y\n1,2\n", b"x,y\r\n1,2\n"
UTF_16 = "x,y\r\n1,2\r\n".encode("utf-16")


class Case(NamedTuple):
    """A file that is committed, and what Git was told before.

    Attributes:
        before: what the first commit holds, before there are attributes; None: the file is new.
        autocrlf: of the repository; a clone has its own, which is not set.
    """

    attributes: str
    content: bytes
    is_changed: bool
    before: bytes | None = None
    autocrlf: str = "false"


CASES = {
    "no attributes": Case("", CRLF, is_changed=False),
    "auto": Case("* text=auto", CRLF, is_changed=True),
    "auto, mixed": Case("* text=auto eol=lf", MIXED, is_changed=True),
    "auto, LF": Case("* text=auto eol=lf", LF, is_changed=False),
    "auto, committed with CRLF before": Case("* text=auto eol=lf", CRLF + b"3,4\r\n", is_changed=False, before=CRLF),
    "auto, committed with LF before": Case("* text=auto eol=lf", CRLF, is_changed=True, before=LF),
    "text, committed with CRLF before": Case("*.csv text", CRLF + b"3,4\r\n", is_changed=True, before=CRLF),
    "text": Case("*.csv text", CRLF, is_changed=True),
    "only eol": Case("*.csv eol=lf", CRLF, is_changed=True),
    "kept": Case("* text=auto eol=lf\n*.csv -text", CRLF, is_changed=False),
    "binary": Case("* text=auto eol=lf\n*.csv binary", MIXED, is_changed=False),
    "told to be CRLF, and LF": Case("*.csv text eol=crlf", LF, is_changed=True),
    "told to be CRLF, and mixed": Case("*.csv text eol=crlf", MIXED, is_changed=True),
    "told to be CRLF, and CRLF": Case("*.csv text eol=crlf", CRLF, is_changed=False),
    "UTF-16": Case("* text=auto eol=lf", UTF_16, is_changed=False),
    "without lines": Case("* text=auto eol=lf", b"x", is_changed=False),
    "autocrlf": Case("", CRLF, is_changed=True, autocrlf="true"),
    "autocrlf=input": Case("", MIXED, is_changed=True, autocrlf="input"),
    "autocrlf, committed with CRLF before": Case("", CRLF + b"3,4\r\n", is_changed=False, before=CRLF, autocrlf="true"),
    "autocrlf, kept": Case("*.csv -text", CRLF, is_changed=False, autocrlf="true"),
}


def git(*arguments: str) -> str:
    who = ("-c", "user.name=T", "-c", "user.email=t@example.invalid")
    done = subprocess.run(["git", *who, *arguments], check=True, capture_output=True)
    return done.stdout.decode().strip()


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository"
    (root / "tables").mkdir(parents=True)
    monkeypatch.chdir(root)
    git("init", "-q", "-b", "main")
    return root


def commit(path: str, case: Case) -> None:
    """Write the file as the case says; Git gets its first content only."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if case.before is not None:
        Path(path).write_bytes(case.before)
        git("add", "-A")
        git("commit", "-qm", "before")
    Path(".gitattributes").write_text(f"{case.attributes}\n")
    git("config", "core.autocrlf", case.autocrlf)
    Path(path).write_bytes(case.content)


def cloned(tmp_path: Path, path: str) -> bytes:
    """The bytes of the file in a clone of what a commit of everything holds."""
    git("add", "-A")
    git("commit", "-qm", "all", "--allow-empty")
    git("clone", "-q", ".", str(tmp_path / "clone"))
    return (tmp_path / "clone" / path).read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_a_file_is_named_if_and_only_if_a_clone_has_other_bytes(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    commit("tables/a.csv", case)
    expected = [ChangedLineEnds("tables/a.csv", case.before is not None)] if case.is_changed else []
    assert find_changed_line_ends(["tables/a.csv"]) == expected
    assert (cloned(tmp_path, "tables/a.csv") != case.content) == case.is_changed
    assert bool(find_changed_line_ends(["tables"])) == case.is_changed  # after the commit, too, and for its folder


@pytest.mark.parametrize(
    "path", ["tables/my table.csv", "a[1]*?.csv", "#a.csv", "!a.csv", 'tables/é "q".csv', "a\\b c"]
)
@pytest.mark.parametrize("is_tracked", [True, False])
def test_the_step_that_is_named_makes_the_clone_equal(path: str, is_tracked: bool, tmp_path: Path) -> None:
    commit(path, Case("* text=auto eol=lf", CRLF, is_changed=True, before=LF if is_tracked else None))
    (changed,) = find_changed_line_ends([path])
    assert changed == ChangedLineEnds(path, is_tracked)
    _, line, _, add, _ = f"{keeping_step(changed)} ".split("`")
    with open(".gitattributes", "a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    subprocess.run(add, shell=True, check=True)
    assert find_changed_line_ends([path]) == []
    assert cloned(tmp_path, path) == CRLF


def test_a_table_above_the_folder_is_kept_by_the_attributes_beside_it(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit("tables/a.csv", CASES["auto"])
    (repository / "models/one").mkdir(parents=True)
    monkeypatch.chdir(repository / "models/one")
    (changed,) = find_changed_line_ends(["../../tables/a.csv"])
    assert line_ends_note(changed) == (
        "note: ../../tables/a.csv: Git stores it with other line ends than DVC hashes here, so that each clone would "
        "run the pipeline again; put `a.csv -text` at the end of ../../tables/.gitattributes, then "
        "`git add ../../tables/a.csv`\n"
    )


def test_what_git_ignores_or_is_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    commit("tables/a.csv", CASES["auto"])
    assert find_changed_line_ends([]) == []
    assert find_changed_line_ends(["tables/none.csv"]) == []
    monkeypatch.setattr(line_ends, "MAX_READ_BYTES", len(CRLF) - 1)
    assert find_changed_line_ends(["tables", "tables/a.csv"]) == []
    monkeypatch.setattr(line_ends, "MAX_READ_BYTES", len(CRLF))
    assert len(find_changed_line_ends(["tables", "tables/a.csv"])) == 1
    Path("tables/.gitignore").write_text("a.csv\n")
    assert find_changed_line_ends(["tables", "tables/a.csv"]) == []


def test_outside_a_repository_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="not a git repository"):
        find_changed_line_ends(["a.csv"])


@pytest.mark.parametrize("content", [CRLF, MIXED])
def test_an_entry_of_dvc_lock_is_told_from_its_commit(content: bytes) -> None:
    commit("tables/a.csv", Case("* text=auto eol=lf", content, is_changed=True))
    Path("tables/b.csv").write_bytes(LF)
    entries = {("tables/a.csv", file_md5(Path("tables/a.csv"))), ("tables", str(path_md5(Path("tables"))))}
    git("add", "-A")
    git("commit", "-qm", "all")
    assert entries_with_other_line_ends("HEAD", [*entries, ("tables/a.csv", "0" * 32)]) == entries
    assert entries_with_other_line_ends("HEAD", []) == set()


def test_a_clone_tells_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit("tables/a.csv", CASES["auto"])
    entry = ("tables/a.csv", file_md5(Path("tables/a.csv")))
    assert cloned(tmp_path, "tables/a.csv") == LF
    monkeypatch.chdir(tmp_path / "clone")
    assert entries_with_other_line_ends("HEAD", [entry]) == {entry}
