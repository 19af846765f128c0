"""The surroundings that DVC fails in are named, with a way out that leads to no other finding."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from relight.doctor import surroundings
from relight.doctor.doctor import doctor
from relight.doctor.environment import DiskState
from relight.doctor.finding import Finding
from relight.doctor.surroundings import (
    cache_path_findings,
    check_folders,
    check_surroundings,
    name_findings,
    repository_findings,
)
from relight.runtime.places import configured_folder

NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")  # those that getpass.getuser reads
NOBODY = 12345  # no /etc/passwd has it


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC repository with every surrounding in order, whoever runs the tests."""
    root = tmp_path / "repository"
    (root / ".dvc/tmp").mkdir(parents=True)
    (root / ".dvc/config").touch()
    monkeypatch.chdir(root)
    for name in ("TMPDIR", "XDG_CONFIG_HOME", "DVC_GLOBAL_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path / "system"))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setenv("USER", "somebody")
    monkeypatch.setenv("HOME", str(tmp_path))
    return root


def become_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: NOBODY)


def type_exports(finding: Finding, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what the printed `export`s, `mkdir`s and `unset`s do."""
    for word, *others in finding.commands:
        if word == "export":
            monkeypatch.setenv(*others[0].split("=", 1))
        elif word == "unset":
            monkeypatch.delenv(others[0])
        else:
            assert word == "mkdir", shlex.join([word, *others])


def test_nothing_is_found_in_order(root: Path) -> None:
    assert check_surroundings(root).findings == check_folders(root).findings == []


def test_root_needs_no_variables(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert check_surroundings(root).findings == []


@pytest.mark.parametrize("value", ["", None], ids=["empty", "missing"])
@pytest.mark.parametrize(
    ("names", "problem"),
    [(NAMES, "the user 12345 has no name"), (("HOME",), "there is no home folder")],
    ids=["user", "home"],
)
def test_a_user_that_the_system_does_not_know(
    root: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], problem: str, value: str | None
) -> None:
    become_nobody(monkeypatch)
    for name in names:
        monkeypatch.setenv(name, value) if value is not None else monkeypatch.delenv(name, raising=False)
    (finding,) = check_surroundings(root).findings
    assert finding.problem.startswith(problem)
    type_exports(finding, monkeypatch)
    assert check_surroundings(root).findings == []


@pytest.mark.parametrize("name", NAMES)
def test_one_name_is_enough(root: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    become_nobody(monkeypatch)
    for other in NAMES:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "x")
    assert check_surroundings(root).findings == []


def test_a_place_of_settings_stands_in_for_a_home(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    become_nobody(monkeypatch)
    monkeypatch.delenv("HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(root))
    assert check_surroundings(root).findings == []


def test_the_folder_of_dvcs_state(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "file/below"))  # nobody can write there, root neither
    (finding,) = check_surroundings(root).findings
    assert finding.problem.startswith(f"{tmp_path}/file/below: nothing can be written there (Not a directory)")
    type_exports(finding, monkeypatch)
    assert check_surroundings(root).findings == []


def test_the_settings_name_the_folder_of_dvcs_state(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVC_SITE_CACHE_DIR")
    assert surroundings.site_cache_folder(root) == Path("/var/tmp/dvc")
    (root / ".dvc/config").write_text("[core]\n    site_cache_dir = /shared/dvc\n")
    assert surroundings.site_cache_folder(root) == Path("/shared/dvc")
    (root / ".dvc/config.local").write_text("[core]\n    site_cache_dir = ~/dvc\n")
    assert surroundings.site_cache_folder(root) == root.parent / "dvc"
    monkeypatch.delenv("HOME")
    become_nobody(monkeypatch)
    assert configured_folder(root, "core", "site_cache_dir") == root / ".dvc/~/dvc"  # as DVC reads it; no traceback


@pytest.mark.parametrize(
    ("error", "commands", "note"),
    [
        ("Permission denied", [f"sudo chown -R {NOBODY}:7 /r"], "--user 5:6"),
        ("Read-only file system", ["df -h /r", "ls -ld /r/.dvc/tmp"], ""),
    ],
)
def test_a_repository_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, error: str, commands: list[str], note: str
) -> None:
    become_nobody(monkeypatch)
    monkeypatch.setattr(os, "getgid", lambda: 7)
    monkeypatch.setattr(Path, "stat", lambda _: os.stat_result((0, 0, 0, 0, 5, 6, 0, 0, 0, 0)))
    (finding,) = repository_findings(Path("/r"), DiskState(error, 0))
    assert [shlex.join(command) for command in finding.commands] == commands
    assert note in finding.note


def test_a_home_that_cannot_be_written(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file/home"))
    assert check_surroundings(root).findings == []  # DVC runs without
    (finding,) = check_folders(root).findings
    assert finding.problem == f"HOME={tmp_path}/file/home: nothing can be written there (Not a directory)"
    type_exports(finding, monkeypatch)
    assert check_folders(root).findings == []


def test_a_folder_of_temporary_files_that_is_missing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(root / "none"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (finding,) = check_folders(root).findings
    assert finding.problem == f"TMPDIR={root}/none: nothing can be written there (No such file or directory)"
    assert finding.reason == "temporary files go to /tmp instead"
    type_exports(finding, monkeypatch)
    assert check_folders(root).findings == []


def test_a_folder_of_temporary_files_that_is_full(
    root: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small_disk / "all").write_bytes(bytes(64 * 1024))
    monkeypatch.setenv("TMPDIR", str(small_disk))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (finding,) = check_folders(root).findings
    assert finding.problem == f"TMPDIR={small_disk}: nothing can be written there (No space left on device)"
    type_exports(finding, monkeypatch)
    assert check_folders(root).findings == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("plain", None),
        ("Müller 模型", None),
        (os.fsdecode(b"M\xfcller"), "the folder M\\xfcller has a name that is not UTF-8"),
        (os.fsdecode(b"M\xfcller") + "/below", "the folder M\\xfcller has a name that is not UTF-8"),
    ],
)
def test_the_name_of_the_folder(name: str, problem: str | None) -> None:
    assert [finding.problem for finding in name_findings(Path("/home", name))] == ([problem] if problem else [])


def test_a_locale_that_does_not_read_the_name(root: Path) -> None:
    folder = root.rename(root.with_name("Müller"))
    code = "from relight.doctor.surroundings import *; print(name_findings(Path.cwd()))"
    told, fine = (
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": mode, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for mode in ("0", "1")
    )
    assert "M\\\\xfcller is not read as UTF-8 in this locale" in told
    assert "('export', 'PYTHONUTF8=1')" in told
    assert fine == "[]\n"


@pytest.mark.parametrize(("of_user", "n_commands"), [("/home/m", 3), ("/home/müller", 0)])
def test_a_cache_whose_path_is_not_ascii(of_user: str, n_commands: int) -> None:
    """DVC writes the path into the config of a temporary workspace, as ASCII."""
    (finding,) = cache_path_findings(Path("/data/Müller/.dvc/cache"), of_user)
    assert finding.problem == "the path of the cache has letters outside ASCII: /data/Müller/.dvc/cache"
    assert len(finding.commands) == n_commands
    moved_to = {command[-1] for command in finding.commands[1:]}
    assert all(cache_path_findings(Path(path), of_user) == [] for path in moved_to)
    assert len(moved_to) == min(n_commands, 1)
    assert "move the repository" in finding.note


def test_local_settings_that_are_not_ascii(root: Path) -> None:
    (root / ".dvc/config.local").write_text("['remote \"a\"']\n    url = /data/Müller\n", encoding="utf-8")
    (finding,) = check_folders(root).findings
    assert finding.problem == ".dvc/config.local has letters outside ASCII: url"
    (root / ".dvc/config.local").write_text("['remote \"a\"']\n    url = /data/Mueller\n", encoding="utf-8")
    assert check_folders(root).findings == []


def test_doctor_stops_at_what_every_command_of_dvc_fails_at(monkeypatch: pytest.MonkeyPatch) -> None:
    become_nobody(monkeypatch)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    report = doctor(fix=False)
    assert "     export USER=relight\n" in report.text
    assert "every command of DVC fails; the rest was not looked at" in report.text
    assert "cache " not in report.text
