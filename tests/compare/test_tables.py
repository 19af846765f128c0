import pytest

from relight.compare.tables import format_table


def test_a_table_is_plain_where_it_goes_to_a_file_and_stays_within_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    text = format_table("Title", ["a", "b"], [["x" * 100, "[red]1[/red]"]], {1}, "below")
    assert "\x1b" not in text
    assert "[red]1[/red]" in text
    assert max(len(line) for line in text.splitlines()) <= 60
    assert text.count("x") == 100


def test_names_cannot_steer_the_terminal() -> None:
    text = format_table("a\x1b[31mb", ["c\x1b[2J"], [["d\ne"]], set(), "f\u202eg")
    assert all(escaped in text for escaped in (r"a\x1b[31mb", r"c\x1b[2J", r"d\ne", r"f\u202eg"))
    assert "\x1b" not in text
