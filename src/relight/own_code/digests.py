"""The bytes of own code, compared with a record, which may be a stranger's: no path in it is opened."""

from pathlib import Path

from relight.errors import InputError
from relight.own_code.calls import Call
from relight.own_code.closure import file_digests, own_files
from relight.own_code.project import TORCH_MODULES, locate, relative


def changed_files(call: Call, recorded: dict[str, str], root: Path) -> list[str]:
    """Return the files of a call whose bytes are not those of a record, and those that only one of both names, sorted.

    Args:
        recorded: SHA-256 by the path in the project.

    Raises:
        InputError: if the code is not in the project.
    """
    now = file_digests(own_files(call, root), root)
    return sorted(path for path in {*recorded, *now} if recorded.get(path) != now.get(path))


def assert_from_project(description: Path, key: str, call: Call, recorded: dict[str, str], root: Path) -> None:
    """Refuse code that came with a model, in its folder or next to it, and code that the model does not record.

    Args:
        description: the model.json.
        key: the setting that holds the call, for messages.

    Raises:
        InputError: if the code is not in the project, or refused.
    """
    if call.module in TORCH_MODULES:
        return
    files, here = own_files(call, root), root.resolve()
    folders = [description.resolve().parent, description.resolve().parent.parent]
    near = [folder for folder in folders if not here.is_relative_to(folder)]
    for path in files:
        if any(path.resolve().is_relative_to(folder) for folder in near):
            raise InputError(
                f"{description}: {key}: must be code of this project, got {relative(path, root)}, which came with the "
                "model; read it, and move it to src/ if you trust it"
            )
    main_file = locate(call.module, root)
    if main_file in files and relative(main_file, root) not in recorded:
        raise InputError(
            f"{description}: {key}: must hold the SHA-256 of {relative(main_file, root)}, got none; run `dvc repro`"
        )
