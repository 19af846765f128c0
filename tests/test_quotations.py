"""A block of a document that quotes a file is in that file, line for line.

The path of the file stands behind the language of the fence: ```python title="src/relight/train/loop.py". In such a
block the line `...` stands for lines that are left out.
"""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.closure import REPOSITORY

PAGES = [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").glob("*.md"))]
FENCE = re.compile(r'^( *)```(\w*)(?: title="([^"]+)")?[^\n]*\n(.*?)^\1```$', re.MULTILINE | re.DOTALL)
CODE = re.compile(r"\b(?:src|stages|tests|benchmarks|examples)/[\w/.-]*\w")
WRITTEN = (".py", ".yaml", ".toml", ".jinja", ".js", "Makefile")  # by people; what stages write is not quoted
PATH = re.compile(r"`([\w./-]+)`|\]\((?:\.\./)*([\w./-]+)\)")


class Block(NamedTuple):
    """
    Attributes:
        before: the paragraph that ends directly above the fence.
        source: the path of the file that the block says it comes from; "" if it says nothing.
    """

    before: str
    language: str
    source: str
    lines: list[str]


def blocks(page: str) -> list[Block]:
    return [
        Block(
            before=page[: found.start()].rstrip().rpartition("\n\n")[2],
            language=found[2],
            source=found[3] or "",
            lines=textwrap.dedent(found[4]).splitlines(),
        )
        for found in FENCE.finditer(page)
    ]


def first_missing(quoted: list[str], source: list[str]) -> str | None:
    """Return the first run of quoted lines that does not follow in the source, whatever its indentation."""
    start = 0
    for run in "\n".join(quoted).split("\n...\n"):
        wanted = textwrap.dedent(run).splitlines()
        places = range(start, len(source) - len(wanted) + 1)
        windows = ((place, "\n".join(source[place : place + len(wanted)])) for place in places)
        found = next((place for place, window in windows if textwrap.dedent(window).splitlines() == wanted), None)
        if found is None:
            return run
        start = found + len(wanted)
    return None


def claims(block: Block) -> str | None:
    """Return the file that the paragraph above an unmarked block names as its source, if there is one.

    Commands name files that they use, and outputs those that were read; only code they cannot be.
    """
    if block.source or block.language == "bash":
        return None
    if block.language != "text":
        paths = [first or second for first, second in PATH.findall(block.before)]
        named = [path for path in paths if path.endswith(WRITTEN) and (REPOSITORY / path).is_file()]
        if named:
            return named[-1]
    code = CODE.findall(block.before)
    return code[-1] if code else None


ALL = [(page, block) for page in PAGES for block in blocks(page.read_text(encoding="utf-8"))]
QUOTED = [(page, block) for page, block in ALL if block.source]


@pytest.mark.parametrize(
    ("page", "block"), QUOTED, ids=[f"{page.name}-{block.source}-{n}" for n, (page, block) in enumerate(QUOTED)]
)
def test_a_quotation_is_in_its_file(page: Path, block: Block) -> None:
    source = (REPOSITORY / block.source).read_text(encoding="utf-8").splitlines()
    missing = first_missing(block.lines, source)
    assert missing is None, f"{page.name}: not in {block.source}:\n{missing}"


def test_the_documents_quote_the_loop() -> None:
    assert len(ALL) > 60
    assert {page.name for page, block in QUOTED if block.source.endswith("/loop.py")} == {
        "architecture.md",
        "from-notebook-to-pipeline.md",
        "from-notebook-to-pipeline.zh-CN.md",
        "tutorial.md",
        "tutorial.zh-CN.md",
    }


def test_no_quotation_is_unmarked() -> None:
    unmarked = [f"{page.name}: {claimed}" for page, block in ALL if (claimed := claims(block))]
    assert unmarked == []


SOURCE = ["def step():", "    forward()", "    loss()", "", "    backward()"]


@pytest.mark.parametrize(
    ("quoted", "missing"),
    [
        (["forward()", "loss()"], None),
        (["def step():", "...", "    backward()"], None),
        (["forward()", "...", "backward()"], None),
        (["forward()", "loss()", "backward()"], "forward()\nloss()\nbackward()"),  # the gap is not marked
        (["backward()", "...", "forward()"], "forward()"),  # another order
        (["forward()", "losses()"], "forward()\nlosses()"),
        (["def step():", "        forward()"], "def step():\n        forward()"),  # another indentation
    ],
)
def test_lines_follow_each_other_as_in_the_source(quoted: list[str], missing: str | None) -> None:
    assert first_missing(quoted, SOURCE) == missing


@pytest.mark.parametrize(
    ("page", "claimed"),
    [
        ("The loop, in `src/relight/train/loop.py`:\n\n```python\nx = 1\n```\n", "src/relight/train/loop.py"),
        ("It says (src/relight/train/loop.py):\n```text\nx = 1\n```\n", "src/relight/train/loop.py"),
        ("As in [params.yaml](../params.yaml):\n\n```yaml\nplot: {}\n```\n", "params.yaml"),
        ('In `src/relight/cli.py`:\n\n```python title="src/relight/cli.py"\nimport sys\n```\n', None),
        ("Change `params.yaml`:\n\n```bash\nnano params.yaml\n```\n", None),
        ("See `src/relight/cli.py`.\n\nAnother thing:\n\n```python\nx = 1\n```\n", None),
    ],
)
def test_a_block_that_names_its_source_must_be_marked(page: str, claimed: str | None) -> None:
    (block,) = blocks(page)
    assert claims(block) == claimed
