"""The installed code of Relight as a dependency of a project that holds none of its files.

relight.json has, for each stage, a hash of the code that the stage runs, and dvc.yaml names it among the params. A
stage runs only if the installed code has that hash: otherwise dvc.lock would record a code that did not run.
"""

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from relight.errors import InputError, RunError
from relight.runtime.audit import is_in_repository
from relight.runtime.dependencies import INSTALLED, Declaration, file_sha256
from relight.runtime.workspace import repository_root

CODE_ROOT = Path(__file__).resolve().parent.parent
CODE_SUFFIXES = (".py", ".jinja")  # of all that a stage runs; an editor's backup, or bytecode, is no code
N_DIGITS = 16  # of a hash in relight.json: `dvc exp show` has a column for each

NOT_HASHED = ("__init__.py", "version.py")  # a new number, or `relight.load`, changes no result

# The files and folders of Relight that each stage runs: those that the dvc.yaml of Relight's own repository names,
# without NOT_HASHED.
STAGE_CODE = {
    "prepare": ("errors.py", "extras.py", "runtime", "data", "own_code", "prepare"),
    "split": ("errors.py", "runtime", "data", "split"),
    "train": ("errors.py", "runtime", "data", "own_code", "metrics/ranking.py", "metrics/roc.py", "model", "train"),
    "evaluate": ("errors.py", "runtime", "data", "own_code", "metrics", "model", "evaluate"),
    "plot": (
        *("errors.py", "runtime", "data/pair_names.py", "data/schema.py", "data/text_format.py"),
        *("metrics/direction.py", "plot"),
    ),
}


def code_hash(name: str, root: Path = CODE_ROOT) -> str:
    """Return a hash of a file or folder of Relight: of the paths and bytes of its code.

    Args:
        name: relative to the root, as in STAGE_CODE.
    """
    path = root / name
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix in CODE_SUFFIXES)
    return _digest([f"{file.relative_to(root).as_posix()} {file_sha256(file)}" for file in files])


def stage_hash(stage: str, root: Path = CODE_ROOT) -> str:
    """Return a hash of all code of Relight that a stage runs."""
    return _digest([f"{name} {code_hash(name, root)}" for name in STAGE_CODE[stage]])


def installed_hash(key: str) -> str | None:
    """Return the hash that relight.json must have for a key; None for one that is no stage of Relight."""
    return stage_hash(key) if key in STAGE_CODE else None


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:N_DIGITS]


def installed_version() -> str:
    """Return the version that pip recorded; `unknown` if Relight was only put on the path."""
    try:
        return version("relight")
    except PackageNotFoundError:
        return "unknown"


def installed_digests(declared: Declaration) -> dict[str, str]:
    """Return the hash of the installed code that a stage depends on, by its name: `relight.json:train`."""
    return {f"{INSTALLED}:{key}": stage_hash(key) for key in declared.installed}


def assert_installed(declared: Declaration) -> None:
    """Check that the installed code is the one that dvc.lock will record.

    Raises:
        RunError: if dvc.yaml names neither the code nor relight.json, so that a new version would change nothing.
        InputError: if relight.json cannot be read, or is of another Relight.
    """
    if not declared.installed:
        _assert_code_declared(declared)
        return
    recorded = read_installed(Path(INSTALLED))
    problems = [problem for key in declared.installed for problem in _problems(declared.stage, key, recorded)]
    if problems:
        raise InputError(*problems)


def read_installed(path: Path) -> dict[str, Any]:
    """Return the content of a relight.json.

    Raises:
        InputError: if it is missing, or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file in {Path.cwd()}; `relight upgrade` writes it") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); `git checkout {path}` brings it back") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: must be a mapping; `git checkout {path}` brings it back")
    return content


def _problems(stage: str, key: str, recorded: dict[str, Any]) -> list[str]:
    if key not in STAGE_CODE:
        return [f"dvc.yaml: stage {stage}: {INSTALLED}: must be one of {', '.join(STAGE_CODE)}, got {key}"]
    if recorded.get(key) == stage_hash(key):
        return []
    wanted, here = str(recorded.get("version", "unknown")), installed_version()
    other = "other code with the same number" if wanted == here else here
    back = "" if wanted in (here, "unknown") else f", or `pip install relight=={wanted}` to go back"
    return [f"{INSTALLED}: {key}: must run with Relight {wanted}, got {other}; run `relight upgrade`{back}"]


def _assert_code_declared(declared: Declaration) -> None:
    """The audit sees to code in the repository; here the code is elsewhere, and must be a dependency all the same."""
    names = STAGE_CODE.get(declared.stage, ())
    deps = [Path(dep).resolve() for dep in declared.deps]
    is_declared = all(any((CODE_ROOT / name).is_relative_to(dep) for dep in deps) for name in names)
    if is_declared or is_in_repository(str(CODE_ROOT), str(repository_root())):
        return
    if Path("src/relight/__init__.py").is_file():
        raise RunError(
            f"relight: this folder has a Relight of its own in src/, and this command is that of {CODE_ROOT}; "
            "run `make .venv/test` here, then `. .venv/bin/activate`"
        )
    raise RunError(
        f"dvc.yaml: stage {declared.stage}: must have `{INSTALLED}: [{declared.stage}]` among its params, because "
        "otherwise another Relight would change nothing; run `relight upgrade`"
    )
