"""An own metric, an own section and an own sixth stage in a real repository, from `dvc repro` to the report."""

import json
from pathlib import Path

import pytest

from tests.repositories import REPOSITORY, Repository, make_repository

METRICS = '''\
import numpy as np


def within(y_true, y_pred, sample_weight, share):
    """The share of rows whose prediction is at most `share` away."""
    return float(np.average(np.abs(y_pred - y_true) <= share, weights=sample_weight))
'''
POST = (REPOSITORY / "examples/own_stage/post.py").read_text(encoding="utf-8")  # as docs/own-stages.md shows it
pytestmark = pytest.mark.xdist_group("own stage")  # one worker: what the fixture makes is dear
STAGE = """\
  post:
    cmd: exec python -m stages.post
    deps:
      - reports/evaluate
      - stages/__init__.py
      - stages/post.py
      - src/relight/__init__.py
      - src/relight/errors.py
      - src/relight/runtime
    params:
      - post
    outs:
      - reports/extra
"""
DRAW = """\
import os

import yaml

size = yaml.safe_load(open("params.yaml"))["draw"]["size"]
os.makedirs("reports/more", exist_ok=True)
with open("reports/more/a.svg", "w") as file:
    file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}"/>')
"""
DRAW_STAGE = """\
  draw:
    cmd: python draw.py
    deps: [draw.py]
    params: [draw.size]
    outs: [reports/more]
"""


def add_line(repository: Repository, after: str, line: str) -> None:
    repository.edit("dvc.yaml", after, after + line)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    root = tmp_path_factory.mktemp("own") / "repository"
    root.mkdir()
    repository = make_repository(root)
    (root / "houses").mkdir()
    (root / "houses/metrics.py").write_text(METRICS)
    (root / "stages/post.py").write_text(POST)
    (root / "draw.py").write_text(DRAW)
    call = '{call: "houses.metrics:within", share: 0.05, better: higher}'
    repository.edit("params.yaml", "evaluate:\n", f"evaluate:\n  metrics: [{call}]\n")
    repository.edit("params.yaml", "epochs: 1000", "epochs: 20")
    repository.edit("params.yaml", "plot: {dpi: 150}", "plot: {dpi: 40}\npost: {n_rows: 3}\ndraw: {size: 7, unused: 1}")
    add_line(repository, "      - src/relight/evaluate\n", "      - houses/metrics.py\n")
    repository.edit("dvc.yaml", "\n# What other projects take", f"{STAGE}{DRAW_STAGE}\n# What other projects take")
    code, said = repository.relight("check")
    assert code == 0, said
    assert "note: dvc.yaml: stage post writes reports/extra, and report.html does not show it; add the line " in said
    add_line(repository, "      - reports/metrics.json\n      - reports/evaluate\n", "      - reports/extra\n")
    assert "reports/extra" not in repository.relight("check")[1]
    ran = repository.repro()
    assert [stage for stage in ran if stage != "draw"] == ["prepare", "split", "train", "evaluate", "post", "plot"]
    assert "draw" in ran
    for command in (("git", "add", "-A"), ("git", "commit", "-qm", "own parts")):
        assert repository.run(*command).returncode == 0
    return repository


def metrics_of(repository: Repository) -> dict[str, dict[str, float]]:
    return json.loads((repository.root / "reports/metrics.json").read_text())


def test_the_score_is_that_of_the_predictions_and_its_direction_is_shown(own: Repository) -> None:
    lines = (own.root / "reports/evaluate/predictions.csv").read_text().splitlines()[1:]
    pairs = [line.split(",")[-2:] for line in lines]
    share = sum(abs(float(said) - float(true)) <= 0.05 for true, said in pairs) / len(pairs)
    assert metrics_of(own)["test"]["within"] == pytest.approx(share)
    assert "within ↑" in own.relight("show")[1]
    assert "within ↑" in (own.root / "models/README.md").read_text()


def test_the_report_ends_with_what_the_stage_wrote(own: Repository) -> None:
    page = (own.root / "reports/report.html").read_text()
    extra = page.split("<h2>Extra</h2>")[1]
    assert '<h3 class="quiet">errors.csv</h3>' in extra
    assert extra.count("<tr>") == 1 + 3
    assert "within ↑" in page


def test_dvc_shows_the_score_and_no_text_next_to_it(own: Repository) -> None:
    shown = json.loads(own.run("dvc", "metrics", "show", "--json").stdout)
    data = shown[""]["data"]["reports/metrics.json"]["data"]
    assert data["test"]["within"] == metrics_of(own)["test"]["within"]
    flat = own.run("dvc", "metrics", "show", "--md").stdout
    assert "own_metrics" not in flat
    assert "higher" not in flat


def test_each_part_runs_again_only_for_what_it_reads(own: Repository) -> None:
    own.edit("params.yaml", "n_rows: 3", "n_rows: 4")
    assert own.repro() == ["post", "plot"]
    own.edit("params.yaml", "share: 0.05", "share: 0.1")
    assert own.repro("evaluate") == ["evaluate"]
    for command in (("git", "checkout", "-q", "HEAD", "."), ("dvc", "checkout", "-q")):
        assert own.run(*command).returncode == 0


def test_experiments_are_compared_by_it_with_paired_resamples(own: Repository) -> None:
    done = own.run("dvc", "exp", "run", "--temp", "-n", "more", "-S", "train.epochs=200", "-S", "post.n_rows=5")
    assert done.returncode == 0, done.stdout + done.stderr
    code, said = own.relight("compare", "HEAD", "more")
    assert code == 0, said
    assert "post.n_rows" in said
    table = said.split("within ↑")[1]
    assert "larger than the noise" in table or "within the noise" in table
    assert "Cannot be said" not in said
    (own.root / "houses/metrics.py").write_text(METRICS + "# another state\n")
    said = own.relight("compare", "HEAD", "more")[1]
    own.run("git", "checkout", "houses/metrics.py")
    assert "the code of houses.metrics:within here is not that of the runs" in " ".join(said.split())


def test_trace_verify_and_doctor_know_the_sixth_stage(own: Repository) -> None:
    code, said = own.relight("trace", "reports/extra/errors.csv", "--no-remote")
    assert code == 0, said
    assert "post  ← exec python -m stages.post" in said
    code, said = own.relight("trace", "reports/report.html", "--no-remote")
    assert code == 0, said
    assert said.index("plot  ←") < said.index("post  ←") < said.index("evaluate  ←")
    code, said = own.relight("verify", "--stage", "post")
    assert code == 0, said
    code, said = own.relight("doctor")
    assert "post" not in said, said


MKDIR = "    folder.mkdir()"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            MKDIR,
            f"{MKDIR}\n    1 / 0",
            "error: post: stages/post.py:18: in main: ZeroDivisionError: division by zero\n",
        ),
        (MKDIR, f"{MKDIR}\n    open('/nowhere/x')", "error: post: stages/post.py:18: in main: FileNotFoundError: "),
        ("    n_rows: int", "    n_rows: float\n    share: float", "params.yaml:52: post.share: is missing"),
        ('"post", PostParams', '"train", PostParams', "stage post uses train, which is not among its params; add it"),
        (MKDIR, "    open('data/raw/line.yaml')", "stage post reads data/raw/line.yaml, which is not among its deps"),
    ],
)
def test_what_goes_wrong_in_the_stage_is_said_with_its_place(own: Repository, old: str, new: str, said: str) -> None:
    own.edit("stages/post.py", old, new)
    done = own.run("python", "-m", "stages.post")
    own.run("git", "checkout", "stages/post.py")
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert (own.root / "reports/extra/errors.csv").is_file()


def test_a_typo_in_params_yaml_is_found_next_to_the_own_section(own: Repository) -> None:
    own.edit("params.yaml", "post: {", "psot: {")
    code, said = own.relight("check")
    own.run("git", "checkout", "params.yaml")
    assert code == 2, said
    assert "section psot is unknown; did you mean post?" in said


def test_params_may_be_taken_as_they_are(own: Repository) -> None:
    taken = 'taken = stage.all_params()\n    params = PostParams(**taken["post"])\n    assert len(taken) == 1'
    own.edit("stages/post.py", 'params = stage.params("post", PostParams)', taken)
    before = own.bytes_of("reports/extra/errors.csv")
    done = own.run("python", "-m", "stages.post")
    own.run("git", "checkout", "stages/post.py")
    assert done.returncode == 0, done.stderr
    assert own.bytes_of("reports/extra/errors.csv") == before


def test_a_stage_may_be_any_script_and_read_one_key_of_its_section(own: Repository) -> None:
    assert 'width="7"' in (own.root / "reports/more/a.svg").read_text()
    own.edit("params.yaml", "unused: 1", "unused: 2")
    assert "draw" not in own.run("dvc", "status", "-q").stdout + own.run("dvc", "status").stdout
    own.run("git", "checkout", "params.yaml")
    code, said = own.relight("trace", "reports/more/a.svg", "--no-remote")
    assert code == 0, said
    assert "params    draw.size: 7" in said
    assert "by running: yes" in said


def test_the_code_of_the_stage_is_named_in_a_failing_metric(own: Repository) -> None:
    own.edit("houses/metrics.py", "    return float(", "    return nothing(")
    done = own.run("python", "-m", "stages.evaluate")
    own.run("git", "checkout", "houses/metrics.py")
    assert done.returncode == 1
    assert "error: evaluate.metrics.0: houses/metrics.py:6: in within: NameError: name 'nothing' is not" in done.stderr
    assert Path(own.root / "reports/metrics.json").is_file()
