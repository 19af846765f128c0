"""`relight new`: what it makes, what it leaves alone, and what it says of wrong names, folders and tables."""

import ast
import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from relight.cli import main
from relight.errors import InputError
from relight.params import assert_sections
from relight.project import writing
from relight.project.new import new
from relight.project.starting_params import recipe_names, starting_params
from relight.repository.objects import bytes_md5, object_path
from relight.runtime.installed import STAGE_CODE, stage_hash
from relight.runtime.strict_yaml import parse_yaml, read_yaml
from relight.sweep.settings import read_sweep_settings
from tests.closure import REPOSITORY

MADE = {
    *(f"stages/{name}.py" for name in ("__init__", "check", "prepare", "split", "train", "evaluate", "plot")),
    *(f"src/houses/{name}.py" for name in ("__init__", "metrics", "networks")),
    *("tests/test_own_code.py", "tests/test_pipeline.py", "data/raw/README.md", "data/raw/line.yaml", "README.md"),
    *(
        "dvc.yaml",
        "params.yaml",
        "sweep.yaml",
        "pyproject.toml",
        "relight.json",
        ".dvcignore",
        ".gitattributes",
        ".gitignore",
    ),
    *(".dvc/.gitignore", ".dvc/config", ".github/workflows/houses.yml"),
}
HOUSES = "rooms,price\n1,10.5\n2,20.5\n3,30.5\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is in no repository, and a table above it."""
    (tmp_path / "houses.csv").write_text(HOUSES)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def files(folder: Path) -> set[str]:
    """The files of a project, without Git's own."""
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {path for path in paths if not path.startswith(".git/")}


def make(name: str = "houses", **asked: Any) -> str:
    return new(Path(name), asked.get("recipe"), asked.get("source"), asked.get("target"))


def test_git_keeps_the_bytes_of_the_data_here_and_in_a_project() -> None:
    make()
    for root in (Path("houses"), REPOSITORY):
        path = "data/raw/a folder/houses.csv"
        asked = subprocess.run(["git", "check-attr", "text", "--", path], cwd=root, check=True, capture_output=True)
        assert asked.stdout.decode() == f"{path}: text: unset\n"


def state() -> dict[Path, tuple[int, int]]:
    paths = (path for path in Path().rglob("*") if ".git" not in path.parts)
    return {path: (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in paths}


def problems(name: str = "houses", **asked: Any) -> tuple[str, ...]:
    before = state()
    with pytest.raises(InputError) as caught:
        make(name, **asked)
    assert state() == before
    return caught.value.problems


def test_it_makes_a_project_and_says_the_next_two_commands(folder: Path) -> None:
    said = make()
    assert files(folder / "houses") == MADE
    assert said.splitlines() == [
        "houses: recipe line, Relight 0.2.0, 26 files; Git and DVC of houses made",
        "next:",
        "  cd houses",
        "  dvc repro",
    ]
    assert (folder / "houses/.git").is_dir()
    assert [path.name for path in folder.iterdir()] == ["houses"]


@pytest.mark.parametrize("recipe", recipe_names())
def test_the_sweep_of_a_new_project_fits_its_params(recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make(recipe=recipe)
    monkeypatch.chdir("houses")
    settings = read_sweep_settings(Path("sweep.yaml"), fast=True)
    assert list(settings.sweep.params) == ["train.optimizer.learning_rate"]


def test_the_command_line_hands_everything_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "houses", "--recipe", "table", "--source", "../houses.csv", "--target", "price"]) == 0
    assert "recipe table" in capsys.readouterr().out
    assert yaml.safe_load(Path("houses/params.yaml").read_text())["prepare"]["target"] == "price"
    assert main(["new", "class"]) == 2
    assert "name: must be no keyword of Python, got class" in capsys.readouterr().err


def test_the_same_words_make_the_same_bytes(folder: Path) -> None:
    for name in ("one", "two"):
        Path(name).mkdir()
        make(f"{name}/houses")
    assert {path: (folder / "one/houses" / path).read_bytes() for path in MADE} == {
        path: (folder / "two/houses" / path).read_bytes() for path in MADE
    }


def test_the_stages_are_those_of_this_repository() -> None:
    make()
    for script in (REPOSITORY / "stages").glob("*.py"):
        assert Path(f"houses/stages/{script.name}").read_bytes() == script.read_bytes()
    assert Path("houses/.dvcignore").read_bytes() == (REPOSITORY / ".dvcignore").read_bytes()


def test_the_pipeline_is_that_of_this_repository_with_the_hashes_in_place_of_the_code() -> None:
    make()
    expected = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))
    for stage, entry in expected["stages"].items():
        entry["deps"] = [dep for dep in entry["deps"] if not dep.startswith("src/")]
        entry["params"] = [{"relight.json": [stage]}, *entry["params"]]
    assert yaml.safe_load(Path("houses/dvc.yaml").read_text(encoding="utf-8")) == expected
    record = json.loads(Path("houses/relight.json").read_text())
    assert {stage: record[stage] for stage in STAGE_CODE} == {stage: stage_hash(stage) for stage in STAGE_CODE}
    assert record["version"] == "0.2.0"


def test_every_python_file_compiles_and_every_yaml_and_toml_file_is_read() -> None:
    make()
    for path in Path("houses").rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"))
    workflow = yaml.safe_load(Path("houses/.github/workflows/houses.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["houses"]["defaults"]["run"]["working-directory"] == "."
    assert "${{ github.workflow }}" in workflow["concurrency"]["group"]
    project = tomllib.loads(Path("houses/pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (project["name"], project["dependencies"]) == ("houses", ["relight==0.2.0"])
    text = "".join(path.read_text() for path in Path("houses").rglob("*") if path.suffix in (".py", ".md", ".yml"))
    assert not set("«»") & set(text)


def test_no_line_of_the_code_of_relight_is_copied() -> None:
    """Except the scripts of the stages, which call it."""
    make()
    own = {
        line.strip()
        for path in Path("houses").rglob("*.py")
        if "stages" not in path.parts
        for line in path.read_text(encoding="utf-8").splitlines()
        if len(line.strip()) > 40
    }
    code = {line.strip() for path in (REPOSITORY / "src").rglob("*.py") for line in path.read_text().splitlines()}
    assert own & code == set()


def test_the_files_of_python_pass_the_linter_of_this_repository() -> None:
    make()
    config = ["--config", str(REPOSITORY / "pyproject.toml"), "--config", 'src = ["houses/src"]']
    for command in (("check", "--no-cache"), ("format", "--check", "--no-cache")):
        done = subprocess.run(
            ["ruff", *command, *config, "houses/src", "houses/tests"], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize("recipe", recipe_names())
def test_every_recipe_makes_params_that_pass_the_check(recipe: str) -> None:
    said = make(recipe=recipe)
    assert_sections(read_yaml(Path("houses/params.yaml")))
    assert Path("houses/params.yaml").read_bytes() == (REPOSITORY / f"recipes/{recipe}.yaml").read_bytes()
    source = yaml.safe_load(Path("houses/params.yaml").read_text(encoding="utf-8"))["prepare"]["source"]
    brings_its_table = recipe in ("forecast", "ranking", "sequences", "similarity", "table")
    assert Path("houses", source).exists() is not brings_its_table
    assert (f"params.yaml names {source}, which is not there yet" in said) is brings_its_table
    assert said.endswith("  relight check\n" if brings_its_table else "  dvc repro\n")


def test_the_recipes_are_those_of_this_repository_and_the_line_is_its_default() -> None:
    here = {path.stem for path in (REPOSITORY / "recipes").glob("*.yaml")}
    assert set(recipe_names()) == here - {"sweep"}
    committed = subprocess.run(
        ["git", "show", "HEAD:params.yaml"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if committed.returncode == 0:  # a copy without Git has no committed one
        assert (REPOSITORY / "recipes/line.yaml").read_text(encoding="utf-8") == committed.stdout


def test_a_table_from_elsewhere_is_copied_and_named() -> None:
    make(source=Path("../houses.csv"), target="price")
    assert Path("houses/data/raw/houses.csv").read_text() == HOUSES
    assert Path("../houses.csv").read_text() == HOUSES
    params = Path("houses/params.yaml").read_text(encoding="utf-8")
    recipe = (REPOSITORY / "recipes/table.yaml").read_text(encoding="utf-8")
    assert params == recipe.replace("data/raw/table.csv", "data/raw/houses.csv").replace(
        "target: target ", "target: price "
    )


def test_a_link_to_a_table_is_copied_under_its_own_name() -> None:
    Path("link.csv").symlink_to("../houses.csv")
    make(source=Path("link.csv"), target="price")
    assert not Path("houses/data/raw/link.csv").is_symlink()
    assert Path("houses/data/raw/link.csv").read_text() == HOUSES


def test_a_link_out_of_the_repository_is_copied_and_a_table_of_dvc_stays(folder: Path) -> None:
    git("init", "-q")
    md5 = bytes_md5(HOUSES.encode())
    cached = folder.parent / "cache" / object_path(md5)
    cached.parent.mkdir(parents=True)
    cached.write_text(HOUSES)
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[cache]\n    dir = ../../cache\n")
    (folder / "link.csv").symlink_to("../houses.csv")
    (folder / "tracked.csv").symlink_to(cached)
    (folder / "tracked.csv.dvc").write_text(f"outs:\n- md5: {md5}\n  path: tracked.csv\n")
    make("one", source=Path("link.csv"), target="price")
    assert (folder / "one/data/raw/link.csv").read_text() == HOUSES
    make("two", source=Path("tracked.csv"), target="price")
    assert read_yaml(Path("two/params.yaml")).value["prepare"]["source"] == "../tracked.csv"
    assert not (folder / "two/data/raw/tracked.csv").exists()


def test_a_table_beside_the_dvc_repository_is_copied(folder: Path) -> None:
    """A DVC repository may begin below the top of the Git repository."""
    git("init", "-q")
    (folder / "inner/.dvc").mkdir(parents=True)
    (folder / "houses.csv").write_text(HOUSES)
    make("inner/one", source=Path("houses.csv"), target="price")
    assert (folder / "inner/one/data/raw/houses.csv").read_text() == HOUSES
    assert not (folder / ".dvc").exists()
    assert (folder / ".github/workflows/one.yml").exists()


def test_a_folder_of_tables_is_copied_whole() -> None:
    Path("parts").mkdir()
    for name in ("a.parquet", "b.parquet"):
        pl.DataFrame({"x": [1.0, 2.0], "price": [1.0, 2.0]}).write_parquet(f"parts/{name}")
    make(source=Path("parts"), target="price")
    assert sorted(os.listdir("houses/data/raw/parts")) == ["a.parquet", "b.parquet"]
    assert read_yaml(Path("houses/params.yaml")).value["prepare"]["source"] == "data/raw/parts"


def test_the_description_of_a_line_is_a_source_too() -> None:
    line = (REPOSITORY / "data/raw/line.yaml").read_text().replace("weight: 0.7", "weight: 2.5")
    Path("steep.yaml").write_text(line)
    assert "recipe line" in make(source=Path("steep.yaml"))
    assert Path("houses/data/raw/steep.yaml").read_text() == line


@pytest.mark.parametrize("target", ["price in €", "no", "1e3", "a: b", 'say "x"', "yes # no", "null", "~", "x\\y"])
def test_a_target_of_any_letters_is_the_same_text_in_params(target: str) -> None:
    pl.DataFrame({"x": [1, 2], target: [1, 2]}).write_csv("odd.csv")
    make(source=Path("odd.csv"), target=target)
    assert read_yaml(Path("houses/params.yaml")).value["prepare"]["target"] == target


def test_a_source_of_any_letters_is_the_same_path_in_params() -> None:
    Path("our houses: 2020.csv").write_text(HOUSES)
    make(source=Path("our houses: 2020.csv"), target="price")
    assert read_yaml(Path("houses/params.yaml")).value["prepare"]["source"] == "data/raw/our houses: 2020.csv"


def test_a_recipe_keeps_its_source_if_only_the_target_is_named() -> None:
    text = starting_params("penguins", target="island").text
    prepare = parse_yaml(text, "p.yaml").value["prepare"]
    assert (prepare["source"], prepare["target"]) == ("data/raw/penguins.csv", "island")


# --- inside a repository


def git(*arguments: str, cwd: Path | None = None) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True, cwd=cwd)


def test_inside_a_repository_it_uses_the_one_git_and_the_one_dvc(folder: Path) -> None:
    git("init", "-q")
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    remote = ours\n")
    (folder / "data").mkdir()
    (folder / "data/houses.csv").write_text(HOUSES)
    said = make("models/price", source=Path("data/houses.csv"), target="price")
    root = folder / "models/price"
    assert "DVC" not in said
    assert not (root / ".git").exists()
    assert not (root / ".dvc").exists()
    assert (folder / ".dvc/config").read_text() == "[core]\n    remote = ours\n"
    assert read_yaml(root / "params.yaml").value["prepare"]["source"] == "../../data/houses.csv"
    assert os.listdir(root / "data/raw") == ["README.md"]
    workflow = yaml.safe_load((folder / ".github/workflows/price.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["price"]["defaults"]["run"]["working-directory"] == "models/price"
    assert not (root / ".github").exists()
    make("models/size", source=Path("../houses.csv"), target="price")  # a second one beside it
    assert (folder / "models/size/data/raw/houses.csv").exists()


def test_in_a_git_repository_without_dvc_dvc_begins_at_its_top(folder: Path) -> None:
    git("init", "-q")
    said = make("models/price")
    assert "; DVC of . made\n" in said
    assert (folder / ".dvc/config").exists()
    assert not (folder / "models/price/.dvc").exists()


def test_the_top_of_a_git_repository_that_exists_can_become_a_project(folder: Path) -> None:
    (folder / "houses").mkdir()
    git("init", "-q", cwd=folder / "houses")
    (folder / "houses/LICENSE").write_text("mine")
    os.chdir("houses")
    said = make(".")
    assert files(folder / "houses") == MADE | {"LICENSE"}
    assert "  cd .\n" in said


def test_a_dvc_above_the_git_repository_is_another_one(folder: Path) -> None:
    (folder / ".dvc").mkdir()
    (folder / "inner").mkdir()
    git("init", "-q", cwd=folder / "inner")
    make("inner/houses")
    assert (folder / "inner/.dvc/config").exists()


def test_a_dvc_without_git_is_named_with_the_next_step(folder: Path) -> None:
    (folder / ".dvc").mkdir()
    assert problems() == (
        f"{folder}: has DVC and no Git, so that there can be no experiments; run `git init` there first",
    )


@pytest.mark.parametrize("pattern", ["/models/", "models", "models/*", "price/", "/models/price/*.yaml"])
def test_a_folder_that_git_ignores_is_refused(folder: Path, pattern: str) -> None:
    git("init", "-q")
    (folder / ".gitignore").write_text(f"{pattern}\n")
    (problem,) = problems("models/price")
    assert problem.startswith(f"{folder}/models/price: must be no folder that Git ignores")


# --- what is wrong


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("my-houses", "got my-houses; did you mean my_houses?"),
        ("my houses", "got my houses; did you mean my_houses?"),
        ("2020", "got 2020; did you mean model_2020?"),
        ("häuser", "got häuser; did you mean h_user?"),
        ("houses_", "got houses_; did you mean houses?"),
        ("_", "got _; choose another"),
        ("class", "name: must be no keyword of Python, got class; choose another, such as my_class"),
        ("json", "name: must be no module of Python's own library, got json; choose another, such as my_json"),
        ("torch", "name: must be no package that is installed here, got torch; choose another, such as my_torch"),
        ("relight", "name: must be no package that is installed here, got relight"),
        ("stages", "name: must be no folder of scripts of a project, got stages"),
        ("class-", "got class-; choose another"),
    ],
)
def test_a_name_that_python_cannot_import_is_refused_with_one_that_it_can(name: str, problem: str) -> None:
    (said,) = problems(name)
    assert problem in said
    assert not said.endswith("mean ?")


def test_nothing_is_overwritten(folder: Path) -> None:
    (folder / "houses/stages").mkdir(parents=True)
    (folder / "houses/README.md").write_text("mine")
    (folder / "houses/stages/train.py").symlink_to("nowhere")
    (problem,) = problems()
    assert problem == (
        f"{folder}/houses/stages/train.py, {folder}/houses/README.md: exist already, and are never overwritten; "
        "move them away, or choose another folder"
    )
    assert (folder / "houses/README.md").read_text() == "mine"


def test_a_second_time_is_refused_and_a_table_of_the_name_too(folder: Path) -> None:
    make()
    assert "and 19 more: exist already" in problems()[0]  # all but .dvc, which is used
    (folder / "other/data/raw").mkdir(parents=True)
    (folder / "other/data/raw/houses.csv").write_text("mine")
    (problem,) = problems("other", source=Path("../houses.csv"), target="price")
    assert problem.startswith(f"{folder}/other/data/raw/houses.csv: exists already, and is never overwritten; move it")


def test_the_table_of_a_recipe_overwrites_none_of_its_name(folder: Path) -> None:
    (folder / "houses/data/raw").mkdir(parents=True)
    (folder / "houses/data/raw/line.yaml").write_text("mine")
    (folder / "houses/data/raw/diabetes.csv").write_text("mine")
    assert problems()[0].startswith(f"{folder}/houses/data/raw/line.yaml: exists already")
    make(recipe="diabetes")  # the table of this recipe is taken for that of the person
    assert (folder / "houses/data/raw/diabetes.csv").read_text() == "mine"


@pytest.mark.parametrize("name", ["file", "file/houses"])
def test_a_file_in_the_way_is_named(folder: Path, name: str) -> None:
    (folder / "file").write_text("")
    assert problems(name)[0] == f"{folder}/file: is a file, and no project can be in it; choose another folder"


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"recipe": "tabel"}, "--recipe: tabel is unknown; did you mean table?"),
        ({"recipe": "sweep"}, "--recipe: sweep is unknown; "),
        ({"recipe": "../line"}, "--recipe: ../line is unknown; "),
        ({"source": Path("../house.csv"), "target": "price"}, "--source: ../house.csv: no such file in"),
        (
            {"source": Path("../houses.csv"), "target": "prise"},
            "--target: 'prise' is not a column of ../houses.csv; did you mean 'price'?",
        ),
        (
            {"source": Path("../houses.csv")},
            "--target: is missing; name the column of ../houses.csv to predict: rooms, price",
        ),
        ({"recipe": "penguins", "target": "specie"}, "--target: 'specie' is not a column of "),
        ({"source": Path("empty.csv"), "target": "price"}, "--source: empty.csv: "),
        ({"source": Path("notes.sav"), "target": "price"}, "--source: notes.sav: must end in .yaml, .csv"),
        ({"source": Path("odd.yaml")}, "--source: odd.yaml: kind: is missing"),
    ],
)
def test_what_is_wrong_with_the_data_is_said(asked: dict[str, Any], problem: str) -> None:
    Path("empty.csv").touch()
    Path("notes.sav").write_text("hello")
    Path("odd.yaml").write_text("a: 1\n")
    assert problem in problems(**asked)[0]


def test_everything_is_said_at_once(folder: Path) -> None:
    (folder / "file").write_text("")
    said = problems("file/class", recipe="tabel", source=Path("gone.csv"), target="price")
    assert [problem.split(":")[0] for problem in said] == ["name", f"{folder}/file", "--recipe", "--source"]


def test_a_disk_that_is_full_leaves_nothing(small_disk: Path) -> None:
    before = sorted(small_disk.rglob("*"))
    with pytest.raises(InputError, match="cannot be written: No space left on device"):
        new(small_disk / "houses", None, None, None)
    assert sorted(small_disk.rglob("*")) == before


def test_a_table_that_cannot_be_copied_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", fail)
    with pytest.raises(InputError, match=r"houses\.csv: cannot be copied to .*: .*No space left on device"):
        make(source=Path("../houses.csv"), target="price")
    assert list(folder.iterdir()) == []


def test_a_failure_of_git_leaves_nothing_and_files_of_others_stay(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: str) -> str:
        if arguments[0] == "init":
            (folder / "houses/theirs").write_text("theirs")
            raise InputError("git init: no")
        return ""

    monkeypatch.setattr(writing, "run_git", fail)
    with pytest.raises(InputError, match="git init: no"):
        make()
    assert files(folder) == {"houses/theirs"}
