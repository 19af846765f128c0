from pathlib import Path

import pytest

from relight.train import callbacks
from relight.train.callbacks import LiveCurves
from tests.faults import full_disk


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the module sees: the last entry."""
    times = [0.0]
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: times[-1])
    return times


def test_curves_grow_once_a_second_and_hold_each_epoch_once(tmp_path: Path, clock: list[float]) -> None:
    curves, history = LiveCurves(tmp_path / "curves.csv", ("epoch", "loss")), []
    seen = []
    for epoch in range(40):
        clock.append(epoch / 10)
        history.append((epoch, epoch / 2))
        curves.update(history)
        if (tmp_path / "curves.csv").exists():
            seen.append((tmp_path / "curves.csv").read_text())
    whole = "epoch,loss\n" + "".join(f"{k},{k / 2}\n" for k in range(31))
    assert seen[-1] == whole  # the last write was at 3 s
    assert len(set(seen)) == 3
    assert all(whole.startswith(text) for text in seen)


def test_a_short_training_writes_nothing(tmp_path: Path, clock: list[float]) -> None:
    curves = LiveCurves(tmp_path / "curves.csv", ("epoch",))
    clock.append(0.9)
    curves.update([(0,)])
    assert not (tmp_path / "curves.csv").exists()


def test_the_file_that_dvc_links_to_its_cache_is_replaced_not_written(tmp_path: Path, clock: list[float]) -> None:
    (tmp_path / "cached").write_text("recorded")
    (tmp_path / "linked").hardlink_to(tmp_path / "cached")
    curves = LiveCurves(tmp_path / "linked", ("epoch",))
    clock.append(1.0)
    curves.update([(0,)])
    assert (tmp_path / "linked").read_text() == "epoch\n0\n"
    assert (tmp_path / "cached").read_text() == "recorded"


def test_a_disk_that_is_full_is_said_once_and_ends_nothing(
    clock: list[float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    curves = LiveCurves(tmp_path / "curves.csv", ("epoch",))
    monkeypatch.setattr(Path, "unlink", lambda *_args, **_named: full_disk())
    for second in (1.0, 2.0, 3.0):
        clock.append(second)
        curves.update([(0,)])
    said = f"train: {tmp_path}/curves.csv: cannot be written: No space left on device; trains on without it\n"
    assert capsys.readouterr().err == said
