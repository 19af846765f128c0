"""The report in a real browser: every picture is there, nothing leaves the page, data stays text."""

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evaluated_tables import Evaluated, EvaluateParams
from tests.repositories import Repository

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the report was not opened in a browser"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
]

EVIL = "<script>document.title='owned'</script>"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def evil_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table whose column and class names try to be HTML."""
    from tests.repositories import make_repository

    root = tmp_path_factory.mktemp("evil") / "repository"
    root.mkdir()
    repository = make_repository(root)
    rows = "\n".join(f"{i % 7},{'<b>yes</b>' if i % 7 > 3 else EVIL}" for i in range(80))
    (root / "data/raw/evil.csv").write_text(f"<img src=x onerror=alert(1)>,answer\n{rows}\n")
    repository.edit("params.yaml", "data/raw/line.yaml", "data/raw/evil.csv")
    repository.edit("params.yaml", "target: y", "target: answer")
    repository.edit("params.yaml", "loss: l1", "loss: auto")
    repository.edit("params.yaml", "method: ordered", "method: random")
    repository.edit("params.yaml", "epochs: 1000", "epochs: 5")
    repository.repro()
    return root / "reports/report.html"


@pytest.fixture
def browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_whole_at_any_width_and_asks_for_nothing(finished: Repository, browser, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.split(":")[0]))
    address = (finished.root / "reports/report.html").as_uri()
    page.goto(address)
    assert asked.count("file") == 1
    assert set(asked) <= {"file", "data"}
    widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert widths == [1500, 1500, 1200, 1200, 1200]  # 10 and 8 inches at 150 dots per inch
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "0.6968" in page.inner_text("body")
    assert "baseline" in page.inner_text("thead").lower()
    page.close()


def test_names_from_the_data_stay_text(evil_report: Path, browser) -> None:
    page = browser.new_page()
    spoken: list[str] = []
    page.on("dialog", lambda dialog: (spoken.append(dialog.message), dialog.dismiss()))
    page.goto(evil_report.as_uri())
    assert page.title() == "Relight report: answer"
    assert spoken == []
    assert page.evaluate("document.querySelectorAll('script, b, img[src=x]').length") == 0
    assert "<img src=x onerror=alert(1)>" in page.inner_text("body")
    page.close()


def test_what_an_own_stage_wrote_is_seen_and_runs_nothing(tmp_path: Path, browser) -> None:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20" onload="alert(1)">{EVIL}</svg>'
    contents = {"a.svg": svg, "b.md": f"{EVIL} ![x](https://example.org/x.png)", "c.csv": f"a,b\n1,{EVIL}\n", "d": ""}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    files = {EVIL if name == "d" else name: tmp_path / name for name in contents}
    table = Evaluated(tmp_path / "data", "regression")
    shown = table.plot(table.evaluate(EvaluateParams(), "out"), "shown", files)
    page, asked, spoken = browser.new_page(viewport={"width": 390, "height": 900}), [], []
    page.on("request", lambda request: asked.append(request.url.split(":")[0]))
    page.on("dialog", lambda dialog: (spoken.append(dialog.message), dialog.dismiss()))
    page.goto((shown / "report.html").as_uri())
    assert page.title() == "Relight report: y"
    assert set(asked) <= {"file", "data"}
    assert asked.count("file") == 1
    assert spoken == []
    extra = page.locator("section.extra")
    assert extra.locator("script, svg").count() == 0
    assert extra.locator("img").evaluate_all("images => images.map(image => image.naturalWidth)") == [40]
    assert extra.inner_text().count(EVIL) == 3
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
