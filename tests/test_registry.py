"""A model that is registered here predicts in another project, by its name and stage."""

import re
import shutil
from pathlib import Path

import pytest

from tests.repositories import REPOSITORY, Repository, make_repository

pytestmark = pytest.mark.xdist_group("registry")  # one worker: what the fixture makes is dear

DOCUMENT = (REPOSITORY / "docs/sharing.md").read_text(encoding="utf-8").partition("## The registry")[2]
ADDRESS = "https://example.com/your/project.git"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def done(repository: Repository, *command: str) -> str:
    process = repository.run(*command)
    assert process.returncode == 0, f"{command}\n{process.stdout}{process.stderr}"
    return process.stdout


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Git remote of a project whose model has version v0.0.1 in stage prod, and v0.0.2 in none."""
    folder = tmp_path_factory.mktemp("registry")
    (folder / "project").mkdir()
    project = make_repository(folder / "project")
    done(project, "git", "init", "-q", "--bare", "-b", "main", str(folder / "project.git"))
    done(project, "git", "remote", "add", "origin", str(folder / "project.git"))
    done(project, "dvc", "remote", "modify", "storage", "url", str(folder / "store"))
    register = blocks("bash")[0]
    for epochs, commands in (("20", register), ("30", "gto register model\ngit push origin --tags")):
        project.edit("params.yaml", "epochs: 1000" if epochs == "20" else "epochs: 20", f"epochs: {epochs}")
        project.repro()
        done(project, "git", "add", "-A")
        done(project, "git", "commit", "-qm", epochs)
        done(project, "dvc", "push")
        done(project, "git", "push", "-q", "origin", "main")
        done(project, "bash", "-ec", commands)
        (folder / f"{epochs}.pth").write_bytes((project.root / "models/model.pth").read_bytes())
    shutil.rmtree(project.root)  # the other project has the Git remote and the store, and nothing else
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Repository:
    """Another project that uses DVC, with nothing in it yet."""
    (tmp_path / "new.csv").write_text("x\n0.1\n2\n")
    project = Repository(tmp_path)
    done(project, "git", "init", "-q")
    done(project, "dvc", "init", "-q")
    return project


def address(registered: Path) -> str:
    """A URL, as in the document: DVC looks for a repository above a path that is none of DVC's itself."""
    return f"file://{registered}/project.git"


def predict(elsewhere: Repository) -> list[str]:
    """Load the model as a project does in which Relight is installed."""
    start = "import sys; from relight.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["predict", "new.csv", "--models", "models", "-o", "predictions.csv"]
    process = elsewhere.run("python", "-c", start, *words, env={"PYTHONPATH": str(REPOSITORY / "src")})
    assert process.returncode == 0, process.stderr
    return (elsewhere.root / "predictions.csv").read_text().splitlines()


def test_the_commands_of_the_document_end_with_predictions(registered: Path, elsewhere: Repository) -> None:
    command = blocks("bash")[1].splitlines()[0].replace(ADDRESS, address(registered))
    done(elsewhere, "bash", "-ec", command)
    assert (elsewhere.root / "models/model.pth").read_bytes() == (registered / "20.pth").read_bytes()
    assert len(predict(elsewhere)) == 3


def test_without_a_stage_the_newest_version_comes(registered: Path, elsewhere: Repository) -> None:
    done(elsewhere, "dvc", "artifacts", "get", address(registered), "model", "-o", "models")
    assert (elsewhere.root / "models/model.pth").read_bytes() == (registered / "30.pth").read_bytes()
    done(elsewhere, "dvc", "artifacts", "get", address(registered), "model", "--rev", "v0.0.1", "-o", "old")
    assert (elsewhere.root / "old/model.pth").read_bytes() == (registered / "20.pth").read_bytes()


def test_the_python_of_the_document_ends_with_predictions(registered: Path, elsewhere: Repository) -> None:
    (code,) = blocks("python")
    done(elsewhere, "python", "-c", code.replace(ADDRESS, address(registered)))
    assert (elsewhere.root / "models/model.pth").read_bytes() == (registered / "20.pth").read_bytes()
    assert len(predict(elsewhere)) == 3
