"""Files of own stages on the page: shown as they are meant, never run, limited, and the limit is said."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from relight.plot.canvas import png_bytes
from relight.plot.extra import MAX_ALL_BYTES, MAX_FILE_BYTES, MAX_FILES, ExtraItem, read_extra
from relight.plot.safe_markdown import markdown_html
from tests.evaluated_tables import Evaluated, EvaluateParams

SCRIPT = "<script>document.title='owned'</script>"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><rect width="20" height="20"/>{SCRIPT}</svg>'


def png() -> bytes:
    from matplotlib.figure import Figure

    return png_bytes(Figure(figsize=(1, 1)), 40)


@pytest.fixture
def write(tmp_path: Path):
    def written(**files: str | bytes) -> list[ExtraItem]:
        paths = {}
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            paths[name] = path
        return read_extra(paths)

    return written


def test_files_are_sorted_by_name_and_hidden_ones_left_out(write) -> None:
    files = {"b.md": "b", "a/z.md": "z", "B.md": "B", ".gitignore": "/b.md\n", "a/.hidden.md": "", ".git/c.md": ""}
    assert [item.name for item in write(**files)] == ["B.md", "a/z.md", "b.md"]


def test_pictures_are_images_of_their_own_bytes(write) -> None:
    picture, drawing = write(**{"a.PNG": png(), "b.svg": SVG})
    assert picture.image == "data:image/png;base64," + base64.b64encode(png()).decode()
    assert drawing.image == "data:image/svg+xml;base64," + base64.b64encode(SVG.encode()).decode()


def test_a_csv_is_a_table_whose_numbers_are_on_the_right(write) -> None:
    (item,) = write(**{"t.csv": '\ufeffname,"a,b",part\n"x\ny",1,\nz,-2.5e3,0.5,more\n\n'})
    assert item.table is not None
    assert item.table.heads == ["name", "a,b", "part", ""]
    assert item.table.rows == [["x\ny", "1", "", ""], ["z", "-2.5e3", "0.5", "more"]]
    assert item.table.numbers == [False, True, True, False]
    assert item.table.left_out == ""


def test_of_a_large_csv_it_is_said_what_is_left_out(write) -> None:
    head = ",".join(f"c{k}" for k in range(40))
    rows = "\n".join(",".join(["x" * 300] * 40) for _ in range(150))
    (item,) = write(**{"t.csv": f"{head}\n{rows}\n"})
    assert item.table is not None
    assert (len(item.table.rows), len(item.table.heads)) == (100, 30)
    assert item.table.rows[0][0] == "x" * 200 + " …"
    assert item.table.left_out == "Shown are the first 100 of 150 rows and the first 30 of 40 columns."


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.html", SCRIPT, "not shown: only .png, .svg, .csv and .md are"),
        ("a", "x", "not shown: only .png, .svg, .csv and .md are"),
        ("a.csv", "", "not shown: it is empty"),
        ("a.csv", b"a\n\xff\n", "not shown: it is not UTF-8"),
        ("a.csv", "a\n" + "x" * 200_000, "not shown: it is no CSV that can be read: field larger than field limit"),
        ("a.md", b"\xff", "not shown: it is not UTF-8"),
        ("a.png", "<html>", "not shown: it is no PNG"),
        ("a.png", png()[:16] + b"\x00\x01\x00\x00" * 2, "not shown: must have at most 50,000,000 pixels, got 65,536"),
        ("a.svg", "<html>", "not shown: it is no SVG"),
        ("a.svg", b"x" * (MAX_FILE_BYTES + 1), "not shown: must have at most 4 MB, got 4.0 MB"),
    ],
)
def test_what_cannot_be_shown_is_named_with_the_reason(write, name: str, content: str | bytes, problem: str) -> None:
    (item,) = write(**{name: content})
    assert item.name == name
    assert item.problem.startswith(problem)


def test_too_many_files_and_too_many_bytes_are_said(write) -> None:
    many = write(**{f"{number:03}.md": "x" for number in range(MAX_FILES + 2)})
    assert [item.name for item in many if item.problem] == ["050.md", "051.md"]
    assert many[-1].problem == "not shown: only the first 50 files are"
    large = SVG.encode() + b" " * (MAX_FILE_BYTES - len(SVG))
    heavy = write(**{f"{number}.svg": large for number in range(MAX_ALL_BYTES // MAX_FILE_BYTES + 1)})
    assert [item.problem for item in heavy if item.problem] == ["not shown: all files together must have at most 32 MB"]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Title", "<h3>Title</h3>\n"),
        ("###### Small", "<h6>Small</h6>\n"),
        ("a *b* `c`", "<p>a <em>b</em> <code>c</code></p>\n"),
        (SCRIPT, "<p>&lt;script&gt;document.title='owned'&lt;/script&gt;</p>\n"),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>\n"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
        ("[x](data:text/html;base64,eA==)", "<p>[x](data:text/html;base64,eA==)</p>\n"),
        ("![a *b*](https://example.org/x.png)", "<p>a *b*</p>\n"),
        ("![a](x.png)", "<p>a</p>\n"),
        ("[x](other.md)", "<p><span>x</span></p>\n"),
        ("[x](https://example.org)", '<p><a href="https://example.org" rel="noreferrer">x</a></p>\n'),
        ("[![a](x.png)](https://example.org)", '<p><a href="https://example.org" rel="noreferrer">a</a></p>\n'),
    ],
)
def test_markdown_shows_html_as_text_and_loads_nothing(text: str, html: str) -> None:
    assert markdown_html(text) == html


WAYS = """\
<a href="javascript:x"> <!-- x --> <script>

```a" onload=x
```

<https://a.b/"onload=x> &lt;script&gt; <ScRiPt
src=x>

[a]: javascript:x
[a] [b](https://b "c\\" onload=x") [c](vbscript:x) [d](JaVaScRiPt:x) [e](&#106;avascript:x) <javascript:x>

| a |
| - |
| <svg onload=x> |

    <script>
"""


class Seen(HTMLParser):
    """Collects the tags and attributes that a browser would find."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(attributes)


def test_no_way_to_bring_a_tag_into_markdown_brings_one_that_runs(write) -> None:
    (item,) = write(**{"a.md": WAYS})
    seen = Seen()
    seen.feed(item.html)
    assert seen.tags <= {"p", "a", "pre", "code", "table", "thead", "tbody", "tr", "th", "td", "span"}
    assert {name for name, _ in seen.attributes} <= {"href", "rel", "title", "class"}
    assert {value for name, value in seen.attributes if name == "href"} == {"https://a.b/%22onload=x", "https://b"}


def test_the_page_ends_with_them_and_without_them_it_is_as_it_was(tmp_path: Path, write) -> None:
    table = Evaluated(tmp_path / "data", "regression")
    out = table.evaluate(EvaluateParams(), "out")
    write(**{"b.csv": f"a\n{SCRIPT}\n", "a.md": SCRIPT, "<i>.txt": "x", "c.svg": SVG})
    files = {path.name: path for path in tmp_path.iterdir() if path.is_file()}
    plain = (table.plot(out, "plain") / "report.html").read_text()
    page = (table.plot(out, "extra", files) / "report.html").read_text()
    assert "<h2>Extra</h2>" not in plain
    head, extra = page.split("<h2>Extra</h2>")
    assert re.sub(r"<style>\n\.extra.*?</style>\n", "", head, flags=re.DOTALL).startswith(
        plain.split("</body>")[0][:-1]
    )
    assert re.findall(r'<h3 class="quiet">(.*?)</h3>', extra) == ["&lt;i&gt;.txt", "a.md", "b.csv", "c.svg"]
    assert "<script" not in page
    assert "<svg" not in page
    assert (table.plot(out, "again", files) / "report.html").read_text() == page


def test_a_name_that_is_no_utf_8_does_not_stop_the_page(tmp_path: Path) -> None:
    name = b"\xff.md".decode("utf-8", "surrogateescape")
    (tmp_path / "x").write_text("x")
    (item,) = read_extra({name: tmp_path / "x"})
    assert item.name == "\ufffd.md"
