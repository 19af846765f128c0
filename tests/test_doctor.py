"""`relight doctor` on what kills, full disks and mistakes leave, each as it comes about with the real `dvc`.

After `--fix`, or after the commands that it prints, it finds nothing, `dvc repro` works, and nothing of the
person's is lost.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.repositories import REPOSITORY, Repository, clean_environment

LONG = "train.epochs=20000000"
EDIT = "# mine\n"


@pytest.fixture(scope="module")
def committed(finished: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The pipeline, run and committed. For copying."""
    repository = Repository(tmp_path_factory.mktemp("committed") / "repository")
    shutil.copytree(finished.root, repository.root, symlinks=True)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "run")
    return repository


@pytest.fixture
def patient(committed: Repository, tmp_path: Path) -> Repository:
    shutil.copytree(committed.root, tmp_path / "patient", symlinks=True)
    return Repository(tmp_path / "patient")


def git(repository: Repository, *arguments: str) -> str:
    done = repository.run("git", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def healthy(repository: Repository) -> None:
    code, said = repository.relight("doctor")
    assert (code, said.splitlines()[-1]) == (0, "nothing found"), said


def ill(repository: Repository, *signs: str) -> str:
    """It ends with 1, and says all of these."""
    code, said = repository.relight("doctor")
    assert code == 1, said
    for sign in signs:
        assert sign in unwrapped(said)
    return said


def unwrapped(said: str) -> str:
    return " ".join(said.split())


def fix(repository: Repository) -> str:
    """It looks again by itself, and finds nothing."""
    code, said = repository.relight("doctor", "--fix")
    assert (code, said.splitlines()[-1]) == (0, "nothing found"), said
    return said


def type_the_commands(repository: Repository, said: str) -> None:
    """Run the printed commands as a person would, from first to last."""
    for line in re.findall(r"^     ([^(].*)$", said, re.MULTILINE):
        done = repository.run("bash", "-c", line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def start(repository: Repository, *command: str) -> "subprocess.Popen[bytes]":
    with open(repository.root.parent / "said", "wb") as said:
        return subprocess.Popen(command, cwd=repository.root, env=clean_environment(), stdout=said, stderr=said)


def wait_for(there: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def trains_in(folder: Path) -> bool:
    return any(folder.glob(".dvc/tmp/relight/outs/train"))


def processes_in(root: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cwd"]):
        if process.info["cwd"] and Path(process.info["cwd"]).is_relative_to(root):
            found.append(process)
    return found


def wait_for_silence(repository: Repository) -> None:
    wait_for(lambda: not processes_in(repository.root))


def short_again(repository: Repository) -> None:
    repository.edit("params.yaml", "epochs: 20000000", "epochs: 1000")


def everything_in(root: Path) -> dict[str, bytes]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".pyc")
    return {str(path): path.read_bytes() for path in files}


def test_a_healthy_repository_has_nothing_and_nothing_is_written(patient: Repository) -> None:
    before = everything_in(patient.root)
    code, said = patient.relight("doctor")
    assert code == 0
    assert re.search(r"cache +\.dvc/cache: \d+ objects, [\d.]+ MB hashed again", said)
    assert "stages: 5; cached outs: 15" in said
    assert everything_in(patient.root) == before


def test_the_commands_of_its_document_run(patient: Repository) -> None:
    text = (REPOSITORY / "docs/doctor.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) == 4
    for line in lines:
        done = patient.run("bash", "-c", line, env={"PYTHONPATH": "src"})
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_a_killed_experiment(patient: Repository, number: signal.Signals) -> None:
    (patient.root / "params.yaml").write_text((patient.root / "params.yaml").read_text() + EDIT)
    (patient.root / "notes.txt").write_text("new")
    running = start(patient, "dvc", "exp", "run", "-S", LONG)
    wait_for(lambda: trains_in(patient.root))
    code, said = patient.relight("doctor")
    assert (code, "dvc runs here" in said, f"pid {running.pid}" in said) == (0, True, True)
    running.send_signal(number)
    running.wait()
    wait_for_silence(patient)
    signs = ("HEAD is detached; it was on main", "git switch main", "EXEC_BASELINE", ".dvc/tmp/rwlock names a dvc")
    said = ill(patient, *signs)
    if number == signal.SIGKILL:
        fix(patient)
    else:
        type_the_commands(patient, said.replace("   # --fix does this", ""))
        healthy(patient)
    assert git(patient, "branch", "--show-current") == "main"
    assert git(patient, "for-each-ref", "refs/exps/exec") == ""
    assert (patient.root / "params.yaml").read_text().endswith(EDIT)
    assert (patient.root / "notes.txt").read_text() == "new"
    short_again(patient)
    patient.repro()


def kill_itself_at(repository: Repository, where: str) -> None:
    """`dvc exp run` that gets SIGKILL when it comes to a method of its Git library."""
    script = (
        "import os, scmrepo.git, scmrepo.git.stash\n"
        f"scmrepo.git.{where} = lambda *given, **named: os.kill(os.getpid(), 9)\n"
        "from dvc.cli import main\n"
        "main(['exp', 'run', '-n', 'mine', '-S', 'train.seed=7'])\n"
    )
    assert repository.run("python", "-c", script).returncode == -9


def test_edits_that_a_kill_left_only_in_a_stash_come_back(patient: Repository) -> None:
    params = patient.root / "params.yaml"
    edited = params.read_text() + EDIT
    params.write_text(edited)
    kill_itself_at(patient, "Git.detach_head")
    assert not params.read_text().endswith(EDIT)
    ill(patient, "stash@{0}: your edits of params.yaml are only in `git stash`", "git stash pop --index 'stash@{0}'")
    fix(patient)
    assert params.read_text() == edited
    assert git(patient, "stash", "list") == ""


def test_a_stash_of_the_person_is_none_of_its_business(patient: Repository) -> None:
    patient.edit("params.yaml", "seed: 42", "seed: 43")
    git(patient, "stash")
    healthy(patient)


def test_an_experiment_that_was_never_begun_is_kept_and_not_run(patient: Repository) -> None:
    params = patient.root / "params.yaml"
    edited = params.read_text() + EDIT
    params.write_text(edited)
    kill_itself_at(patient, "stash.Stash.pop")
    ill(patient, "refs/exps/stash holds mine", "are only in `git stash`")
    fix(patient)
    assert params.read_text() == edited
    assert git(patient, "for-each-ref", "refs/exps/stash") == ""
    assert "experiment mine, never begun" in git(patient, "stash", "list")
    assert "seed: 7" in git(patient, "show", "stash@{0}:params.yaml")


def test_edits_made_after_the_kill_are_not_overwritten(patient: Repository) -> None:
    """The person typed on: `--fix` leaves both alone, the printed commands keep both."""
    params = patient.root / "params.yaml"
    committed = params.read_text()
    params.write_text(committed + EDIT)
    kill_itself_at(patient, "Git.detach_head")
    params.write_text(committed + "# later\n")
    code, said = patient.relight("doctor", "--fix")
    assert code == 1
    assert params.read_text() == committed + "# later\n"
    type_the_commands(patient, said)
    healthy(patient)
    assert params.read_text() == committed + EDIT
    assert git(patient, "show", "stash@{0}:params.yaml").endswith("# later")


def test_a_task_of_a_killed_worker(patient: Repository) -> None:
    assert patient.run("dvc", "exp", "run", "--queue", "-n", "slow", "-S", LONG).returncode == 0
    start(patient, "dvc", "queue", "start").wait()
    wait_for(lambda: any(trains_in(folder) for folder in (patient.root / ".dvc/tmp/exps").glob("tmp*")))
    for process in processes_in(patient.root):
        if "dvc" in " ".join(process.cmdline()):
            process.kill()
    wait_for_silence(patient)
    assert "Running" in patient.run("dvc", "queue", "status").stdout
    ill(patient, "queue task slow", "says Running, and its worker is dead", ".dvc/tmp/exps/tmp")
    fix(patient)
    status = patient.run("dvc", "queue", "status").stdout
    assert re.search(r"slow .*Failed", status)
    task = re.search(r"([0-9a-f]{7})  slow", status)
    assert task
    assert "epochs: 20000000" in git(patient, "show", f"{task[1]}:params.yaml")
    assert list((patient.root / ".dvc/tmp/exps").glob("tmp*")) == []
    assert patient.run("dvc", "queue", "remove", "--failed").returncode == 0
    healthy(patient)


def test_a_killed_temporary_experiment(patient: Repository) -> None:
    running = start(patient, "dvc", "exp", "run", "--temp", "-n", "apart", "-S", LONG)
    wait_for(lambda: any(trains_in(folder) for folder in (patient.root / ".dvc/tmp/exps").glob("standalone/tmp*")))
    running.kill()
    running.wait()
    wait_for_silence(patient)
    ill(patient, ".dvc/tmp/exps/standalone/tmp")
    fix(patient)
    assert "epochs: 20000000" in git(patient, "show", "stash@{0}:params.yaml")


def test_dvc_works_again_after_a_rwlock_cut_short(patient: Repository) -> None:
    (patient.root / ".dvc/tmp/rwlock").write_text('{"re')
    assert patient.run("dvc", "repro", "-f", "plot").returncode != 0
    fix(patient)
    assert patient.repro("-f", "-s", "plot") == ["plot"]


def test_dvc_lock_cut_short_or_with_marks(patient: Repository) -> None:
    lock = patient.root / "dvc.lock"
    whole = lock.read_text()
    lock.write_text(whole[:400])
    type_the_commands(patient, ill(patient, "dvc.lock is cut short", "git checkout HEAD dvc.lock"))
    healthy(patient)
    git(patient, "checkout", "-qb", "other")
    for branch, dpi in (("other", "151"), ("main", "152")):
        git(patient, "checkout", "-q", branch)
        patient.edit("params.yaml", "dpi: 150", f"dpi: {dpi}")
        patient.repro()
        git(patient, "commit", "-qam", branch)
    assert patient.run("git", "merge", "other").returncode == 1
    git(patient, "checkout", "--ours", "params.yaml")
    type_the_commands(patient, ill(patient, "dvc.lock holds the marks of a merge"))
    healthy(patient)


def an_object(repository: Repository, path: str) -> Path:
    """Return the object of the cache with the content of a file of the workspace."""
    md5 = re.search(rf"path: {re.escape(path)}\n +hash: md5\n +md5: (\w+)", repository.hashes())
    assert md5
    return repository.root / ".dvc/cache/files/md5" / md5[1][:2] / md5[1][2:]


def spoil(path: Path, content: bytes) -> None:
    """Damage a file as a bad disk does: the name and the read-only mode stay."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(mode)


def flipped(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


def test_damaged_objects_are_restored_from_the_workspace(patient: Repository) -> None:
    """One has a wrong bit, the other 0 bytes."""
    good = patient.bytes_of("models/model.pth", "reports/train/curves.csv")
    objects = {path: an_object(patient, path) for path in good}
    damaged = {"models/model.pth": flipped(good["models/model.pth"]), "reports/train/curves.csv": b""}
    for path, content in damaged.items():
        spoil(objects[path], content)
    assert patient.run("dvc", "status").stdout.startswith("Data and pipelines are up to date")
    places = [str(path.relative_to(patient.root)) for path in objects.values()]
    ill(patient, *places, *(f"{path} has the right bytes" for path in good))
    fix(patient)
    assert {path: restored.read_bytes() for path, restored in objects.items()} == good
    kept = (patient.root / ".dvc/tmp/relight/damaged").iterdir()
    assert sorted(file.read_bytes() for file in kept) == sorted(damaged.values())
    for path in good:
        (patient.root / path).unlink()
    assert patient.run("dvc", "checkout").returncode == 0
    assert patient.bytes_of(*good) == good


def test_a_damaged_object_that_was_checked_out_is_pulled_or_made_again(patient: Repository) -> None:
    shared = patient.root / "shared"
    shared.mkdir()
    assert patient.run("dvc", "remote", "modify", "storage", "url", str(shared)).returncode == 0
    assert patient.run("dvc", "push").returncode == 0
    model, curves = an_object(patient, "models/model.pth"), an_object(patient, "reports/train/curves.csv")
    good = patient.bytes_of("models/model.pth", "reports/train/curves.csv")
    for path, name in ((model, "models/model.pth"), (curves, "reports/train/curves.csv")):
        spoil(path, flipped(path.read_bytes()))
        (patient.root / name).unlink()
    assert patient.run("dvc", "checkout").returncode == 0
    assert patient.bytes_of("models/model.pth") != {"models/model.pth": good["models/model.pth"]}
    shutil.rmtree(shared / "files/md5" / model.parent.name)  # of one there is no other copy
    said = ill(patient, "rm models/model.pth", "dvc pull models/model.pth", "dvc repro")
    assert "has the right bytes" not in unwrapped(said)
    assert patient.relight("doctor", "--fix")[0] == 1
    patient.run("dvc", "pull")
    patient.repro()
    healthy(patient)
    assert patient.bytes_of("models/model.pth", "reports/train/curves.csv") == good


def test_old_unfinished_copies_and_checkpoints(patient: Repository) -> None:
    cache, old = patient.root / ".dvc/cache/files/md5", time.time() - 15 * 86_400
    (cache / "ab").mkdir(exist_ok=True)
    half, new = f".{'o' * 22}.tmp", f".{'n' * 22}.tmp"
    for name, seconds in ((half, old), (new, time.time())):
        (cache / "ab" / name).write_bytes(b"half")
        os.utime(cache / "ab" / name, (seconds, seconds))
    for name in ("finished", "unfinished"):
        run = patient.root / ".dvc/tmp/relight/checkpoints" / name
        run.mkdir(parents=True)
        for file in ("even.checkpoint", *(["finished"] if name == "finished" else [])):
            (run / file).write_bytes(b"1")
            os.utime(run / file, (old, old))
        os.utime(run, (old, old))
    ill(patient, "unfinished copies", half, "a run that never ended, 15 days old", "a run that ended well")
    code, said = patient.relight("doctor", "--fix")
    assert (code, said.count("fixed: ")) == (1, 2)
    assert sorted(path.name for path in (cache / "ab").glob(".*.tmp")) == [new]
    type_the_commands(patient, said)
    healthy(patient)


def test_a_secret_in_the_committed_config_and_a_remote_that_is_not_verified(patient: Repository) -> None:
    assert patient.run("dvc", "remote", "add", "far", "s3://bucket/store").returncode == 0
    assert patient.run("dvc", "remote", "modify", "far", "secret_access_key", "SKTEST").returncode == 0
    git(patient, "commit", "-qam", "oops")
    assert patient.run("dvc", "remote", "modify", "far", "session_token", "PWTEST").returncode == 0
    said = ill(
        patient,
        ".dvc/config holds a secret (far: secret_access_key): Git has it already",
        ".dvc/config holds a secret (far: session_token): the next commit would give it",
        "remote far has no `verify = true`",
    )
    assert "SKTEST" not in said
    assert "PWTEST" not in said
    type_the_commands(patient, said.replace("   # --fix does this", ""))
    healthy(patient)
    assert patient.run("dvc", "remote", "add", "near", "shared").returncode == 0
    ill(patient, "remote near has a relative path: ../shared")
    assert "secret_access_key = THE NEW ONE" in (patient.root / ".dvc/config.local").read_text()


@pytest.fixture
def full_disk(committed: Repository, tmp_path: Path) -> Iterator[Repository]:
    """The cache is a disk of 24 MB."""
    shutil.copytree(committed.root, tmp_path / "patient", symlinks=True)
    cache = tmp_path / "patient/.dvc/cache"
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", cache]
    shutil.rmtree(cache)
    cache.mkdir()
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a disk of 24 MB cannot be mounted here: it takes root")
    yield Repository(tmp_path / "patient")
    subprocess.run(["umount", cache], check=True)


def write_without_end(path: Path) -> None:
    with open(path, "wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


def test_a_full_disk_on_which_dvc_ended_with_0(full_disk: Repository) -> None:
    """The space that is left takes the small files of a folder, not the large one: DVC complains, and ends with 0."""
    full_disk.edit("data/raw/line.yaml", "step: 0.02", "step: 0.00005")
    full_disk.edit("params.yaml", "epochs: 1000", "epochs: 20")
    full_disk.repro("train")
    fill = full_disk.root / ".dvc/cache/fill"
    with pytest.raises(OSError, match="No space"):
        write_without_end(fill)
    os.truncate(fill, fill.stat().st_size - (96 << 10))
    done = full_disk.run("dvc", "repro", "evaluate")
    assert done.returncode == 0, done.stderr
    assert "No space left" in done.stderr
    ill(full_disk, "dvc.lock records reports/evaluate, and the cache has not got it; only the workspace has")
    fill.unlink()
    said = ill(full_disk, "dvc.lock records reports/evaluate")
    # The old report is copied into the cache before `dvc repro plot` replaces it.
    assert said.index("cp reports/report.html") < said.index("dvc repro plot")
    type_the_commands(full_disk, said.replace("   # --fix does this", ""))
    full_disk.repro()
    healthy(full_disk)


def test_a_fresh_clone_and_a_shallow_one(patient: Repository, tmp_path: Path) -> None:
    git(patient, "clone", "-q", "--depth", "1", f"file://{patient.root}", str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    no_identity = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    start_it = "import sys; from relight.cli import main; sys.exit(main(['doctor']))"
    done = clone.run("python", "-c", start_it, env={"PYTHONPATH": "src", **no_identity})
    assert done.returncode == 1
    assert "Git has no user.name and no user.email" in unwrapped(done.stdout)
    assert "is a shallow clone (1 commits)" in unwrapped(done.stdout)
    assert "dvc.lock records 15 outs" in unwrapped(done.stdout)
    assert "dvc pull" in done.stdout
    git(clone, "fetch", "-q", "--unshallow")
    git(clone, "config", "user.name", "Test")
    git(clone, "config", "user.email", "test@example.invalid")
    assert clone.repro() == ["prepare", "split", "train", "evaluate", "plot"]
    healthy(clone)


def test_another_python_on_path(patient: Repository, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text("#!/bin/sh\necho /usr/other\n")
    (tmp_path / "bin/python").chmod(0o755)
    here = shutil.which("python", path=clean_environment()["PATH"])
    assert here
    start_it = "import sys; from relight.cli import main; sys.exit(main(['doctor']))"
    path = f"{tmp_path / 'bin'}:{clean_environment()['PATH']}"
    done = patient.run(here, "-c", start_it, env={"PYTHONPATH": "src", "PATH": path})
    assert done.returncode == 1
    assert "`python` is of /usr/other" in unwrapped(done.stdout)
