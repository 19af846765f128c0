from pathlib import Path

import pytest

from relight.commands.check import check
from tests.closure import REPOSITORY


def test_check_says_what_is_subtracted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = (REPOSITORY / "recipes/table.yaml").read_text()
    Path("params.yaml").write_text(
        recipe.replace("data/raw/table.csv", "t.csv").replace("method: auto", "method: ordered")
    )
    rows = [f"{20240100 + k % 31},{k % 7}.5,{3_000_000_000 + k * 0.25}" for k in range(100)]
    Path("t.csv").write_text("\n".join(["day,x,target", *rows, ""]))
    lines = check(Path("params.yaml")).splitlines()
    assert "  day: numeric" in lines
    days, targets = sorted(20240100 + k % 31 for k in range(64)), [3_000_000_000 + k * 0.25 for k in range(64)]
    assert f"read as differences, which float32 keeps apart: day - {days[32]}, target - {int(targets[32])}" in lines
