import hashlib
import io
import json
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch

from relight.errors import RunError
from relight.runtime.lifetime import Terminated
from relight.runtime.runner import remove_recorded_checkpoints
from relight.train.checkpoints import CHECKPOINT_NAMES, MAX_KEPT_RUNS, Checkpoints
from tests.faults import Fault, Killed, Moments, faulty, full_disk, killed, killed_at_once
from tests.power_cuts import Event, Files, after_a_cut, files_in, lay_down, recorded

ABOUT = {"train": {"epochs": 9, "optimizer": {"learning_rate": 0.1}}, "data.csv": "abc", "src/a.py": "def"}
FOREVER = 10**9


def state(epoch: int, step: int = 0, size: int = 3) -> dict[str, Any]:
    return {"epoch": epoch, "step": step, "weights": torch.full((size,), float(epoch))}


def write(root: Path, *places: tuple[int, int]) -> None:
    with Checkpoints(root, ABOUT) as checkpoints:
        checkpoints.latest(FOREVER)
        for place in places:
            assert checkpoints.write(state(*place))


def newest(root: Path, epochs: int = FOREVER, about: dict[str, Any] = ABOUT) -> tuple[int, int] | None:
    with Checkpoints(root, about) as checkpoints:
        saved = checkpoints.latest(epochs)
    if saved is None:
        return None
    assert torch.equal(saved["weights"], state(saved["epoch"])["weights"])
    return saved["epoch"], saved["step"]


def folder(root: Path) -> Path:
    (only,) = root.iterdir()
    return only


def file_of(root: Path, epoch: int) -> Path:
    """Epochs are written one by one, from 0: they take turns."""
    return folder(root) / CHECKPOINT_NAMES[epoch % 2]


def test_the_newest_one_is_read_back(tmp_path: Path) -> None:
    write(tmp_path, (0, 4), (1, 2))
    assert newest(tmp_path) == (1, 2)


def test_without_one_there_is_none_and_nothing_is_left_behind(tmp_path: Path) -> None:
    assert newest(tmp_path / "root") is None
    assert os.listdir(tmp_path) == []


def test_two_files_take_turns_across_runs_too(tmp_path: Path) -> None:
    write(tmp_path, (0, 0))
    for epoch in range(1, 5):
        before = file_of(tmp_path, epoch - 1).read_bytes()
        write(tmp_path, (epoch, 0))
        assert file_of(tmp_path, epoch - 1).read_bytes() == before
        assert newest(tmp_path) == (epoch, 0)
    assert sorted(os.listdir(folder(tmp_path))) == sorted([*CHECKPOINT_NAMES, "about.json", "lock"])


class Trap:
    """A pickle that would make a file."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, ...]]:
        return os.mkdir, ("sprung",)


def signed(content: bytes) -> bytes:
    """Return the bytes of a checkpoint, with the right sha256."""
    return hashlib.sha256(content).hexdigest().encode() + content


def torch_file(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def flipped(place: float) -> Callable[[bytes], bytes]:
    def flip(content: bytes) -> bytes:
        at = int(place * (len(content) - 1))
        return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]

    return flip


TURN = b"%016d\n" % 77
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "a line": lambda _: b"hello\n",
    "its head alone": lambda content: content[:81],
    "torn in the middle": lambda content: content[: len(content) // 2],
    "without its last byte": lambda content: content[:-1],
    "with one more byte": lambda content: content + b"\0",
    **{f"a flipped bit at {place}": flipped(place) for place in (0, 0.01, 0.03, 0.05, 0.3, 0.6, 0.9, 1)},
    "another file of torch": lambda _: torch_file(state(7)),
    "a pickle": lambda _: pickle.dumps(Trap()),
    "a signed pickle": lambda _: signed(TURN + pickle.dumps(Trap())),
    "a signed pickle of torch": lambda _: signed(TURN + torch_file({"epoch": 7, "step": 0, "more": Trap()})),
    "signed, without a place": lambda _: signed(TURN + torch_file({"weights": torch.ones(3)})),
    "signed, without a turn": lambda _: signed(b"x" * 16 + b"\n" + torch_file(state(7))),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_torn_or_foreign_file_is_named_and_the_previous_one_is_used(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "root"
    write(root, (0, 1), (1, 2))
    broken = file_of(root, 1)
    broken.write_bytes(DAMAGES[damage](broken.read_bytes()))
    assert newest(root) == (0, 1)
    said = capsys.readouterr().err
    assert re.fullmatch(rf"train: {broken}: is torn or foreign \(.+\), and is not used\n", said)
    assert not (tmp_path / "sprung").exists()
    write(root, (1, 3))
    assert newest(root) == (1, 3)  # in the place of the broken one
    assert file_of(root, 0).exists()


def test_with_both_torn_the_training_starts_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, (0, 1), (1, 2))
    for name in CHECKPOINT_NAMES:
        (folder(tmp_path) / name).write_bytes(b"torn")
    assert newest(tmp_path) is None
    said = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1].rsplit("/")[-1] for line in said] == [*CHECKPOINT_NAMES, "starts anew"]
    write(tmp_path, (0, 3))
    assert newest(tmp_path) == (0, 3)


def test_one_that_lies_beyond_the_last_epoch_is_told_and_the_one_before_it_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, (5, 3), (7, 1))
    assert newest(tmp_path, epochs=8) == newest(tmp_path, epochs=9) == (7, 1)
    assert newest(tmp_path, epochs=7) == newest(tmp_path, epochs=6) == (5, 3)
    assert capsys.readouterr().err.splitlines() == [
        "train: a checkpoint at epoch 7, step 1 lies beyond train.epochs (7), and is not used",
        "train: a checkpoint at epoch 7, step 1 lies beyond train.epochs (6), and is not used",
    ]
    assert newest(tmp_path, epochs=5) is None
    assert capsys.readouterr().err.splitlines()[-1] == "train: starts anew"


def test_the_end_of_the_last_epoch_does_not_lie_beyond_it(tmp_path: Path) -> None:
    write(tmp_path, (5, 0))
    assert newest(tmp_path, epochs=5) == (5, 0)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"train": {"epochs": 9, "optimizer": {"learning_rate": 0.2}}}, "train.optimizer.learning_rate"),
        ({"data.csv": "xyz"}, "data.csv"),
        ({"src/a.py": "xyz", "src/new.py": "1"}, "src/a.py, src/new.py"),
    ],
)
def test_of_another_run_it_is_said_what_has_changed(
    changed: dict[str, Any], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, (3, 1))
    assert newest(tmp_path, about={**ABOUT, **changed}) is None
    said = f"train: starts anew: the checkpoints of an unfinished run are of other {named}\n"
    assert capsys.readouterr().err == said
    assert newest(tmp_path) == (3, 1)


def test_a_run_that_is_under_way_elsewhere_or_has_ended_is_no_unfinished_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weights").write_bytes(b"weights")
    root = tmp_path / "root"
    with Checkpoints(root, ABOUT) as checkpoints:
        checkpoints.write(state(1))
        assert newest(root, about={}) is None
        checkpoints.finish(tmp_path / "weights")
    assert newest(root, about={}) is None
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "\xff"])
def test_a_foreign_description_of_a_run_harms_nobody(text: str, tmp_path: Path) -> None:
    write(tmp_path, (3, 1))
    (folder(tmp_path) / "about.json").write_bytes(text.encode("latin-1"))
    assert newest(tmp_path, about={}) is None


def test_a_second_process_in_the_same_folder_keeps_nothing_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Checkpoints(tmp_path, ABOUT) as first:
        first.write(state(1))
        with Checkpoints(tmp_path, ABOUT) as second:
            assert second.latest(FOREVER) is None
            assert not second.write(state(5))
            second.finish(tmp_path / "not there")
        first.write(state(2))
    assert capsys.readouterr().err == "train: another process trains just this; no checkpoints are kept here\n"
    assert newest(tmp_path) == (2, 0)


def finish(root: Path, weights: bytes) -> None:
    path = root.parent / "weights"
    path.write_bytes(weights)
    with Checkpoints(root, ABOUT) as checkpoints:
        checkpoints.write(state(1))
        checkpoints.finish(path)


def test_checkpoints_go_once_dvc_has_recorded_the_weights(tmp_path: Path) -> None:
    root, lock = tmp_path / "root", tmp_path / "dvc.lock"
    finish(root, b"weights")
    remove_recorded_checkpoints(root, lock)  # there is none yet
    lock.write_text(f"md5: {hashlib.md5(b'others').hexdigest()}")
    remove_recorded_checkpoints(root, lock)
    assert (folder(root) / CHECKPOINT_NAMES[0]).exists()
    lock.write_text(f"md5: {hashlib.md5(b'weights').hexdigest()}\nsize: 7")
    remove_recorded_checkpoints(root, lock)
    assert not root.exists()


def test_of_an_unfinished_run_they_stay_whatever_is_recorded(tmp_path: Path) -> None:
    root, lock = tmp_path / "root", tmp_path / "dvc.lock"
    finish(root, b"weights")
    lock.write_text(hashlib.md5(b"weights").hexdigest())
    write(root, (2, 0))  # more epochs were asked for
    remove_recorded_checkpoints(root, lock)
    assert newest(root) == (2, 0)


def test_of_the_runs_that_are_never_finished_the_oldest_are_forgotten(tmp_path: Path) -> None:
    for run in range(MAX_KEPT_RUNS + 3):
        with Checkpoints(tmp_path, {"seed": run}) as checkpoints:
            checkpoints.write(state(run))
        for past, known in enumerate(sorted(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)):
            os.utime(known, ns=(past, past))  # in their order, whatever the clock
    assert len(list(tmp_path.iterdir())) == MAX_KEPT_RUNS
    assert [newest(tmp_path, about={"seed": run}) for run in range(MAX_KEPT_RUNS + 3)] == [
        *[None] * 3,
        *((run, 0) for run in range(3, MAX_KEPT_RUNS + 3)),
    ]


def test_a_run_that_is_under_way_is_never_forgotten(tmp_path: Path) -> None:
    with Checkpoints(tmp_path, ABOUT) as first:
        first.write(state(1))
        os.utime(folder(tmp_path), ns=(0, 0))
        for run in range(MAX_KEPT_RUNS + 3):
            with Checkpoints(tmp_path, {"seed": run}) as checkpoints:
                checkpoints.write(state(run))
    assert newest(tmp_path) == (1, 0)


def test_what_a_kill_left_half_written_is_cleaned_up(tmp_path: Path) -> None:
    write(tmp_path, (1, 0))
    (folder(tmp_path) / ".relight-77.tmp").write_bytes(b"half")
    assert newest(tmp_path) == (1, 0)
    assert ".relight-77.tmp" not in os.listdir(folder(tmp_path))


@pytest.mark.parametrize("place", ["file/root", "file"])
def test_where_no_folder_can_be_made_a_word_is_said_and_the_training_goes_on(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with Checkpoints(tmp_path / place, ABOUT) as checkpoints:
        assert checkpoints.latest(9) is None
        assert not checkpoints.write(state(1))
        checkpoints.finish(tmp_path / "file")
    said = rf"train: {tmp_path}/{place}/\w+: Not a directory; trains on, no checkpoints are kept\n"
    assert re.fullmatch(said, capsys.readouterr().err)


def ended_by(error: BaseException, root: Path, *places: tuple[int, int]) -> BaseException:
    """The error, as it comes out of a run that it ends after some checkpoints."""

    def run() -> None:
        with Checkpoints(root, ABOUT) as checkpoints:
            checkpoints.latest(FOREVER)
            for place in places:
                checkpoints.write(state(*place))
            raise error

    with pytest.raises(type(error)):
        run()
    return error


@pytest.mark.parametrize("stop", [Terminated, KeyboardInterrupt])
def test_a_person_who_stops_the_run_hears_where_it_goes_on(stop: type[BaseException], tmp_path: Path) -> None:
    assert ended_by(stop(), tmp_path).args == ()
    said = ("a checkpoint is kept at epoch 4, step 2; `dvc repro` goes on from there",)
    assert ended_by(stop(), tmp_path, (4, 2)).args == said
    assert ended_by(stop(), tmp_path).args == said  # the next run, before its first own one


def test_a_run_that_fails_names_the_last_good_checkpoint_where_there_is_one(tmp_path: Path) -> None:
    assert str(ended_by(RunError("it diverged"), tmp_path)) == "it diverged"
    error = ended_by(RunError("it diverged"), tmp_path, (4, 2))
    assert isinstance(error, RunError)
    last = f"train: the last good checkpoint is that at epoch 4, step 2, in {folder(tmp_path)}"
    assert error.problems == ("it diverged", last)


def test_what_a_run_is_about_stands_beside_its_checkpoints(tmp_path: Path) -> None:
    write(tmp_path, (0, 0))
    assert json.loads((folder(tmp_path) / "about.json").read_text()) == ABOUT


FIRST, LATER = 12, 7  # moments of the first checkpoint, with what it is about, and of each later one


def after(n_before: int, root: Path, fault: Fault, at: int) -> tuple[bool | None, Moments]:
    """A checkpoint of epoch 9 after some others, with a fault; whether it says that it was written."""
    write(root, *((epoch, 0) for epoch in range(n_before)))
    with Checkpoints(root, ABOUT) as checkpoints:
        checkpoints.latest(FOREVER)
        with faulty(fault, at) as moments:
            try:
                return checkpoints.write(state(9)), moments
            except Killed:
                return None, moments


@pytest.mark.parametrize(("n_before", "n_moments"), [(0, FIRST), (1, LATER), (2, LATER), (3, LATER)])
def test_the_moments_are_all_there_are(n_before: int, n_moments: int, tmp_path: Path) -> None:
    wrote, moments = after(n_before, tmp_path, full_disk, at=FOREVER)
    assert (wrote, moments.passed) == (True, n_moments)


@pytest.mark.parametrize(("n_before", "n_moments"), [(0, FIRST), (1, LATER), (2, LATER), (3, LATER)])
def test_a_disk_that_fails_at_any_moment_leaves_the_previous_one_or_the_new_one(
    n_before: int, n_moments: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    previous = (n_before - 1, 0) if n_before else None
    for at in range(1, n_moments + 1):
        root = tmp_path / str(at)
        wrote, _ = after(n_before, root, full_disk, at)
        said = capsys.readouterr().err
        if wrote:
            assert said == ""
        else:
            assert said.endswith(": cannot be written: No space left on device; trains on without a new checkpoint\n")
        assert not list(root.rglob(".relight-*"))
        assert newest(root) == ((9, 0) if wrote else previous)
        write(root, (10, 0), (11, 0))  # and all is well again
        assert newest(root) == (11, 0)


@pytest.mark.parametrize("fault", [killed, killed_at_once])
@pytest.mark.parametrize(("n_before", "n_moments"), [(0, FIRST), (1, LATER), (2, LATER), (3, LATER)])
def test_a_kill_at_any_moment_leaves_the_previous_one_or_the_new_one(
    n_before: int, n_moments: int, fault: Fault, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    previous = (n_before - 1, 0) if n_before else None
    found = []
    for at in range(1, n_moments + 1):
        root = tmp_path / str(at)
        child = os.fork()
        if child == 0:
            after(n_before, root, fault, at)
            os._exit(9)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        found.append(newest(root))
        assert not list(root.rglob(".relight-*"))
        write(root, (10, 0), (11, 0))
        assert newest(root) == (11, 0)
    # It is the new one once it has its name, which is before the last moment.
    assert found == [*[previous] * (n_moments - 1), (9, 0)]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("n_before", [0, 1, 2, 3])
def test_a_power_cut_at_any_moment_leaves_the_previous_one_or_the_new_one(
    n_before: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    write(root, *((epoch, 0) for epoch in range(n_before)))
    with Checkpoints(root, ABOUT) as checkpoints:
        checkpoints.latest(FOREVER)
        before = files_in(root)
        with recorded() as events:
            assert checkpoints.write(state(9))
    found = [found_after_a_cut(events[:n_events], before, root) for n_events in range(len(events) + 1)]
    previous = (n_before - 1, 0) if n_before else None
    assert found[0] == {previous}
    assert set().union(*found) == {previous, (9, 0)}
    assert found[-1] == {(9, 0)}  # it is on the disk once `write` says so
    assert capsys.readouterr().err == ""  # and nothing is ever torn


def found_after_a_cut(events: list[Event], before: Files, root: Path) -> set[tuple[int, int] | None]:
    """The newest checkpoint in each state that the disk may be in."""
    found = set()
    for files in after_a_cut(events, before):
        with TemporaryDirectory(dir=root.parent) as folder:
            lay_down(files, root, Path(folder))
            found.add(newest(Path(folder)))
    return found


def test_a_full_disk_is_said_and_the_previous_one_stays(small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Checkpoints(small_disk / "root", ABOUT) as checkpoints:
        assert checkpoints.write(state(1))
        assert not checkpoints.write(state(2, size=100_000))
        assert not checkpoints.write(state(3, size=100_000))
        assert checkpoints.last_position == (1, 0)
        assert newest_file_is_whole(small_disk / "root")
        assert checkpoints.write(state(4))
    assert capsys.readouterr().err.count("No space left on device; trains on without a new checkpoint\n") == 2
    assert newest(small_disk / "root") == (4, 0)


def newest_file_is_whole(root: Path) -> bool:
    content = file_of(root, 0).read_bytes()
    return content == signed(content[64:])


@pytest.mark.parametrize("plant", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_checkpoint_is_read_from_a_regular_file(
    plant: Callable[[Path], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "root", (1, 0))
    (path,) = (tmp_path / "root").glob("*/*.checkpoint")
    path.unlink()
    plant(path)
    with Checkpoints(tmp_path / "root", ABOUT) as checkpoints:
        assert checkpoints.latest(FOREVER) is None
    assert "must be a regular file, got a " in capsys.readouterr().err


@pytest.mark.parametrize("changes", [{"epoch": -1}, {"step": "1"}, {"epoch": None}, {"more": {1, 2}}])
def test_a_checkpoint_that_no_training_wrote_is_not_used_though_its_hash_is_right(
    changes: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "root", (1, 0))
    (path,) = (tmp_path / "root").glob("*/*.checkpoint")
    buffer = io.BytesIO()
    torch.save({**state(1), **changes}, buffer)
    content = path.read_bytes()[64:81] + buffer.getvalue()
    path.write_bytes(hashlib.sha256(content).hexdigest().encode() + content)
    with Checkpoints(tmp_path / "root", ABOUT) as checkpoints:
        assert checkpoints.latest(FOREVER) is None
    assert "is torn or foreign" in capsys.readouterr().err
