from pathlib import Path

import pytest

from relight.plot.pages import escape_markdown, write_card

CONTENT = {
    "target": "y_1",
    "model": "mlp",
    "task": "binary",
    "rows": 10,
    "source": "data/a*b.csv",
    "parts": "8 train, 2 test",
    "training": "3 epochs.",
    "choices": [("loss", "bce")],
    "scores": {"heads": ["test"], "rows": [{"name": "auc ↑", "values": ["0.5"]}]},
    "references": {"heads": ["mlp", "linear"], "rows": [{"name": "auc ↑", "values": ["0.5", "0.75"], "best": 1}]},
    "baseline": "Baseline.",
    "positive": "",
    "parameters": {},
    "threshold": None,
    "seeds": None,
    "notes": ["Column '[a](b)' is odd."],
    "columns": [{"name": "a|b\n# no heading", "kind": "categorical", "says": "2 levels: <b>, `c`"}],
    "versions": {"python": "3.11"},
}


def test_text_reads_as_it_stands() -> None:
    assert escape_markdown("plain text, 1.5 (x)") == "plain text, 1.5 (x)"
    assert escape_markdown("*a* _b_ `c` [d](e) <f> & | # $g$ ~h~ \\") == (
        r"\*a\* \_b\_ \`c\` \[d\](e) &lt;f&gt; &amp; \| \# \$g\$ \~h\~ " + "\\\\"
    )
    assert escape_markdown("two\n\n# lines") == r"two \# lines"
    assert escape_markdown(3) == "3"


@pytest.mark.parametrize(
    ("text", "inert"),
    [
        ("@octocat", "@&#8203;octocat"),
        ("(@a/team)", "(@&#8203;a/team)"),
        ("me@example.org", "me@&#8203;example.org"),
        ("ndcg@10, recall@1.", "ndcg@10, recall@1."),
        ("see http://example.org", "see http:&#8203;//example.org"),
        ("HTTPS://example.org", "HTTPS:&#8203;//example.org"),
        ("www.example.org", "www.&#8203;example.org"),
        ("#12", r"\#&#8203;12"),
        ("a/b#12", r"a/b\#&#8203;12"),
    ],
)
def test_a_name_from_the_data_mentions_nobody_and_is_no_link(text: str, inert: str) -> None:
    assert escape_markdown(text) == inert


def test_control_characters_are_shown_as_escapes() -> None:
    assert escape_markdown("a\x1b]0;b\x07\u202ec") == r"a\\x1b\]0;b\\x07\\u202ec"


def test_the_card_says_what_it_is_told_and_names_stay_text(tmp_path: Path) -> None:
    write_card(tmp_path / "one.md", CONTENT)
    text = (tmp_path / "one.md").read_text()
    assert text.startswith("# y\\_1 by mlp\n\nbinary on 10 rows of data/a\\*b.csv: 8 train, 2 test. 3 epochs.\n")
    lines = text.splitlines()
    assert r"| a\|b \# no heading | categorical | 2 levels: &lt;b&gt;, \`c\` |" in lines
    assert r"- Column '\[a\](b)' is odd." in lines
    assert "| auc ↑ | 0.5 | **0.75** |" in lines
    assert "- A category that is not in the train rows is read as an unknown one." in lines
    assert "relight predict table.csv -o predictions.csv" in lines
    assert [line for line in lines if line.startswith("#")][1:] == [
        "## Data", "## Model", "## Scores", "## Limits", "## Use", "## Made with",
    ]  # fmt: skip
    assert "\n\n\n" not in text


def test_the_same_facts_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.md", "two.md"):
        write_card(tmp_path / name, CONTENT)
    assert (tmp_path / "one.md").read_bytes() == (tmp_path / "two.md").read_bytes()
