"""dvc.lock: what each stage read and wrote when it last ran, by the MD5 of its bytes."""

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from relight.errors import InputError


class Entry(NamedTuple):
    """
    Attributes:
        md5: of the bytes of a file; of a folder, ending in `.dir`, that of the list of its files.
    """

    path: str
    md5: str
    size: int


class LockedStage(NamedTuple):
    command: str
    deps: dict[str, Entry]
    params: dict[str, Any]
    outs: dict[str, Entry]


def read_lock(text: bytes, name: str = "dvc.lock") -> dict[str, LockedStage]:
    """
    Args:
        name: stands for the file in messages.

    Returns:
        the stages in the order of the file. Values of params are texts as they stand there.

    Raises:
        InputError: when it is cut short, holds the marks of a merge, or is otherwise none.
    """
    try:
        # All values are texts, so that no hash can be taken for a number.
        return {stage: _stage(entry) for stage, entry in texts_of(text)["stages"].items()}
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{name}: is damaged, or holds the marks of a merge; `git checkout {name}` brings back the committed one"
        ) from error


def texts_of(text: bytes) -> Any:
    """A YAML file with every value as the text that stands there.

    Raises:
        yaml.YAMLError: when it is none.
    """
    return yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))


def read_lock_file(path: Path = Path("dvc.lock")) -> dict[str, LockedStage]:
    """The one in the workspace; of a pipeline that never ran, nothing."""
    return read_lock(path.read_bytes(), str(path)) if path.exists() else {}


def _stage(entry: dict[str, Any]) -> LockedStage:
    params = entry.get("params", {}).get("params.yaml", {})
    return LockedStage(entry["cmd"], _entries(entry.get("deps", [])), params, _entries(entry.get("outs", [])))


def _entries(listed: list[dict[str, str]]) -> dict[str, Entry]:
    return {item["path"]: Entry(item["path"], item["md5"], int(item["size"])) for item in listed}
