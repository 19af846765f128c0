import io
import sys

import pytest

from relight.io.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_every_step_passes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(progress(range(3, 20), "epoch")) == list(range(3, 20))
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(progress(range(3, 20), "epoch")) == list(range(3, 20))


@pytest.mark.parametrize(
    ("steps", "done"),
    [
        (1000, range(100, 1001, 100)),
        (10, range(1, 11)),
        (3, [1, 2, 3]),
        (25, [3, 6, 9, 12, 15, 18, 21, 24, 25]),  # every ceil(25 / 10) = 3, and the last
        (0, []),
    ],
)
def test_a_pipe_gets_at_most_ten_plain_lines(steps: int, done: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    list(progress(range(steps), "epoch"))
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [f"epoch {step} of {steps}" for step in done]
    assert shown.out == ""


def test_a_line_is_said_when_its_step_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    steps = iter(progress(range(2), "epoch"))
    next(steps)
    assert capsys.readouterr().err == ""
    next(steps)
    assert capsys.readouterr().err == "epoch 1 of 2\n"


def test_a_terminal_gets_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    list(progress(range(5), "epoch"))
    assert "0/5" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r")
    assert "\n" not in terminal.getvalue()
