"""Two models in one repository, with the real dvc and git: every command of a folder sees its own model only."""

import fcntl
import re
import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.repositories import Repository
from tests.several_models import Model, make_models

pytestmark = pytest.mark.xdist_group("several models")  # one worker: what the fixture makes is dear
STAGES = ["prepare", "split", "train", "evaluate", "plot"]
SWEEP = "params: {train.epochs: [5, 6]}\nsampler: grid\nbudget: {trials: 2}\nprune: false\n"
QUEUE_SECONDS, BEST = 300, "models-size-sweep-0001"


class Walk(NamedTuple):
    """
    Attributes:
        top: the repository.
        said: by each command of the walk, by a name for it.
    """

    top: Repository
    price: Model
    size: Model
    said: dict[str, Any]


def commit(top: Repository) -> None:
    for command in (("git", "add", "-A"), ("git", "commit", "-qm", "run")):
        done = top.run(*command)
        assert done.returncode == 0, done.stderr


def wait_for_queue(model: Model) -> None:
    end = time.monotonic() + QUEUE_SECONDS
    while re.search(r"Running|Queued", model.succeed("dvc", "queue", "status")):
        assert time.monotonic() < end, "the queue hangs"
        time.sleep(0.5)


def make_experiments(price: Model, size: Model) -> None:
    """One in the workspace, one in a temporary one, two in the queue."""
    price.succeed("dvc", "exp", "run", "--temp", "-n", "price-temp", "-S", "train.epochs=11")
    for name, model, epochs in (("size-queue", size, 13), ("price-astray", price, 14)):
        model.succeed("dvc", "exp", "run", "--queue", "-n", name, "-S", f"train.epochs={epochs}")
    size.succeed("dvc", "queue", "start")  # DVC runs the task of price in this folder, too, where nothing changed
    wait_for_queue(size)
    price.succeed("dvc", "exp", "run", "-n", "price-here", "-S", "train.epochs=10")


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    folder = tmp_path_factory.mktemp("several")
    root = folder / "repository"
    root.mkdir()
    models = make_models(root)
    top, price, size = Repository(root), models["price"], models["size"]
    said: dict[str, Any] = {}
    price.succeed("dvc", "remote", "modify", "storage", "url", str(folder / "remote"))
    said["all"] = top.repro("-R", ".")
    commit(top)
    said["none"] = [*top.repro("models/price/dvc.yaml"), *price.repro(), *size.repro()]
    make_experiments(price, size)
    return Walk(top, price, size, said)


def dvc_folders(top: Repository) -> list[str]:
    found = [path.relative_to(top.root).as_posix() for path in top.root.rglob(".dvc")]
    return [path for path in found if not path.startswith(".dvc/tmp/")]


def names_of(said: str) -> list[str]:
    """The names of the runs in the first table of a comparison by scores."""
    table = said.split("rmse ↓\n")[1].split("\n\n")[0].splitlines()[2:]
    return [line.split()[0] for line in table]


def test_dvc_runs_all_of_them_or_one_and_there_is_one_dvc(walk: Walk) -> None:
    assert walk.said["all"] == [f"models/{name}/dvc.yaml:{stage}" for name in ("price", "size") for stage in STAGES]
    assert walk.said["none"] == []
    assert dvc_folders(walk.top) == [".dvc"]
    scratch = walk.top.root / ".dvc/tmp/relight"
    assert sorted(path.name for path in scratch.iterdir()) == ["@models"]
    for name in ("price", "size"):
        held = {path.name for path in (scratch / "@models" / f"@{name}").iterdir()}
        assert {"lock", "checked-params", "checked-data", "outs", "speed.json"} <= held


def test_experiments_change_only_the_model_whose_folder_they_were_run_in(walk: Walk) -> None:
    for name, epochs in (("price-temp", 11), ("price-here", 10), ("size-queue", 13)):
        model, other = name.split("-")[0], "size" if name.startswith("price") else "price"
        changed = walk.top.run("git", "diff", "--name-only", "HEAD", commit_of(walk, name)).stdout.split()
        assert f"models/{model}/reports/metrics.json" in changed
        assert not [path for path in changed if path.startswith(f"models/{other}/")]
        lock = yaml.safe_load(walk.top.run("git", "show", f"{commit_of(walk, name)}:models/{model}/dvc.lock").stdout)
        assert lock["stages"]["train"]["params"]["params.yaml"]["train"]["epochs"] == epochs


def commit_of(walk: Walk, name: str) -> str:
    refs = walk.top.run("git", "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").stdout.splitlines()
    (found,) = [ref.split()[0] for ref in refs if ref.endswith(f"/{name}")]
    return found


def test_compare_shows_the_experiments_of_its_model(walk: Walk) -> None:
    code, price = walk.price.relight("compare")
    assert (code, set(names_of(price))) == (0, {"HEAD", "price-here", "price-temp"})
    assert "The workspace is as price-here." in price
    assert "size-" not in price
    code, size = walk.size.relight("compare")
    assert (code, set(names_of(size))) == (0, {"HEAD", "size-queue"})
    assert "The workspace is as HEAD." in size
    assert "price-" not in size


def test_an_experiment_that_no_stage_ran_for_has_no_result(walk: Walk) -> None:
    """DVC has run it in the folder of the queue's worker; its scores would be those of other params."""
    said = " ".join(walk.price.relight("compare")[1].split())
    assert "no stage of this folder ran with their params: price-astray; `dvc exp apply NAME` and `dvc repro`" in said
    code, named = walk.size.relight("compare", "size-queue", "price-temp")
    assert code == 0
    assert "price-temp is an experiment of another model; this one did not run in it." in named


def test_show_and_check_are_about_the_model_of_the_folder(walk: Walk) -> None:
    code, said = walk.size.relight("show")
    assert code == 0
    assert "Last training here: " in said
    assert walk.price.relight("show")[1].splitlines()[1] != said.splitlines()[1]
    code, said = walk.price.relight("check")
    assert code == 0
    assert said.startswith("../../data/houses.csv: 60 rows (48 train, 12 test)\ntarget price: regression")
    assert "neither Git nor DVC tracks it" not in said
    assert walk.price.relight("data") == (0, "")


def test_trace_names_the_commits_and_experiments_of_its_model(walk: Walk) -> None:
    code, said = walk.size.relight("trace", "models/model.pth", "--no-remote")
    assert code == 0
    assert "  now in    main\n" in said  # and in no experiment of price, all of which hold the same models/size
    assert "  rebuild   every step, bit for bit\n" in said
    assert "not in commit" not in said
    assert "data/raw/line.yaml (raw)" in said
    code, said = walk.price.relight("trace", "data/prepared/table.parquet", "--no-remote")
    assert code == 0
    assert re.search(r"reads +../../data/houses.csv \(raw\) .* in Git", said)
    code, said = walk.price.relight("trace", "../size/models/model.pth", "--no-remote")
    assert code == 2
    assert "it lies in the folder of another model: run `relight trace` in ../size" in said


def test_verify_makes_only_its_model_again(walk: Walk) -> None:
    code, said = walk.price.relight("verify", "price-temp")
    assert code == 0, said
    assert "all 16 outs are equal, byte for byte\n" in said
    assert not (walk.top.root / ".dvc/tmp/relight/@models/@price/verify").exists()
    assert dvc_folders(walk.top) == [".dvc"]


def test_a_sweep_of_each_model_has_its_own_trials_and_experiments(walk: Walk) -> None:
    (walk.size.root / "sweep.yaml").write_text(SWEEP)
    code, said = walk.size.relight("sweep", "--fast")
    assert code == 0, said
    assert "2 trials: 2 complete" in said
    assert f"dvc exp apply {BEST}" in said
    (walk.size.root / "sweep.yaml").unlink()
    lock = yaml.safe_load(walk.top.run("git", "show", f"{commit_of(walk, BEST)}:models/size/dvc.lock").stdout)
    assert lock["stages"]["train"]["params"]["params.yaml"]["train"]["epochs"] == 6
    assert BEST in names_of(walk.size.relight("compare")[1])
    # the workspace of price, which was not committed, is in it, too
    assert set(names_of(walk.price.relight("compare")[1])) == {"HEAD", "price-here", "price-temp"}
    walk.size.succeed("dvc", "exp", "remove", BEST)


def test_doctor_finds_nothing_in_a_folder_below_the_top(walk: Walk) -> None:
    for model in (walk.price, walk.size):
        code, said = model.relight("doctor")
        assert (code, "nothing found" in said) == (0, True), said
        assert "dvc.lock     stages: 5; cached outs: 15" in said


def test_pull_brings_the_files_of_its_model(walk: Walk, tmp_path: Path) -> None:
    walk.size.succeed("dvc", "push", "-q")
    shutil.copytree(walk.top.root, tmp_path / "clone", symlinks=True)
    price, size = (Model(tmp_path / "clone/models" / name) for name in ("price", "size"))
    for path in (price.top / ".dvc/cache", price.root / "models", size.root / "models", size.root / "reports/plots"):
        shutil.rmtree(path)
    code, said = size.relight("pull")
    assert code == 0, said
    assert "files are intact, in the cache and in the workspace" in said
    assert (size.root / "models/model.pth").read_bytes() == (walk.size.root / "models/model.pth").read_bytes()
    assert not (price.root / "models").exists()
    cached = sum(path.is_file() for path in (price.top / ".dvc/cache/files").rglob("*"))
    code, said = size.relight("pull", "price-temp")  # what that commit holds of models/size
    assert (code, sum(path.is_file() for path in (price.top / ".dvc/cache/files").rglob("*"))) == (0, cached), said
    code, said = Repository(price.top).relight("pull")  # the folder of no model: nothing is fetched, and that is said
    assert (code, "; go to models/price, models/size and run the command there" in said) == (2, True), said


def test_stages_of_two_models_run_at_the_same_time(walk: Walk) -> None:
    with open(walk.top.root / ".dvc/tmp/relight/@models/@price/lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused, free = (model.run("python", "-m", "stages.split") for model in (walk.price, walk.size))
    assert refused.returncode == 1
    assert "split: another stage still runs in this folder" in refused.stderr
    assert free.returncode == 0, free.stderr


def test_a_source_out_of_the_repository_is_refused(walk: Walk) -> None:
    outside, source = walk.top.root.parent / "etc", "../../../etc/houses.csv"
    outside.mkdir(exist_ok=True)
    shutil.copy(walk.top.root / "data/houses.csv", outside)
    done = walk.price.run("dvc", "exp", "run", "-S", f"prepare.source={source}")
    walk.price.succeed("git", "checkout", ".")
    walk.price.succeed("dvc", "checkout", "-q")
    assert done.returncode != 0
    assert f"{source}: must be a path inside the repository" in done.stdout + done.stderr


def test_without_a_dvc_above_a_stage_says_so_and_makes_none(walk: Walk, tmp_path: Path) -> None:
    shutil.copytree(walk.top.root, tmp_path / "copy", ignore=shutil.ignore_patterns(".dvc", ".git"))
    model = Model(tmp_path / "copy/models/size")
    done = model.run("python", "-m", "stages.prepare")
    assert done.returncode == 2
    assert f"{model.root}: must lie in a DVC repository, got none" in done.stderr
    assert list(tmp_path.rglob(".dvc")) == []
    assert model.relight("show")[0] == 0  # reports can be shown everywhere


def test_an_undeclared_file_elsewhere_in_the_repository_is_refused(walk: Walk, tmp_path: Path) -> None:
    shutil.copytree(walk.top.root, tmp_path / "copy", symlinks=True)
    model = Model(tmp_path / "copy/models/size")
    model.edit("stages/split.py", "    split(\n", "    open('../price/params.yaml').read()\n    split(\n")
    done = model.run("python", "-m", "stages.split")
    assert done.returncode == 1
    assert "stage split reads ../price/params.yaml, which is not among its deps; declare it there" in done.stderr
