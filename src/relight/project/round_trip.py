"""YAML files changed in place: comments, quotes, the order of keys and the indentation stay as they are."""

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from relight.errors import InputError

INDENTATIONS = ((4, 2), (2, 0))  # of lists: of their items, and of the dash
WIDTH = 4096  # no line is broken that was not


def load_round_trip(path: Path) -> Any:
    """Return the content of a YAML file, with its comments.

    Raises:
        InputError: if it is missing, or is no mapping.
    """
    try:
        content = parse_round_trip(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file in {Path.cwd()}; run this in the folder of a project") from error
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise InputError(f"{path}: cannot be read: {str(error).splitlines()[0]}; correct it") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: must be a mapping; `git checkout {path}` brings the committed one back")
    return content


def parse_round_trip(text: str) -> Any:
    """Return the content of a YAML text, with its comments."""
    return _yaml(*INDENTATIONS[0]).load(text)


def dump_round_trip(content: Any, path: Path) -> str:
    """Return the text of changed content.

    Args:
        path: the file that it was loaded from, which shows how lists are indented there.
    """
    before = path.read_text(encoding="utf-8")
    layouts = [layout for layout in INDENTATIONS if _dump(_yaml(*layout).load(before), layout) == before]
    return _dump(content, layouts[0] if layouts else INDENTATIONS[0])


def _dump(content: Any, layout: tuple[int, int]) -> str:
    text = io.StringIO()
    _yaml(*layout).dump(content, text)
    return text.getvalue()


def _yaml(sequence: int, offset: int) -> YAML:
    yaml = YAML()
    yaml.indent(mapping=2, sequence=sequence, offset=offset)
    yaml.preserve_quotes = True
    yaml.width = WIDTH
    return yaml
