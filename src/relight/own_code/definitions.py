"""The definition of a name in a module of the project, found by reading: whether it is there, and what it takes."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from relight.errors import InputError
from relight.own_code.closure import absolute_name, parse
from relight.own_code.project import find_module, relative
from relight.runtime.tracebacks import OUR_PACKAGES

# Whoever uses these may define names that reading does not find.
DYNAMIC = {"globals", "locals", "vars", "setattr", "exec", "eval", "modules", "__getattr__"}


class Definition(NamedTuple):
    """The definition of a name, as far as reading finds it.

    Attributes:
        kind: ours: the project defines it; foreign: it is imported from elsewhere; missing; unknown: only running the
            code could tell.
        path: the file that defines it, or that was searched.
        node: the `def`, `class` or other statement that defines it.
        names: that the file defines, for messages.
    """

    kind: Literal["ours", "foreign", "missing", "unknown"]
    path: Path
    node: ast.AST | None = None
    names: tuple[str, ...] = ()


def find_definition(module: str, name: str, root: Path, seen: tuple[str, ...] = ()) -> Definition:
    """Return the definition of a name, followed through the imports within the project.

    Args:
        seen: the modules that led here.

    Raises:
        InputError: if a file cannot be parsed, or is not found without doubt.
    """
    path = None if module in seen or module.split(".")[0] in OUR_PACKAGES else find_module(module, root)
    if path is None:
        return Definition("unknown" if module in seen else "foreign", Path(module))
    tree = parse(path, root)
    bound = dict(_bound_names(tree.body))
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    node = bound.get(name)
    if isinstance(node, ast.ImportFrom):
        return _imported(node, name, path, package, root, (*seen, module))
    if isinstance(node, ast.Import):
        return Definition("foreign", path, node)
    if node is not None:
        return Definition("ours", path, node)
    if any(_is_dynamic(each) for each in ast.walk(tree)):
        return Definition("unknown", path)
    return _starred(tree, name, package, root, (*seen, module)) or Definition("missing", path, None, tuple(bound))


def _imported(
    node: ast.ImportFrom, name: str, path: Path, package: str, root: Path, seen: tuple[str, ...]
) -> Definition:
    base = absolute_name(node.module or "", node.level, package)
    original = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
    if find_module(f"{base}.{original}".lstrip("."), root) is not None:
        return Definition("unknown", Path(base))  # a module, unless its package has the name as well
    of_project = node.level > 0 or find_module(base.split(".")[0], root) is not None
    if of_project and (not base or find_module(base, root) is None):
        at, module = f"{relative(path, root)}:{node.lineno}", "." * node.level + (node.module or "")
        raise InputError(f"{at}: must import {original} from a Python file of this project, got no file of {module}")
    return find_definition(base, original, root, seen)


def _starred(tree: ast.Module, name: str, package: str, root: Path, seen: tuple[str, ...]) -> Definition | None:
    """Return the definition in a module of which everything is imported; None if there is none for sure."""
    stars = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"]
    found = [find_definition(absolute_name(node.module or "", node.level, package), name, root, seen) for node in stars]
    ours = [definition for definition in found if definition.kind == "ours"]
    unsure = [Definition("unknown", each.path) for each in found if each.kind != "missing"]
    return next(iter([*ours, *unsure]), None)


def _bound_names(body: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """Yield each name that the statements of a module bind, and the statement; those in `if` and `try` as well."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name.split(".")[0], node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, node) for alias in node.names if alias.name != "*")
        else:
            inner = [child for child in _blocks(node) if isinstance(child, ast.stmt)]
            yield from _bound_names(inner)
            stored = (each for each in ast.walk(node) if isinstance(each, ast.Name | ast.MatchAs | ast.MatchStar))
            yield from ((name, node) for each in stored if (name := _stored_name(each)))


def _blocks(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements in the blocks of a statement."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body


def _stored_name(node: ast.Name | ast.MatchAs | ast.MatchStar) -> str | None:
    if isinstance(node, ast.Name):
        return node.id if isinstance(node.ctx, ast.Store) else None
    return node.name


def _is_dynamic(node: ast.AST) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    name = node.name if isinstance(node, ast.FunctionDef) else name
    return name in DYNAMIC or isinstance(node, ast.Global)


def parameter_names(node: ast.AST | None) -> set[str] | None:
    """Return the names of the arguments that a function, or the `__init__` of a class, takes by name.

    Returns:
        None if reading cannot tell: a decorator or a metaclass may change them, a class may inherit them, or it takes
        any (`**settings`).
    """
    if isinstance(node, ast.ClassDef):
        methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
        if node.decorator_list or node.keywords or "__new__" in methods or "__init__" not in methods:
            return None
        names = parameter_names(methods["__init__"])
        first = [*methods["__init__"].args.posonlyargs, *methods["__init__"].args.args][:1]
        return None if names is None else names - {argument.arg for argument in first}
    if not isinstance(node, ast.FunctionDef) or node.decorator_list or node.args.kwarg is not None:
        return None
    return {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
