"""The workflow for GitHub Actions: what its steps run, run here."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.closure import REPOSITORY
from tests.repositories import Repository

pytestmark = pytest.mark.xdist_group("workflow")  # one worker: what the fixture makes is dear
WORKFLOW = yaml.load((REPOSITORY / ".github/workflows/relight.yml").read_text(), Loader=yaml.BaseLoader)
STEPS = {step.get("name", step.get("uses")): step for step in WORKFLOW["jobs"]["relight"]["steps"]}


def script(name: str) -> list[str]:
    """A step's lines as Actions runs those of `shell: bash`."""
    return ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]]


@pytest.fixture(scope="module")
def new_clone(finished: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A clone of a finished run that was committed: no data, no models, no cache."""
    folder = tmp_path_factory.mktemp("workflow")
    subprocess.run(["cp", "-r", finished.root, folder / "source"], check=True)
    source = Repository(folder / "source")
    for command in (("git", "add", "-A"), ("git", "commit", "-qm", "run")):
        assert source.run(*command).returncode == 0
    subprocess.run(["git", "clone", "-q", folder / "source", folder / "clone"], check=True)
    return Repository(folder / "clone")


def test_the_groups_of_the_tests_have_an_effect(request: pytest.FixtureRequest) -> None:
    """Groups stay together if workers share the tests: else each worker makes the dear fixtures of each group."""
    is_shared = getattr(request.config.option, "loadgroup", False)
    assert request.node.nodeid.endswith("@workflow") == is_shared


def test_it_runs_for_pull_requests_and_main_with_the_whole_history_and_pinned_actions() -> None:
    assert WORKFLOW["on"] == {"pull_request": "", "push": {"branches": ["main"]}}
    uses = [step["uses"] for step in STEPS.values() if "uses" in step]
    assert uses
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", used) for used in uses)
    assert STEPS["actions/checkout@v5"]["with"]["fetch-depth"] == "0"
    assert WORKFLOW["permissions"] == {"contents": "read"}


def test_no_text_from_outside_stands_in_a_command() -> None:
    """The name of a branch, or the title of a pull request, must not become a command."""
    assert [name for name, step in STEPS.items() if "${{" in step.get("run", "")] == []


def test_the_targets_of_make_are_there() -> None:
    targets = {"repro", *re.findall(r"^([\w./$()]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)}
    assert STEPS["Test"]["run"] == "make test"
    assert STEPS["Install"]["run"].splitlines()[0] == "make .venv/test"
    assert {"test", "$(VENV)/test"} <= targets


def test_a_current_lock_passes_without_the_data(new_clone: Repository) -> None:
    assert not (new_clone.root / "models").exists()
    done = new_clone.run(*script("dvc.lock is current"))
    assert done.returncode == 0, done.stdout
    assert "::error" not in done.stdout


STALE = {
    "prepare": ("params.yaml", "task: auto ", "task: regression "),  # `dvc repro --dry` ends with 0 here
    "train": ("params.yaml", "epochs: 1000", "epochs: 10"),
    "code of plot": ("src/relight/plot/figures.py", '"""', '"""Changed. '),
    "metrics": ("reports/metrics.json", "0.", "1."),
}


@pytest.mark.parametrize("change", STALE)
def test_a_lock_that_is_older_fails_and_says_what_to_do(change: str, new_clone: Repository) -> None:
    path, old, new = STALE[change]
    new_clone.edit(path, old, new)
    done = new_clone.run(*script("dvc.lock is current"))
    assert new_clone.run("git", "checkout", "-q", ".").returncode == 0
    assert done.returncode == 1
    assert "::error file=dvc.lock::" in done.stdout
    assert "dvc repro" in done.stdout.splitlines()[-1]


def summary(repository: Repository, before: str, folder: Path) -> tuple[Any, str]:
    """The step's exit code and the job's summary, with a `relight` that says what it was asked."""
    (folder / "relight").write_text('#!/bin/sh\necho "asked: $*"\n')
    (folder / "relight").chmod(0o755)
    path = f"{folder}:{Path('/usr/bin')}:{Path('/bin')}"
    environment = {"BEFORE": before, "GITHUB_STEP_SUMMARY": str(folder / "summary.md"), "PATH": path}
    done = repository.run(*script("Compare with the commit before"), env=environment)
    return done.returncode, (folder / "summary.md").read_text()


def test_the_comparison_with_the_commit_before_goes_to_the_summary(new_clone: Repository, tmp_path: Path) -> None:
    before = new_clone.run("git", "rev-parse", "HEAD~1").stdout.strip()
    assert summary(new_clone, before, tmp_path) == (0, f"asked: compare {before} HEAD --markdown\n")


def test_a_first_commit_is_compared_with_nothing(new_clone: Repository, tmp_path: Path) -> None:
    assert summary(new_clone, "0" * 40, tmp_path) == (0, "There is no commit before to compare with.\n")
