"""The own code that a sweep tries: calls among the values of sweep.yaml, or of another file of its form near it."""

from collections.abc import Iterator
from pathlib import Path

from relight.errors import InputError
from relight.own_code.calls import Call, is_well_formed
from relight.runtime.strict_yaml import read_yaml

NO_SWEEPS = ("dvc.yaml", "params.yaml")
CALL = ".call"  # the end of a key such as model.name.call


def swept_calls(root: Path) -> list[tuple[str, Call]]:
    """Return the calls that sweeps try, each with the key of its setting.

    A file that is no sweep, or cannot be read, has none: `relight sweep` says what is wrong with it.

    Args:
        root: the project's folder; sweeps lie in it or in a folder of it that is no other model.
    """
    folders = [root, *(path.parent for path in root.glob("*/*.yaml") if not (path.parent / "dvc.yaml").exists())]
    paths = sorted({path for folder in folders for path in folder.glob("*.yaml")})
    files = [path for path in paths if path.name not in NO_SWEEPS]
    return [found for file in files for found in _calls_in(file)]


def _calls_in(file: Path) -> Iterator[tuple[str, Call]]:
    try:
        params = read_yaml(file).value.get("params")
    except InputError:
        return
    for key, values in (params if isinstance(params, dict) else {}).items():
        for value in values if key.endswith(CALL) and isinstance(values, list) else ():
            if isinstance(value, str) and is_well_formed(value):
                yield key.removesuffix(CALL), Call(call=value)
