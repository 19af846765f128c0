"""The files of params that stages name, params.yaml and others, read as DVC reads them: by their ending.

Every value is a text, as it stands in the file, so that those of a file and of dvc.lock can be compared.
"""

import json
import posixpath
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import PurePath
from typing import Any

import yaml

from relight.errors import InputError
from relight.repository.dvc_command import assert_dvc_installed
from relight.runtime.dependencies import INSTALLED
from relight.runtime.nested import ABSENT_VALUE, are_same_params, changed_values, flatten_to_text, value_at
from relight.runtime.pipeline import PARAMS, REFERENCE

NESTING, MAX_NESTED = (b"[", b"{", b"- - ", b"? ? "), 5_000  # what may begin one value in another on the same line
MAX_YAML_BYTES = 2**23
MAX_VALUES = 1_000_000  # a dvc.lock of 200 stages has some thousands
Keys = tuple[str, ...] | None  # dotted keys of a file; None: all of it


def yaml_as_texts(text: bytes) -> Any:
    """Return the content of a YAML file with every value as a text. libyaml is 20 times as fast as pure Python.

    Raises:
        yaml.YAMLError: if it is no YAML.
    """
    if len(text) > MAX_YAML_BYTES or text.count(b"\n") + text.count(b",") > MAX_VALUES:  # each takes some 600 bytes
        raise yaml.YAMLError(f"must have at most {MAX_YAML_BYTES} bytes and {MAX_VALUES} values")
    if any(text.count(sign) > MAX_NESTED for sign in NESTING):  # libyaml nests calls of C without a limit
        raise yaml.YAMLError(f"must not be nested more than {MAX_NESTED} times")
    try:
        value = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        is_small = b"*" not in text or _n_values(value, {}) <= MAX_VALUES
    except RecursionError as error:
        raise yaml.YAMLError("is nested too deeply") from error
    if not is_small:
        raise yaml.YAMLError(f"must hold at most {MAX_VALUES} values, got more by aliases")
    return value


def _n_values(value: Any, counted: dict[int, float]) -> float:
    """Return the number of values if each alias were written out; infinite if one holds itself.

    DVC writes aliases for params that are equal. Nine of them in each of nine levels are 387 million values.

    Args:
        counted: the number of each list and mapping, by its id.
    """
    if not isinstance(value, list | dict):
        return 1
    if id(value) not in counted:
        counted[id(value)] = float("inf")  # until it is known: it may hold itself
        parts = value if isinstance(value, list) else value.values()
        counted[id(value)] = 1 + sum(_n_values(part, counted) for part in parts)
    return counted[id(value)]


def read_params_file(content: bytes, path: str) -> dict[str, Any]:
    """Return the values in a file of params: JSON, TOML or Python by its ending, else YAML.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        value = _parse(content, path)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # those of JSON and TOML are ValueErrors
        raise InputError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: must be a mapping of names to values, got a {type(value).__name__}")
    return value


def _parse(content: bytes, path: str) -> Any:
    ending = PurePath(path).suffix.lower()
    if ending in (".json", ".toml", ".py") and len(content) > MAX_YAML_BYTES:
        raise ValueError(f"must have at most {MAX_YAML_BYTES} bytes")
    match ending:
        case ".json":
            return _as_texts(json.loads(content, parse_float=str, parse_int=str, parse_constant=str))
        case ".toml":
            return _as_texts(tomllib.loads(content.decode(), parse_float=str))
        case ".py":
            return _as_texts(_parse_python(content, path))
    return yaml_as_texts(content) or {}


def _parse_python(content: bytes, path: str) -> Any:
    """Return the values that a file of Python assigns; nothing of it is run."""
    assert_dvc_installed()
    from dvc.utils.serialize import ParseError, parse_py

    try:
        return parse_py(content.decode(), path)
    except ParseError as error:
        raise ValueError("is no Python") from error


def _as_texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _as_texts(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_as_texts(each) for each in value]
    return {True: "true", False: "false", None: ""}[value] if isinstance(value, bool | None) else str(value)


def other_params_files(pipeline: bytes, lock: bytes) -> Mapping[str, Keys]:
    """Return the dotted keys that count for DVC, by their file; params.yaml of the folder is left out.

    Those are what stages name or refer to, and all of the files that `params` of dvc.yaml itself names.

    Args:
        pipeline, lock: dvc.yaml and dvc.lock, which knows the file of a stage that names it as `${file}`.
    """
    named: dict[str, Keys] = {}
    for file, keys in (*_named_files(pipeline, lock), *((path, None) for path in _top_files(pipeline))):
        before = named.get(file, ())
        named[file] = None if keys is None or before is None else tuple(dict.fromkeys((*before, *keys)))
    return {file: keys for file, keys in named.items() if file not in (PARAMS, INSTALLED)}


def _named_files(pipeline: bytes, lock: bytes) -> Iterator[tuple[str, Keys]]:
    for name, entry in stage_entries(pipeline).items():
        listed, folder = entry.get("params"), str(entry.get("wdir", "."))
        for item in listed if isinstance(listed, list) else []:
            files = item if isinstance(item, dict) else {PARAMS: [item]}
            for file, keys in _filled_in(name, files, lock):
                yield posixpath.normpath(posixpath.join(folder, file)), keys
        yield from _referenced_files(entry.get("vars"), entry)
    yield from _referenced_files(_mapping(pipeline).get("vars"), _stages(pipeline))


def _filled_in(stage: str, files: dict[str, Any], lock: bytes) -> Iterator[tuple[str, Keys]]:
    """Yield file and keys; if one of them is a reference, those of all repetitions of the stage that ran."""
    if REFERENCE.search(str(files)) is None:
        yield from (
            (file, tuple(map(str, keys)) if isinstance(keys, list) and keys else None) for file, keys in files.items()
        )
        return
    for name, entry in _stages(lock).items():
        if name.split("@")[0] == stage and isinstance(entry, dict) and isinstance(entry.get("params"), dict):
            yield from ((file, tuple(keys)) for file, keys in entry["params"].items() if isinstance(keys, dict))


def _referenced_files(listed: Any, text: Any) -> Iterator[tuple[str, Keys]]:
    """Yield the files that `vars` lists, each with the keys that stages refer to as `${key}`."""
    keys = tuple(dict.fromkeys(REFERENCE.findall(str(text))))
    for item in listed if isinstance(listed, list) and keys else []:
        if isinstance(item, str):
            yield posixpath.normpath(item.split(":")[0]), keys


def _top_files(pipeline: bytes) -> list[str]:
    listed = _mapping(pipeline).get("params")
    files = [
        file
        for item in (listed if isinstance(listed, list) else [])
        for file in ([item] if isinstance(item, str) else item)
    ]
    return [posixpath.normpath(str(file)) for file in files]


def stage_entries(pipeline: bytes) -> dict[str, dict[str, Any]]:
    """Return the entry of each stage in a dvc.yaml of texts; that of a stage with `foreach` is what it does."""
    entries = {name: entry.get("do", entry) for name, entry in _stages(pipeline).items() if isinstance(entry, dict)}
    return {name: entry for name, entry in entries.items() if isinstance(entry, dict)}


def _stages(content: bytes) -> dict[str, Any]:
    stages = _mapping(content).get("stages")
    return stages if isinstance(stages, dict) else {}


@lru_cache(maxsize=64)  # most commits have the same dvc.yaml
def _mapping(content: bytes) -> dict[str, Any]:
    try:
        value = yaml_as_texts(content)
    except yaml.YAMLError:  # others say what is wrong with it
        return {}
    return value if isinstance(value, dict) else {}


def chosen_values(values: dict[str, Any], keys: Keys) -> dict[str, Any]:
    """Return the values of these dotted keys, as nested as they are; those that are not there are left out."""
    if keys is None:
        return values
    return {key: value for key in keys if (value := value_at(values, key)) is not None}


def changed_params(recorded: Mapping[str, dict[str, Any]], read: Callable[[str], bytes | None]) -> list[str]:
    """Return the dotted keys whose values are not the recorded ones, as `train`, or `mine/params.yaml:featurize`.

    Args:
        recorded: the values that a stage ran with, by their file.
        read: a function that returns the bytes of a file; None if there is none.
    """
    changed = []
    for file, values in recorded.items():
        try:
            now = read_params_file(read(file) or b"{}", file)
        except InputError:  # no value of it is the recorded one
            now = {}
        changed += [
            key if file == PARAMS else f"{file}:{key}"
            for key, value in values.items()
            if not are_same_params(value, value_at(now, key))
        ]
    return changed


def frozen_note(name: str, recorded: Mapping[str, dict[str, Any]] | None, read: Callable[[str], bytes | None]) -> str:
    """Return the line of `relight check` about a frozen stage.

    Args:
        recorded, read: as for `changed_params`; None if the stage never ran.
    """
    text = f"note: {name}: is frozen in dvc.yaml, so that `dvc repro` does not run it, whatever changes"
    if recorded is None:
        return f"{text}; it never ran: `dvc unfreeze {name}` lets it run\n"
    changed = [
        f"{key}={ran.get(key, ABSENT_VALUE)} ({file} has {value})"
        for file, values in recorded.items()
        for ran, here in [(flatten_to_text(values), _values_here(values, file, read))]
        for key, value in changed_values(ran, here)
    ]
    made_with = f", and what it wrote was made with {', '.join(changed)}" if changed else ""
    return f"{text}{made_with}; `dvc unfreeze {name}` lets it run\n"


def _values_here(recorded: dict[str, Any], file: str, read: Callable[[str], bytes | None]) -> dict[str, str]:
    """Return the values at the recorded keys, as flattened texts; the recorded ones if the file cannot be read."""
    try:
        return flatten_to_text(chosen_values(read_params_file(read(file) or b"{}", file), tuple(recorded)))
    except InputError:  # another check says it
        return flatten_to_text(recorded)
