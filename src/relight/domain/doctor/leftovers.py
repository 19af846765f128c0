"""Crash checkpoints that nobody has gone on from."""

from relight.domain.doctor.finding import Finding

DAYS = 14  # after which an unfinished run is likely to be forgotten


def of_checkpoints(*, path: str, n_bytes: int, days: float, is_finished: bool) -> list[Finding]:
    """
    Args:
        days: since they were written.
        is_finished: whether the model was written after them.
    """
    if days <= DAYS:
        return []
    run = "a run that ended well" if is_finished else "a run that never ended"
    what = f"{path}: checkpoints of {run}, {days:.0f} days old ({n_bytes / 1e6:.1f} MB)"
    why = "nobody needs them" if is_finished else "only a `dvc repro` with just its params, data and code goes on there"
    return [Finding(what, why, (("rm", "-r", path),), is_safe=is_finished)]
