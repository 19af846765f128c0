from relight.compare.page import MAX_MARKDOWN_ROWS, markdown_table


def test_data_can_neither_leave_its_cell_nor_become_html() -> None:
    text = markdown_table("a|b", ["run", "<b>"], [["x|y\n</script><img src=x onerror=alert(1)>", "`c`"]], ["- [z](u)"])
    assert text.splitlines()[4] == r"| x\|y<br>&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt; | \`c\` |"
    assert text.splitlines()[0] == r"**a\|b**"
    assert text.splitlines()[-1] == r"- - \[z\](u)"


def test_very_many_rows_are_cut_and_it_is_said() -> None:
    text = markdown_table("t", ["run"], [[str(k)] for k in range(MAX_MARKDOWN_ROWS + 1)], [])
    assert text.count("\n| ") == MAX_MARKDOWN_ROWS + 2
    assert "The first 100 of 101 runs are shown." in text
