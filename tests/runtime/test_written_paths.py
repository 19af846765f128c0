"""The stage that writes a path, as DVC itself reads dvc.yaml."""

import subprocess
import sys
from pathlib import Path

import pytest

from relight.commands.samples import write_sample_for
from relight.commands.untracked import untracked_notes
from relight.errors import InputError
from relight.prepare.source import source_kind
from relight.runtime.pipeline import find_maker, paths_written_around

ROOT = """
vars: [{names: {out: features}}, mine/more.yaml, "mine/part.yaml:here"]
stages:
  prepare:
    cmd: "true"
    deps: ["${prepare.source}"]
    outs: [table.parquet]
  plain:
    cmd: "true"
    outs: [data/features/houses.csv, {data/whole: {cache: false}}]
  filled:
    cmd: "true"
    outs: ["data/${names.out}/filled.csv", "${prepare.made}", "data/${where}.csv"]
  elsewhere:
    cmd: "true"
    wdir: tools
    outs: [../data/tools.csv]
    metrics: [own.json]
  each:
    foreach: [de, fr]
    do: {cmd: "echo ${item}", outs: ["data/${item}.csv"]}
  named:
    foreach: {a: {to: one}, b: {to: two}}
    do: {cmd: "echo ${key}", outs: ["data/${key}-${item.to}.csv"]}
  listed:
    foreach: ${prepare.countries}
    do: {cmd: "echo ${item}", outs: ["data/in-${item}.csv"]}
  grid:
    matrix: {size: [1, 2], kind: ["x"]}
    cmd: echo ${item.size}
    outs: ["data/${item.size}${item.kind}.csv"]
"""
MODEL = """
stages:
  prepare:
    cmd: "true"
    deps: ["${prepare.source}"]
    outs: [table.parquet]
"""
OUTS = {
    "prepare": ["table.parquet"],
    "plain": ["data/features/houses.csv", "data/whole"],
    "filled": ["data/features/filled.csv", "made/a.csv", "data/there.csv"],
    "elsewhere": ["data/tools.csv", "tools/own.json"],
    "each": ["data/de.csv", "data/fr.csv"],
    "named": ["data/a-one.csv", "data/b-two.csv"],
    "listed": ["data/in-it.csv"],
    "grid": ["data/1x.csv", "data/2x.csv"],
}
LIST = "import dvc.repo; print(*(out for stage in dvc.repo.Repo().index.stages for out in stage.outs), sep='\\n')"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipeline at the top, and one in models/price."""
    monkeypatch.chdir(tmp_path)
    for folder in (".dvc", "mine", "tools", "data/features", "models/price"):
        Path(folder).mkdir(parents=True)
    Path("dvc.yaml").write_text(ROOT)
    Path("params.yaml").write_text("prepare: {source: data/features/houses.csv, made: made/a.csv, countries: [it]}\n")
    Path("mine/more.yaml").write_text("where: there\n")
    Path("mine/part.yaml").write_text("here: 1\n")
    Path("models/price/dvc.yaml").write_text(MODEL)
    Path("models/price/params.yaml").write_text("prepare: {source: ../../data/features/houses.csv}\n")
    return tmp_path


def test_the_outs_are_those_that_dvc_reads() -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    Path("models/price/dvc.yaml").unlink()
    listed = subprocess.run([sys.executable, "-c", LIST], check=True, capture_output=True, text=True).stdout
    assert sorted(out.path for out in paths_written_around([])) == sorted(listed.split())
    assert {out: find_maker(out) for outs in OUTS.values() for out in outs} == {
        out: stage for stage, outs in OUTS.items() for out in outs
    }


@pytest.mark.parametrize(
    "path", ["data/raw/houses.csv", "data/es.csv", "data/features/other.csv", "made/b.csv", "tools"]
)
def test_what_no_stage_writes_has_no_maker(path: str) -> None:
    assert find_maker(path) == ("elsewhere" if path == "tools" else "")


def test_the_files_of_an_out_and_the_folder_of_outs_are_made_too() -> None:
    assert find_maker("data/whole/part/1.csv") == find_maker("data/features") == "plain"
    assert find_maker("./data/../data/tools.csv") == "elsewhere"


def test_a_reference_to_nothing_is_any_path_and_so_none() -> None:
    Path("dvc.yaml").write_text("stages: {a: {cmd: x, outs: ['${unknown}', 'data/${unknown}.csv']}}\n")
    assert paths_written_around(["data/x.csv"]) == []


@pytest.mark.parametrize("text", ["stages: [", "stages: 5", "- a", "", "stages: {a: 1, b: {outs: 3, foreach: 4}}"])
def test_a_pipeline_that_cannot_be_read_writes_nothing(text: str) -> None:
    Path("dvc.yaml").write_text(text)
    assert find_maker("data/features/houses.csv") == ""


def test_a_source_that_a_stage_has_not_made_yet_is_made_by_repro(repository: Path) -> None:
    with pytest.raises(InputError) as caught:
        source_kind(Path("data/features/houses.csv"))
    assert str(caught.value) == (
        f"data/features/houses.csv: no such file in {repository}; the stage plain writes it: run `dvc repro`"
    )


def test_a_source_that_a_stage_of_another_pipeline_makes_is_named_too(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "models/price")
    with pytest.raises(InputError, match=r"; the stage plain writes it: run `dvc repro`$"):
        source_kind(Path("../../data/features/houses.csv"))


def test_no_sample_is_put_in_the_place_of_an_out() -> None:
    Path("dvc.yaml").write_text("stages: {a: {cmd: x, outs: [data/features/digits.csv]}}\n")
    assert write_sample_for(Path("data/features/digits.csv")) == ""
    assert not Path("data/features/digits.csv").exists()


@pytest.mark.parametrize("folder", [".", "models/price"])
def test_what_a_stage_has_made_is_tracked(folder: str, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    Path("data/features/houses.csv").write_text("x\n1\n")
    Path("data/features/.gitignore").write_text("/houses.csv\n")  # as DVC writes it
    subprocess.run(["git", "add", "-A"], check=True)
    monkeypatch.chdir(repository / folder)
    assert untracked_notes(Path("params.yaml")) == ""
