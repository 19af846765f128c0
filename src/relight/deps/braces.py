"""Calls in braces that DVC's C parser cannot read.

`dvc exp run -S` writes params.yaml anew, `{call: "houses.losses:pinball"}` without the quotes. The Python parser of
ruamel.yaml reads that, its C parser (the package ruamel.yaml.clib, which nothing here asks for) does not: DVC then says
that the file is corrupted.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import yaml

C_PARSER, C_PACKAGE = "_ruamel_yaml", "ruamel.yaml.clib"


class BracedCall(NamedTuple):
    """A call in braces.

    Attributes:
        line: of its name, from 1.
        key: of the setting, as `train.loss`.
    """

    line: int
    key: str
    is_quoted: bool


def braced_calls(text: str) -> list[BracedCall]:
    """Return the calls in braces of a params.yaml; none if it is not YAML, which others say."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return []
    return list(_found(root, ()))


def _found(node: yaml.Node | None, keys: tuple[str, ...]) -> Iterator[BracedCall]:
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _found(item, (*keys, str(index)))
    if not isinstance(node, yaml.MappingNode):
        return
    for name, value in node.value:
        if node.flow_style and name.value == "call" and isinstance(value, yaml.ScalarNode) and ":" in value.value:
            yield BracedCall(value.start_mark.line + 1, ".".join(keys), value.style is not None)
        yield from _found(value, (*keys, str(name.value)))


def brace_problems(params: Path) -> list[str]:
    """Return a problem for each call that DVC cannot read in this environment."""
    return [
        f"{params}:{call.line}: {call.key}: must be in lines, got a call in braces without quotes, which the C parser "
        f"of {C_PACKAGE} cannot read, so that DVC calls the file corrupted; write `call:` on a line of its own below "
        f"the key, or run `pip uninstall {C_PACKAGE}`"
        for call in _calls_of(params)
        if not call.is_quoted
    ]


def brace_notes(params: Path) -> str:
    """Return a line for each call that DVC could not read any more once it has written params.yaml."""
    return "".join(
        f"note: {params}:{call.line}: {call.key}: `dvc exp run -S` writes this call without its quotes, and the C "
        f"parser of {C_PACKAGE} cannot read it then; write `call:` on a line of its own below the key, or run "
        f"`pip uninstall {C_PACKAGE}`\n"
        for call in _calls_of(params)
        if call.is_quoted
    )


def _calls_of(params: Path) -> list[BracedCall]:
    """Return the calls in braces; none if DVC reads with Python, or there is no such file."""
    if find_spec(C_PARSER) is None or not params.is_file():
        return []
    return braced_calls(params.read_text(encoding="utf-8-sig"))
