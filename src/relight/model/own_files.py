"""The files of an own network: their digests in model.json, and what has changed when the model is loaded.

A model.json may be a stranger's: no name in it is imported unless its file lies in the project, apart from the folder
of the model.
"""

from pathlib import Path

from relight.data.schema import SourceReader
from relight.errors import InputError, problems_of
from relight.model.own_network import KEY
from relight.model.params import ModelParams
from relight.own_code.calls import Call, is_well_formed
from relight.own_code.closure import file_digests, own_files
from relight.own_code.digests import assert_from_project, changed_files
from relight.own_code.project import TORCH_MODULES
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
        InputError: if the code is not in the project, came with the model, or is not recorded.
    """
    call = params.name
    if not isinstance(call, Call) or call.module in TORCH_MODULES:
        return ""
    problems = problems_of(lambda: own_files(call, project))
    if problems:
        raise InputError(
            *(f"{description}: {KEY}: {problem}" for problem in problems),
            f"{description}: was trained with {call}: run this in the project that trained it, or bring its code back",
        )
    assert_from_project(description, KEY, call, recorded, project)
    changed = changed_files(call, recorded, project)
    if not changed:
        return ""
    return (
        f"{description}: {printable(abbreviate(changed))} changed after the training, so that the network may be "
        "another one; bring the old code back, or run `dvc repro`"
    )


def assert_reader_from_project(description: Path, reader: SourceReader | None, project: Path) -> None:
    """Refuse a reader that came with the model; one that the project lacks is said when a file needs it.

    Raises:
        InputError: if it lies in the folder of the model, or is not recorded.
    """
    if reader is None or not is_well_formed(reader.call):
        return
    call = Call(call=reader.call)
    if not problems_of(lambda: own_files(call, project)):
        assert_from_project(description, "prepare.reader", call, reader.files, project)
