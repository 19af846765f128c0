"""export: the saved model → one file that predicts without Relight, checked before it is written."""

from pathlib import Path

from relight.errors import InputError, RunError
from relight.export.pairs import export_pairs
from relight.export.programs import MAX_RELATIVE_DIFFERENCE, Exported, ExportFormat, largest_difference
from relight.export.sequences import export_sequences
from relight.export.series import export_series
from relight.export.table import export_table
from relight.model.devices import make_deterministic
from relight.model.saved_model import PairModel, SavedModel, SequenceModel, SeriesModel, TableModel, load_model
from relight.runtime.files import write_bytes
from relight.runtime.places import assert_stays


def export(export_format: ExportFormat, *, models: Path, output: Path | None, prepared: Path, validation: Path) -> str:
    """Write the model as one file, with all that it needs to read raw columns; return what to tell the person.

    Args:
        output: the file; None for `model.onnx` or `model.pt2` in the folder of the model.
        prepared, validation: the table and the rows whose predictions are compared, if they exist; examples with gaps
            and unknown categories are always compared.

    Raises:
        InputError: for a missing or damaged model, a path that cannot be written, or a folder of the model that is a
            link out of the repository while no output is named.
        RunError: if the file does not predict what the model does; nothing is written then.
    """
    path = output or models / f"model.{export_format}"
    if output is None:
        assert_stays(path)
    _check_output(path, export_format)
    saved = load_model(models)
    make_deterministic(saved.description.threads)
    exported = _export_kind(export_format, saved, prepared, validation)
    difference = largest_difference(exported)
    if not difference <= MAX_RELATIVE_DIFFERENCE:  # also refuses NaN
        raise RunError(
            f"{path}: the file must predict what the model does, to {MAX_RELATIVE_DIFFERENCE:g} of the largest "
            f"prediction, got {difference:.2g}; nothing was written"
        )
    write_bytes(path, exported.content)
    n = len(exported.predictions)
    return f"{path}: answers {n} {exported.unit} as the model does; the largest difference is {difference:.1g}\n"


def _export_kind(export_format: ExportFormat, saved: SavedModel, prepared: Path, validation: Path) -> Exported:
    match saved:
        case TableModel():
            return export_table(export_format, saved, prepared, validation)
        case SequenceModel():
            return export_sequences(export_format, saved, validation)
        case SeriesModel():
            return export_series(export_format, saved, prepared, validation)
        case PairModel():
            return export_pairs(export_format, saved, prepared, validation)


def _check_output(path: Path, export_format: ExportFormat) -> None:
    """Check the path before any work."""
    if path.suffix != f".{export_format}":
        raise InputError(f"{path}: must end in .{export_format}; name such a file with -o")
    if not path.parent.is_dir():
        raise InputError(f"{path}: cannot be written: there is no folder {path.parent}; make it first")
