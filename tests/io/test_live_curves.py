from pathlib import Path

import pytest

from relight.io import live_curves as module
from relight.io.live_curves import LiveCurves


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the module sees: the last entry."""
    times = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: times[-1])
    return times


def test_curves_grow_once_a_second_and_hold_each_epoch_once(tmp_path: Path, clock: list[float]) -> None:
    curves, history = LiveCurves(tmp_path / "curves.csv", ("epoch", "loss")), []
    seen = []
    for epoch in range(40):
        clock.append(epoch / 10)
        history.append((epoch, epoch / 2))
        curves.show(history)
        if (tmp_path / "curves.csv").exists():
            seen.append((tmp_path / "curves.csv").read_text())
    whole = "epoch,loss\n" + "".join(f"{k},{k / 2}\n" for k in range(31))
    assert seen[-1] == whole  # the last write was at 3 s
    assert len(set(seen)) == 3
    assert all(whole.startswith(text) for text in seen)


def test_a_short_training_writes_nothing(tmp_path: Path, clock: list[float]) -> None:
    curves = LiveCurves(tmp_path / "curves.csv", ("epoch",))
    clock.append(0.9)
    curves.show([(0,)])
    assert not (tmp_path / "curves.csv").exists()
