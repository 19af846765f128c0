"""Where answers go: looked at before any work, so that a typing mistake overwrites neither table nor model."""

from pathlib import Path

from relight.errors import InputError


def assert_can_hold_answers(output: Path, table: Path) -> None:
    """
    Args:
        output: a CSV file to be.
        table: what is answered.

    Raises:
        InputError: for a table that is none, or a place that is not for answers.
    """
    if table.suffix == ".yaml":
        raise InputError(f"{table}: must be a table (.csv, .tsv, .parquet, or a folder of them)")
    if output.suffix != ".csv":
        raise InputError(f"{output}: must end in .csv; name such a file with -o")
    if not output.parent.is_dir():
        raise InputError(f"{output}: cannot be written: there is no folder {output.parent}; make it first")
    if any(place.exists() and table.exists() and place.samefile(table) for place in (output, output.parent)):
        raise InputError(f"{output}: is the table itself, or in it; name another file with -o")
