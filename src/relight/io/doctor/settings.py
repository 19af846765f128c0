"""DVC's settings of the project: the committed ones and those of this machine."""

import configparser
from pathlib import Path
from typing import NamedTuple

from relight.io.git import files_at

COMMITTED, LOCAL = Path(".dvc/config"), Path(".dvc/config.local")

Config = dict[str, dict[str, str]]  # section → key → value


class Settings(NamedTuple):
    """
    Attributes:
        in_history: what .dvc/config says in the last commit.
    """

    committed: Config
    local: Config
    in_history: Config


def read_settings(*, has_git: bool) -> Settings:
    old = files_at([("HEAD", str(COMMITTED))]).values() if has_git else ()
    return Settings(_file(COMMITTED), _file(LOCAL), next((_read(text) for text in old), {}))


def _file(path: Path) -> Config:
    return _read(path.read_bytes()) if path.exists() else {}


def _read(text: bytes) -> Config:
    """What cannot be read is nothing: DVC itself says so at every command."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        parser.read_string(text.decode())
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return {name.strip("'"): {key: value or "" for key, value in parser[name].items()} for name in parser.sections()}
