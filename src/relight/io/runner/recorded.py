"""Crash checkpoints of runs that DVC has recorded: nobody needs them any more."""

from contextlib import suppress
from pathlib import Path

FINISHED = "finished"  # holds the MD5 of the weights, by which dvc.lock knows them


def forget_recorded(runs: Path, lock_file: Path) -> None:
    """Remove the folder of each run whose weights dvc.lock names."""
    finished = list(runs.glob(f"*/{FINISHED}"))
    recorded = lock_file.read_text(encoding="utf-8") if finished and lock_file.exists() else ""
    for path in finished:
        if path.read_text(encoding="utf-8") in recorded:
            remove(path.parent)
    with suppress(OSError):  # other runs have theirs in it, or there were none
        runs.rmdir()


def remove(folder: Path) -> None:
    """A folder of files, as far as nobody else is about it."""
    with suppress(OSError):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
