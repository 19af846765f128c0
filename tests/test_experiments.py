"""The steps of docs/experiments.md, done in its order: with the real dvc, a real Git remote and a second clone."""

import csv
import io
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.closure import REPOSITORY
from tests.repositories import Repository, make_repository, quick_environment

pytestmark = pytest.mark.xdist_group("experiments")  # one worker: what the fixture makes is dear
GUIDE = (REPOSITORY / "docs/experiments.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(bash|bash colleague|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHARED = "/mnt/shared/relight"  # in the guide
SCORES = "src/relight/metrics/scorers.py"
MODEL = "models/model.pth"
QUEUE, START = "dvc exp run --queue", "dvc queue start"
SECONDS = 400  # after which a queue hangs


class Walk(NamedTuple):
    """
    Attributes:
        here, there: the clone that runs the experiments, and that of a colleague.
        said: by each command of the guide, in its order.
        seen: what was looked at on the way.
    """

    here: Repository
    there: Repository
    said: dict[str, str]
    seen: dict[str, Any]


def blocks() -> list[tuple[str, list[str]]]:
    """Return the blocks of the guide: their kind, and their lines without remarks."""
    found = ((kind, [line.split(" #")[0].strip() for line in text.splitlines()]) for kind, text in BLOCK.findall(GUIDE))
    return [(kind, [line for line in lines if line]) for kind, lines in found]


def run(repository: Repository, command: str) -> str:
    """Return what it prints. A queue that hangs ends the test, and its workers end."""
    own_code = {"PYTHONPATH": "src"} if command.startswith("relight") else {}  # the stages must find it by themselves
    try:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=repository.root,
            env={**quick_environment(), **own_code},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        repository.run("dvc", "queue", "stop", "--kill")
        raise
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def clone(source: Path, root: Path) -> Repository:
    subprocess.run(["git", "clone", "-q", str(source), str(root)], check=True)
    repository = Repository(root)
    repository.run("git", "config", "user.name", "Colleague")
    repository.run("git", "config", "user.email", "colleague@example.invalid")
    return repository


def files_of(repository: Repository) -> dict[str, bytes]:
    """The whole workspace, and what Git says of it."""
    found = [path for path in repository.root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    paths = [path.relative_to(repository.root) for path in found]
    files = {
        str(path): (repository.root / path).read_bytes() for path in paths if path.parts[0] not in (".git", ".dvc")
    }
    return {**files, "git status": repository.run("git", "status", "--short").stdout.encode()}


def at(repository: Repository, name: str, path: str) -> str:
    """A file of an experiment or of a branch, as it is in Git."""
    named = repository.run("git", "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}").stdout.strip()
    done = repository.run("git", "show", f"{named or name}:{path}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def md5s_of(repository: Repository, name: str) -> dict[str, str]:
    stages = yaml.safe_load(at(repository, name, "dvc.lock"))["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}


def prepared(folder: Path, finished: Repository) -> Repository:
    """A repository with a first run, a bare remote next to it, committed and pushed."""
    here = Repository(folder / "here")
    shutil.copytree(finished.root, here.root, symlinks=True)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder / "origin.git")], check=True)
    for command in ("git add -A", "git commit -qm run", f"git remote add origin {folder}/origin.git"):
        run(here, command)
    return here


def score_that_is_not_committed(walk: Walk) -> None:
    walk.here.edit(SCORES, "scores = {", 'scores = {\n            "largest": float(self.absolute_error.max()),')


def edits_after_queueing(walk: Walk) -> None:
    walk.here.edit(SCORES, "import numpy", 'raise SystemExit("the code of the workspace ran")\nimport numpy')
    walk.here.edit("params.yaml", "dpi: 150", "dpi: 99")
    walk.here.edit("params.yaml", "epochs: 1000", "epochs: 7")
    walk.seen["edited"] = files_of(walk.here)


def look_at(name: str) -> Callable[[Walk], None]:
    return lambda walk: walk.seen.update({name: files_of(walk.here)})


def back_to_the_commit(walk: Walk) -> None:
    """The repository after the queue, pushed for a colleague; with one edit that `apply` will replace."""
    walk.seen["after the queue"] = files_of(walk.here)
    walk.seen["table"] = list(csv.DictReader(io.StringIO(run(walk.here, "dvc exp show --csv"))))
    run(walk.here, "git checkout . && dvc checkout && git push -q origin main")


BEFORE: dict[str, Callable[[Walk], None]] = {
    "dvc exp run --temp": look_at("before --temp"),
    QUEUE: score_that_is_not_committed,
    START: edits_after_queueing,
    "dvc exp apply rate-2": lambda walk: walk.here.edit("params.yaml", "dpi: 150", "dpi: 42"),
    "git stash apply": lambda walk: walk.seen.update({"reset": at(walk.here, "HEAD", "params.yaml")}),
}
AFTER: dict[str, Callable[[Walk], None]] = {
    "dvc exp run --temp": look_at("after --temp"),
    "dvc queue logs": back_to_the_commit,
    "dvc exp apply": look_at("applied"),
    "git stash apply": look_at("brought back"),
    "dvc exp branch": look_at("branched"),
}


@pytest.fixture(scope="module")
def walk(finished: Repository, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """All commands of the guide, run in their order."""
    folder = tmp_path_factory.mktemp("experiments")
    walk = Walk(prepared(folder, finished), Repository(folder / "there"), {}, {})
    for kind, lines in blocks():
        if kind == "bash colleague":
            clone(folder / "origin.git", walk.there.root)
        for line in lines if kind != "text" else []:
            if kind == "bash":
                moment(BEFORE, line, walk)
            said = run(walk.here if kind == "bash" else walk.there, line.replace(SHARED, str(folder / "shared")))
            walk.said[line] = walk.said.get(line, "") + said
            if kind == "bash":
                moment(AFTER, line, walk)
    return walk


def moment(moments: dict[str, Callable[[Walk], None]], line: str, walk: Walk) -> None:
    for start, look in moments.items():
        if line.startswith(start):
            look(walk)


def row(walk: Walk, name: str) -> dict[str, str]:
    (found,) = [row for row in walk.seen["table"] if row["Experiment"] == name]
    return found


def test_the_guide_shows_what_is_printed(walk: Walk) -> None:
    """Ids and times aside."""

    def plain(text: str) -> str:
        text = re.sub(r"\b[0-9a-f]{7}\b|\b\d\d:\d\d [AP]M", "?", text)
        return " ".join(text.split())

    said = ""
    for kind, lines in blocks():
        if kind == "text":
            assert [line for line in lines if line != "..." and plain(line) not in said] == []
        else:
            said = " ".join(plain(walk.said[line]) for line in lines)


def test_an_experiment_leaves_its_result_in_the_workspace_and_an_aside_one_leaves_all_as_it_was(walk: Walk) -> None:
    assert yaml.safe_load(at(walk.here, "short", "params.yaml"))["train"]["epochs"] == 100
    assert walk.seen["before --temp"] == walk.seen["after --temp"]
    assert walk.seen["before --temp"]["git status"] == b""


def test_what_is_queued_runs_the_code_and_the_params_of_that_moment(walk: Walk) -> None:
    """The code that runs is neither the one that was edited later nor an installed one: only it writes this score."""
    for name in ("rate-1", "rate-2"):
        assert float(row(walk, name)["test.largest"]) >= float(row(walk, name)["test.mae"]) > 0
        assert "the code of the workspace ran" not in at(walk.here, name, SCORES)
        params = yaml.safe_load(at(walk.here, name, "params.yaml"))
        assert (params["train"]["epochs"], params["plot"]["dpi"]) == (20, 150)
    (committed,) = [row for row in walk.seen["table"] if row["rev"] == "main"]
    assert committed["test.largest"] == ""


def test_two_at_a_time_disturb_neither_each_other_nor_the_workspace(walk: Walk) -> None:
    assert walk.seen["after the queue"] == walk.seen["edited"]
    rates = {name: row(walk, name)["train.optimizer.learning_rate"] for name in ("rate-1", "rate-2")}
    assert rates == {"rate-1": "0.005", "rate-2": "0.02"}
    # The line starts above all points: each of 20 steps of the mean absolute error lowers the bias by the rate.
    biases = [float(row(walk, name)["parameters.bias.learned"]) for name in rates]
    assert biases[0] - biases[1] == pytest.approx(20 * (0.02 - 0.005), abs=1e-5)


def test_the_difference_of_two_is_their_param_and_their_scores(walk: Walk) -> None:
    said = " ".join(walk.said["dvc exp diff rate-1 rate-2"].split())
    assert "train.optimizer.learning_rate 0.005 0.02 0.015" in said
    assert "train.epochs" not in said
    assert re.search(r"parameters\.bias\.learned \S+ \S+ -0\.3 ", said)


def test_apply_brings_all_of_it_and_what_it_replaced_comes_back(walk: Walk) -> None:
    applied, brought_back = walk.seen["applied"], walk.seen["brought back"]
    assert applied["params.yaml"].decode() == at(walk.here, "rate-2", "params.yaml")
    assert b'"largest"' in applied[SCORES]
    assert b"dpi: 42" not in applied["params.yaml"]
    assert b"dpi: 42" in brought_back["params.yaml"]
    assert b'"largest"' not in brought_back[SCORES]


def test_a_branch_is_the_experiment_and_leaves_the_workspace(walk: Walk) -> None:
    assert md5s_of(walk.here, "better-rate") == md5s_of(walk.here, "rate-2")
    assert at(walk.here, "origin/better-rate", "params.yaml") == at(walk.here, "rate-2", "params.yaml")
    assert walk.seen["branched"]["git status"] == b""


def test_a_colleague_has_the_same_bytes_and_trains_nothing(walk: Walk) -> None:
    for path in (MODEL, "params.yaml", SCORES, "reports/metrics.json", "reports/report.html"):
        assert (walk.there.root / path).read_bytes() == walk.seen["applied"][path]
    assert not (walk.there.root / ".dvc/tmp/relight").exists()  # no stage has run there
    assert walk.there.repro() == []


def test_what_is_removed_is_gone_here_and_at_the_remote(walk: Walk) -> None:
    assert sorted(run(walk.here, "dvc exp list --name-only").split()) == ["rate-1", "rate-2", "short"]
    assert run(walk.here, "git ls-remote origin 'refs/exps/*'") == ""


def test_the_commands_that_check_names_give_an_experiment_its_table(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    root.mkdir()
    repository = make_repository(root)
    (root / "data/raw/mine.csv").write_text("x,y\n" + "".join(f"{i},{2 * i + 1}\n" for i in range(40)))
    repository.edit("params.yaml", "data/raw/line.yaml", "data/raw/mine.csv")
    aside = ("dvc", "exp", "run", "--temp", "prepare")
    assert "No such file or directory" in repository.run(*aside).stderr
    code, said = repository.relight("check")
    assert code == 0
    (note,) = [line for line in said.splitlines() if "neither Git nor DVC" in line]
    git_add, dvc_add = re.findall("`([^`]+)`", note)
    for fix in (git_add, f"git rm -q --cached data/raw/mine.csv && {dvc_add}"):
        run(repository, fix)
        assert "neither Git nor DVC" not in repository.relight("check")[1]
        done = repository.run(*aside)
        assert done.returncode == 0, done.stderr
