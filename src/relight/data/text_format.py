"""How the texts of a table are written: the `prepare.csv` section, and what prepare found out, for schema.json and
model.json, so that new files are read the same way."""

from encodings.aliases import aliases
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from relight.runtime.params import Name, Section

MISSING_WORDS = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None")
MAX_LINES_BEFORE = 1000  # in front of a header
DecimalMark = Literal[".", ","]
ThousandsMark = Literal["", ",", ".", " ", "'"]


def _check_separator(value: Any) -> Any:
    names = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " "}
    if isinstance(value, str) and (value == "auto" or (len(names.get(value, value)) == 1 and value not in '"\r\n\0')):
        return names.get(value, value)
    raise PydanticCustomError("csv", "must be auto or one character, as ';' or tab")


def _check_encoding(value: Any) -> Any:
    if isinstance(value, str) and (value == "auto" or _is_text_encoding(value)):
        return value
    raise PydanticCustomError("csv", "must be auto or an encoding that Python knows, as utf-8, windows-1252 or gb18030")


def _is_text_encoding(name: str) -> bool:
    """Return whether Python's own codecs have it, and it is one of letters, as base64 is not."""
    key = name.lower().replace("-", "_").replace(" ", "_")
    if key not in aliases and key not in aliases.values():
        return False
    try:
        "".encode(name)
    except LookupError:
        return False
    return True


def _check_header(value: Any) -> Any:
    if value in ("auto", "none") or (type(value) is int and 1 <= value <= MAX_LINES_BEFORE):
        return value
    raise PydanticCustomError("csv", f"must be auto, none, or the line of the names, from 1 to {MAX_LINES_BEFORE}")


def _check_mark(value: Any) -> Any:
    if isinstance(value, str) and (
        value == "none" or (len(value) == 1 and not value.isalnum() and value.isprintable())
    ):
        return value
    raise PydanticCustomError("csv", "must be none or one character that is no letter, as '#'")


class CsvParams(Section):
    """How text tables are written; `auto` is found in the file, and `relight check` says what was found."""

    separator: Annotated[str, BeforeValidator(_check_separator)] = "auto"
    """What stands between two values: auto, or one character, as ";" or tab."""
    decimal: Literal["auto", ".", ","] = "auto"
    """The mark in front of the decimals of a number."""
    thousands: Literal["auto", "none", ",", ".", " ", "'"] = "auto"
    """The mark between groups of three digits; none: a number that has one is refused."""
    encoding: Annotated[str, BeforeValidator(_check_encoding)] = "auto"
    """How letters are written: auto is UTF-8, UTF-16 with its mark, or else Windows-1252."""
    missing: list[Name] = Field(default=list(MISSING_WORDS), examples=[["", "NA", "?"]])
    """Texts that mean a missing value, in any table; an empty text always does."""
    header: Annotated[Literal["auto", "none"] | int, BeforeValidator(_check_header)] = "auto"
    """The line that names the columns, counted from 1; none: there is none, and they are `column_1` and so on."""
    comment: Annotated[str, BeforeValidator(_check_mark)] = "none"
    """Lines that begin with this character are left out."""
    quote: Annotated[str, BeforeValidator(_check_mark)] = '"'
    """The character around values that contain a separator; none: there is no such character."""


class NumberFormat(BaseModel):
    """How the numbers of a column are written.

    Attributes:
        decimal: the mark in front of the decimals.
        thousands: the mark between groups of digits; empty for none.
        unit: what stands before or after each number, as `$`, `%` or `kg`; empty for nothing.
        missing: what stands for a missing value besides the words of the table: `?`, or numbers such as `-999`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    decimal: DecimalMark = "."
    thousands: ThousandsMark = ""
    unit: str = ""
    missing: list[str] = []


class TextFormat(BaseModel):
    """How the texts of a table are written.

    Attributes:
        requested: the `prepare.csv` section.
        separator: that was found; None for a table that is no text.
        encoding: that was found, as Python calls it.
        header: the line of the names; 0 for none.
        left_out: what the file has besides names and rows, as `a row of units`.
        decimal: of the numbers of the table; a column may differ.
        numbers: by column, if they are not written as 1234.5.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    requested: CsvParams = CsvParams()
    separator: str | None = None
    encoding: str = "utf-8"
    header: int = 1
    left_out: list[str] = []
    decimal: DecimalMark = "."
    numbers: dict[str, NumberFormat] = {}

    def lines(self) -> list[str]:
        """Return how the file is written, as `relight check` says it; nothing for a table that is no text."""
        if self.separator is None:
            return []
        separator = {"\t": "tab", " ": "space"}.get(self.separator, f"'{self.separator}'")
        names = f"names in line {self.header}" if self.header else "no names"
        left_out = f"; left out: {', '.join(self.left_out)}" if self.left_out else ""
        marks = f"separator {separator}, decimal '{self.decimal}', encoding {self.encoding}"
        return [f"written with {marks}, {names}{left_out}"]

    @property
    def is_usual(self) -> bool:
        """Return whether there is nothing to remember."""
        return self.model_copy(update={"separator": None}) == TextFormat() and self.separator in (None, ",", "\t")
