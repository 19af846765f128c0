"""Names of columns: near misses."""

import difflib
from collections.abc import Collection


def did_you_mean(name: str, known: list[str], taken: Collection[str] = ()) -> str:
    """The closest known name that is not taken already, or the known ones."""
    close = difflib.get_close_matches(name, [other for other in known if other not in taken], n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    shown = ", ".join(known[:20])
    return f"; its columns are {shown}{', ...' if len(known) > 20 else ''}"
