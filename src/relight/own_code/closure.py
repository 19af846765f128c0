"""The files that the import of a module runs, as far as they are the project's own, found by reading the code."""

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from relight.errors import InputError
from relight.own_code.calls import Call
from relight.own_code.project import TORCH_MODULES, find_module, locate, relative
from relight.runtime.dependencies import file_sha256
from relight.runtime.tracebacks import OUR_PACKAGES

IMPORT_FUNCTIONS = ("import_module", "__import__")  # with a text, they are read like an import


def own_files(call: Call, root: Path) -> list[Path]:
    """Return the files that a call runs: none for a class of PyTorch.

    Raises:
        InputError: if its module is not in the project, or a file cannot be read.
    """
    if call.module in TORCH_MODULES:
        return []
    locate(call.module, root)
    return closure(call.module, root)


def file_digests(files: list[Path], root: Path) -> dict[str, str]:
    """Return the SHA-256 of each file, by its path in the project."""
    return {relative(path, root): file_sha256(path) for path in files}


def closure(module: str, root: Path) -> list[Path]:
    """Return the files that the import of a module runs, as far as they are the project's own, sorted.

    Imports inside functions count, those for type checkers do not; a package's `__init__.py` counts if it is not
    empty. Code of Relight is left out.

    Raises:
        InputError: if a file cannot be parsed, with its line, or is not found without doubt.
    """
    files: set[Path] = set()
    waiting, seen = [module], set(OUR_PACKAGES)
    while waiting:
        name = waiting.pop()
        if name in seen or name.split(".")[0] in OUR_PACKAGES:
            continue
        seen.add(name)
        waiting += [parent for parent in [name.rpartition(".")[0]] if parent]
        path = find_module(name, root)
        if path is None:
            continue
        if path.name != "__init__.py" or path.stat().st_size:
            files.add(path)
        waiting += imported_modules(path, name, root)
    return sorted(files)


def imported_modules(path: Path, module: str, root: Path) -> list[str]:
    """Return the absolute names of all modules that a file may import; `from a import b` may import `a.b`.

    Raises:
        InputError: if the file cannot be parsed, with its line.
    """
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: list[str] = []
    for node in _run_nodes(parse(path, root)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = absolute_name(node.module or "", node.level, package)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)] if base else []
        elif isinstance(node, ast.Call):
            names += _named_in_call(node, package)
        elif isinstance(node, ast.Assign) and path.name == "__init__.py":
            names += [f"{module}.{name}" for name in exported_names(node)]
    return [name for name in names if name]


def _run_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a syntax tree, without what only type checkers read (`if TYPE_CHECKING:`)."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in child.orelse:
                yield from _run_nodes(other)
        else:
            yield from _run_nodes(child)


def absolute_name(name: str, level: int, package: str) -> str:
    """Return the absolute name of a module after `level` dots in a package; "" if it lies above all packages."""
    if level == 0:
        return name
    parts = package.split(".") if package else []
    if level > len(parts):
        return ""
    return ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])])


def _named_in_call(node: ast.Call, package: str) -> list[str]:
    function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
    if function not in IMPORT_FUNCTIONS or not isinstance(first, str):
        return []
    name = first.lstrip(".")
    return [absolute_name(name, len(first) - len(name), package)]


def exported_names(node: ast.Assign) -> list[str]:
    """Return the texts of `__all__ = [...]`, which `from package import *` may import; none of another statement."""
    is_all = any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)
    elements: list[Any] = getattr(node.value, "elts", []) if is_all else []
    return [each.value for each in elements if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def parse(path: Path, root: Path) -> ast.Module:
    """Return the syntax tree of a file.

    Raises:
        InputError: if it is no Python, with the line, or cannot be read.
    """
    name = relative(path, root)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the code's style; Python says them when it runs the code
            return ast.parse(path.read_bytes())
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from error
    except SyntaxError as error:
        at = f"{name}:{error.lineno}" if error.lineno else name
        raise InputError(f"{at}: is not valid Python: {error.msg}") from error
    except ValueError as error:  # a NUL byte
        raise InputError(f"{name}: is not valid Python: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise InputError(f"{name}: cannot be read: it is nested too deeply") from error
