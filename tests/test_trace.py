"""The history of a model, in a repository with two commits, a tag, an experiment and a remote."""

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.repositories import REPOSITORY, Repository

pytestmark = pytest.mark.xdist_group("trace")  # one worker: what the fixture makes is dear

MODEL = "models/model.pth"


def succeed(repository: Repository, *command: str) -> str:
    done = repository.run(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def commit_all(repository: Repository, message: str) -> None:
    succeed(repository, "git", "add", "-A")
    succeed(repository, "git", "commit", "-qm", message)


@pytest.fixture(scope="module")
def history(finished: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """It is only read: `copy` is for changing something. The remote has what the first commit made, no more."""
    root = tmp_path_factory.mktemp("history") / "repository"
    shutil.copytree(finished.root, root, symlinks=True)
    repository = Repository(root)
    commit_all(repository, "one")
    succeed(repository, "git", "tag", "v1")
    succeed(repository, "dvc", "remote", "modify", "--local", "storage", "url", ".dvc/remote")
    succeed(repository, "dvc", "push", "-q")
    repository.edit("params.yaml", "epochs: 1000", "epochs: 20")
    repository.repro()
    commit_all(repository, "two")
    succeed(repository, "dvc", "exp", "run", "-q", "--temp", "-n", "faster", "-S", "train.epochs=30", "train")
    return repository


@pytest.fixture
def copy(history: Repository, tmp_path: Path) -> Repository:
    shutil.copytree(history.root, tmp_path / "copy", symlinks=True)
    return Repository(tmp_path / "copy")


def traced(repository: Repository, path: str | Path, *more: str, code: int = 0) -> dict[str, Any]:
    """Return the output of `--json`. Errors come after it."""
    returned, said = repository.relight("trace", str(path), "--json", *more)
    assert returned == code, said
    return dict(json.loads(said[: said.rindex("\n}") + 2]))


def md5_of_model(repository: Repository, revision: str) -> str:
    lock = yaml.safe_load(succeed(repository, "git", "show", f"{revision}:dvc.lock"))
    return str(next(out["md5"] for out in lock["stages"]["train"]["outs"] if out["path"] == MODEL))


def object_of(repository: Repository, md5: str, store: str = ".dvc/cache") -> Path:
    return repository.root / store / "files/md5" / md5[:2] / md5[2:]


def revision(repository: Repository, name: str) -> str:
    return succeed(repository, "git", "rev-parse", f"{name}^{{commit}}")


def experiment(repository: Repository) -> str:
    return succeed(repository, "git", "for-each-ref", "--format=%(objectname)", "refs/exps/*/*/faster")


def test_a_model_leads_back_to_the_raw_file(history: Repository) -> None:
    said = traced(history, MODEL)
    assert said["problems"] == []
    assert [step["stage"] for step in said["steps"]] == ["train", "split", "prepare"]
    assert said["traced_at"] == revision(history, "main")
    assert said["now_in"] == ["main"]
    train, _, prepare = said["steps"]
    assert (train["params"]["train"]["epochs"], train["command"]) == ("20", "exec python -m stages.train")
    assert {item["maker"] for item in train["data"]} == {"split"}
    (raw,) = prepare["data"]
    assert (raw["path"], raw["maker"], raw["git"]) == ("data/raw/line.yaml", "", True)
    for step in said["steps"]:
        assert step["changed_code"] == step["changed_params"] == []
        assert step["rebuild"]["can"]
        assert step["rebuild"]["cache"] == step["rebuild"]["run"] == step["rebuild"]["doubts"] == []
        for item in (*step["data"], *step["outs"]):
            assert item["md5"] == hashlib.md5((history.root / item["path"]).read_bytes()).hexdigest()


def test_what_it_says_can_be_read(history: Repository) -> None:
    code, said = history.relight("trace", MODEL, "--no-remote")
    assert code == 0
    head = f"recorded  {revision(history, 'main')[:7]}  "
    for text in (
        head,
        "two\n",
        "every step, bit for bit",
        "train  ← exec python -m stages.train",
        "epochs=20",
        "(raw)",
    ):
        assert text in said
    assert max(len(line) for line in said.splitlines()) <= 110


def test_a_picture_leads_back_through_the_scores_also_where_it_was_copied(history: Repository, tmp_path: Path) -> None:
    picture = next((history.root / "reports/plots").iterdir())
    shutil.copy(picture, tmp_path / "x.png")
    for path in (picture.relative_to(history.root), picture, tmp_path / "x.png"):
        said = traced(history, path, "--no-remote")
        assert said["entry"]["path"] == "reports/plots"
        assert [step["stage"] for step in said["steps"]] == ["plot", "evaluate", "train", "split", "prepare"]


def test_metrics_come_from_git_and_files_of_the_same_bytes_are_told_apart_by_their_place(history: Repository) -> None:
    said = traced(history, "reports/metrics.json", "--no-remote")
    (metrics,) = (item for item in said["steps"][0]["outs"] if item["path"] == "reports/metrics.json")
    assert metrics["git"]
    assert said["steps"][0]["rebuild"]["cache"] == []
    parts = [f"data/split/{part}.safetensors" for part in ("test", "validation")]
    assert len(set(history.bytes_of(*parts).values())) == 1
    assert [traced(history, part, "--no-remote")["entry"]["path"] for part in parts] == parts


def test_the_commands_of_the_page_run(history: Repository) -> None:
    page = (REPOSITORY / "docs/provenance.md").read_text(encoding="utf-8")
    commands = re.findall(r"^relight (trace .*?) +#", page, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        assert history.relight(*command.split())[0] == 0, command


def test_a_raw_file_is_said_to_be_one(history: Repository) -> None:
    code, said = history.relight("trace", "data/raw/line.yaml", "--no-remote")
    assert code == 0
    assert "no stage wrote it" in said


def test_a_changed_model_is_said_to_be_so_before_all_else(copy: Repository) -> None:
    with open(copy.root / MODEL, "ab") as file:
        file.write(b"\0")
    code, said = copy.relight("trace", MODEL, "--no-remote")
    assert code == 1
    assert said.startswith(f"{MODEL}: is not the file that dvc.lock records here (md5 ")
    assert "no dvc.lock of the history records it" in said
    assert f"`dvc checkout {MODEL}`" in said
    assert "train  ← exec python -m stages.train" in said  # the recorded one


def test_a_model_of_an_old_commit_or_an_experiment_is_found_by_its_bytes_alone(
    history: Repository, tmp_path: Path
) -> None:
    places = {"v1": (revision(history, "v1"), ["tag v1"], "1000")}
    places[experiment(history)] = (experiment(history), ["experiment faster"], "30")
    for name, (commit, names, epochs) in places.items():
        shutil.copy(object_of(history, md5_of_model(history, name)), tmp_path / "found.pth")
        said = traced(history, tmp_path / "found.pth", "--no-remote")
        assert (said["traced_at"], said["now_in"]) == (commit, names)
        assert said["steps"][0]["params"]["train"]["epochs"] == epochs


def test_an_old_model_in_the_place_of_the_new_one_is_named(copy: Repository) -> None:
    (copy.root / MODEL).unlink()
    shutil.copy(object_of(copy, md5_of_model(copy, "v1")), copy.root / MODEL)
    code, said = copy.relight("trace", MODEL, "--no-remote")
    assert code == 1
    assert "it is one of the history" in said
    assert f"recorded  {revision(copy, 'v1')[:7]}" in said


def test_a_file_of_no_history_is_refused(history: Repository, tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(b"mine")
    code, said = history.relight("trace", str(tmp_path / "model.pth"))
    assert (code, said.count("\n")) == (2, 1)
    assert "no dvc.lock of this repository's history records these bytes" in said
    assert history.relight("trace", "nothing.pth") == (
        2, "error: nothing.pth: no such file, and dvc.lock records none of this name\n",
    )  # fmt: skip


def test_with_an_empty_cache_the_remote_or_a_run_is_the_way(copy: Repository, tmp_path: Path) -> None:
    old = md5_of_model(copy, "v1")
    shutil.copy(object_of(copy, old), tmp_path / "old.pth")
    shutil.rmtree(copy.root / ".dvc/cache")
    pushed = traced(copy, tmp_path / "old.pth")["steps"][0]
    assert pushed["rebuild"]["remote"] == []
    assert "models/model.pth is missing" in pushed["rebuild"]["cache"]
    assert "models/manifest.json is not here" in pushed["rebuild"]["doubts"][0]
    here = traced(copy, MODEL)["steps"][0]
    assert "models/model.pth is missing" in here["rebuild"]["remote"]
    assert here["rebuild"]["run"] == here["rebuild"]["doubts"] == []  # code and raw data are in Git
    unasked = traced(copy, tmp_path / "old.pth", "--no-remote")["steps"][0]
    assert (unasked["rebuild"]["remote"], unasked["rebuild"]["can"]) == (["not asked"], False)
    path = object_of(copy, old, ".dvc/remote")
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    assert traced(copy, tmp_path / "old.pth")["steps"][0]["rebuild"]["remote"] == ["models/model.pth is DAMAGED"]


def test_a_damaged_object_in_the_cache_is_named_and_does_not_count(copy: Repository) -> None:
    path = object_of(copy, md5_of_model(copy, "HEAD"))
    path.chmod(0o644)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    train = traced(copy, MODEL, "--no-remote")["steps"][0]
    assert train["rebuild"]["cache"] == ["models/model.pth is DAMAGED"]
    assert {item["path"]: item["cache"] for item in train["outs"]}[MODEL] == "damaged"


def test_code_and_params_that_were_never_committed_are_named(copy: Repository) -> None:
    copy.edit("src/relight/train/losses/losses.py", '"""', '"""Mine: ')
    copy.edit("params.yaml", "epochs: 20", "epochs: 21")
    copy.repro("train")
    assert "in no commit yet" in copy.relight("trace", MODEL, "--no-remote")[1]
    succeed(copy, "git", "commit", "-qm", "the lock alone", "dvc.lock")
    train = traced(copy, MODEL, "--no-remote")["steps"][0]
    assert train["changed_code"] == ["src/relight/train"]
    assert train["changed_params"] == ["train"]
    assert len(train["rebuild"]["run"]) == 2


def test_a_clone_without_a_remote_or_cache_says_that_it_lacks_them(history: Repository, tmp_path: Path) -> None:
    succeed(history, "git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    said = traced(clone, MODEL)  # it is not here, and recorded
    train = said["steps"][0]
    assert (said["remote"]["name"], train["rebuild"]["can"]) == ("storage", False)
    assert train["rebuild"]["run"] == []
    succeed(clone, "git", "config", "-f", ".dvc/config", "--remove-section", "core")
    assert traced(clone, MODEL)["remote"] == {"name": None, "problem": "there is no default remote"}


def test_the_manifest_says_what_the_model_was_made_of_and_nothing_else(history: Repository) -> None:
    manifest = json.loads((history.root / "models/manifest.json").read_text())
    assert manifest["params"]["train"]["epochs"] == 20
    assert "checkpoint_seconds" not in manifest["params"]["train"]
    assert set(manifest["data"]) == {
        f"data/split/{name}" for name in ("features.json", "train.safetensors", "validation.safetensors")
    }
    assert {"stages/train.py", "src/relight/runtime/runner.py"} < set(manifest["code"])
    files = {**manifest["data"], **manifest["code"]}
    files |= {f"models/{name}": digest for name, digest in manifest["made"].items()}
    assert set(manifest["made"]) == {"model.pth", "model.json"}
    for path, digest in files.items():
        assert hashlib.sha256((history.root / path).read_bytes()).hexdigest() == digest
    keys = "code data device format made params processes seed seeds threads versions"
    assert sorted(manifest) == keys.split()
    assert (manifest["device"], manifest["processes"], manifest["format"]) == ("cpu", 1, 1)
