"""Lines that are added to dvc.yaml: every other byte stays, so that comments, order, quotes and indentation do.

A round trip through a YAML library keeps most of them; here the libraries only say where the lines go, and DVC's own
reader confirms what the new text means.
"""

import copy
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any, NamedTuple

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from relight.errors import InputError


class _Insertion(NamedTuple):
    """Letters, and the place before which they go."""

    place: int
    letters: str


def add_deps(text: str, added: Mapping[str, Iterable[str]]) -> str:
    """Return the text of a dvc.yaml with more deps.

    Args:
        added: paths by the name of their stage.

    Raises:
        InputError: if a stage is missing, or the lines cannot be added without changing others.
    """
    wanted = _value(text)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    insertions = []
    for stage, paths in added.items():
        entry = _entry(_entry(root, "stages"), stage)
        if not isinstance(entry, yaml.MappingNode) or not entry.value:
            raise InputError(f"dvc.yaml: stage {stage} is missing; add it, as in a dvc.yaml that `relight new` makes")
        insertions.append(_insertion(text, entry, list(paths)))
        stages = wanted["stages"]
        stages[stage]["deps"] = [*(stages[stage].get("deps") or []), *paths]
    for place, letters in sorted(insertions, reverse=True):
        text = text[:place] + letters + text[place:]
    if _value(text) != wanted:
        raise InputError(
            f"dvc.yaml: lines cannot be added without changing others; add them to deps by hand: {_by_hand(added)}"
        )
    return text


def _by_hand(added: Mapping[str, Iterable[str]]) -> str:
    return "; ".join(f"{stage}: {', '.join(paths)}" for stage, paths in added.items())


def _value(text: str) -> Any:
    """Return what DVC reads."""
    try:
        return copy.deepcopy(YAML(typ="safe").load(StringIO(text)))
    except YAMLError as error:
        raise InputError(f"dvc.yaml: is not valid YAML: {str(error).splitlines()[0]}") from error


def _entry(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _insertion(text: str, stage: yaml.MappingNode, paths: list[str]) -> _Insertion:
    """Return the text to add to the deps of a stage, in the form that they have, or as its last key."""
    newline = "\r\n" if "\r\n" in text else "\n"
    deps = _entry(stage, "deps")
    if stage.flow_style or (isinstance(deps, yaml.SequenceNode) and deps.flow_style):
        return _flow_insertion(stage, deps, paths)
    if isinstance(deps, yaml.SequenceNode):
        indent = deps.start_mark.column
        return _lines_after(text, deps.value[-1], [f"{' ' * indent}- {path}" for path in paths], newline)
    key = stage.value[0][0].start_mark.column * " "
    before = next((name for name, _value in stage.value if name.value == "deps"), None)
    lines = [f"{key}  - {path}" for path in paths]
    if before is not None:  # `deps:` without a value
        return _lines_after(text, before, lines, newline)
    return _lines_after(text, _cmd(stage), [f"{key}deps:", *lines], newline)


def _flow_insertion(stage: yaml.MappingNode, deps: yaml.Node | None, paths: list[str]) -> _Insertion:
    items = ", ".join(paths)
    if isinstance(deps, yaml.SequenceNode) and deps.value:
        return _Insertion(_end(deps.value[-1]), f", {items}")
    if isinstance(deps, yaml.SequenceNode):
        return _Insertion(deps.start_mark.index + 1, items)
    return _Insertion(_end(stage.value[-1][1]), f", deps: [{items}]")


def _cmd(stage: yaml.MappingNode) -> yaml.Node:
    return _entry(stage, "cmd") or stage.value[0][1]


def _end(node: yaml.Node) -> int:
    """Return the index of the letter after a value; a block ends with its last value, not with comments after it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _lines_after(text: str, node: yaml.Node, lines: list[str], newline: str) -> _Insertion:
    """Return lines that follow the line in which a value ends."""
    end = _end(node)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):  # its end is the beginning of the next line
        return _Insertion(end, "".join(f"{line}{newline}" for line in lines))
    after = text.find("\n", end)
    if after < 0:
        return _Insertion(len(text), "".join(f"{newline}{line}" for line in lines))
    return _Insertion(after + 1, "".join(f"{line}{newline}" for line in lines))
