"""The stage runner in a real repository: what it refuses, what it leaves behind, how it ends."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.repositories import Repository, clean_environment

pytestmark = pytest.mark.usefixtures("new_interpreters")
SPLIT_OUTS = ("train.safetensors", "validation.safetensors", "test.safetensors", "features.json", "report.json")
LOCK = ".dvc/tmp/relight/lock"


def before_split(repository: Repository, code: str) -> None:
    """Let the split stage do something before its work."""
    indented = "\n".join(f"    {line}" for line in code.splitlines())
    repository.edit("stages/split.py", "    split(\n", f"{indented}\n    split(\n")


def run_split(repository: Repository, **env: str) -> subprocess.CompletedProcess[str]:
    return repository.run("python", "-m", "stages.split", env=env)


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.05)


def holder(repository: Repository) -> tuple[str, int]:
    """The stage and pid that the lock names."""
    stage, pid = (repository.root / LOCK).read_text().split(", pid ")
    return stage, int(pid)


def is_training(repository: Repository) -> bool:
    path = repository.root / LOCK
    return path.exists() and path.read_text().startswith("train, pid ")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def written_at(path: Path) -> int:
    """Return its time in nanoseconds; 0 if it is not there."""
    return path.stat().st_mtime_ns if path.exists() else 0


def start_endless_training(repository: Repository, *command: str, **env: str) -> subprocess.Popen[str]:
    repository.edit("params.yaml", "epochs: 1000", "epochs: 1000000000")
    curves = repository.root / "reports/train/curves.csv"
    before = written_at(curves)
    process = subprocess.Popen(
        command,
        cwd=repository.root,
        env={**clean_environment(), **env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: is_training(repository), "train holds the lock")
    wait_until(lambda: written_at(curves) not in (0, before), "the loop shows its first epochs")
    return process


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("open('data/raw/line.yaml').read()", "stage split reads data/raw/line.yaml, which is not among its deps"),
        ("open('stray.txt', 'w')", "stage split writes stray.txt, which is not among its outs"),
        ("open('data/split/features.json', 'w')", "stage split writes data/split/features.json"),
        ("import os\nos.remove('params.yaml')", "stage split changes params.yaml, which is not among its outs"),
        (
            "import os\nos.remove(os.path.abspath('params.yaml')[1:], dir_fd=os.open('/', 0))",
            "stage split changes params.yaml",
        ),
        ("import os\nos.mkdir('folder')", "stage split changes folder, which is not among its outs"),
        ("import relight.plot.score_tables", "src/relight/plot/score_tables.py, which is not among its deps"),
        ("try:\n    open('stray.txt', 'w')\nexcept Exception:\n    pass", "stage split writes stray.txt"),
        ("stage.dep('data/raw/line.yaml')", "stage split uses data/raw/line.yaml, which is not among its deps"),
        ("stage.out('data/split/more.json')", "stage split uses data/split/more.json, which is not among its outs"),
        ("stage.params('train', SplitParams)", "stage split uses train, which is not among its params"),
    ],
)
def test_what_is_not_declared_ends_the_stage(finished_copy: Repository, code: str, message: str) -> None:
    before_split(finished_copy, code)
    files = sorted(finished_copy.root.rglob("*.*"))
    outs = finished_copy.bytes_of(*(f"data/split/{name}" for name in SPLIT_OUTS), "params.yaml")
    done = run_split(finished_copy)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert [path for path in sorted(finished_copy.root.rglob("*.*")) if "__pycache__" not in str(path)] == [
        path for path in files if "__pycache__" not in str(path)
    ]
    assert finished_copy.bytes_of(*outs) == outs


def test_what_pip_wrote_beside_the_code_may_be_read(finished_copy: Repository) -> None:
    record = finished_copy.root / "src/relight.egg-info/entry_points.txt"
    record.parent.mkdir()
    record.write_text("", encoding="utf-8")
    before_split(finished_copy, f"open('{record.relative_to(finished_copy.root)}').read()")
    assert run_split(finished_copy).returncode == 0


def test_reading_what_is_declared_is_fine(finished_copy: Repository) -> None:
    before_split(finished_copy, "open('data/prepared/schema.json').read()\nopen('/etc/hostname').read()")
    assert run_split(finished_copy).returncode == 0


def test_a_temporary_folder_elsewhere_may_be_emptied(finished_copy: Repository) -> None:
    """Python removes its files only by their names, from the open folder; torch.compile does so."""
    code = "import tempfile\nwith tempfile.TemporaryDirectory() as folder:\n    open(folder + '/stray', 'w').close()"
    before_split(finished_copy, code)
    done = run_split(finished_copy)
    assert done.returncode == 0, done.stderr


def test_an_output_that_is_not_written_is_a_failure(finished_copy: Repository) -> None:
    finished_copy.edit("src/relight/split/files.py", "    write_json(files.report", "    assert (files.report")
    done = run_split(finished_copy)
    assert done.returncode == 1
    assert "stage split did not write data/split/report.json" in done.stderr


def test_outputs_are_whole_or_not_there(finished_copy: Repository) -> None:
    """The stage fails after its first file: by hand the old files stay, under dvc there are none."""
    outs = finished_copy.bytes_of(*(f"data/split/{name}" for name in SPLIT_OUTS))
    finished_copy.edit(
        "src/relight/split/files.py",
        "    write_json(files.features",
        "    1 / 0\n    write_json(files.features",
    )
    finished_copy.edit(
        "params.yaml", "train: 0.8\n  validation: 0.0\n  test: 0.2", "train: 0.5\n  validation: 0.0\n  test: 0.5"
    )
    assert run_split(finished_copy).returncode == 1
    assert finished_copy.bytes_of(*outs) == outs
    assert finished_copy.run("dvc", "repro").returncode != 0
    assert not any((finished_copy.root / "data/split" / name).exists() for name in SPLIT_OUTS)
    assert not (finished_copy.root / ".dvc/tmp/relight/outs/split").exists()


def test_a_dep_that_changes_during_the_run_is_a_failure(finished_copy: Repository) -> None:
    before_split(finished_copy, "import time\ntime.sleep(4)")
    running = subprocess.Popen(
        ["python", "-m", "stages.split"],
        cwd=finished_copy.root,
        env=clean_environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: (finished_copy.root / ".dvc/tmp/relight/outs/split").exists(), "split works")
    code = finished_copy.root / "src/relight/split/encoding.py"
    code.write_text(code.read_text() + "\n# edited meanwhile\n")
    (finished_copy.root / "src/relight/data/features.py").touch()  # a new time alone is no change
    _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "src/relight/split/encoding.py: was changed while the stage ran" in said
    assert "features.py" not in said


def test_a_backup_that_an_editor_left_runs_nothing_and_a_new_module_does(finished_copy: Repository) -> None:
    folder = finished_copy.root / "src/relight/train"
    for name in ("loop.py.orig", ".loop.py.swp", "loop.py~", ".#loop.py"):
        (folder / name).write_text("an older state", encoding="utf-8")
    assert finished_copy.repro() == []
    (folder / "module.py").write_text("", encoding="utf-8")
    assert finished_copy.repro() == ["train"]


def test_all_sections_are_checked_before_the_first_stage_works(repository: Repository) -> None:
    repository.edit("params.yaml", "dpi: 150", "dpi: many")
    repository.edit("params.yaml", "epochs: 1000", "epochs: 0")
    done = repository.run("dvc", "repro")
    assert done.returncode != 0
    assert "plot.dpi: must be a whole number, got the text 'many'" in done.stderr
    assert "train.epochs: must be >= 1, got 0" in done.stderr
    assert not (repository.root / "data/prepared/table.parquet").exists()


def test_a_later_stage_checks_all_sections_too(finished_copy: Repository) -> None:
    finished_copy.edit("params.yaml", "dpi: 150", "dpi: many")
    finished_copy.edit("params.yaml", "epochs: 1000", "epochs: 10")
    done = finished_copy.run("dvc", "repro")
    assert done.returncode != 0
    assert "plot.dpi" in done.stderr
    assert not (finished_copy.root / "models/model.pth").exists()


def test_a_failure_is_one_plain_message_and_a_traceback_when_asked_for(finished_copy: Repository) -> None:
    before_split(finished_copy, "1 / 0")
    plain, debug = run_split(finished_copy), run_split(finished_copy, RELIGHT_DEBUG="1")
    assert plain.returncode == debug.returncode == 1
    said = "error: split: stages/split.py:9: in main: ZeroDivisionError: division by zero\n"
    assert plain.stderr == said
    assert "Traceback" in debug.stderr
    assert debug.stderr.endswith(said)


def test_sigterm_ends_the_stage_and_no_output_is_written(finished_copy: Repository) -> None:
    weights = finished_copy.bytes_of("models/model.pth")
    process = start_endless_training(finished_copy, "python", "-m", "stages.train")
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "error: train: was stopped; a checkpoint is kept at epoch " in said
    assert finished_copy.bytes_of("models/model.pth") == weights


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_the_stage_dies_with_dvc_and_the_next_run_is_clean(finished_copy: Repository, shell: str) -> None:
    dvc = start_endless_training(finished_copy, "dvc", "repro", SHELL=shell)
    _, stage = holder(finished_copy)
    assert is_alive(stage)
    os.kill(dvc.pid, signal.SIGKILL)
    dvc.communicate(timeout=30)
    wait_until(lambda: not is_alive(stage), "the stage is gone", seconds=10)
    assert not (finished_copy.root / "models/model.pth").exists()
    finished_copy.edit("params.yaml", "epochs: 1000000000", "epochs: 10")
    assert finished_copy.repro() == ["train", "evaluate", "plot"]
    assert finished_copy.run("dvc", "status", "-q").returncode == 0


def test_a_second_run_beside_a_running_one_is_refused_by_pid(finished_copy: Repository) -> None:
    process = start_endless_training(finished_copy, "python", "-m", "stages.train")
    second = run_split(finished_copy)
    process.kill()
    process.communicate(timeout=30)
    assert second.returncode == 1
    assert f"split: another stage still runs in this folder (train, pid {process.pid})" in second.stderr
    assert run_split(finished_copy).returncode == 0  # the kernel freed the lock of the killed one


def test_a_full_disk_is_said_and_nothing_is_lost(finished_copy: Repository) -> None:
    """The scratch folder lies on a tmpfs that the report does not fit on."""
    scratch = finished_copy.root / ".dvc/tmp/relight"
    page = finished_copy.bytes_of("reports/report.html")
    mounted = finished_copy.run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(scratch))
    if mounted.returncode != 0:
        pytest.skip("no tmpfs can be mounted here (needs root): the full disk was not tried")
    try:
        done = finished_copy.run("python", "-m", "stages.plot")
    finally:
        finished_copy.run("umount", str(scratch))
    assert done.returncode == 1
    assert "No space left on device; nothing was written" in done.stderr
    assert finished_copy.bytes_of("reports/report.html") == page


def test_a_damaged_model_is_refused_by_name(finished_copy: Repository) -> None:
    path = finished_copy.root / "models/model.pth"
    content = bytearray(path.read_bytes())
    path.unlink()
    content[content.index(b"linear_layer")] ^= 1
    path.write_bytes(bytes(content))
    done = finished_copy.run("python", "-m", "stages.evaluate")
    assert done.returncode == 2
    assert "models/model.pth: is damaged or foreign" in done.stderr


def test_evaluate_proves_that_the_model_is_the_trained_one(finished_copy: Repository) -> None:
    """Other weights of the right shape: whole, finite, and still not what was trained."""
    finished_copy.edit(
        "src/relight/model/weights.py",
        "    model.load_state_dict(state)",
        "    model.load_state_dict({name: value + 1e-7 for name, value in state.items()})",
    )
    done = finished_copy.run("python", "-m", "stages.evaluate")
    assert done.returncode == 1
    assert "must give the outputs that the model had before it was saved" in done.stderr


def test_an_experiment_runs_the_code_beside_it(finished_copy: Repository) -> None:
    """Relight is installed from somewhere else; the experiment's own copy of src is what counts."""
    finished_copy.edit(
        "src/relight/metrics/scorers.py",
        "    return build_scorer(task, y_true, y_pred)(check_sample_weight(len(y_true), sample_weight))",
        "    scores = build_scorer(task, y_true, y_pred)(check_sample_weight(len(y_true), sample_weight))\n"
        '    return {**scores, "mine": 42.0}',
    )
    done = finished_copy.run("dvc", "exp", "run", "--temp", "-n", "mine", "-S", "train.epochs=3")
    assert done.returncode == 0, done.stderr
    shown = finished_copy.run("dvc", "exp", "show", "--csv")
    assert "42.0" in shown.stdout
    assert "mine" in shown.stdout
