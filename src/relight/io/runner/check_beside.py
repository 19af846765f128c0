"""The check that runs beside a stage, before its work: all of params.yaml, and for prepare the data.

It is a process of its own (stages/check.py), so that no stage depends on the schemas of the others.
A state of params, code and source that has passed once is not checked again.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from relight.io.yaml12 import Document

CODE = Path(__file__).resolve().parent.parent.parent


def check_beside(stage: str, document: Document, workspace: Path) -> None:
    """Run the check unless this state has passed it; end the process with its exit code where it fails."""
    passed = {workspace / "checked-params": _state_of_params()}
    if stage == "prepare":
        passed[workspace / "checked-data"] = _state_of_params() + _state_of_source(document)
    if all(stamp.exists() and stamp.read_text() == state for stamp, state in passed.items()):
        return
    done = subprocess.run([sys.executable, "-m", "stages.check", stage], check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)
    for stamp, state in passed.items():
        stamp.write_text(state)


def _state_of_params() -> str:
    code = [path.read_bytes() for path in sorted(CODE.rglob("*.py"))]
    return hashlib.sha256(b"\0".join([Path("params.yaml").read_bytes(), *code])).hexdigest()


def _state_of_source(document: Document) -> str:
    """Sizes and times are enough: prepare itself reads every byte. The params may be wrong still."""
    prepare = document.value.get("prepare")
    source = Path(str(prepare.get("source"))) if isinstance(prepare, dict) else Path("?")
    found = sorted(source.rglob("*")) if source.is_dir() else [source] if source.is_file() else []
    return repr([(path.name, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in found])
