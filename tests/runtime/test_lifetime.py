import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from relight.errors import RunError
from relight.runtime.lifetime import DeferredStop, Terminated, exclusive_lock, is_locked, single_instance, try_lock

STOPS = [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)]


@pytest.mark.parametrize(("number", "stop"), STOPS)
def test_a_signal_waits_until_the_block_asks_for_it_or_ends(number: int, stop: type[BaseException]) -> None:
    seen = []

    def block() -> None:
        with DeferredStop() as patient:
            assert patient.requested is None
            os.kill(os.getpid(), number)
            seen.append(type(patient.requested))

    before = signal.getsignal(number)
    with pytest.raises(stop):
        block()
    assert seen == [stop]
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("first", "stop"), STOPS)
def test_a_second_one_does_not_wait(first: int, stop: type[BaseException], second: int) -> None:
    seen = []

    def block() -> None:
        with DeferredStop():
            os.kill(os.getpid(), first)
            seen.append("after the first")
            os.kill(os.getpid(), second)
            seen.append("after the second")

    with pytest.raises(stop):
        block()
    assert seen == ["after the first"]


def test_a_failure_within_the_block_is_what_comes_out_of_it() -> None:
    def block() -> None:
        with DeferredStop():
            os.kill(os.getpid(), signal.SIGTERM)
            raise ValueError("what happened")

    with pytest.raises(ValueError, match="what happened"):
        block()


def test_without_a_signal_nothing_happens() -> None:
    with DeferredStop() as patient:
        pass
    assert patient.requested is None


@pytest.mark.skipif(not Path("/proc/1/cmdline").exists(), reason="only Linux tells what the parent is")
def test_a_stage_whose_dvc_died_while_it_was_being_imported_does_not_begin(tmp_path: Path) -> None:
    """The parent ends at once; the stage asks for it two seconds later."""
    began = tmp_path / "began"
    stage = (
        "import time; time.sleep(2); from relight.runtime.lifetime import end_with_parent; end_with_parent();"
        f"open({str(began)!r}, 'w').close(); time.sleep(30)"
    )
    parent = (
        "import subprocess, sys;"
        f"print(subprocess.Popen([sys.executable, '-c', {stage!r}], stdout=subprocess.DEVNULL).pid)"
    )
    environment = {**os.environ, "DVC_STAGE": "train", "PYTHONPATH": "src"}
    done = subprocess.run(
        [sys.executable, "-c", parent], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    pid, until = int(done.stdout), time.monotonic() + 20
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert time.monotonic() < until
    assert not began.exists()


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_lock_has_one_holder_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    file = try_lock(path)
    assert file is not None
    assert is_locked(path)
    assert try_lock(path) is None
    os.close(file)
    assert not is_locked(path)


def test_to_look_at_a_lock_keeps_nobody_from_it(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    assert [is_locked(tmp_path / "lock") for _ in range(2)] == [False, False]
    with exclusive_lock(tmp_path / "lock"):
        assert is_locked(tmp_path / "lock")
    assert not is_locked(tmp_path / "lock")


def test_an_exclusive_lock_waits_for_its_holder(tmp_path: Path) -> None:
    path, order = tmp_path / "made/lock", []

    def wait() -> None:
        with exclusive_lock(path):
            order.append("second")

    with exclusive_lock(path):
        other = threading.Thread(target=wait)
        other.start()
        time.sleep(0.2)
        order.append("first")
    other.join(20)
    assert order == ["first", "second"]


def test_a_second_instance_is_refused_with_the_stage_and_pid_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("a longer name of an earlier stage, pid 1")
    refused = rf"split: another stage still runs in this folder \(train, pid {os.getpid()}\); wait for it, or end it"
    with single_instance(tmp_path / "lock", "train"), pytest.raises(RunError, match=refused):
        single_instance(tmp_path / "lock", "split").__enter__()
    with single_instance(tmp_path / "lock", "split"):
        assert (tmp_path / "lock").read_text() == f"split, pid {os.getpid()}"
