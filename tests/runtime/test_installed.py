"""The code of an installed Relight: its hashes, and what a stage says of another one."""

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest
import yaml

from relight.errors import InputError, RelightError
from relight.runtime import audit
from relight.runtime.audit import is_in_repository
from relight.runtime.dependencies import Declaration, read_declaration
from relight.runtime.installed import (
    CODE_ROOT,
    CODE_SUFFIXES,
    NOT_HASHED,
    STAGE_CODE,
    assert_installed,
    code_hash,
    installed_digests,
    installed_hash,
    stage_hash,
)
from relight.runtime.strict_yaml import parse_yaml
from tests.closure import REPOSITORY

TRAIN = Declaration("train", ("data/rows",), (), ("train",), ("train",))


@pytest.mark.parametrize("stage", STAGE_CODE)
def test_the_code_of_a_stage_is_that_of_the_clone_without_number_and_load(stage: str) -> None:
    pipeline = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))
    code = [dep.removeprefix("src/relight/") for dep in pipeline["stages"][stage]["deps"] if dep.startswith("src/")]
    assert sorted(STAGE_CODE[stage]) == sorted(set(code) - set(NOT_HASHED))
    assert list(STAGE_CODE) == list(pipeline["stages"])


def test_the_suffixes_of_code_are_those_of_all_that_a_stage_may_run() -> None:
    tracked = [
        path
        for names in STAGE_CODE.values()
        for name in names
        for path in [CODE_ROOT / name, *(CODE_ROOT / name).rglob("*")]
        if path.is_file() and "__pycache__" not in path.parts
    ]
    assert {path.suffix for path in tracked} == set(CODE_SUFFIXES)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A small Relight."""
    for name in ("errors.py", "runtime/runner.py", "data/schema.py", "metrics/direction.py", "plot/page.html.jinja"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_the_hash_of_a_folder_is_that_of_the_names_and_bytes_of_its_code(code: Path) -> None:
    one = hashlib.sha256(b"plot/page.html.jinja").hexdigest()  # the bytes are the name
    expected = hashlib.sha256(f"plot/page.html.jinja {one}".encode()).hexdigest()[:16]
    assert code_hash("plot", code) == expected


@pytest.mark.parametrize(
    "name", ["plot/__pycache__/a.cpython-311.pyc", "plot/page.html.jinja~", "train/loop.py", "x.py"]
)
def test_bytecode_backups_and_the_code_of_others_do_not_count(code: Path, name: str) -> None:
    before = stage_hash("plot", code)
    (code / name).parent.mkdir(exist_ok=True)
    (code / name).write_text("x")
    assert stage_hash("plot", code) == before


@pytest.mark.parametrize("change", ["write", "add", "rename", "remove"])
def test_every_change_of_its_code_counts(code: Path, change: str) -> None:
    before, page = stage_hash("plot", code), code / "plot/page.html.jinja"
    match change:
        case "write":
            page.write_text("plot/page.html.jinj!")
        case "add":
            (code / "runtime/new.py").touch()
        case "rename":
            page.rename(code / "plot/other.html.jinja")
        case "remove":
            page.unlink()
    assert stage_hash("plot", code) != before


def write_record(folder: Path, **content: str) -> None:
    (folder / "relight.json").write_text(json.dumps(content))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path(".dvc").mkdir()
    monkeypatch.setattr("relight.runtime.installed.version", lambda _: "0.3.0")
    return tmp_path


def test_the_recorded_code_runs_and_is_one_of_the_digests(project: Path) -> None:
    write_record(project, train=stage_hash("train"), version="0.1.0")  # the number itself does not matter
    assert_installed(TRAIN)
    assert installed_digests(TRAIN) == {"relight.json:train": stage_hash("train")}
    assert installed_hash("post") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"train": "0", "version": "0.2.0"},
            "relight.json: train: must run with Relight 0.2.0, got 0.3.0; run `relight upgrade`, "
            "or `pip install relight==0.2.0` to go back",
        ),
        (
            {"train": "0", "version": "0.3.0"},
            "relight.json: train: must run with Relight 0.3.0, got other code with the same number; "
            "run `relight upgrade`",
        ),
        ({}, "relight.json: train: must run with Relight unknown, got 0.3.0; run `relight upgrade`"),
    ],
)
def test_another_code_is_refused_in_one_sentence(project: Path, content: dict[str, str], message: str) -> None:
    write_record(project, **content)
    with pytest.raises(InputError) as caught:
        assert_installed(TRAIN)
    assert caught.value.problems == (message,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "relight.json: no such file in .*; `relight upgrade` writes it"),
        ("<<<<<<< HEAD\n", "relight.json: cannot be read .*; `git checkout relight.json` brings it back"),
        ("[]", "relight.json: must be a mapping"),
    ],
)
def test_a_damaged_record_is_named_with_the_way_out(project: Path, text: str | None, message: str) -> None:
    if text is not None:
        (project / "relight.json").write_text(text)
    with pytest.raises(InputError, match=message):
        assert_installed(TRAIN)


def test_a_key_that_is_no_stage_is_named(project: Path) -> None:
    write_record(project)
    with pytest.raises(InputError, match=r"stage post: relight\.json: must be one of prepare, split, .*, got post"):
        assert_installed(Declaration("post", (), (), (), ("post",)))


@pytest.mark.usefixtures("project")
def test_installed_code_that_nothing_names_is_refused_because_an_upgrade_would_change_nothing() -> None:
    bare = Declaration("train", ("stages/train.py",), (), ("train",))
    with pytest.raises(RelightError, match=r"stage train: must have `relight.json: \[train\]` among its params"):
        assert_installed(bare)
    assert_installed(Declaration("train", tuple(str(CODE_ROOT / name) for name in STAGE_CODE["train"]), (), ()))
    assert_installed(Declaration("train", (os.path.relpath(CODE_ROOT),), (), ()))  # a model in a folder of a clone
    assert_installed(Declaration("post", (), (), ()))  # an own stage, which need not run Relight at all
    with pytest.raises(RelightError, match="among its params"):
        assert_installed(Declaration("train", (str(CODE_ROOT / "train"),), (), ()))


@pytest.mark.usefixtures("project")
def test_the_command_of_another_clone_says_whose_it_is() -> None:
    Path("src/relight").mkdir(parents=True)
    Path("src/relight/__init__.py").touch()
    with pytest.raises(RelightError, match=r"a Relight of its own in src/, and this command is that of .*; run `make"):
        assert_installed(Declaration("train", ("src/relight/train",), (), ("train",)))


def test_code_in_the_repository_is_left_to_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert_installed(Declaration("train", (), (), ()))


def test_params_of_other_files_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  post:\n    params:\n      - relight.json: [train, plot]\n      - model\n"
        "      - params.yaml: [post]\n      - other.yaml:\n      - third.json: [a]\n"
        "  whole:\n    params:\n      - params.yaml:\n  none:\n    cmd: x\n"
    )
    params = parse_yaml("model: {}\npost: {}\n", "params.yaml")
    post = read_declaration("post", params)
    assert post.sections == ("model", "post")
    assert post.installed == ("train", "plot")
    assert post.params_files == ("other.yaml", "third.json")
    assert read_declaration("whole", params).sections == ("model", "post")
    assert read_declaration("none", params) == Declaration("none", (), (), ())


@pytest.mark.parametrize(
    ("prefix", "path", "is_ours"),
    [
        ("/p/.venv", "/p/.venv/lib/python3.11/site-packages/relight/errors.py", False),
        ("/p/.venv", "/p/src/houses/networks.py", True),
        ("/elsewhere", "/p/.venv/lib/a.py", True),
        ("/p", "/p/lib/python3.11/site-packages/relight/errors.py", False),  # `python -m venv .`
        ("/p", "/p/src/houses/networks.py", True),
        ("/", "/p/src/houses/networks.py", True),  # `/usr/src/app` in an image whose Python is that of /usr
        ("/p/.venv", "/q/a.py", False),
    ],
)
def test_the_files_of_an_environment_inside_the_repository_are_not_ours(
    monkeypatch: pytest.MonkeyPatch, prefix: str, path: str, is_ours: bool
) -> None:
    libraries = {"purelib": f"{prefix}/lib/python3.11/site-packages", "data": prefix}
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "exec_prefix", prefix)
    monkeypatch.setattr("sysconfig.get_paths", lambda: libraries)
    audit._environment_folders.cache_clear()
    assert is_in_repository(path, "/p") is is_ours
    audit._environment_folders.cache_clear()
