import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from relight.errors import RunError
from relight.runtime.lifetime import Terminated
from relight.train.distributed.workers import Workers

SLEEPS = "import time; time.sleep(60)"


def worker(code: str, rank: int = 1) -> Workers:
    return Workers([sys.executable, "-c", code], {rank: {"RANK": str(rank)}}, Path.cwd())


def test_they_see_their_environment_and_are_waited_for(tmp_path: Path) -> None:
    with worker(f"import os; open({str(tmp_path / 'rank')!r}, 'w').write(os.environ['RANK'])", rank=3) as workers:
        workers.wait()
    assert (tmp_path / "rank").read_text() == "3"


def test_a_lost_connection_is_explained_by_the_worker_that_was_killed() -> None:
    said = r"^worker 2 was killed by signal 9 \(out of memory\?\); the same command goes on from the last checkpoint$"
    with pytest.raises(RunError, match=said), worker("import os; os.kill(os.getpid(), 9)", rank=2):
        raise RuntimeError("Connection closed by peer")


def test_the_last_word_of_a_worker_that_failed_is_said() -> None:
    code = "import sys; sys.stderr.write('something\\nerror: train: not enough memory\\n'); sys.exit(1)"
    with pytest.raises(RunError, match=r"^worker 1: train: not enough memory$"), worker(code) as workers:
        workers.wait()


def test_a_worker_that_says_nothing_has_a_code() -> None:
    with pytest.raises(RunError, match=r"^worker 1: ended with code 3$"), worker("raise SystemExit(3)") as workers:
        workers.wait()


def test_workers_that_were_told_to_stop_have_not_failed() -> None:
    with pytest.raises(Terminated), worker("raise SystemExit(143)") as workers:
        workers.wait()


def test_nobody_watches_afterwards() -> None:
    before = threading.active_count()
    for _ in range(5):
        with pytest.raises(Terminated), worker("raise SystemExit(143)") as workers:
            workers.wait()
        assert threading.active_count() == before


def test_the_one_that_was_killed_is_named_before_those_that_failed_after_it() -> None:
    code = "import os, sys; os.kill(os.getpid(), 9) if os.environ['RANK'] == '2' else sys.exit(1)"
    environments = {rank: {"RANK": str(rank)} for rank in (1, 2)}
    workers = Workers([sys.executable, "-c", code], environments, Path.cwd())

    def fail() -> None:
        time.sleep(1)  # until both have ended
        raise RuntimeError

    with pytest.raises(RunError, match=r"^worker 2 was killed"), workers:
        fail()


def test_an_error_of_our_own_stays_and_nobody_is_left_behind(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = f"import os; open({str(pid)!r}, 'w').write(str(os.getpid())); {SLEEPS}"

    def fail() -> None:
        while not (pid.exists() and pid.read_text()):
            time.sleep(0.02)
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"), worker(code):
        fail()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_main_thread_that_waits_for_a_lost_worker_does_not_wait_for_ever() -> None:
    """Hang as native code does, in which no signal is heard."""
    code = (
        "import signal, sys, threading, time, pathlib\n"
        "from relight.train.distributed import workers\n"
        "assert workers._NOTICE_SECONDS; workers._NOTICE_SECONDS = 0.5\n"
        "with workers.Workers([sys.executable, '-c', 'raise SystemExit(9)'], {1: {}}, pathlib.Path.cwd()):\n"
        "    time.sleep(60)\n"
    )
    path = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stderr) == (1, "error: worker 1: ended with code 9\n")


def test_a_worker_whose_parent_is_gone_before_it_looks_ends(tmp_path: Path) -> None:
    """The kernel tells of a parent's death only who asked before."""
    code = "from relight.runtime.lifetime import end_with_parent; import time; end_with_parent(); time.sleep(60)"
    path = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path, "RELIGHT_PARENT": "1234567"}, cwd=tmp_path
    )
    assert process.wait(timeout=30) in (143, -signal.SIGTERM)
