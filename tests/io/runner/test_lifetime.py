import os
import signal

import pytest

from relight.io.runner.lifetime import PatientStop, Terminated

STOPS = [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)]


@pytest.mark.parametrize(("number", "stop"), STOPS)
def test_a_signal_waits_until_the_block_asks_for_it_or_ends(number: int, stop: type[BaseException]) -> None:
    seen = []

    def block() -> None:
        with PatientStop() as patient:
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
        with PatientStop():
            os.kill(os.getpid(), first)
            seen.append("after the first")
            os.kill(os.getpid(), second)
            seen.append("after the second")

    with pytest.raises(stop):
        block()
    assert seen == ["after the first"]


def test_a_failure_within_the_block_is_what_comes_out_of_it() -> None:
    def block() -> None:
        with PatientStop():
            os.kill(os.getpid(), signal.SIGTERM)
            raise ValueError("what happened")

    with pytest.raises(ValueError, match="what happened"):
        block()


def test_without_a_signal_nothing_happens() -> None:
    with PatientStop() as patient:
        pass
    assert patient.requested is None
