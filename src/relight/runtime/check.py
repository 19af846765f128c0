"""The check before a stage works: all of params.yaml, and before prepare the data as well.

It is a process of its own (stages/check.py), so that no stage depends on the params classes of the others.
A state of params, pipeline, code and source that has passed is not checked again. The files of own code that it depends
on are those that the check has read.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from relight.errors import problems_of
from relight.runtime.dependencies import file_sha256
from relight.runtime.places import assert_inside
from relight.runtime.strict_yaml import Document

CODE_ROOT = Path(__file__).resolve().parent.parent


def run_check(stage: str, document: Document, workspace: Path) -> None:
    """Run the check unless this state has passed it; if it fails, end the process with its exit code.

    Args:
        workspace: the folder for the hashes of the states that passed.
    """
    passed = {workspace / "checked-params": _state_of_params()}
    if stage == "prepare":
        passed[workspace / "checked-data"] = _state_of_params() + _state_of_source(document)
    if all(stamp.exists() and _has_passed(stamp.read_text(encoding="utf-8"), state) for stamp, state in passed.items()):
        return
    done = subprocess.run([sys.executable, "-m", "stages.check", stage], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)
    own_code = "".join(f"\n{_digest_line(Path(path))}" for path in os.fsdecode(done.stdout).splitlines())
    for stamp, state in passed.items():
        stamp.write_text(state + own_code, encoding="utf-8")


def _has_passed(stamp: str, state: str) -> bool:
    """Return whether the first line is the state, and each other one the digest of a file as it is now."""
    recorded, *files = stamp.split("\n")
    return recorded == state and all(line == _digest_line(Path(line.split(" ", 1)[1])) for line in files)


def _digest_line(path: Path) -> str:
    return f"{file_sha256(path) if path.is_file() else 'missing'} {path}"


def _state_of_params() -> str:
    code = [path.read_bytes() for path in sorted(CODE_ROOT.rglob("*.py"))]
    files = [path.read_bytes() for path in (Path("params.yaml"), Path("dvc.yaml")) if path.is_file()]
    return hashlib.sha256(b"\0".join([*files, *code])).hexdigest()


def _state_of_source(document: Document) -> str:
    """Return sizes and times: prepare itself reads every byte. The params are not checked yet, and may be wrong."""
    prepare = document.value.get("prepare")
    source = Path(str(prepare.get("source"))) if isinstance(prepare, dict) else Path("?")
    if problems_of(lambda: assert_inside(source)):  # the check says it; all of `/` must not be listed here
        return ""
    paths = sorted(source.rglob("*")) if source.is_dir() else [source] if source.is_file() else []
    return repr([(path.name, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in paths])
