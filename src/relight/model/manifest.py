"""manifest.json: everything that the weights were made of, so that anyone can make them again."""

import platform
import re
from importlib.metadata import version
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from relight.version import RELIGHT_VERSION

MANIFEST_FORMAT: Literal[1] = 1
CODE_FOLDERS = ("src/", "stages/", "relight.json:")  # the last stands for an installed Relight
CODE_ENDING = ".py"  # of own code that lies elsewhere
ABOVE = re.compile(r"^(\.\./)+")
PACKAGES = ("numpy", "polars", "rtdl_num_embeddings", "rtdl_revisiting_models", "safetensors", "tabm", "torch")


class Manifest(BaseModel):
    """The content of manifest.json. It has no Git commit, because a file cannot name the commit that will hold it.

    Attributes:
        params: the sections of params.yaml that the train stage read, with the defaults, without what changes no bit.
        data, code: sha256 of each file that the stage read, by its path in the repository.
        versions: of Python, of Relight and of each package that takes part in the numbers.
        device: its type, never `auto`.
        processes: the number of processes that trained together.
        made: sha256 of each other file of the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = MANIFEST_FORMAT
    params: dict[str, dict[str, Any]]
    data: dict[str, str]
    code: dict[str, str]
    versions: dict[str, str]
    seed: int
    seeds: int
    device: str
    threads: int
    processes: int
    made: dict[str, str]


def is_code(path: str) -> bool:
    """Return whether a file of a stage is code: Python, or in one of CODE_FOLDERS of the model or a folder above."""
    return ABOVE.sub("", path).startswith(CODE_FOLDERS) or path.endswith(CODE_ENDING)


def split_data_and_code(digests: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the data files and the code files that a stage read.

    Args:
        digests: by the path of each file, and of each folder that holds some of them.
    """
    folders = {path.rsplit("/", depth)[0] for path in digests for depth in range(1, path.count("/") + 1)}
    files = {path: digest for path, digest in sorted(digests.items()) if path not in folders}
    code = {path: digest for path, digest in files.items() if is_code(path)}
    return {path: digest for path, digest in files.items() if path not in code}, code


def changed_versions(recorded: dict[str, str], here: dict[str, str]) -> list[str]:
    """Return a text for each package that differs, as `torch 2.9.0 → 2.10.0`: recorded, then installed here."""
    names = sorted({*recorded, *here})
    return [
        f"{name} {recorded.get(name, 'none')} → {here.get(name, 'none')}"
        for name in names
        if recorded.get(name) != here.get(name)
    ]


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of each package that takes part in the numbers."""
    packages = {name: version(name).split("+")[0] for name in PACKAGES}
    return {"python": platform.python_version(), **packages}


def versions_with_relight() -> dict[str, str]:
    """Return the same with Relight's own version."""
    return {**package_versions(), "relight": RELIGHT_VERSION}
