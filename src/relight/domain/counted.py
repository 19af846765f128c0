"""Numbers of things in sentences."""


def counted(n: int, noun: str) -> str:
    """1 row, 2 rows."""
    return f"{n} {noun}{'' if n == 1 else 's'}"
