"""The bytes of the user's own code: which of its files have changed since they were recorded."""

from pathlib import Path

from relight.runtime.dependencies import file_sha256


def changed_files(recorded: dict[str, str], root: Path) -> list[str]:
    """Return the recorded files whose bytes differ, or that are missing, sorted."""
    return sorted(
        path
        for path, digest in recorded.items()
        if not Path(root, path).is_file() or file_sha256(Path(root, path)) != digest
    )
