"""The user's own functions and classes, imported from the project's files and from nowhere else.

What is wrong in them is said with their own file and line.
"""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from relight.errors import InputError
from relight.own_code.calls import Call
from relight.own_code.definitions import find_definition
from relight.own_code.project import INSTALLED, SOURCE_FOLDERS, TORCH_MODULES, locate, relative
from relight.runtime.messages import closest_name, did_you_mean_key
from relight.runtime.tracebacks import blame_own_code, short_path


def load(call: Call, key: str, root: Path = Path()) -> Any:
    """Return the function or class that a call names.

    Args:
        key: the setting that holds the call, for messages, as `train.loss`.
        root: the project's folder.

    Raises:
        InputError: if it is not in the project, cannot be imported, or cannot be called.
    """
    if call.module in TORCH_MODULES:
        return _torch_class(call, key)
    with _named(key):
        path = locate(call.module, root)
        definition = find_definition(call.module, call.name, root)
        if definition.kind == "foreign":
            raise InputError(f"{call}: must be defined in this project, got an import; write a function around it")
    module = _import_module(call.module, path, key, root)
    with blame_own_code(root, key):
        target = getattr(module, call.name, None)
    if target is None:
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        file = relative(path, root)
        raise InputError(f"{key}: {file} must have {call.name}, got none{did_you_mean_key(call.name, names)}")
    if not callable(target):
        got = f"{type(target).__name__} {target!r:.60}"
        raise InputError(f"{key}: {call} must be a function or a class, got {got} in {relative(path, root)}")
    if definition.kind == "unknown":
        _assert_defined_below(target, call, key, root)
    return target


@contextmanager
def _named(key: str) -> Iterator[None]:
    """Put the name of the setting before each problem."""
    try:
        yield
    except InputError as error:
        raise InputError(*(f"{key}: {problem}" for problem in error.problems)) from error


def _torch_class(call: Call, key: str) -> Any:
    module = importlib.import_module(call.module)
    target = getattr(module, call.name, None)
    if not isinstance(target, type) or not target.__module__.startswith("torch."):
        classes = [name for name, value in vars(module).items() if isinstance(value, type)]
        close = closest_name(call.name, classes) if target is None else None
        hint = f"; did you mean {close}?" if close else ""
        raise InputError(f"{key}: must be a class of {call.module}, got {call}{hint}")
    return target


def _import_module(name: str, path: Path, key: str, root: Path) -> ModuleType:
    """Import a module whose file is known; refuse another one that has its name."""
    _add_to_path(root)
    importlib.invalidate_caches()
    top = name.split(".")[0]
    for place in _places(top):
        if not Path(place).resolve().is_relative_to(root.resolve()):
            raise InputError(f"{key}: {top} must be a module of this project only, got another one at {place}; rename")
    try:
        with blame_own_code(root, key):
            module = importlib.import_module(name)
    except ImportError as error:  # of the module itself: an import in its code is said with its line
        raise InputError(f"{key}: {relative(path, root)} must be a module that Python imports, got: {error}") from error
    file = getattr(module, "__file__", None)
    if file is None or Path(file).resolve() != path.resolve():
        place = file or "memory"
        raise InputError(f"{key}: {name} must be {path}, got another module of that name from {place}; rename yours")
    return module


def _add_to_path(root: Path) -> None:
    """Let Python find the project's code: after what is installed, before other copies that a `.pth` file names."""
    installed = [index for index, folder in enumerate(sys.path) if INSTALLED & set(Path(folder).parts)]
    start = installed[-1] + 1 if installed else len(sys.path)
    missing = [full for folder in SOURCE_FOLDERS if (full := str(Path(root, folder).resolve())) not in sys.path]
    sys.path[start:start] = missing


def _places(top: str) -> list[str]:
    """Return the file and the folders from which Python would import a module, or has imported it."""
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # it was made, not imported: its file is compared afterwards
        return []
    places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or [])]
    return [place for place in places if place]


def _assert_defined_below(target: object, call: Call, key: str, root: Path) -> None:
    """Check that a function or class that reading did not find comes from a file of the project."""
    if not (inspect.isclass(target) or inspect.isroutine(target)):
        return
    module = str(getattr(target, "__module__", None))
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or not Path(file).resolve().is_relative_to(root.resolve()):
        raise InputError(f"{key}: {call} must be defined in this project, got {module}.{call.name}")


def call_with(target: Callable[..., Any], call: Call, key: str, **given: Any) -> Any:
    """Return what a function or class makes of the given arguments and its settings.

    Raises:
        InputError: if it does not take these arguments, or raises an exception, with its file and line.
    """
    assert_takes(target, call, key, (), given)
    with blame_own_code(Path(), key):
        return target(**given, **call.settings)


def as_function(target: Callable[..., Any], call: Call, key: str, *arguments: str) -> Callable[..., Any]:
    """Return a function of these positional arguments, with its settings filled in; a class is made with them first.

    Args:
        arguments: the names of the arguments in the contract, for messages.

    Raises:
        InputError: if it does not take these arguments.
    """
    if isinstance(target, type):
        made = call_with(target, call, key)
        called = getattr(made, "forward", made)  # a torch.nn.Module takes what its forward takes
        assert_takes(called, Call.model_construct(call=call.call), key, arguments, {})
        return made  # type: ignore[no-any-return]  # an instance that can be called
    assert_takes(target, call, key, arguments, {})
    return partial(target, **call.settings)


def assert_takes(
    target: Callable[..., Any], call: Call, key: str, positional: tuple[str, ...], given: dict[str, Any]
) -> None:
    """Check that a function or class takes some positional arguments, the given ones by name, and its settings.

    Raises:
        InputError: with everything that it does not take, or lacks.
    """
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):  # written in C: it checks its arguments itself
        return
    what, settings = described(target, call), call.settings
    names = [parameter.name for parameter in parameters if parameter.kind in _BY_NAME][len(positional) :]
    takes_any = _has(parameters, inspect.Parameter.VAR_KEYWORD)
    unknown = [] if takes_any else [name for name in settings if name not in names and name not in given]
    free = [name for name in names if name not in given]
    needed = [p.name for p in parameters if p.name in free and p.default is p.empty and p.name not in settings]
    problems = [
        *(f"{key}: {what} {problem}" for problem in _mismatches(parameters, positional, given)),
        *(f"{key}: {what} {problem}" for problem in _misplaced(parameters, positional)),
        *(f"{key}.{name}: is given by Relight; leave it out" for name in settings if name in given),
        *(f"{key}.{name}: is unknown to {what}{did_you_mean_key(name, free)}" for name in unknown),
        *(f"{key}: {what} needs {name}; write it next to `call`" for name in needed),
    ]
    if problems:
        raise InputError(*problems)


def argument_names(target: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments of a function or class; none if it is written in C."""
    try:
        return list(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        return []


_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_BY_PLACE = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)


def _has(parameters: list[inspect.Parameter], kind: Any) -> bool:
    return any(parameter.kind is kind for parameter in parameters)


def _mismatches(
    parameters: list[inspect.Parameter], positional: tuple[str, ...], given: dict[str, Any]
) -> Iterator[str]:
    n_places = sum(parameter.kind in _BY_PLACE for parameter in parameters)
    if n_places < len(positional) and not _has(parameters, inspect.Parameter.VAR_POSITIONAL):
        yield f"must take ({', '.join(positional)}), got {n_places} of {len(positional)} arguments"
    names = [parameter.name for parameter in parameters if parameter.kind in _BY_NAME]
    if not _has(parameters, inspect.Parameter.VAR_KEYWORD):
        yield from (f"must take {name}" for name in given if name not in names)


def _misplaced(parameters: list[inspect.Parameter], positional: tuple[str, ...]) -> Iterator[str]:
    """Yield a problem if arguments have the names of the contract in another order: the result would be wrong."""
    places = [parameter.name for parameter in parameters if parameter.kind in _BY_PLACE][: len(positional)]
    wrong = [name for place, name in enumerate(places) if name in positional and positional[place] != name]
    if wrong:
        yield f"must take ({', '.join(positional)}), got ({', '.join(places)})"


def described(target: object, call: Call) -> str:
    """Return the name of a function or class; of one of the user's own with its file and line."""
    if call.module in TORCH_MODULES:
        return str(call)
    plain = target.func if isinstance(target, partial) else target
    plain = plain if inspect.isclass(plain) or inspect.isroutine(plain) else type(plain)
    try:
        line = inspect.getsourcelines(plain)[1]
        return f"{call} ({short_path(inspect.getsourcefile(plain) or '')}:{line})"
    except (OSError, TypeError):
        return str(call)
