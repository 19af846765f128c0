"""A push of one clone arrives byte for byte in another; damage on the way is named, and never used."""

import configparser
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest

from relight.repository.objects import object_path
from relight.repository.remotes import SECRET_NAME as NAMED_LIKE_A_SECRET
from relight.repository.revisions import read_lock_file
from tests.repositories import REPOSITORY, Repository
from tests.servers import SECRET, Server, aws, s3_server, seaweed_server, ssh_server

pytestmark = pytest.mark.xdist_group("sharing")  # one worker: what the fixture makes is dear

RELIGHT = "import sys; from relight.cli import main; sys.exit(main(sys.argv[1:]))"
MODEL = "models/model.pth"


class Shared(NamedTuple):
    """
    Attributes:
        bare: the Git remote that others clone.
        predictions: of the model, before it was shared.
    """

    origin: Repository
    bare: Path
    server: Server
    predictions: bytes


def done(repository: Repository, *command: str, env: Mapping[str, str] | None = None) -> str:
    """Return the output of a command that must end well."""
    process = repository.run(*command, env=dict(env or {}))
    assert process.returncode == 0, f"{command}\n{process.stdout}{process.stderr}"
    return process.stdout


def relight(repository: Repository, *words: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    process = repository.run("python", "-c", RELIGHT, *words, env={"PYTHONPATH": "src", **(env or {})})
    said = process.stdout + process.stderr
    assert "Traceback" not in said
    assert SECRET not in said
    return process.returncode, said


def predictions(repository: Repository) -> bytes:
    (repository.root / "new.csv").write_text("x\n0.1\n0.5\n2\n")
    code, said = relight(repository, "predict", "new.csv", "-o", "answers.csv")
    assert code == 0, said
    return (repository.root / "answers.csv").read_bytes()


@pytest.fixture(scope="module")
def trained(finished: Repository, tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, bytes]:
    """Trained and committed; it is only read."""
    repository = Repository(tmp_path_factory.mktemp("trained") / "repository")
    shutil.copytree(finished.root, repository.root, symlinks=True)
    done(repository, "git", "add", "-A")
    done(repository, "git", "commit", "-qm", "trained")
    return repository, predictions(repository)


def share(trained: tuple[Repository, bytes], folder: Path, server: Server) -> Shared:
    """A copy whose files lie on the server, set by the one command that docs/sharing.md names, and a Git remote."""
    repository, before = trained
    shutil.copytree(repository.root, folder / "origin", symlinks=True)
    origin = Repository(folder / "origin")
    done(origin, "dvc", "remote", "modify", "storage", "url", server.url)
    done(origin, "git", "commit", "-qam", "share")
    done(origin, "dvc", "push", "--run-cache", env=server.env)
    done(origin, "git", "clone", "-q", "--bare", ".", str(folder / "bare.git"))
    done(origin, "git", "remote", "add", "origin", str(folder / "bare.git"))
    return Shared(origin, folder / "bare.git", server, before)


def clone(shared: Shared, folder: Path) -> Repository:
    done(shared.origin, "git", "clone", "-q", str(shared.bare), str(folder))
    return Repository(folder)


def copy_of_origin(shared: Shared, folder: Path) -> Repository:
    """The clone that pushed, as it is now, for a test to change."""
    shutil.copytree(shared.origin.root, folder / "copy", symlinks=True)
    return Repository(folder / "copy")


def lose_all_files(repository: Repository) -> None:
    shutil.rmtree(repository.root / ".dvc/cache", ignore_errors=True)
    done(repository, "git", "clean", "-qfdX", "data", "models", "reports")
    assert not (repository.root / MODEL).exists()


@pytest.fixture(scope="module")
def on_s3(trained: tuple[Repository, bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Shared through S3, with an experiment of 30 epochs whose run is in the run-cache, too."""
    folder = tmp_path_factory.mktemp("s3")
    with s3_server(folder / "server") as server:
        shared = share(trained, folder, server)
        done(shared.origin, "dvc", "exp", "run", "--name", "shorter", "-S", "train.epochs=30", "train")
        done(shared.origin, "dvc", "exp", "push", "--run-cache", "origin", "shorter", env=server.env)
        done(shared.origin, "git", "checkout", "-q", "--force", "HEAD")
        done(shared.origin, "dvc", "checkout", "-q")
        yield shared


@pytest.fixture
def folder(on_s3: Shared, tmp_path: Path) -> Path:
    """The bucket of another server with the same files, for a test to damage."""
    shutil.copytree(on_s3.server.store.parent, tmp_path / "s3/bucket")
    return tmp_path / "s3"


def md5_of(repository: Repository, path: str) -> str:
    stages = read_lock_file(repository.root / "dvc.lock").values()
    return next(stage.outs[path].md5 for stage in stages if path in stage.outs)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def cut_to_nothing(path: Path) -> None:
    path.write_bytes(b"")


# Each kind of remote, set by one command


def local_folder(folder: Path) -> AbstractContextManager[Server]:
    from contextlib import nullcontext

    folder.mkdir()
    return nullcontext(Server(str(folder / "store"), {}, folder / "store", process=None))  # type: ignore[arg-type]


def predicts_the_same(shared: Shared, origin: Repository, second: Repository) -> None:
    """Both fetch all files, and the second one predicts.

    Args:
        origin: the clone that pushed, or a copy of it; it loses its files first.
    """
    lose_all_files(origin)
    for repository in (origin, second):
        code, said = relight(repository, "pull", env=shared.server.env)
        assert code == 0, said
        assert re.match(r"fetched \d\d objects from remote 'storage' \(", said)
        assert (repository.root / MODEL).exists()
        assert done(repository, "git", "status", "--porcelain", "--untracked-files=no") == ""
    assert predictions(second) == shared.predictions


@pytest.mark.parametrize("start", [local_folder, ssh_server, seaweed_server])
def test_another_clone_predicts_the_same_bytes(
    start: Callable[[Path], AbstractContextManager[Server]], trained: tuple[Repository, bytes], tmp_path: Path
) -> None:
    with start(tmp_path / "server") as server:
        shared = share(trained, tmp_path, server)
        predicts_the_same(shared, shared.origin, clone(shared, tmp_path / "elsewhere"))


def test_another_clone_predicts_the_same_bytes_through_s3(on_s3: Shared, tmp_path: Path) -> None:
    predicts_the_same(on_s3, copy_of_origin(on_s3, tmp_path), clone(on_s3, tmp_path / "elsewhere"))


def test_a_second_clone_takes_train_from_the_run_cache(on_s3: Shared, tmp_path: Path) -> None:
    """Its dvc.lock names the run of 1000 epochs; that of 30 ran only in the other clone."""
    second = clone(on_s3, tmp_path / "second")
    second.edit("params.yaml", "epochs: 1000", "epochs: 30")
    said = done(second, "dvc", "repro", "--pull", "train", env=on_s3.server.env)
    assert "Stage 'train' is cached - skipping run, checking out outputs" in said
    assert "Running stage" not in said
    done(second, "dvc", "status", "train")
    assert md5_of(second, MODEL) != md5_of(on_s3.origin, MODEL)


# Damage


def test_what_is_damaged_on_the_remote_is_named_and_not_used(on_s3: Shared, folder: Path, tmp_path: Path) -> None:
    """A file and the list of a folder; all others come. Then the way out that the messages name."""
    origin, second = on_s3.origin, clone(on_s3, tmp_path / "second")
    bad = object_path(md5_of(origin, MODEL)), object_path(md5_of(origin, "reports/plots"))
    for damage, word in (
        (flip_a_bit, "damaged on remote"),
        (cut_to_nothing, "damaged on remote"),
        (Path.unlink, "neither the cache nor"),
    ):
        for path in bad:
            damage(folder / "bucket/relight" / path)
        lose_all_files(second)
        with s3_server(folder) as server:
            code, said = relight(second, "pull", env=server.env)
        assert code == 1
        lines = said.splitlines()
        assert [line.split(":")[1].strip() for line in lines] == [MODEL, "reports/plots"]
        assert all(word in line and "s3://bucket/relight" in line and "`dvc push`" in line for line in lines)
        assert (second.root / "models/model.json").exists()
        assert not (second.root / MODEL).exists()
        assert not (second.root / "reports/plots").exists()
        assert not any((second.root / ".dvc/cache" / path).exists() for path in bad)
    with s3_server(folder) as server:  # The damaged objects are deleted by now.
        done(origin, "dvc", "push", env=server.env)
        assert relight(second, "pull", env=server.env)[0] == 0
    assert (second.root / MODEL).read_bytes() == (origin.root / MODEL).read_bytes()


def test_a_damaged_file_of_a_folder_is_named(on_s3: Shared, folder: Path, tmp_path: Path) -> None:
    """A remote without `verify = true` hands no damage on, either."""
    listed = on_s3.origin.root / ".dvc/cache" / object_path(md5_of(on_s3.origin, "reports/evaluate"))
    found = re.search(r'"md5": "(\w+)", "relpath": "predictions.csv"', listed.read_text())
    assert found
    flip_a_bit(folder / "bucket/relight" / object_path(found[1]))
    second = clone(on_s3, tmp_path / "second")
    with s3_server(folder) as server:
        for verify in ("true", "false"):
            done(second, "dvc", "remote", "modify", "storage", "verify", verify)
            code, said = relight(second, "pull", env=server.env)
            assert (code, said.count("\n")) == (1, 1)
            assert said.startswith("error: reports/evaluate/predictions.csv: is damaged on remote 'storage'")
            assert not (second.root / "reports/evaluate").exists()


def test_damage_in_the_cache_is_fixed_with_its_copies(on_s3: Shared, tmp_path: Path) -> None:
    """DVC says that nothing has changed; a remote that hands damage on is no better."""
    second = copy_of_origin(on_s3, tmp_path)
    whole = (second.root / MODEL).read_bytes()
    in_cache = second.root / ".dvc/cache" / object_path(md5_of(second, MODEL))
    flip_a_bit(in_cache)
    shutil.copy(in_cache, second.root / MODEL)
    cut_to_nothing_in_cache = second.root / ".dvc/cache" / object_path(md5_of(second, "models/model.json"))
    cut_to_nothing_in_cache.chmod(0o644)
    cut_to_nothing(cut_to_nothing_in_cache)
    code, said = relight(second, "pull", env=on_s3.server.env)
    assert code == 0, said
    assert said.splitlines()[:3] == [
        "fixed: models/model.json: was damaged in the cache, and was fetched again",
        "fixed: models/model.pth: was damaged in the cache, and was fetched again",
        "fetched 2 objects from remote 'storage' (s3://bucket/relight)",
    ]
    assert (second.root / MODEL).read_bytes() == in_cache.read_bytes() == whole


def test_a_file_that_somebody_edited_stays_and_is_named(on_s3: Shared, tmp_path: Path) -> None:
    second = clone(on_s3, tmp_path / "second")
    (second.root / "models").mkdir()
    (second.root / "models/model.json").write_text("mine")
    (second.root / "reports/metrics.json").write_text("mine")
    code, said = relight(second, "pull", env=on_s3.server.env)
    assert code == 1
    assert [line.split("`")[1] for line in said.splitlines()] == [
        "dvc checkout --force models/model.json",
        "git checkout -- reports/metrics.json",
    ]
    assert (second.root / "models/model.json").read_text() == "mine"
    assert (second.root / MODEL).exists()
    for line in said.splitlines():
        done(second, *line.split("`")[1].split())
    assert relight(second, "pull")[0] == 0  # the cache holds all: no key is needed


# What a remote may refuse


def test_a_refusal_is_one_sentence(on_s3: Shared, tmp_path: Path) -> None:
    second = clone(on_s3, tmp_path / "second")
    env = on_s3.server.env
    no_server = {**aws("http://127.0.0.1:1"), "AWS_MAX_ATTEMPTS": "1"}
    no_key = {"AWS_ENDPOINT_URL": env["AWS_ENDPOINT_URL"], "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    for url, settings, words in (
        (None, aws(env["AWS_ENDPOINT_URL"], "WRONG" + SECRET), "the server refuses the key"),
        (None, no_key, "no key for it was found"),
        (None, no_server, 'the server cannot be reached "http://127.0.0.1:1/bucket"'),
        ("s3://nobody/relight", env, "nothing has been pushed there"),
        (str(tmp_path / "unmounted"), {}, "nothing has been pushed there"),
        ("ssh://127.0.0.1:1/relight", {}, "the server cannot be reached"),
    ):
        if url is not None:
            done(second, "dvc", "remote", "modify", "--local", "storage", "url", url)
        code, said = relight(second, "pull", env=settings)
        shown = url or "s3://bucket/relight"
        assert code == 1
        assert said.startswith(f"error: remote 'storage' ({shown}): {words}: nothing was fetched; "), said
        assert said.count("\n") == 1
        assert not (second.root / "models").exists()


def test_a_server_that_stops_is_named(trained: tuple[Repository, bytes], tmp_path: Path) -> None:
    """Here and over SSH, with a key that is no file, another one's, and none that the agent has."""
    with ssh_server(tmp_path / "server") as server:
        done(trained[0], "git", "clone", "-q", ".", str(tmp_path / "second"))
        second = Repository(tmp_path / "second")
        done(second, "dvc", "remote", "modify", "storage", "url", server.url)
        for key, words in ((tmp_path / "no-key", "the key file"), (tmp_path / "server/host", "refuses the key of")):
            done(second, "dvc", "remote", "modify", "--local", "storage", "keyfile", str(key))
            code, said = relight(second, "pull")
            assert (code, said.count("\n")) == (1, 1)
            assert words in said
        done(second, "dvc", "remote", "modify", "--local", "storage", "keyfile", str(tmp_path / "server/user"))
        server.process.terminate()
        server.process.wait()
        code, said = relight(second, "pull")
        assert (code, said.count("\n")) == (1, 1)
        assert f"remote 'storage' ({server.url}): the server cannot be reached" in said


# Revisions and experiments


def test_an_experiment_is_checked_where_dvc_ends_well_without_its_files(
    on_s3: Shared, folder: Path, tmp_path: Path
) -> None:
    model = md5_in_experiment(on_s3.origin, "shorter")
    (folder / "bucket/relight" / object_path(model)).unlink()
    second = clone(on_s3, tmp_path / "second")
    with s3_server(folder) as server:
        assert second.run("dvc", "exp", "pull", "origin", "shorter", env=dict(server.env)).returncode == 0
        code, said = relight(second, "pull", "shorter", env=server.env)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith("error: models/model.pth: is in neither the cache nor remote 'storage'")


def test_an_experiment_comes_from_the_git_remote(on_s3: Shared, tmp_path: Path) -> None:
    second = clone(on_s3, tmp_path / "second")
    code, said = relight(second, "pull", "shorter", env=on_s3.server.env)
    assert code == 0, said
    assert not (second.root / "models").exists()
    done(second, "dvc", "exp", "apply", "shorter")
    assert relight(second, "pull")[0] == 0
    assert md5_of(second, MODEL) == md5_in_experiment(on_s3.origin, "shorter")


def test_a_commit_comes_from_the_remote_of_today(on_s3: Shared, tmp_path: Path) -> None:
    """The commit itself names another remote: the folder that the project starts with."""
    second = clone(on_s3, tmp_path / "second")
    code, said = relight(second, "pull", "HEAD~1", env=on_s3.server.env)
    assert code == 0, said
    done(second, "git", "checkout", "-q", "HEAD~1")
    assert relight(second, "pull")[0] == 0
    code, said = relight(second, "pull", "nobody", env=on_s3.server.env)
    known = "`dvc exp list --all origin` has their names"
    assert (code, said) == (2, f"error: nobody: is no experiment, commit, branch or tag; {known}\n")
    done(second, "dvc", "exp", "list", "--all", "origin")


def md5_in_experiment(repository: Repository, name: str) -> str:
    ref = done(repository, "git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
    commit = next(line for line in ref if line.endswith(f"/{name}"))
    text = done(repository, "git", "show", f"{commit}:dvc.lock")
    found = re.search(rf"outs:\n(?:    .*\n)*?    - path: {MODEL}\n\s+hash: md5\n\s+md5: (\w+)", text)
    assert found
    return found[1]


# What is committed


def test_every_remote_is_verified_and_no_secret_is_committed() -> None:
    config = configparser.ConfigParser()
    config.read_string(re.sub(r"(?m)^\s+", "", (REPOSITORY / ".dvc/config").read_text()))
    remotes = [name for name in config.sections() if "remote " in name]
    assert remotes
    assert all(config.getboolean(name, "verify") for name in remotes)
    assert [key for name in config.sections() for key in config[name] if NAMED_LIKE_A_SECRET.search(key)] == []
    assert "@" not in "".join(config[name]["url"] for name in remotes)
    ignored = (REPOSITORY / ".dvc/.gitignore").read_text().splitlines()
    assert "/config.local" in ignored
