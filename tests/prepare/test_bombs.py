"""Small files that unpack to gigabytes end in a sentence, within 3 GB of addresses and some seconds."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from relight.data.parquet_sizes import MAX_COLUMNS, assert_unpacks
from relight.errors import InputError
from relight.prepare.csv import files as csv_files
from relight.prepare.csv.reader import csv_frames, read_csv
from relight.prepare.source import SourceTable
from tests.parquet_bombs import Bomb
from tests.repositories import REPOSITORY

BILLION = 1_200_000_000
CHECK_ALL = """
import json, re, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from pathlib import Path
from relight.commands.check import check
from relight.errors import RelightError
recipe = Path(sys.argv[1]).read_text()
said = {}
for path in sorted(Path("data").iterdir()):
    text = re.sub("(?m)^  source:.*$", f"  source: {path}", recipe, count=1)
    Path("params.yaml").write_text(re.sub("(?m)^  target:.*$", "  target: x", text, count=1))
    try:
        said[path.name] = check(Path("params.yaml"))
    except RelightError as error:
        said[path.name] = str(error)
print(json.dumps(said))
"""


def parquet_of_texts(text: str, n_rows: int) -> bytes:
    """Rows that are all the same long text, which is in the file once."""
    file = io.BytesIO()
    pl.DataFrame({"x": pl.repeat(text, n_rows, eager=True), "y": range(n_rows)}).write_parquet(file)
    return file.getvalue()


BOMBS: dict[str, tuple[bytes, str]] = {
    "values.parquet": (Bomb(BILLION).content(), "must take at most 256 MB in memory"),
    "columns.parquet": (Bomb(10_000_000, n_columns=200).content(), "must take at most 256 MB in memory"),
    "list.parquet": (Bomb(BILLION, is_list=True).content(), "must take at most 256 MB in memory"),
    "little_claimed.parquet": (Bomb(BILLION, n_rows=5, n_claimed=5).content(), "must take at most 256 MB in memory"),
    "rows_claimed.parquet": (Bomb(5, n_rows=1 << 40).content(), "must take at most 256 MB in memory"),
    "page.parquet": (Bomb(5, page_bytes=2**31 - 1).content(), "must take at most 256 MB in memory"),
    "page_below_0.parquet": (Bomb(5, page_bytes=-5).content(), "is a damaged Parquet file"),
    "wide.parquet": (Bomb(1, n_columns=MAX_COLUMNS + 1).content(), "must have at most 100000 columns, got 100001"),
    "texts.parquet": (parquet_of_texts("a b" * 1_000_000, 2000), "must have at most 256 MB of text in 2000 rows"),
}


def endless(head: bytes, part: bytes, n_bytes: int) -> bytes:
    """The head, then the part again and again; a gzip file may be several, one after another."""
    block = part * ((1 << 20) // len(part))
    return gzip.compress(head) + gzip.compress(block) * (n_bytes // len(block))


def csv_bombs() -> Iterator[tuple[str, bytes, str]]:
    """A name, the bytes, which unpack to 300 MB at most, and what is said of it."""
    size = 40 << 20
    yield "line.csv.gz", endless(b"x,y\n1,", b"5", size), ":2: a line has more than 16 MB"
    yield "values.csv.gz", endless(b"x,y\n1", b",5", size), ":2: a line has more than 16 MB"
    yield "header.csv.gz", endless(b"x", b",y", size), ":1: a line has more than 16 MB"
    yield "names.csv.gz", endless(b"x", b",y", 10 << 20), ":1: must name at most 100000 columns, got "
    yield "quoted.csv.gz", endless(b'x,y\n1,"', b"5\n", size), "characters; is a quote open that should not be?"
    yield "fields.csv.gz", endless(b'x,y\n1,"\n', b'5","\n', size), ":2: a row has more than 16 MB"
    yield "blank.csv.gz", endless(b"x,y\n1,2\n", b"\n", 300 << 20), "must unpack to at most 256 MB"
    yield "rows.csv.gz", endless(b"x,y\n", b"1,2\n", 300 << 20), "of which the first 16384 rows were checked"


def test_no_bomb_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / ".dvc").mkdir()
    wanted = {name: said for name, (_, said) in BOMBS.items()}
    for name, (content, _) in BOMBS.items():
        (tmp_path / "data" / name).write_bytes(content)
    for name, content, said in csv_bombs():
        (tmp_path / "data" / name).write_bytes(content)
        wanted[name] = said
    done = subprocess.run(
        [sys.executable, "-c", CHECK_ALL, str(REPOSITORY / "recipes/table.yaml")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert {name: text for name, text in said.items() if wanted[name] not in text} == {}
    assert said.keys() == wanted.keys()
    shutil.rmtree(tmp_path / "data")


@pytest.mark.parametrize("bomb", [Bomb(1000), Bomb(1000, n_columns=3), Bomb(1000, is_list=True)])
def test_the_same_files_with_few_values_are_read(bomb: Bomb, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(bomb.content())
    frame = pl.concat(SourceTable(path).frames({}))
    assert frame.shape == (1 if bomb.is_list else 1000, bomb.n_columns)
    assert set(frame.to_series().explode().to_list()) == {7}


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "lz4", "brotli", "uncompressed"])
def test_honest_tables_pass(compression: str, tmp_path: Path) -> None:
    path, n_rows = tmp_path / "t.parquet", 50_000
    table = pl.DataFrame(
        {
            "i": range(n_rows),
            "f": [value / 7 for value in range(n_rows)],
            "s": [f"text {value % 100}" for value in range(n_rows)],
            "b": [value % 3 == 0 for value in range(n_rows)],
            "gaps": [None if value % 2 else value for value in range(n_rows)],
            "list": [[value, value] for value in range(n_rows)],
            "struct": [{"a": value} for value in range(n_rows)],
            "day": pl.Series(range(n_rows)).cast(pl.Datetime("us")),
            "one": pl.repeat(1, n_rows, eager=True),
        }
    )
    table.write_parquet(path, compression=compression, row_group_size=7_000)
    assert_unpacks(path)
    assert pl.concat(SourceTable(path).frames({})).equals(table)


def rows_or_problem(path: Path) -> int | str:
    try:
        return sum(frame.height for frame in SourceTable(path).frames({}))
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255])
def test_damaged_metadata_ends_in_a_sentence(value: int, tmp_path: Path) -> None:
    content = Bomb(100).content()
    path = tmp_path / "x.parquet"
    for at in range(4, len(content)):
        path.write_bytes(content[:at] + bytes([value]) + content[at + 1 :])
        read = rows_or_problem(path)
        assert read <= 1 << 20 if isinstance(read, int) else read.startswith(str(path))


def test_pages_that_many_columns_share_are_counted_each_time(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(Bomb(1_000_000, n_columns=40).content())
    with pytest.raises(InputError, match="must take at most 256 MB in memory, 1000 times its size or 256 MB"):
        assert_unpacks(path)


def test_a_large_file_may_be_a_thousand_times_as_large_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(Bomb(50_000_000, n_before=390_000).content())  # 400 MB
    with pytest.raises(InputError, match=r"must take at most 37\d MB"):
        assert_unpacks(path)
    path.write_bytes(Bomb(50_000_000, n_before=410_000).content())
    assert_unpacks(path)


def test_rows_of_many_long_texts_are_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact reader: a quote is inside a value of the first row."""
    monkeypatch.setattr("relight.prepare.csv.reader._EXACT_BYTES", 1 << 16)
    path = tmp_path / "t.csv"
    rows = [(f'a"{index}', "b" * 1000) for index in range(1000)]
    path.write_text("x,y\n" + "".join(f"{x},{y}\n" for x, y in rows))
    frames = list(csv_frames(path, {}))
    assert pl.concat(frames).rows() == rows
    assert len(frames) > 1


def test_a_row_on_many_lines_is_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    text = "\n" * 100_000
    path.write_text(f'x,y\n1,"{text}"\n2,3\n' + '4,"a""b"\n' * 10)
    assert read_csv(path).rows()[:3] == [("1", text), ("2", "3"), ("4", 'a"b')]
    monkeypatch.setattr(csv_files, "MAX_PACKING", 1)
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_csv(packed).height == 12  # small files may unpack to 256 MB
