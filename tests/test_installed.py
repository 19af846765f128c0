"""Relight installed from a wheel, in a project outside its repository: real pip, real git, real dvc."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.installed import Environment, QuickEnvironment, build_wheel, copy_source
from tests.repositories import REPOSITORY

pytestmark = pytest.mark.xdist_group("installed")  # one worker: what the fixture makes is dear

STAGES = ["prepare", "split", "train", "evaluate", "plot"]
OUTS = ["models/model.pth", "models/model.json", "reports/metrics.json", "reports/evaluate/predictions.csv"]


class Installed(NamedTuple):
    """
    Attributes:
        wheel: of the code as it stands.
        environment: in which it is installed, inside the project.
        quick: the same, for tests to which new interpreters show nothing more.
        project: made by `relight new`, run once by new interpreters, and committed.
    """

    wheel: Path
    environment: Environment
    quick: Environment
    project: Path


def commit(environment: Environment, folder: Path, message: str) -> None:
    environment.done("git", "config", "user.name", "Test", cwd=folder)
    environment.done("git", "config", "user.email", "test@example.invalid", cwd=folder)
    environment.done("git", "add", "-A", cwd=folder)
    environment.done("git", "commit", "-qm", message, cwd=folder)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    wheel = build_wheel(copy_source(folder / "source"), folder / "wheels")
    outside = Environment(folder / "outside", wheel)
    said = outside.done("relight", "new", "houses", cwd=folder)
    first, second = [line.strip() for line in said.splitlines()[-2:]]
    assert (first, second) == ("cd houses", "dvc repro")
    project = folder / "houses"
    environment = Environment(project / ".venv", wheel)
    assert environment.repro(cwd=project) == STAGES
    commit(environment, project, "the first run")
    return Installed(wheel, environment, QuickEnvironment(environment), project)


@pytest.fixture
def copy(installed: Installed, tmp_path: Path) -> Path:
    """A copy of the project with its cache, for a test that changes it; the environment stays where it is."""
    ignored = shutil.ignore_patterns(".venv")
    return Path(shutil.copytree(installed.project, tmp_path / "houses", symlinks=True, ignore=ignored))


def hashes(folder: Path) -> dict[str, str]:
    """The MD5 of each out in dvc.lock."""
    lock = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}


def test_the_code_that_ran_is_that_of_the_wheel_and_the_numbers_are_those_of_the_tutorial(installed: Installed) -> None:
    environment, project = installed.environment, installed.project
    where = environment.done("python", "-c", "import relight.cli; print(relight.cli.__file__)", cwd=project)
    assert Path(where.strip()).is_relative_to(project / ".venv")
    assert not (project / "src/relight").exists()
    shown = environment.done("relight", "show", cwd=project)
    assert "bias: learned 0.3025, true 0.3000" in shown
    assert environment.repro(cwd=project) == []
    manifest = json.loads((project / "models/manifest.json").read_text())
    record = json.loads((project / "relight.json").read_text())
    assert manifest["code"]["relight.json:train"] == record["train"]


def test_the_wheel_holds_every_file_of_the_package(installed: Installed) -> None:
    """A template, recipe or table that pyproject.toml forgets would be missing only in an installed Relight."""
    (site,) = installed.environment.folder.glob("lib/python*/site-packages")
    wanted = {
        Path(folder, name).relative_to(REPOSITORY / "src").as_posix()
        for folder, _, names in os.walk(REPOSITORY / "src/relight", followlinks=True)
        for name in names
        if not folder.endswith("__pycache__")
    }
    assert {path for path in wanted if not (site / path).is_file()} == set()
    assert "relight/project/recipes/table.yaml" in wanted
    assert {"relight/py.typed", "relight/compare/comparison.js", "relight/plot/report.html.jinja"} <= wanted


def test_commands_work_there(installed: Installed, copy: Path) -> None:
    environment = installed.quick
    (copy / "rows.csv").write_text("x\n0.5\n")
    environment.done("relight", "predict", "rows.csv", "-o", "predictions.csv", cwd=copy)
    assert float((copy / "predictions.csv").read_text().split()[1]) == pytest.approx(0.65, abs=0.01)
    assert "50 rows" in environment.done("relight", "check", cwd=copy)
    assert environment.done("relight", "data", cwd=copy) == ""
    assert environment.done("relight", "deps", cwd=copy).startswith("dvc.yaml: names all own code")
    traced = environment.done("relight", "trace", "models/model.pth", "--no-remote", cwd=copy)
    assert "an installed Relight, train" in " ".join(traced.split())
    assert "nothing to do" in environment.done("relight", "upgrade", cwd=copy)


def test_experiments_run_the_installed_code_and_are_compared(installed: Installed, copy: Path) -> None:
    environment = installed.quick
    environment.done("dvc", "exp", "run", "-n", "short", "-S", "train.epochs=100", cwd=copy)
    environment.done("dvc", "exp", "run", "--temp", "-n", "shorter", "-S", "train.epochs=10", cwd=copy)
    said = environment.done("relight", "compare", "HEAD", "short", "shorter", cwd=copy)
    assert re.search(r"train\.epochs +1000 +100 +10", said)
    assert "relight.json" not in said


def test_results_are_pushed_and_pulled(installed: Installed, copy: Path, tmp_path: Path) -> None:
    environment = installed.quick
    environment.done("dvc", "remote", "modify", "storage", "url", str(tmp_path / "remote"), cwd=copy)
    commit(environment, copy, "a remote")
    environment.done("dvc", "push", cwd=copy)
    environment.done("git", "clone", "-q", str(copy), str(tmp_path / "clone"), cwd=tmp_path)
    environment.done("relight", "pull", cwd=tmp_path / "clone")
    assert environment.repro(cwd=tmp_path / "clone") == []
    for path in OUTS:
        assert (tmp_path / "clone" / path).read_bytes() == (copy / path).read_bytes(), path


def test_the_tests_of_the_project_pass(installed: Installed, copy: Path) -> None:
    said = installed.quick.done("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=copy)
    assert "4 passed" in said


def test_an_own_network_needs_one_line_of_params(installed: Installed, copy: Path) -> None:
    """The project has also the lines of dvc.yaml that `relight deps` writes."""
    environment = installed.quick
    text = (copy / "params.yaml").read_text(encoding="utf-8")
    named = 'name: {call: "houses.networks:ResidualMlp", d_block: 8}  #'
    text = text.replace("epochs: 1000", "epochs: 5").replace("name: linear  ", named, 1)
    (copy / "params.yaml").write_text(text, encoding="utf-8")
    environment.done("relight", "deps", "--write", cwd=copy)
    assert environment.repro(cwd=copy) == ["train", "evaluate", "plot"]


class Release(NamedTuple):
    environment: Environment
    project: Path


@pytest.fixture
def release(copy: Path, tmp_path: Path) -> Release:
    """A copy of the project, and an environment with the next version, which only writes its predictions otherwise."""
    source = copy_source(tmp_path / "source")
    edit(source / "pyproject.toml", 'version = "0.2.0"', 'version = "0.3.0"')
    edit(source / "src/relight/version.py", '"0.2.0"', '"0.3.0"')
    edit(source / "src/relight/evaluate/tables.py", "table.write_csv()", "table.write_csv(float_precision=4)")
    environment = Environment(tmp_path / "environment", build_wheel(source, tmp_path / "wheels"))
    return Release(QuickEnvironment(environment), copy)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_release_that_changes_only_evaluate_runs_evaluate_and_plot_again(release: Release) -> None:
    environment, project = release
    before = hashes(project)
    assert environment.repro(cwd=project) == []  # the results are still those of the recorded Relight
    refused = environment.run("dvc", "repro", "--force", "--single-item", "evaluate", cwd=project)
    assert refused.returncode != 0
    sentence = "error: relight.json: evaluate: must run with Relight 0.2.0, got 0.3.0; run `relight upgrade`, or "
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
    environment.done("dvc", "checkout", cwd=project)  # nothing is lost

    said = environment.done("relight", "upgrade", "--yes", cwd=project)
    assert "evaluate will run again: Relight's evaluate changed\n" in said
    assert "plot will run again if what evaluate writes has changed\n" in said
    assert said.count("stays as it is") == 3
    assert 'relight==0.3.0"' in (project / "pyproject.toml").read_text()
    assert environment.repro(cwd=project) == ["evaluate", "plot"]
    after = hashes(project)
    changed = {path for path in after if after[path] != before[path]}
    assert "reports/evaluate" in changed
    assert changed <= {"reports/evaluate", "reports/metrics.json", "reports/plots", "reports/report.html"}
    assert environment.repro(cwd=project) == []


def test_two_models_of_one_repository_share_its_git_and_dvc(installed: Installed, tmp_path: Path) -> None:
    environment = installed.quick
    (tmp_path / "data").mkdir()
    rows = "".join(f"{n},{n % 7},{3 * n + n % 7}\n" for n in range(60))
    (tmp_path / "data/houses.csv").write_text(f"rooms,age,price\n{rows}")
    environment.done("git", "init", "-q", cwd=tmp_path)
    for name, target in (("price", "price"), ("size", "rooms")):
        folder = f"models/{name}"
        arguments = ("--recipe", "diabetes", "--source", "data/houses.csv", "--target", target)
        environment.done("relight", "new", folder, *arguments, cwd=tmp_path)
        edit(tmp_path / folder / "params.yaml", "epochs: 1000", "epochs: 3")
    commit(environment, tmp_path, "two models")
    ran = environment.repro("-R", ".", cwd=tmp_path)
    assert len(ran) == 10
    assert environment.repro(cwd=tmp_path / "models/price") == []
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob(".dvc")}
    assert made == {".dvc"}
    for name, target in (("price", "price"), ("size", "rooms")):
        description = json.loads((tmp_path / f"models/{name}/data/prepared/schema.json").read_text())
        assert description["target"] == target
