"""Documents in two languages: their commands and their structure, whatever the language."""

import re
from pathlib import Path
from typing import NamedTuple

from tests.closure import REPOSITORY

CHINESE = ".zh-CN.md"


class Translation(NamedTuple):
    """A document and its translation into Chinese, which lies next to it as NAME.zh-CN.md."""

    english: Path
    chinese: Path


TRANSLATIONS = [
    Translation(page.with_name(page.name.replace(CHINESE, ".md")), page)
    for page in sorted((*REPOSITORY.glob(f"*{CHINESE}"), *REPOSITORY.glob(f"docs/*{CHINESE}")))
]


def commands(text: str) -> list[str]:
    """Return the lines of all bash blocks, without their comments."""
    blocks = re.findall(r"^ *```bash\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines() if line.split("#")[0].strip()]


def code_blocks(text: str) -> list[tuple[str, str]]:
    """Return what must not be translated: each block's language and source, and its text.

    Of a bash block the commands, because comments are prose; of a text block, an output with words of a person in it,
    the numbers.
    """
    blocks = re.findall(r"^ *```(\w+[^\n]*)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    kept = {"bash": commands, "text": numbers}
    return [(head, str(kept[head](f"```bash\n{block}```\n")) if head in kept else block) for head, block in blocks]


def numbers(text: str) -> list[str]:
    """Return all numbers of a text, in their order."""
    return re.findall(r"\d+(?:\.\d+)?", text)


def table_rows(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip().startswith("|")]


def links(text: str) -> list[str]:
    """Return where a document leads, once each; a page in Chinese counts as its English original."""
    found = re.findall(r"(?<!!)\[[^]]*\]\(([^)]+)\)", text)
    return sorted({target.replace(CHINESE, ".md") for target in found})


def shape(text: str) -> dict[str, object]:
    """Return the structure of a document."""
    lines = text.splitlines()
    return {
        "headings": [line.split()[0] for line in lines if re.match(r"#+ ", line)],
        "rows of tables": len(table_rows(text)),
        "numbers of each row": [sorted(numbers(row)) for row in table_rows(text)],
        "pictures": re.findall(r"!\[[^]]*\]\(([^)]+)\)", text),
        "blocks": code_blocks(text),
        "links": links(text),
        "names in code": sorted(re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S))),
        "marks": [re.findall("●", line) for line in lines if "●" in line],
        "numbered steps": len(re.findall(r"^\d\. ", text, re.MULTILINE)),
    }
