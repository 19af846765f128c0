"""YAML as DVC reads it (1.2: `1e-3` is a number, `no` is a text), with the line of every key.

What could mean two things is refused: duplicate keys, anchors and aliases (an alias bomb of 0.5 KB hangs `dvc repro`),
tags, dates, numbers with underscores, merge keys, `%YAML` lines, invisible characters (a line break to one reader, not
to another), `{a:[1]}` without a space.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from relight.errors import InputError

MAX_YAML_BYTES = 1_000_000

KeyPath = tuple[str, ...]

_NULL = re.compile(r"~|null|Null|NULL|")

_TRUE = re.compile(r"true|True|TRUE")

_FALSE = re.compile(r"false|False|FALSE")

_INT = re.compile(r"[-+]?[0-9]+")

_OCTAL = re.compile(r"0o[0-7]+")

_HEX = re.compile(r"0x[0-9a-fA-F]+")

_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]*([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.[0-9]+([eE][-+][0-9]+)?")

_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

_AMBIGUOUS = re.compile(
    r"[-+]?[0-9._]*_[0-9._]*([eE][-+]?[0-9]+)?|[-+]?0[box][0-9a-fA-F_]*|[-+]?0o?[0-7_]*_[0-7_]*"
    r"|\.[0-9]+[eE][0-9]+|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|<<|="
)

_INVISIBLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029\ufeff]")


@dataclass(frozen=True)
class Document:
    """A YAML mapping, the name of its file, and the line (from 1) of each key.

    Attributes:
        written: the text of each number, true and false, as it stands in the file: `1e3`, which is 1000.0.
    """

    name: str
    value: dict[str, Any]
    lines: dict[KeyPath, int]
    written: dict[KeyPath, str] = field(default_factory=dict)

    def location(self, keys: KeyPath) -> str:
        """Return file and line of a key, or of the nearest key above it: `params.yaml:12`."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return f"{self.name}:{self.lines[keys]}" if keys else self.name


class _RefusalError(Exception):
    """A construct that is refused, and its line (from 0)."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


class _PlainLoader(yaml.SafeLoader):
    """PyYAML's parser without directives, anchors, aliases and tags."""

    def compose_document(self) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if event.version or event.tags:
            raise _RefusalError(event.start_mark.line, "lines that begin with % are not read; delete it")
        node: yaml.Node | None = super().compose_document()
        return node

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _RefusalError(line, "anchors and aliases (& and *) are not read; write the value out")
        if event.tag is not None:
            raise _RefusalError(line, f"must have no tag, got {event.tag}; write a plain value")
        node: yaml.Node | None = super().compose_node(parent, index)
        return node


def read_yaml(path: Path) -> Document:
    """Read a file whose top level is a mapping.

    Raises:
        InputError: with file and line, if it is no mapping or contains what is refused.
    """
    return parse_yaml(_read_text(path), str(path))


def parse_yaml(text: str, name: str) -> Document:
    """Read a text whose top level is a mapping; messages call it `name`."""
    lines: dict[KeyPath, int] = {}
    written: dict[KeyPath, str] = {}
    try:
        _refuse_invisible(text)
        root = yaml.compose(text, Loader=_PlainLoader)
        value = _build(root, (), lines, written) if root is not None else None
    except _RefusalError as refusal:
        raise InputError(f"{name}:{refusal.line + 1}: {refusal}") from refusal
    except yaml.MarkedYAMLError as error:
        raise InputError(_syntax_problem(name, error)) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error).split("\n")[0]
        raise InputError(f"{name}: is not YAML that can be read: {what}") from error
    if not isinstance(value, dict):
        kind = "empty" if value is None else f"a {_kind(value)}"
        raise InputError(f"{name}: must be a mapping of sections, got {kind}")
    return Document(name, value, lines, written)


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file in {Path.cwd()}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > MAX_YAML_BYTES:
        raise InputError(f"{path}: must be at most {MAX_YAML_BYTES} bytes, got {len(raw)}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line}: is not UTF-8; save the file as UTF-8") from error


def _refuse_invisible(text: str) -> None:
    if match := _INVISIBLE.search(text):
        line = text.count("\n", 0, match.start())
        raise _RefusalError(line, f"has an invisible character (U+{ord(match[0]):04X}); delete it")


def _build(node: yaml.Node, keys: KeyPath, lines: dict[KeyPath, int], written: dict[KeyPath, str]) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value = node.value if node.style else _plain_scalar(node.value, node.start_mark.line)
        if isinstance(value, int | float):
            written[keys] = node.value
        return value
    if isinstance(node, yaml.SequenceNode):
        return [_list_item(child, (*keys, str(index)), lines, written) for index, child in enumerate(node.value)]
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _key(key_node)
        line = key_node.start_mark.line
        if key in mapping:
            first = lines[(*keys, key)]
            raise _RefusalError(line, f"{'.'.join((*keys, key))} is given twice (first on line {first})")
        lines[(*keys, key)] = line + 1
        mapping[key] = _build(value_node, (*keys, key), lines, written)
    return mapping


def _list_item(node: yaml.Node, keys: KeyPath, lines: dict[KeyPath, int], written: dict[KeyPath, str]) -> Any:
    lines[keys] = node.start_mark.line + 1
    return _build(node, keys, lines, written)


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _RefusalError(node.start_mark.line, "a key must be a text; put it in quotes")
    key = _build(node, (), {}, {})
    if not isinstance(key, str):
        what = f"got {node.value}; write '{node.value}' in quotes" if node.value else "got nothing"
        raise _RefusalError(node.start_mark.line, f"a key must be a text, {what}")
    if not node.style and _touches_its_value(node.end_mark):
        raise _RefusalError(node.end_mark.line, f"a space must follow `{key}:`")
    return key


def _touches_its_value(end_of_key: yaml.Mark) -> bool:
    """Return whether no space follows the key: `{a:[1]}` is the key a to PyYAML, one text `a:[1]` to DVC's reader."""
    start = end_of_key.pointer
    after = (end_of_key.buffer or "")[start : start + 2]
    return len(after) == 2 and after[0] == ":" and after[1] in ",[]{}"


def _plain_scalar(text: str, line: int) -> Any:
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    if _AMBIGUOUS.fullmatch(text):
        raise _RefusalError(line, f"{text} could be read in two ways; put it in quotes, or write it out")
    return text


def _syntax_problem(name: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    location = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    what = error.problem or error.context or "is not valid YAML"
    if "'\\t'" in what:
        what = "a tab cannot indent YAML; use spaces"
    return f"{location}: {what}"


def _kind(value: Any) -> str:
    return "list" if isinstance(value, list) else "single value"
