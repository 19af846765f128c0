"""`relight compare` in a real repository, on experiments that the real `dvc` ran; its page in a real browser."""

import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.repositories import Repository, make_repository

pytestmark = pytest.mark.xdist_group("compare")  # one worker: what the fixture makes is dear

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
in_a_browser = pytest.mark.skipif(
    CHROMIUM is None or importlib.util.find_spec("playwright") is None,
    reason="no Chromium or no playwright on this machine: the page was not opened in a browser",
)
EVIL = "</script><img src=x onerror=alert(1)>"
EVIL_COLUMN = f"a|{EVIL}"


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A table of two classes whose names try to be HTML, and three experiments on HEAD. It is only read."""
    root = tmp_path_factory.mktemp("compared") / "repository"
    root.mkdir()
    repository = make_repository(root)
    generator = np.random.default_rng(0)
    x = generator.normal(size=200)
    labels = np.where(x + 0.3 * generator.normal(size=200) > 0, EVIL, "no|")
    pl.DataFrame({EVIL_COLUMN: x, "answer": labels}).write_csv(root / "data/raw/evil.csv")
    for old, new in (
        ("data/raw/line.yaml", "data/raw/evil.csv"), ("target: y", "target: answer"), ("loss: l1", "loss: auto"),
        ("method: ordered", "method: random"), ("validation: 0.0", "validation: 0.2"), ("train: 0.8", "train: 0.4"),
        ("test: 0.2", "test: 0.4"), ("epochs: 1000", "epochs: 20"), ("bootstrap: 0", "bootstrap: 50"),
        ("learning_rate: 0.01", "learning_rate: 0.5"),
    ):  # fmt: skip
        repository.edit("params.yaml", old, new)
    repository.repro()
    done(repository, "git", "add", "-A")
    done(repository, "git", "commit", "-qm", "evil")
    for name, setting in (
        ("slow", "train.optimizer.learning_rate=0.001"), ("seeds", "train.seeds=3"), ("resplit", "split.seed=1"),
    ):  # fmt: skip
        done(repository, "dvc", "exp", "run", "-n", name, "-S", setting)
        done(repository, "git", "checkout", "-q", ".")
    repository.edit("params.yaml", "slices: []", f"slices: ['{EVIL_COLUMN}']")
    return repository


def done(repository: Repository, *command: str) -> str:
    ran = repository.run(*command)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def compare(repository: Repository, *arguments: str) -> str:
    code, text = repository.relight("compare", *arguments)
    assert code == 0, text
    return text


def test_names_and_groups_are_those_of_dvc(compared: Repository) -> None:
    named = done(compared, "dvc", "exp", "list", "--name-only").split()
    text = compare(compared)
    assert sorted(named) == ["resplit", "seeds", "slow"]
    assert "The params of the workspace are not those of HEAD, its result still is" in " ".join(text.split())
    assert all(f"\n{name} " in text for name in [*named, "HEAD", "workspace"])
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "\x1b" not in text


def test_what_is_said_is_what_metrics_and_predictions_say(compared: Repository) -> None:
    """The difference by metrics.json; whether it is noise by an independent bootstrap of the predictions."""
    text = compare(compared, "--markdown", "HEAD", "slow", "resplit")
    heads, slow, resplit = (cells(text.splitlines()[k]) for k in (2, 5, 6))
    place = heads.index(r"log\_loss ↓")
    scores = [json.loads(done(compared, "git", "show", f"{at}:reports/metrics.json")) for at in ("HEAD", ref(compared))]
    one, two = (each["test"]["log_loss"] for each in scores)
    low, high = scores[1]["intervals"]["test"]["log_loss"]
    assert slow[place] == f"{two:.4g}<br>{low:.4g} to {high:.4g}<br>{two - one:+.3g} worse, larger than the noise"
    surprise = [losses(compared, at) for at in ("HEAD", ref(compared))]
    assert surprise[0].mean() == pytest.approx(one, abs=1e-6)
    moved = surprise[1] - surprise[0]
    draws = np.random.default_rng(7).integers(len(moved), size=(2000, len(moved)))
    assert np.quantile(moved[draws].mean(axis=1), 0.025) > 0
    assert slow[heads.index("changed from HEAD")] == r"train.optimizer.learning\_rate=0.001"
    n_worse = int((moved > 1e-9).sum())
    assert slow[-1].startswith(f"{len(moved)} rows: {len(moved) - n_worse} better, {n_worse} worse")
    assert resplit[place].endswith("cannot be said")
    assert "resplit: other test rows: the difference says nothing about the models alone." in text


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.replace(r"\|", "¦").strip("|").split("|")]


def ref(repository: Repository) -> str:
    listed = done(repository, "git", "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")
    return next(line.split()[0] for line in listed.splitlines() if line.endswith("/slow"))


def losses(repository: Repository, commit: str) -> np.ndarray:
    """Minus the logarithm of what was said of the true class, from the cache by dvc.lock."""
    lock = done(repository, "git", "show", f"{commit}:dvc.lock")
    md5 = lock.split("- path: reports/evaluate\n")[1].split("md5: ")[1].split("\n")[0]
    cache = repository.root / ".dvc/cache/files/md5"
    listed = json.loads((cache / md5[:2] / md5[2:]).read_bytes())
    file = next(each["md5"] for each in listed if each["relpath"] == "predictions.csv")
    table = pl.read_csv(cache / file[:2] / file[2:])
    return np.array([-np.log(row[f"probability_{row['target']}"]) for row in table.to_dicts()])


def test_commits_branches_and_tags_have_names_too(compared: Repository) -> None:
    done(compared, "git", "tag", "-f", "first", "HEAD")
    text = compare(compared, "first", ref(compared)[:10])
    assert text.startswith(f"Compared with first ({done(compared, 'git', 'rev-parse', 'first')[:7]}).")
    assert f"\n{ref(compared)[:10]} " in text
    assert "worse, larger than the noise" in " ".join(text.split())
    assert compare(compared, "slow").startswith("Compared with HEAD")


def test_what_is_no_run_is_named_at_once(compared: Repository) -> None:
    code, text = compared.relight("compare", "slow", "nothing", "none")
    assert code == 2
    assert "nothing: is no experiment, commit, branch or tag; `dvc exp list --all` has their names" in text
    assert text.count("is no experiment") == 2


def test_without_the_cache_params_and_scores_are_shown_and_the_rest_is_said(
    compared: Repository, tmp_path: Path
) -> None:
    shutil.copytree(compared.root, tmp_path / "copy", symlinks=True)
    copy = Repository(tmp_path / "copy")
    shutil.rmtree(copy.root / ".dvc/cache")
    text = compare(copy, "--markdown", "HEAD", "slow", "resplit")
    heads, slow, resplit = (cells(text.splitlines()[k]) for k in (2, 5, 6))
    assert slow[heads.index("changed from HEAD")] == r"train.optimizer.learning\_rate=0.001"
    assert slow[heads.index(r"log\_loss ↓")].endswith("worse, larger than the noise")  # the intervals are apart
    assert resplit[heads.index(r"log\_loss ↓")].endswith("cannot be said")
    assert "HEAD, slow, resplit: the test rows are not known: reports/evaluate is missing in the cache" in text
    assert compare(copy, "slow", "-o", "page.html").endswith("Page: page.html\n")
    assert "the curves are not known" in (copy.root / "page.html").read_text()


def test_a_damaged_object_is_not_believed(compared: Repository, tmp_path: Path) -> None:
    shutil.copytree(compared.root, tmp_path / "copy", symlinks=True)
    copy = Repository(tmp_path / "copy")
    for file in (copy.root / ".dvc/cache/files/md5").rglob("*"):
        if file.is_file() and not file.name.endswith(".dir") and file.read_bytes().startswith(b"row,target,prediction"):
            file.chmod(0o644)
            file.write_bytes(file.read_bytes().replace(b"0.", b"1.", 1))
    assert "predictions.csv is missing in the cache or damaged there" in " ".join(compare(copy, "slow").split())


def test_another_target_is_no_rival(compared: Repository, tmp_path: Path) -> None:
    shutil.copytree(compared.root, tmp_path / "copy", symlinks=True)
    copy = Repository(tmp_path / "copy")
    copy.edit("params.yaml", "target: answer", "target: other")
    text = " ".join(compare(copy, "HEAD", "workspace").split())
    assert "workspace: not comparable: the target is other here, answer there." in text
    (copy.root / "reports/metrics.json").write_text('{"test": {"rmse": 1.0}}')
    text = " ".join(compare(copy, "HEAD", "workspace").split())
    assert "not comparable: regression here, classes there" in text
    assert "reports/metrics.json is not the one of dvc.lock" in text


def test_markdown_holds_what_data_says_in_its_cells(compared: Repository) -> None:
    text = compare(compared, "--markdown", "HEAD", "workspace", "slow")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(cells(line)) for line in table}) == 1
    assert "<img" not in text
    assert "</script" not in text
    assert "evaluate.slices=\\[a\\|&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;\\]" in text


@pytest.fixture(scope="module")
def page_file(compared: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "compare.html"
    assert compare(compared, "-o", str(path)).endswith(f"Page: {path}\n")
    return path


def test_the_same_runs_give_the_same_page(compared: Repository, page_file: Path, tmp_path: Path) -> None:
    compare(compared, "-o", str(tmp_path / "again.html"))
    assert (tmp_path / "again.html").read_bytes() == page_file.read_bytes()


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@in_a_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_asks_for_nothing_and_stays_in_its_window(page_file: Path, browser, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.goto(page_file.as_uri())
    assert asked == [page_file.as_uri()]
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelectorAll('img, script').length") == 1
    assert page.evaluate("document.querySelectorAll('.pictures svg').length") >= 4
    sizes = page.evaluate(
        "[...document.querySelectorAll('.pictures svg')].map(svg => svg.getBoundingClientRect().width)"
    )
    assert 300 < min(sizes) <= max(sizes) < width
    assert EVIL in page.inner_text("body")
    page.close()


@in_a_browser
def test_a_click_on_a_head_sorts_and_another_turns_it(page_file: Path, browser) -> None:
    page = browser.new_page()
    page.goto(page_file.as_uri())
    values = "[...document.querySelectorAll('table.sortable tbody tr')].map(row => row.cells[1].dataset.sort)"
    page.click("table.sortable thead th:nth-child(2) button")
    up = [float(value) for value in page.evaluate(values)]
    assert up == sorted(up)
    assert len(up) == 5
    assert page.get_attribute("table.sortable thead th:nth-child(2)", "aria-sort") == "ascending"
    page.click("table.sortable thead th:nth-child(2) button")
    assert [float(value) for value in page.evaluate(values)] == sorted(up, reverse=True)
    page.click("table.sortable thead th:nth-child(3) button")
    differences = page.evaluate(values.replace("cells[1]", "cells[2]"))
    assert differences[-1] == ""  # the first run has no difference to itself, and stays below
    assert [float(value) for value in differences[:-1]] == sorted(float(value) for value in differences[:-1])
    page.close()
