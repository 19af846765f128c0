"""The files of the user's own code: they lie below the project's folder or its src/, and nowhere else.

Nothing is imported here: files are found by their names, and read.
"""

import ast
import sys
from pathlib import Path

from relight.errors import InputError
from relight.runtime.tracebacks import OUR_PACKAGES  # dvc.yaml names their folders anyway

SOURCE_FOLDERS = ("", "src")  # below the project's folder
TORCH_MODULES = ("torch.optim", "torch.nn")  # whose classes may be named as well


def locate(module: str, root: Path) -> Path:
    """Return the file of a module of the project.

    Args:
        module: its dotted name, as `houses.networks`.
        root: the project's folder.

    Raises:
        InputError: if there is none, it is a link out of the project, or its name belongs to another module.
    """
    top = module.split(".")[0]
    if top in sys.stdlib_module_names:
        raise InputError(
            f"{module}: must be a module of this project, got one of Python's standard library; "
            "put the function into a module of yours"
        )
    path = find_module(module, root)
    if path is None:
        tried = " or ".join(str(Path(folder, *module.split(".")).with_suffix(".py")) for folder in SOURCE_FOLDERS)
        raise InputError(f"{module}: must be a module of this project, got no file {tried} in {root.resolve()}")
    return path


def find_module(module: str, root: Path) -> Path | None:
    """Return the file of a module below the project's folder or its src/; None if there is none.

    Raises:
        InputError: if the file is a link out of the project.
    """
    parts = module.split(".")
    for folder in SOURCE_FOLDERS:
        stem = Path(root, folder, *parts)
        for path in (stem.with_name(f"{parts[-1]}.py"), stem / "__init__.py"):
            if path.is_file():
                _assert_inside(path, root)
                return path
    return None


def _assert_inside(path: Path, root: Path) -> None:
    if not path.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{path}: must lie in the project's folder, got a link to {path.resolve()}")


def closure(module: str, root: Path) -> list[Path]:
    """Return the files that the import of a module runs, as far as they are the project's own, sorted.

    Imports are found by reading the code, those inside functions too; a package's `__init__.py` counts if it is not
    empty. Code of Relight is left out.

    Raises:
        InputError: if a file cannot be parsed, with its line.
    """
    files: dict[Path, None] = {}
    waiting, seen = [module], set()
    while waiting:
        name = waiting.pop()
        if name in seen or name.split(".")[0] in OUR_PACKAGES:
            continue
        seen.add(name)
        parent = name.rpartition(".")[0]
        if parent:
            waiting.append(parent)
        path = find_module(name, root)
        if path is None or path in files:
            continue
        if path.name != "__init__.py" or path.stat().st_size:
            files[path] = None
        waiting += imported_modules(path, name)
    return sorted(files)


def imported_modules(path: Path, module: str) -> list[str]:
    """Return the absolute names of all modules that a file may import; `from a import b` may import `a.b`.

    Raises:
        InputError: if the file cannot be parsed, with its line.
    """
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: list[str] = []
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if node.level == 0:
        return node.module or ""
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file.

    Raises:
        InputError: if it is no Python, with the line.
    """
    try:
        return ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise InputError(f"{path}:{error.lineno}: is not valid Python: {error.msg}") from error
    except ValueError as error:  # a NUL byte
        raise InputError(f"{path}: is not valid Python: {error}") from error


def relative(path: Path, root: Path) -> str:
    """Return a path of the project as dvc.yaml and messages write it."""
    return path.resolve().relative_to(root.resolve()).as_posix() if path.is_absolute() else path.as_posix()
