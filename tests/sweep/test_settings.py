"""All problems of a sweep.yaml are said at once, with the line and the next step."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from relight.deps.deps import deps
from relight.errors import InputError, RelightError
from relight.project.record import installed_record
from relight.repository.git import run_git
from relight.runtime.nested import differing_keys
from relight.runtime.strict_yaml import read_yaml
from relight.sweep.params import SweepParams
from relight.sweep.proposals import Proposal
from relight.sweep.settings import (
    SweepSettings,
    experiment_name,
    proposal_problem,
    read_sweep_settings,
    study_identity,
    sweep_warnings,
    with_proposal,
)
from relight.sweep.sweep import sweep
from tests.repositories import REPOSITORY

RATE = "  train.optimizer.learning_rate: {low: 0.001, high: 0.1, log: true}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(REPOSITORY / "recipes/penguins.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problems(text: str, *, fast: bool = False) -> list[str]:
    Path("sweep.yaml").write_text(text)
    with pytest.raises(InputError, match=r"sweep\.yaml") as caught:
        read_sweep_settings(Path("sweep.yaml"), fast=fast)
    return list(caught.value.problems)


def read(text: str) -> SweepSettings:
    Path("sweep.yaml").write_text(text)
    return read_sweep_settings(Path("sweep.yaml"), fast=False)


BAD = {
    "params:\n  train.lr: [0.1]\n  train.optimizer.name: [adam, adan]\n  train.epochs: {low: 0, high: 9}\n": [
        "sweep.yaml:2: params.train.lr: is not in params.yaml; did you mean train.optimizer.learning_rate?",
        "sweep.yaml:3: params.train.optimizer.name: must be one of sgd, adam, adamw, got the text 'adan'",
        "sweep.yaml:4: params.train.epochs: must be >= 1, got 0",
    ],
    "params:\n  learning_rate: [0.1]\n": [
        "sweep.yaml:2: params.learning_rate: is not in params.yaml; did you mean train.optimizer.learning_rate?"
    ],
    "params:\n  train.label_smoothing: [0.0, 0.1]\n": [
        "sweep.yaml:2: params.train.label_smoothing: is not in params.yaml; write it there first"
    ],
    "params:\n  trian.seed: [0, 1]\n": ["sweep.yaml:2: params.trian.seed: is not in params.yaml; did you mean "],
    "samplr: tpe\nsampler: best\nseed: -1\nparams:\n" + RATE: [
        "sweep.yaml:2: sampler: must be one of tpe, random, grid, got the text 'best'",
        "sweep.yaml:3: seed: must be >= 0, got -1",
        "sweep.yaml:1: samplr: is unknown; did you mean sampler?",
    ],
    "name: my sweep\nparams:\n" + RATE: ["sweep.yaml:1: name: must be letters, digits, - and _"],
    "name: s\n": ["sweep.yaml: params: is missing; add for example `params: {train.optimizer.learning_rate:"],
    "params: {}\n": ["sweep.yaml: params must name at least one key of params.yaml"],
    "params:\n  train.seed: {low: 3}\n": [
        "sweep.yaml:2: params.train.seed: must be a list of values, or {low: 0.001, high: 0.1, log: true}, got"
    ],
    "params:\n  train.seed: {low: 3, high: 3}\n": ["sweep.yaml:2: params.train.seed: low must be below high, got"],
    "params:\n  train.seed: {low: 0, high: 3, log: true}\n": [
        "sweep.yaml:2: params.train.seed: with log, low must be "
    ],
    "params:\n  train.seed: [1, 1]\n": ["sweep.yaml:2: params.train.seed: must be a list of different values"],
    "params:\n  train.seed: []\n": ["sweep.yaml:2: params.train.seed: must be a list of single values, at least one"],
    "params:\n  train.seed: {low: 1, high: 9, step: 0.5}\n": ["sweep.yaml:2: params.train.seed: step must be a whole"],
    "budget: {trials: null}\nparams:\n" + RATE: ["sweep.yaml:1: budget: trials or minutes must be given"],
    "metric: threshold.value\nparams:\n" + RATE: [
        "sweep.yaml: direction: must be minimize or maximize if metric is no"
    ],
    "metric: test.accuracy\ndirection: minimize\nparams:\n" + RATE: [
        "sweep.yaml:2: direction: must be maximize for test.accuracy, of which higher is better, got minimize"
    ],
    "metric: seeds.test.rmse.mean\ndirection: maximize\nparams:\n" + RATE: [
        "sweep.yaml:2: direction: must be minimize for seeds.test.rmse.mean, of which lower is better, got maximize"
    ],
    "metric: test.coverage_80\ndirection: maximize\nparams:\n" + RATE: [
        "sweep.yaml:2: direction: must be left out for test.coverage_80, which should be near 0.8, got maximize; the"
    ],
    "direction: maximize\nparams:\n" + RATE: ["sweep.yaml: direction must be minimize for the validation score"],
    "sampler: grid\nparams:\n" + RATE: ["sweep.yaml: params.train.optimizer.learning_rate must have a step or be a"],
    "params:\n  train.loss: [l1, mse]\n": [
        "sweep.yaml:2: params.train.loss: must not be swept by the validation score"
    ],
    "storage: postgresql://me:secret@host/db\nparams:\n" + RATE: ["sweep.yaml: storage must not hold a password"],
}


def test_a_file_that_is_not_there_is_said_with_one_that_works(folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_sweep_settings(Path("sweep.yaml"), fast=False)
    (said,) = caught.value.problems
    assert said.startswith(f"sweep.yaml: no such file in {folder}; write one, as `")
    settings = read(said.split("`")[1] + "\n")
    assert list(settings.sweep.params) == ["train.optimizer.learning_rate"]


def test_own_code_that_dvc_yaml_lacks_is_said_before_the_trials(folder: Path) -> None:
    shutil.copytree(REPOSITORY / "examples/own_code/houses", folder / "houses")
    (folder / "houses/other.py").write_text("from .networks import ResidualMlp\n\nclass Other(ResidualMlp): pass\n")
    shutil.copy(REPOSITORY / "dvc.yaml", folder / "dvc.yaml")
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["model"]["name"] = {"call": "houses.networks:ResidualMlp"}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    deps(Path("params.yaml"), Path("dvc.yaml"), write=True)
    text = 'params:\n  model.name.call: ["houses.networks:ResidualMlp", "houses.other:Other"]\n'
    one, other = problems(text)
    assert "sweep.yaml:2: params.model.name.call: dvc.yaml:" in one
    assert "stage train must have houses/other.py among its deps, because model.name runs it; run `relight deps" in one
    assert "stage evaluate must have houses/other.py among its deps" in other
    deps(Path("params.yaml"), Path("dvc.yaml"), write=True)
    assert list(read(text).sweep.params) == ["model.name.call"]


@pytest.mark.parametrize("key", ["train", "evaluate"])
def test_fast_trials_are_refused_with_another_relight_as_the_train_stage_is(folder: Path, key: str) -> None:
    pipeline = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())
    for stage, entry in pipeline["stages"].items():
        entry["params"].append({"relight.json": [stage]})
    (folder / "dvc.yaml").write_text(yaml.safe_dump(pipeline))
    content = json.loads(installed_record().text())
    (folder / "relight.json").write_text(json.dumps({**content, key: "0" * 16}))
    (folder / "sweep.yaml").write_text(f"params:\n{RATE}")
    for command in (["git", "init", "-q"], ["git", "add", "-A"]):
        subprocess.run(command, check=True)
    with pytest.raises(RelightError) as caught:
        sweep(Path("sweep.yaml"), jobs=1, fast=True, keep=0)
    is_train = "relight.json: train: must run with Relight" in caught.value.problems[0]
    assert is_train == (key == "train")  # with that of another stage it goes on, and finds no commit


@pytest.mark.parametrize("text", BAD)
def test_all_that_is_wrong_is_said_at_once(text: str) -> None:
    said = problems(text)
    assert len(said) == len(BAD[text]), said
    for problem, start in zip(said, BAD[text], strict=True):
        assert problem.startswith(start), problem


def test_fast_neither_splits_nor_evaluates() -> None:
    text = "metric: validation.accuracy\ndirection: maximize\nparams:\n  split.seed: [1, 2]\n" + RATE
    assert problems(text, fast=True) == [
        "sweep.yaml:4: params.split.seed: must not be swept with --fast, which prepares and splits once; "
        "leave --fast out",
        "sweep.yaml:1: metric: must be null with --fast, which does not evaluate",
    ]


def with_metrics(folder: Path) -> None:
    text = (folder / "params.yaml").read_text()
    calls = '[{call: "own:within", better: higher}, {call: "own:bias", better: 0}, {call: "own:cost", better: lower}]'
    (folder / "params.yaml").write_text(re.sub(r"\nevaluate:.*", f"\nevaluate: {{metrics: {calls}}}", text))
    names = ("within", "bias", "cost")
    (folder / "own.py").write_text("".join(f"def {name}(y_true, y_pred, w):\n    return 0.0\n" for name in names))
    (folder / "dvc.yaml").write_text("stages: {evaluate: {cmd: x, deps: [own.py]}}\n")


@pytest.mark.parametrize(
    ("metric", "direction", "label", "value"),
    [
        ("test.within", "maximize", "test.within", 0.25),
        ("validation.cost", "minimize", "validation.cost", 0.25),
        ("test.bias", "minimize", "distance of test.bias from 0", 0.25),
        ("test.coverage_80", "minimize", "distance of test.coverage_80 from 0.8", 0.55),
        ("validation.accuracy", "maximize", "validation.accuracy", 0.25),
    ],
)
def test_the_direction_of_a_score_is_known(folder: Path, metric: str, direction: str, label: str, value: float) -> None:
    with_metrics(folder)
    settings = read(f"metric: {metric}\nparams:\n{RATE}")
    assert settings.sweep.direction == direction
    assert settings.objective.label == label
    assert settings.objective.value(0.25) == pytest.approx(value)


@pytest.mark.parametrize(
    ("metric", "direction", "said"),
    [
        ("test.within", "minimize", "must be maximize for test.within, of which higher is better, got minimize"),
        ("test.cost", "maximize", "must be minimize for test.cost, of which lower is better, got maximize"),
        ("test.bias", "minimize", "must be left out for test.bias, which should be near 0, got minimize; the distance"),
    ],
)
def test_a_direction_that_contradicts_an_own_metric_is_refused(
    folder: Path, metric: str, direction: str, said: str
) -> None:
    with_metrics(folder)
    (problem,) = problems(f"metric: {metric}\ndirection: {direction}\nparams:\n" + RATE)
    assert problem.startswith(f"sweep.yaml:2: direction: {said}")


def test_an_own_metric_that_the_last_run_did_not_have_is_swept(folder: Path) -> None:
    with_metrics(folder)
    (folder / "reports").mkdir()
    (folder / "reports/metrics.json").write_text('{"validation": {"accuracy": 0.9}}')
    assert read(f"metric: test.within\nparams:\n{RATE}").objective.metric == "test.within"
    assert problems("metric: test.witin\ndirection: maximize\nparams:\n" + RATE) == [
        "sweep.yaml:1: metric: is not in reports/metrics.json; known are validation.accuracy"
    ]


def test_params_of_an_own_stage_are_swept_but_not_with_fast(folder: Path) -> None:
    (folder / "params.yaml").write_text((folder / "params.yaml").read_text() + "post: {share: 0.1}\n")
    (folder / "dvc.yaml").write_text("stages: {post: {cmd: x, params: [post]}}\n")
    text = "params:\n  post.share: [0.1, 0.2]\n"
    assert list(read(text).sweep.params) == ["post.share"]
    assert problems(text, fast=True) == [
        "sweep.yaml:2: params.post.share: must not be swept with --fast, which runs no stage of your own; "
        "leave --fast out"
    ]


def test_a_metric_that_the_last_run_did_not_have_is_refused(folder: Path) -> None:
    (folder / "reports").mkdir()
    (folder / "reports/metrics.json").write_text('{"validation": {"accuracy": 0.9}}')
    assert problems("metric: accuracy\ndirection: maximize\nparams:\n" + RATE) == [
        "sweep.yaml:1: metric: is not in reports/metrics.json; did you mean validation.accuracy?"
    ]


def test_a_wrong_params_yaml_is_said_first(folder: Path) -> None:
    (folder / "params.yaml").write_text((folder / "params.yaml").read_text().replace("epochs: 200", "epochs: 0"))
    Path("sweep.yaml").write_text("params:\n" + RATE)
    with pytest.raises(InputError, match=r"params.yaml:\d+: train.epochs: must be >= 1"):
        read_sweep_settings(Path("sweep.yaml"), fast=False)


def watching(folder: Path, monitor: str) -> None:
    text = (folder / "params.yaml").read_text()
    assert "early_stopping: {patience: 16}" in text
    changed = text.replace("early_stopping: {patience: 16}", f"early_stopping: {{patience: 16, monitor: {monitor}}}")
    (folder / "params.yaml").write_text(changed)


def test_the_direction_is_that_of_what_early_stopping_watches(folder: Path) -> None:
    watching(folder, "accuracy")
    assert problems("direction: minimize\nparams:\n" + RATE) == [
        "sweep.yaml: direction must be maximize for the validation accuracy: higher is better"
    ]
    for text in ("", "direction: maximize\n"):
        Path("sweep.yaml").write_text(f"{text}params:\n{RATE}")
        assert read_sweep_settings(Path("sweep.yaml"), fast=True).sweep.direction == "maximize"


def test_trials_of_other_scores_are_not_compared_with_each_other(folder: Path) -> None:
    watching(folder, "loss")
    smoothing = "params:\n  train.label_smoothing: [0.0, 0.1]\n"
    text = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(text.replace("train:\n", "train:\n  label_smoothing: 0.0\n"))
    assert problems(smoothing)[0].startswith(
        "sweep.yaml:2: params.train.label_smoothing: must not be swept by the validation score, which is another one"
    )
    Path("sweep.yaml").write_text(f"metric: validation.log_loss\ndirection: minimize\n{smoothing}")
    settings = read_sweep_settings(Path("sweep.yaml"), fast=False)
    assert not settings.sweep.prune
    assert sweep_warnings(settings) == [
        "params.train.label_smoothing is swept, so the validation scores are not comparable: no trial ends early"
    ]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:${PASSWORD}@host/db",
        "postgresql://me:${A}${B}@host:5432/db?email=a@b",
        "postgresql://me@host/db?password=${PASSWORD}&sslmode=require",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3D${PASSWORD}",
        "postgresql://me@host/db",
        "sqlite:////tmp/a:b@c.db",
        "${URL}",
    ],
)
def test_a_password_may_come_from_the_environment(url: str) -> None:
    Path("sweep.yaml").write_text(f"storage: {url}\nparams:\n" + RATE)
    assert read_sweep_settings(Path("sweep.yaml"), fast=False).sweep.storage == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@host/db?password=hunter2",
        "mysql://host/db?user=me&passwd=hunter2",
        "postgresql://host/db?sslpassword=hunter2",
        "postgresql://host/db?password=${PASSWORD}&pass%77ord=hunter2",
        "mysql://me:${X}hunter2@host/db",
        "mysql://me:hunter2${X}@host/db",
        "mysql://me:$hunter2@host/db",
        "mysql://me:hun/ter2@host/db",
        "mysql://${X}:hunter2@host/db",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3Dhunter2",
    ],
)
def test_a_password_is_refused_and_never_said(url: str) -> None:
    Path("sweep.yaml").write_text(f'storage: "{url}"\nparams:\n' + RATE)
    with pytest.raises(InputError, match="must not hold a password, because this file is committed") as refused:
        read_sweep_settings(Path("sweep.yaml"), fast=False)
    assert "ter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("metric", "split", "remark"),
    [
        ("null", "validation: 0.16", None),
        ("validation.log_loss", "validation: 0.16", None),
        ("test.log_loss", "validation: 0.16", "metric is one of the test rows"),
        ("null", "validation: 0.0", "split.validation is 0, so the test rows validate"),
    ],
)
def test_choosing_by_test_rows_deserves_a_word(metric: str, split: str, remark: str | None, folder: Path) -> None:
    text = (folder / "params.yaml").read_text().replace("validation: 0.16", split)
    (folder / "params.yaml").write_text(text if "0.16" in split else text.replace("train: 0.64", "train: 0.8"))
    Path("sweep.yaml").write_text(f"metric: {metric}\ndirection: minimize\nparams:\n{RATE}")
    said = sweep_warnings(read_sweep_settings(Path("sweep.yaml"), fast=False))
    assert [remark in word for word in said] == ([] if remark is None else [True])


def test_values_that_do_not_go_together_are_found_before_they_run() -> None:
    document = read_yaml(Path("params.yaml"))
    good: Proposal = {"train.optimizer.name": "sgd", "train.optimizer.momentum": 0.9}
    assert proposal_problem(document, good) is None
    assert "momentum must be 0 with adam" in str(proposal_problem(document, {**good, "train.optimizer.name": "adam"}))
    assert document.value["train"]["optimizer"]["name"] == "adamw"  # what is there stays as it is
    assert with_proposal(document, good).value["train"]["optimizer"]["momentum"] == 0.9


def test_the_recipe_suits_the_recipe_for_a_table(folder: Path) -> None:
    shutil.copy(REPOSITORY / "recipes/table.yaml", folder / "params.yaml")
    settings = read_sweep_settings(REPOSITORY / "recipes/sweep.yaml", fast=True)
    assert len(settings.sweep.params) == 5
    assert sweep_warnings(settings) == []


def test_what_a_study_is_about_is_the_same_once_it_is_read_back() -> None:
    Path("sweep.yaml").write_text("params:\n  train.batch_size: [16, full]\n" + RATE)
    Path(".dvc").mkdir()
    for command in (["init", "-q"], ["add", "params.yaml"]):
        run_git(*command)
    run_git("-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-qm", "start")
    said = study_identity(read_sweep_settings(Path("sweep.yaml"), fast=True))
    assert json.loads(json.dumps(said)) == said
    Path("sweep.yaml").write_text("params:\n  train.batch_size: [16, 32]\n" + RATE)
    assert differing_keys(said, study_identity(read_sweep_settings(Path("sweep.yaml"), fast=False))) == [
        "--fast",
        "sweep.yaml.params.train.batch_size",
    ]


def test_params_of_a_frozen_stage_are_not_swept() -> None:
    Path("sweep.yaml").write_text("params:\n  train.batch_size: [16, 32]\n  split.seed: [1, 2]\n")
    pipeline = "stages: {split: {cmd: x, params: [split]}, train: {cmd: x, params: [model, train], frozen: FROZEN}}"
    Path("dvc.yaml").write_text(pipeline.replace("FROZEN", "false"))
    read_sweep_settings(Path("sweep.yaml"), fast=False)
    Path("dvc.yaml").write_text(pipeline.replace("FROZEN", "true"))
    with pytest.raises(InputError) as caught:
        read_sweep_settings(Path("sweep.yaml"), fast=False)
    assert caught.value.problems == (
        "sweep.yaml:2: params.train.batch_size: must be for a stage that runs, got one for train, which is frozen; "
        "`dvc unfreeze train` lets it run",
    )


def test_trials_of_other_rows_deserve_a_word() -> None:
    Path("sweep.yaml").write_text("params:\n  split.seed: {low: 1, high: 9}\n")
    assert sweep_warnings(read_sweep_settings(Path("sweep.yaml"), fast=False)) == [
        "params.split.seed is swept, so each trial is scored on other rows: a part of the differences is chance"
    ]


def test_the_document_names_each_key_and_its_default() -> None:
    text = (REPOSITORY / "docs/sweep.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (?:`([^|]*)`)? ?\|", text, re.MULTILINE))
    assert set(rows) == set(SweepParams.model_fields)
    whole = yaml.safe_load((REPOSITORY / "recipes/sweep.yaml").read_text(encoding="utf-8"))
    assert set(whole) == set(rows)
    for key, default in rows.items():
        if default:
            assert yaml.safe_load(default) == whole[key]


def test_the_trials_of_two_models_have_other_names_and_another_study(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have the same params, and a sweep of the same name; their experiments are those of one repository."""
    models = ("models/price of a: house", "models/size")
    for path in (".dvc", "src", *models):
        (folder / path).mkdir(parents=True)
    (folder / "src/shared.py").touch()
    for model in models:
        shutil.copy(folder / "params.yaml", folder / model)
        (folder / model / "sweep.yaml").write_text("params:\n" + RATE)
        (folder / model / "dvc.yaml").write_text("stages: {train: {cmd: x, deps: [../../src/shared.py, data]}}\n")
    for command in (["init", "-q"], ["add", "-A"]):
        run_git(*command)
    run_git("-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-qm", "start")
    assert experiment_name(SweepParams.model_construct(name="sweep"), "0001") == "sweep-0001"
    names, studies = [], []
    for model in models:
        monkeypatch.chdir(folder / model)
        settings = read_sweep_settings(Path("sweep.yaml"), fast=True)
        names.append(experiment_name(settings.sweep, "0001"))
        studies.append(study_identity(settings))
    assert names == ["models-price-of-a-house-sweep-0001", "models-size-sweep-0001"]
    assert differing_keys(*studies) == ["the folder"]
    (folder / "src/shared.py").write_text("x = 1")
    edited = study_identity(settings)
    assert differing_keys(studies[1], edited) == ["the code"]
    for key, value in {"diff.external": "false", "diff.context": "9", "core.abbrev": "9", "color.ui": "always"}.items():
        run_git("config", key, value)
    assert study_identity(settings) == edited
    (folder / "src/shared.py").write_text("x = 2")
    assert differing_keys(edited, study_identity(settings)) == ["the code"]
