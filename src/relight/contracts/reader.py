"""The contract of a reader: what prepare needs of it, tried on a file."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from relight.contracts.facts import Fact, try_facts
from relight.errors import InputError, RelightError
from relight.own_code.calls import Call
from relight.own_code.loading import as_function, described, load
from relight.prepare.own_reader import KEY, OwnTable
from relight.runtime.dependencies import file_sha256

HASH_SEEDS = ("1", "2")  # of Python's sets and dictionaries of texts, whose order must not matter
CHILD = """\
import json, sys
from pathlib import Path
from relight.contracts.reader import digest_or_problem
from relight.own_code.calls import Call
call, source, root = json.load(sys.stdin)
found = digest_or_problem(Call.model_validate(call), Path(source), Path(root))
print("\\n" + json.dumps(found))
"""


def reader_facts(call: Call, source: Path, root: Path = Path()) -> list[Fact]:
    """Return the facts of a reader: (path, **settings) → a frame, frames or arrays by name.

    If it gives no table, that is the only one.

    Args:
        source: the file or folder that it is tried on.

    Raises:
        InputError: if there is no such file, or the reader is not found or does not take path and settings.
    """
    if not source.exists():
        raise InputError(f"{source}: no such file to try the reader on; name another one with --source")
    target = load(call, KEY, root)
    as_function(target, call, KEY, "path")
    before = _contents(source)
    digests: list[str] = []
    checks = {
        "the same file gives the same rows again": lambda: _again(call, source, root, digests),
        "it leaves the file as it is": lambda: _changed(before, _contents(source)),
        "another process reads the same rows": lambda: _elsewhere(call, source, root, digests),
    }
    made = try_facts({"it gives rows in columns": lambda: _gives_rows(call, source, root, digests)}, root)
    return made if made[0].problem else [*made, *try_facts(checks, root, described(target, call))]


def _gives_rows(call: Call, source: Path, root: Path, digests: list[str]) -> str:
    digests.append(_digest(call, source, root))
    return ""


def _again(call: Call, source: Path, root: Path, digests: list[str]) -> str:
    same = _digest(call, source, root) == digests[0]
    return "" if same else "the rows differ; draw no random numbers, read no clock, and remember no call"


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return f"{', '.join(names[:3])} changed; open it for reading only" if names else ""


def _elsewhere(call: Call, source: Path, root: Path, digests: list[str]) -> str:
    for seed in HASH_SEEDS:
        digest, problem = _in_child(call, source, root, seed)
        if problem:
            return problem
        if digest != digests[0]:
            return "the rows differ; sort what comes from a set or a listing of files, and read only the path"
    return ""


def _in_child(call: Call, source: Path, root: Path, seed: str) -> tuple[str, str]:
    """Return the digest of the rows in a new process, or its problem."""
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-P", "-c", CHILD],
        input=json.dumps([call.model_dump(mode="json"), str(source), str(root)]),
        env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = (done.stderr if done.returncode else done.stdout).splitlines()
    if done.returncode:
        return "", lines[-1] if lines else f"the process ended with {done.returncode}"
    digest, problem = json.loads(lines[-1])  # the reader may print, too
    return digest, problem


def digest_or_problem(call: Call, source: Path, root: Path) -> tuple[str, str]:
    """Return what identifies the rows that a reader gives, or why there are none."""
    try:
        return _digest(call, source, root), ""
    except RelightError as error:
        return "", "; ".join(error.problems)


def _digest(call: Call, source: Path, root: Path) -> str:
    rows = pl.concat(list(OwnTable(source, call, root).frames()))
    text = rows.write_csv(quote_style="non_numeric", null_value="\\N")  # numbers to the last digit
    return hashlib.sha256(f"{rows.schema}\n{text}".encode()).hexdigest()


def _contents(source: Path) -> dict[str, str]:
    files = sorted(source.rglob("*")) if source.is_dir() else [source]
    return {str(file): file_sha256(file) for file in files if file.is_file()}
