"""The first import of declared code: Python makes the folder of its bytecode, which no dvc.yaml declares."""

from pathlib import Path

import pytest

from relight.errors import RunError
from relight.runtime.audit import Audit


def test_the_folder_of_bytecode_may_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    audit = Audit("train", ("houses/losses.py",), tmp_path / "scratch")
    audit.active = True  # without the hook, which no test could remove
    audit._on_event("os.mkdir", (str(tmp_path / "houses/__pycache__"), 0o777, -1))
    assert audit.problems == []
    with pytest.raises(RunError, match=r"dvc\.yaml: stage train changes houses/other, which is not among its outs"):
        audit._on_event("os.mkdir", (str(tmp_path / "houses/other"), 0o777, -1))
