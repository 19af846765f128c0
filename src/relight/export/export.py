"""export: the saved model → one file that answers without Relight, checked before it is written."""

from pathlib import Path

from relight.errors import InputError, RunError
from relight.export.pairs import _export_pairs
from relight.export.programs import MAX_RELATIVE_DIFFERENCE, ExportFormat, _largest_difference
from relight.export.sequences import _export_sequences
from relight.export.series import _export_forecast
from relight.export.table import _export_table
from relight.model.build import build_model
from relight.model.devices import make_deterministic
from relight.model.networks.forecaster import Forecaster
from relight.model.networks.tower import SiameseModel
from relight.model.saved_model import MODEL_FORMAT, Description, load_weights
from relight.runtime.files import read_format, write_bytes


def export(export_format: ExportFormat, *, models: Path, output: Path | None, prepared: Path, validation: Path) -> str:
    """Write the model as one file, with all that it needs to read raw columns; returns what to tell the person.

    Args:
        output: where to; None for `model.onnx` or `model.pt2` beside the model.
        prepared, validation: the table and the rows whose answers are compared, where they are there;
            made-up rows with gaps and unknown categories always are.

    Raises:
        InputError: for a missing or damaged model, or a place where nothing can be written.
        RunError: when the file does not answer as the model does; nothing is written then.
    """
    path = output or models / f"model.{export_format}"
    _check_output(path, export_format)
    description = read_format(models / "model.json", Description, MODEL_FORMAT)
    make_deterministic(description.threads)
    model = build_model(
        description.model, description.features, target_scale=description.target_scale, seeds=description.seeds
    )
    load_weights(models / "model.pth", model)
    if isinstance(model, Forecaster):
        exported = _export_forecast(export_format, model, description.features, prepared, validation)
    elif isinstance(model, SiameseModel):
        exported = _export_pairs(export_format, model, description, prepared, validation)
    elif description.features.sequence is not None:
        exported = _export_sequences(export_format, model, description.features, validation)
    else:
        exported = _export_table(export_format, model, description.features, prepared, validation)
    difference = _largest_difference(exported)
    if not difference <= MAX_RELATIVE_DIFFERENCE:  # nor where it is NaN
        raise RunError(
            f"{path}: the file must answer as the model does, to {MAX_RELATIVE_DIFFERENCE:g} of the largest answer, "
            f"got {difference:.2g}; nothing was written"
        )
    write_bytes(path, exported.content)
    what = "windows" if description.features.series else "sequences" if description.features.sequence else "rows"
    what = "pairs" if description.features.pairs else what
    n = len(exported.predictions)
    return f"{path}: answers {n} {what} as the model does; the largest difference is {difference:.1g}\n"


def _check_output(path: Path, export_format: ExportFormat) -> None:
    """Before any work."""
    if path.suffix != f".{export_format}":
        raise InputError(f"{path}: must end in .{export_format}; name such a file with -o")
    if not path.parent.is_dir():
        raise InputError(f"{path}: cannot be written: there is no folder {path.parent}; make it first")
