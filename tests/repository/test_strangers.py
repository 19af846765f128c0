"""What a stranger may have written into dvc.lock and the lists of folders reaches nothing outside of the repository."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from relight.doctor.doctor import place_problem
from relight.doctor.dvc_lock import check_lock, locked_outputs
from relight.errors import InputError, RelightError
from relight.repository.objects import assert_md5, bytes_md5, files_in_list, folder_files, object_path
from relight.repository.params_files import yaml_as_texts
from relight.repository.recorded_paths import assert_output_places, lies_inside, recorded_md5
from relight.repository.revisions import LockedStage, LockEntry, parse_run, read_lock

GOOD = "0123456789abcdef0123456789abcdef"
BAD_MD5S = [
    "", "..", "../home/u/x", "/etc/passwd", f"{GOOD}/../../x", f"../{GOOD}", GOOD[:-1], f"{GOOD}0", GOOD.upper(),
    f"{GOOD}.DIR", f"{GOOD}.dir.dir", f"{GOOD}\n", f" {GOOD}", f"{GOOD}\0", "０123456789abcdef0123456789abcdef",
    None, 5, [GOOD], {"md5": GOOD},
]  # fmt: skip
BAD_RELPATHS = [
    "", ".", "..", "../x", "../../.venv/x.pth", "/etc/passwd", "a/../../x", "a/..", "a//b", "a/", "./a", "a/./b",
    "..\\x", "a\\..\\x", "C:/x", "a\0b", "a\nb", "a\rb", "\ud800", "é" * 128, "a/" * 2049 + "a", None, 5, ["a"],
]  # fmt: skip


@pytest.mark.parametrize("md5", BAD_MD5S)
def test_what_is_no_md5_names_no_object(md5: Any) -> None:
    with pytest.raises(InputError, match=r"must name an object by 32 hexadecimal digits, got"):
        object_path(md5)


@pytest.mark.parametrize("md5", [GOOD, f"{GOOD}.dir"])
def test_an_md5_is_the_path_of_an_object(md5: str) -> None:
    assert assert_md5(md5, "dvc.lock") == md5
    assert object_path(md5).as_posix() == f"files/md5/01/{md5[2:]}"


@pytest.mark.parametrize("md5", [value for value in BAD_MD5S if isinstance(value, str)])
def test_a_dvc_lock_with_such_a_name_is_refused(md5: str) -> None:
    out = {"path": "models/model.pth", "md5": md5, "size": 5}
    text = json.dumps({"schema": "2.0", "stages": {"train": {"cmd": "x", "outs": [out]}}})
    with pytest.raises(InputError, match=r"models/model.pth: must name an object by 32 hexadecimal digits"):
        read_lock(text.encode())


def folder_list(*entries: Any) -> bytes:
    return json.dumps(list(entries)).encode()


@pytest.mark.parametrize("relpath", BAD_RELPATHS)
def test_a_folder_lists_only_files_below_it(relpath: Any) -> None:
    with pytest.raises(InputError, match=r"^here: must list files that lie in their folder, got"):
        files_in_list(folder_list({"md5": GOOD, "relpath": "a"}, {"md5": GOOD, "relpath": relpath}), "here")


@pytest.mark.parametrize("md5", BAD_MD5S)
def test_a_folder_lists_only_objects(md5: Any) -> None:
    with pytest.raises(InputError, match=r"^here: must name an object by 32 hexadecimal digits"):
        files_in_list(folder_list({"md5": md5, "relpath": "a"}), "here")


@pytest.mark.parametrize("content", [b"", b"5", b"{}x", b'["a"]', b'[{"md5": "a"}]', b"\xff", b"[" * 10**6, b"[[]]"])
def test_what_is_no_list_of_a_folder_is_said(content: bytes) -> None:
    with pytest.raises(InputError, match=r"^here: must be DVC's list of the files of a folder, got something else"):
        files_in_list(content, "here")


def test_usual_names_are_listed(tmp_path: Path) -> None:
    names = ["a.png", "b/c d.csv", "..a", "a..", ".hidden/é", "x:y"]
    content = folder_list(*({"md5": GOOD, "relpath": name} for name in names))
    md5 = f"{bytes_md5(content)}.dir"
    path = tmp_path / object_path(md5)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert folder_files(tmp_path, md5) == dict.fromkeys(names, GOOD)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository next to somebody's home."""
    root = tmp_path / "clone"
    for folder in (tmp_path / "home", root / "reports/plots", root / ".git/hooks", root / ".dvc", root / ".venv"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "prefix", str(root / ".venv"))
    return root


def test_outputs_in_the_repository_are_places(clone: Path) -> None:
    Path("elsewhere").mkdir()
    Path("linked").symlink_to("elsewhere")  # in the repository, as its owner wants it
    outputs = [("reports/plots", ["reports/plots/a.png", "reports/plots/b/c.png"]), ("linked/x.pth", ["linked/x.pth"])]
    assert_output_places([*outputs, ("reports/new/x", [])], clone)


@pytest.mark.parametrize("output", ["../home/x", "../home", "/etc/x", ".", "..", "a/../../home/x", "out/x", "out/a/b"])
def test_an_output_elsewhere_is_refused(output: str, clone: Path) -> None:
    Path("out").symlink_to("../home")
    with pytest.raises(InputError, match=r"must lie in this repository, got .*; nothing was written"):
        assert_output_places([(output, [output])], clone)


@pytest.mark.parametrize("output", [".git/hooks/post-checkout", ".dvc/config", ".venv/lib/x.pth", "reports/../.git/x"])
def test_an_output_that_would_be_run_is_refused(output: str, clone: Path) -> None:
    with pytest.raises(InputError, match=r"must lie where nothing is run, got .*; nothing was written"):
        assert_output_places([(output, [output])], clone)


def test_a_link_inside_an_output_is_refused_by_name(clone: Path) -> None:
    os.symlink("../../../home", "reports/plots/away")
    os.symlink("../../.git", "reports/plots/git")
    files = [f"reports/plots/{name}" for name in ("a.png", "away/x", "git/hooks/y")]
    with pytest.raises(RelightError) as caught:
        assert_output_places([("reports/plots", files)], clone)
    assert [problem.split(",")[0] for problem in caught.value.problems] == [
        "reports/plots/away: must lie in reports/plots",
        "reports/plots/git/hooks: must lie in reports/plots",
    ]


@pytest.mark.parametrize(
    "text", [b"stages:\n  " + sign * 200_000 for sign in (b"[", b"{", b"- ", b"? ", b"{a: ", b"[a, ")]
)
def test_a_deeply_nested_dvc_lock_ends_in_a_sentence(text: bytes) -> None:
    with pytest.raises(InputError, match=r"dvc.lock: is damaged, or holds the marks of a merge"):
        read_lock(text)


def bomb(levels: int) -> bytes:
    """A dvc.lock whose params are 9 ** levels values, by aliases."""
    lines = [f"  - &a{k} [{', '.join([f'*a{k - 1}' if k else 'x'] * 9)}]\n" for k in range(levels)]
    return b"bomb:\n" + "".join(lines).encode() + b"stages: {}\n"


def test_aliases_as_dvc_writes_them_are_read() -> None:
    assert yaml_as_texts(b"a: &id001 {x: 1}\nb: *id001\n") == {"a": {"x": "1"}, "b": {"x": "1"}}
    assert read_lock(bomb(3)) == {}


FULL = {"commas": b"[" + b"a," * 1_200_000 + b"]", "lines": b"- a\n" * 1_100_000, "bytes": b"a" * (2**23 + 1)}


@pytest.mark.parametrize("text", FULL.values(), ids=FULL)
def test_a_dvc_lock_that_would_fill_the_memory_is_refused_before_it_is_parsed(text: bytes) -> None:
    with pytest.raises(InputError, match=r"dvc.lock: is damaged, or holds the marks of a merge"):
        read_lock(text)


@pytest.mark.parametrize("text", [bomb(9), bomb(200), b"stages: &a {x: *a}\n", b"stages: " + b"[" * 4000 + b"]" * 4000])
def test_an_alias_bomb_ends_in_a_sentence(text: bytes) -> None:
    with pytest.raises(InputError, match=r"dvc.lock: is damaged, or holds the marks of a merge"):
        read_lock(text)


@pytest.mark.parametrize(
    ("path", "is_inside"),
    [
        ("reports/plots", True), ("reports/new/x", True), ("reports/../dvc.lock", True), ("file", True), (".", True),
        ("..", False), ("../home/x", False), ("/etc/passwd", False), ("folder", False), ("folder/x", False),
        ("reports/../../home", False),
    ],
)  # fmt: skip
def test_what_dvc_lock_names_is_looked_at_in_the_repository_only(path: str, *, is_inside: bool, clone: Path) -> None:
    Path("folder").symlink_to("../home")
    Path("file").symlink_to("../home/x")  # as DVC links a file from its cache
    assert lies_inside(Path(path), clone) == is_inside


def test_the_md5_of_a_file_elsewhere_is_not_taken(clone: Path) -> None:
    (clone / "a").write_bytes(b"here")
    (clone.parent / "home/x").write_bytes(b"elsewhere")
    assert recorded_md5("a") == bytes_md5(b"here")
    assert recorded_md5("../home/x") is None
    assert recorded_md5(str(clone.parent / "home/x")) is None


def test_doctor_names_an_out_elsewhere_and_touches_it_with_no_command(clone: Path) -> None:
    outs = {path: LockEntry(path, GOOD, 5) for path in ("../home/x", "-rf", "a")}
    stages = {"train": LockedStage("x", {}, {}, outs, {}, {})}
    looked_at = locked_outputs(stages, clone / ".dvc/cache", set())
    assert [out.path for out in looked_at] == ["./-rf", "a"]
    found = check_lock(stages, looked_at, clone / ".dvc/cache", has_remote=False).findings
    assert found[0].problem == "dvc.lock records ../home/x, which lies outside of the repository; it was not looked at"
    assert not [word for finding in found for command in finding.commands for word in command if "home" in word]


@pytest.mark.parametrize("value", ["x", "1", ["x"], {}, True, 10**400])
@pytest.mark.parametrize("place", ["test", "intervals", "seeds"])
def test_scores_that_are_no_numbers_are_not_compared(place: str, value: Any) -> None:
    sections = {
        "test": {"mae": value},
        "intervals": {"test": {"mae": value}},
        "seeds": {"test": {"mae": {"mean": value}}},
    }
    metrics = {"test": {"mae": 0.5}, place: sections[place]}
    run = parse_run({"params.yaml": None, "dvc.lock": None, "reports/metrics.json": json.dumps(metrics).encode()})
    assert run.metrics == {}
    assert [text for text in run.missing if text.startswith(f"reports/metrics.json cannot be read ({place}.")]


def test_usual_scores_are_read() -> None:
    metrics = {"test": {"mae": 1, "r2": None}, "intervals": {"test": {"mae": [0.5, 2], "r2": None}}, "other": ["x"]}
    run = parse_run({"params.yaml": None, "dvc.lock": None, "reports/metrics.json": json.dumps(metrics).encode()})
    assert run.metrics == metrics


@pytest.mark.parametrize(
    "path", ["../home/x", "/etc/passwd", "linked/x", ".dvc/tmp/exps/tmpx", ".dvc/tmp/exps/standalone"]
)
@pytest.mark.parametrize("command", [("rm", "-rf"), ("mv", "a"), ("cp", "a"), ("chmod", "444"), ("mkdir", "-p")])
def test_no_fix_changes_a_file_elsewhere(command: tuple[str, ...], path: str, clone: Path) -> None:
    Path("linked").symlink_to("../home")
    Path(".dvc/tmp").mkdir()
    Path(".dvc/tmp/exps").symlink_to("../../../home")
    assert place_problem([("dvc", "repro"), (*command, path)], [clone]) == (
        f"{path} lies outside of the repository, or follows a link to there"
    )


def test_a_fix_changes_files_of_the_repository_and_of_its_cache(clone: Path) -> None:
    shared = clone.parent / "home/cache/files/md5"
    commands = [("mkdir", "-p", ".dvc/tmp/relight"), ("mv", f"{shared}/ab/cd", "new"), ("chmod", "444", "new")]
    assert place_problem(commands, [clone, shared]) is None
