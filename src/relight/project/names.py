"""The name of a project: that of its folder, and of the package of its own code."""

import keyword
import re
import sys
from importlib.util import find_spec

PACKAGE_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?")
FOLDERS_OF_SCRIPTS = ("stages", "tests")  # of the project itself


def name_problems(name: str) -> list[str]:
    """Return why a name cannot be that of the package, with a name that can."""
    if PACKAGE_NAME.fullmatch(name) is None:
        rule = "must be letters, digits and _ that begin with a letter and do not end with _"
        return [f"name: {rule}, because Python imports it, got {name}{_suggestion(name)}"]
    if keyword.iskeyword(name):
        return [f"name: must be no keyword of Python, got {name}; choose another, such as my_{name}"]
    taken = _taken_by(name)
    return [f"name: must be no {taken}, got {name}; choose another, such as my_{name}"] if taken else []


def _taken_by(name: str) -> str:
    """Return what has the name already; the own package would hide it, or be hidden by it."""
    if name in FOLDERS_OF_SCRIPTS:
        return "folder of scripts of a project"
    if name in sys.stdlib_module_names:
        return "module of Python's own library"
    return "package that is installed here" if find_spec(name) is not None else ""


def _suggestion(name: str) -> str:
    cleaned = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    cleaned = f"model_{cleaned}" if cleaned[:1].isdigit() else cleaned
    good = PACKAGE_NAME.fullmatch(cleaned) is not None and not keyword.iskeyword(cleaned) and not _taken_by(cleaned)
    return f"; did you mean {cleaned}?" if good else "; choose another"
