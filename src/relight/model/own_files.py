"""The files of an own network: their digests in model.json, and what has changed when the model is loaded.

A model.json may be a stranger's. What it names is only compared with what the project holds: no path in it is opened,
and no name in it is imported unless its file lies in the project, apart from the folder of the model.
"""

from pathlib import Path

from relight.errors import InputError
from relight.model.own_network import KEY
from relight.model.params import ModelParams
from relight.own_code.calls import Call
from relight.own_code.closure import file_digests, own_files
from relight.own_code.project import TORCH_MODULES, locate, relative
from relight.runtime.messages import abbreviate, printable


def own_code_digests(params: ModelParams, project: Path = Path()) -> dict[str, str]:
    """Return the SHA-256 of each file that an own network runs, by its path in the project; none for one of ours.

    Raises:
        InputError: if a file is missing, or cannot be read.
    """
    return file_digests(own_files(params.name, project), project) if isinstance(params.name, Call) else {}


def own_code_change(description: Path, params: ModelParams, recorded: dict[str, str], project: Path) -> str:
    """Return what has changed in the code of a saved model since its training, one sentence; "" if nothing has.

    Args:
        description: the model.json.
        recorded: the digests in it.

    Raises:
        InputError: if the code is not in the project, or model.json does not hold its digest.
    """
    call = params.name
    if not isinstance(call, Call) or call.module in TORCH_MODULES:
        return ""
    try:
        files = own_files(call, project)
    except InputError as error:
        raise InputError(
            *(f"{description}: {KEY}: {problem}" for problem in error.problems),
            f"{description}: was trained with {call}: run this in the project that trained it, or bring its code back",
        ) from error
    _assert_apart(description, files, project)
    now, main_file = file_digests(files, project), relative(locate(call.module, project), project)
    if main_file in now and main_file not in recorded:
        raise InputError(f"{description}: own_code must hold the SHA-256 of {main_file}, got none; run `dvc repro`")
    changed = sorted(path for path in {*recorded, *now} if recorded.get(path) != now.get(path))
    if not changed:
        return ""
    return (
        f"{description}: {printable(abbreviate(changed))} changed after the training, so that the network may be "
        "another one; bring the old code back, or run `dvc repro`"
    )


def _assert_apart(description: Path, files: list[Path], project: Path) -> None:
    """Refuse code that came with the model: it lies in the model's folder, or beside it below the project's root."""
    folders = [description.resolve().parent, description.resolve().parent.parent]
    near = [folder for folder in folders if not project.resolve().is_relative_to(folder)]
    for path in files:
        if any(path.resolve().is_relative_to(folder) for folder in near):
            raise InputError(
                f"{description}: {KEY}: must be code of this project, got {relative(path, project)}, which came with "
                "the model; read it, and move it to src/ if you trust it"
            )
