"""`relight upgrade`: what changes, what is kept, and which stages run again."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from relight.cli import main
from relight.errors import InputError
from relight.project import upgrade as module
from relight.project.new import new
from relight.project.upgrade import PINNED, upgrade
from relight.runtime.files import json_text
from relight.runtime.installed import STAGE_CODE, stage_hash
from tests.closure import REPOSITORY

STAYS = [f"{stage} stays as it is" for stage in STAGE_CODE]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of the installed Relight."""
    monkeypatch.chdir(tmp_path)
    new(Path("houses"), None, None, None)
    monkeypatch.chdir(tmp_path / "houses")
    return tmp_path / "houses"


def older(change: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
    """Make the project one of an older Relight, with other code of evaluate."""
    record = json.loads(Path("relight.json").read_text())
    record["version"] = "0.1.0"
    record["evaluate"] = record["code"]["evaluate"] = "0" * 16
    change(record)
    Path("relight.json").write_text(json_text(record))
    edit("pyproject.toml", "relight==0.2.0", "relight==0.1.0")


def edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    Path(path).write_text(text.replace(old, new, 1), encoding="utf-8")


def run(*, yes: bool = True) -> tuple[str, str]:
    """Upgrade; return what was shown, and how it ended."""
    shown: list[str] = []
    return_text = upgrade(shown.append, lambda: yes)
    return "".join(shown), return_text


def contents() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and ".git" not in path.parts}


def test_a_project_of_the_installed_relight_needs_nothing() -> None:
    before = contents()
    assert run() == ("", "nothing to do: the project is of the installed Relight 0.2.0\n")
    assert contents() == before


def test_only_the_stages_whose_code_changed_run_again() -> None:
    before = contents()
    older()
    shown, ended = run()
    assert shown.splitlines()[-6:] == [
        "Relight 0.1.0 → 0.2.0",
        "prepare stays as it is",
        "split stays as it is",
        "train stays as it is",
        "evaluate will run again: Relight's evaluate changed",
        "plot will run again if what evaluate writes has changed",
    ]
    assert '-    "relight==0.1.0",' in shown
    assert '+    "relight==0.2.0",' in shown
    assert ended == "written: pyproject.toml, relight.json; next: `dvc repro`\n"
    assert contents() == before


def test_a_folder_that_several_stages_run_is_named_for_each() -> None:
    older(lambda record: record.update(train="1", code={**record["code"], "model": "1"}))
    shown, _ = run()
    assert "train will run again: Relight's model changed\n" in shown
    assert "evaluate will run again: Relight's model and evaluate changed\n" in shown


def test_a_new_number_with_the_same_code_runs_nothing() -> None:
    older(lambda record: record.update(evaluate=stage_hash("evaluate")))
    shown, _ = run()
    assert shown.splitlines()[-5:] == STAYS


def test_without_a_yes_nothing_is_written(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    older()
    before = contents()
    assert run(yes=False)[1] == "nothing was written\n"
    assert main(["upgrade"]) == 2  # a test has no terminal
    assert (
        "there is no terminal to ask in, and nothing was written; type `relight upgrade --yes`"
        in capsys.readouterr().err
    )
    assert contents() == before
    for answer, written in (("\n", False), ("no\n", False), ("y\n", True)):
        monkeypatch.setattr(module.sys, "stdin", Terminal(answer))
        assert main(["upgrade"]) == 0
        assert (contents() != before) is written


class Terminal:
    def __init__(self, answer: str) -> None:
        self.answer = answer

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self.answer


def test_the_command_line_takes_yes(capsys: pytest.CaptureFixture[str]) -> None:
    older()
    assert main(["upgrade", "--yes"]) == 0
    assert capsys.readouterr().out.endswith("written: pyproject.toml, relight.json; next: `dvc repro`\n")
    assert main(["upgrade", "--yes"]) == 0
    assert capsys.readouterr().out.startswith("nothing to do")


# --- dvc.yaml


def old_pipeline(record: dict[str, Any]) -> None:
    """The older Relight read one file less in plot, and one more in train."""
    stages = record["written"]["dvc.yaml"]["stages"]
    stages["plot"]["deps"].remove("data/split/report.json")
    stages["train"]["deps"].append("data/prepared/schema.json")
    stages["train"]["desc"] = "Old."
    edit(
        "dvc.yaml",
        "      - data/split/report.json\n      - reports/train/curves.csv\n",
        "      - reports/train/curves.csv\n",
    )
    edit("dvc.yaml", "      - stages/train.py\n", "      - stages/train.py\n      - data/prepared/schema.json\n")
    edit("dvc.yaml", "The train and validation tensors → a model and its curves.", "Old.")


def test_a_pipeline_without_own_changes_becomes_that_of_today() -> None:
    before = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))
    older(old_pipeline)
    shown, _ = run()
    after = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))
    assert sorted(after["stages"]["plot"]["deps"]) == sorted(before["stages"]["plot"]["deps"])
    assert after["stages"]["train"] == before["stages"]["train"]
    assert "train will run again: its deps in dvc.yaml changed\n" in shown
    assert "plot will run again: its deps in dvc.yaml changed\n" in shown
    assert "-      - data/prepared/schema.json\n" in shown
    assert run()[1].startswith("nothing to do")


OWN_STAGE = """\
  # my own stage
  post:
    cmd: python post.py   # mine
    deps: [reports/metrics.json, post.py]
    params: [post]
"""


def test_own_changes_of_the_pipeline_are_kept() -> None:
    older(old_pipeline)
    edit("dvc.yaml", "      - stages/train.py\n", "      - stages/train.py\n      - src/houses  # my network\n")
    edit("dvc.yaml", "\n# What other projects take", f"{OWN_STAGE}\n# What other projects take")
    edit("dvc.yaml", "    labels: [pytorch, tabular]", "    labels: [pytorch, tabular, houses]")
    run()
    text = Path("dvc.yaml").read_text(encoding="utf-8")
    assert OWN_STAGE in text
    assert "      - src/houses  # my network\n" in text
    assert "labels: [pytorch, tabular, houses]" in text
    assert "\n# What other projects take" in text
    assert "- data/prepared/schema.json" not in text.split("  evaluate:")[0].split("  train:")[1]


def test_a_command_that_both_changed_is_kept_and_said() -> None:
    def change(record: dict[str, Any]) -> None:
        record["written"]["dvc.yaml"]["stages"]["train"]["cmd"] = "exec python -m old.train"

    older(change)
    edit("dvc.yaml", "exec python -m stages.train", "exec nice python -m stages.train")
    shown, _ = run()
    note = "note: dvc.yaml: stages.train.cmd: was changed here, and is kept; Relight's is now"
    assert f"{note} exec python -m stages.train\n" in shown
    assert "exec nice python" in Path("dvc.yaml").read_text()


def test_an_entry_of_relight_json_that_was_removed_comes_back() -> None:
    edit("dvc.yaml", "      - relight.json: [train]\n", "")
    edit("dvc.yaml", "      - relight.json: [prepare]\n      - prepare\n", "      - prepare\n")
    run()
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert stages["train"]["params"] == [{"relight.json": ["train"]}, "model", "train"]
    assert {"relight.json": ["prepare"]} in stages["prepare"]["params"]


# --- stages/


def test_a_script_as_it_was_written_becomes_that_of_today() -> None:
    today = Path("stages/plot.py").read_bytes()
    Path("stages/plot.py").write_text("old = 1\n")
    older(lambda record: record["written"]["scripts"].update({"stages/plot.py": module.text_hash("old = 1\n")}))
    shown, ended = run()
    assert Path("stages/plot.py").read_bytes() == today
    assert "-old = 1\n" in shown
    assert "plot will run again: stages/plot.py changed\n" in shown
    assert "stages/plot.py" in ended


def test_a_script_with_own_changes_is_kept_and_said_with_the_difference() -> None:
    Path("stages/plot.py").write_text("mine = 1\n")
    older(lambda record: record["written"]["scripts"].update({"stages/plot.py": "of another text"}))
    shown, _ = run()
    assert Path("stages/plot.py").read_text() == "mine = 1\n"
    assert "note: stages/plot.py: was changed here, and is kept; Relight has another one:\n" in shown
    assert "-mine = 1\n" in shown
    again, ended = run()
    assert again == ""
    assert ended.startswith("nothing to do")


def test_an_own_change_of_a_script_that_relight_did_not_change_is_no_note() -> None:
    Path("stages/plot.py").write_text("mine = 1\n")
    older()
    shown, _ = run()
    assert "note" not in shown
    assert Path("stages/plot.py").read_text() == "mine = 1\n"


def test_a_script_that_is_missing_is_written() -> None:
    today = Path("stages/check.py").read_bytes()
    Path("stages/check.py").unlink()
    older()
    run()
    assert Path("stages/check.py").read_bytes() == today


@pytest.mark.parametrize("attributes", ["* text=auto eol=lf\n*.png binary\n", "*.txt text", "# none\n", "", None])
def test_git_keeps_the_bytes_of_the_data_from_now_on(attributes: str | None) -> None:
    if attributes is None:
        Path(".gitattributes").unlink()
    else:
        Path(".gitattributes").write_text(attributes)
    older()
    shown, ended = run()
    assert "+data/** -text\n" in shown
    assert ".gitattributes" in ended
    assert text_attribute("data/raw/houses.csv") == text_attribute("data/a/b/c.csv") == "unset"
    assert set((attributes or "").splitlines()) <= set(Path(".gitattributes").read_text().splitlines())
    assert run() == ("", "nothing to do: the project is of the installed Relight 0.2.0\n")


@pytest.mark.parametrize("own", ["data/** -text", "data/**   filter=lfs -text", "data/** binary"])
def test_own_attributes_of_the_data_stay(own: str) -> None:
    Path(".gitattributes").write_text(f"* text=auto\n{own}")
    older()
    run()
    assert Path(".gitattributes").read_text() == f"* text=auto\n{own}"


def test_a_file_of_data_that_is_told_to_be_text_stays_one() -> None:
    Path(".gitattributes").write_text("* text=auto eol=lf\ndata/raw/notes.txt text\n")
    older()
    run()
    assert text_attribute("data/raw/notes.txt") == "set"
    assert text_attribute("data/raw/houses.csv") == "unset"


def text_attribute(path: str) -> str:
    said = subprocess.run(["git", "check-attr", "text", "--", path], check=True, capture_output=True, text=True).stdout
    return said.strip().rsplit(": ", 1)[1]


# --- where it may not run, and projects that have no record


def test_a_copy_of_the_scripts_becomes_a_project() -> None:
    """Seven scripts and a dvc.yaml copied from Relight's repository, with Relight installed."""
    Path("relight.json").unlink()
    Path("dvc.yaml").write_bytes((REPOSITORY / "dvc.yaml").read_bytes())
    shown, _ = run()
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for stage, entry in stages.items():
        assert [dep for dep in entry["deps"] if dep.startswith("src/")] == []
        assert {"relight.json": [stage]} in entry["params"]
    assert json.loads(Path("relight.json").read_text())["train"] == stage_hash("train")
    assert "Relight unknown → 0.2.0" in shown


def test_the_repository_of_relight_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(InputError, match="this repository holds the code of Relight itself; `git pull` upgrades it"):
        run()


def test_a_model_in_a_folder_of_the_repository_of_relight_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CODE_ROOT", project.parent / "src/relight")
    (project / ".dvc").rename(project.parent / ".dvc")
    with pytest.raises(InputError, match=f"^{project.parent}: this repository holds the code of Relight itself"):
        run()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"dvc\.yaml: no such file in .*; run this in the folder of a project"),
        ("stages:\n  mine:\n    cmd: x\n", r"dvc\.yaml: has no stage of Relight; run this in a folder that"),
        ("artifacts: {}\n", r"dvc\.yaml: has no stage of Relight"),
        ("stages:\n", r"dvc\.yaml: has no stage of Relight"),
    ],
)
def test_a_folder_that_is_no_project_is_refused(text: str | None, message: str) -> None:
    Path("dvc.yaml").unlink()
    if text is not None:
        Path("dvc.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        run()


def test_a_damaged_record_is_named() -> None:
    Path("relight.json").write_text("<<<<<<< HEAD\n")
    with pytest.raises(InputError, match=r"relight\.json: cannot be read"):
        run()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('"relight==0.1.0"', '"relight==9"'),
        ('"relight[sweep, export] == 0.1.0",', '"relight[sweep, export] == 9",'),
        ('"relight>=0.1"', '"relight>=0.1"'),
        ('"my-relight==0.1"', '"my-relight==0.1"'),
        ('"relight-extra==0.1"', '"relight-extra==0.1"'),
        ('"relight @ git+https://example.invalid/r@v0.1.0"', '"relight @ git+https://example.invalid/r@v0.1.0"'),
        ('"relight==0.1.0.dev1+local"', '"relight==9"'),
    ],
)
def test_only_an_exact_number_of_relight_is_written_anew(line: str, expected: str) -> None:
    assert PINNED.sub(lambda match: match[1] + "9", line) == expected


def test_a_project_without_pyproject_is_upgraded_too() -> None:
    Path("pyproject.toml").unlink()
    record = json.loads(Path("relight.json").read_text())
    Path("relight.json").write_text(json.dumps({**record, "plot": "0"}))
    assert run()[1] == "written: relight.json; next: `dvc repro`\n"
