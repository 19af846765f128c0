"""A repository with two models, each in a folder of its own, that share code, cache and experiments."""

import shutil
from pathlib import Path

from tests.repositories import REPOSITORY, Repository, make_repository

HOUSES = "size,price\n" + "".join(f"{size},{3 * size + 10}\n" for size in range(60))
SOURCES = {
    "price": ("source: data/raw/line.yaml", "source: ../../data/houses.csv"),
    "size": ("source: data/raw/line.yaml", "source: data/raw/line.yaml"),
}
START = "import sys; from relight.cli import main; sys.exit(main(sys.argv[1:]))"


class Model(Repository):
    """A model in a folder of a repository; commands run in its folder."""

    @property
    def top(self) -> Path:
        return self.root.parent.parent

    def relight(self, *arguments: str) -> tuple[int, str]:
        done = self.run("python", "-c", START, *arguments, env={"PYTHONPATH": str(self.top / "src")})
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        return done.returncode, said

    def succeed(self, *command: str) -> str:
        done = self.run(*command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


def make_models(top: Path) -> dict[str, Model]:
    """Return the models of a new repository: models/price on ../../data/houses.csv, models/size on a line of its own.

    A first commit, nothing run yet.
    """
    repository = make_repository(top)
    (top / "data/houses.csv").write_text(HOUSES, encoding="utf-8")
    models = {name: _make_model(top / "models" / name, *source) for name, source in SOURCES.items()}
    models["price"].edit("params.yaml", "target: y", "target: price")
    for name in ("stages", "recipes", "data/raw"):
        shutil.rmtree(top / name)
    for name in ("dvc.yaml", "params.yaml"):
        (top / name).unlink()
    (top / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
    for command in (("git", "add", "-A"), ("git", "commit", "-qm", "two models")):
        done = repository.run(*command)
        assert done.returncode == 0, done.stderr
    return models


def _make_model(folder: Path, old_source: str, source: str) -> Model:
    shutil.copytree(REPOSITORY / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data/raw").mkdir(parents=True)
    shutil.copy(REPOSITORY / "data/raw/line.yaml", folder / "data/raw/line.yaml")
    for name in ("dvc.yaml", "params.yaml", ".gitignore"):
        shutil.copy(REPOSITORY / name, folder / name)
    model = Model(folder)
    pipeline = (folder / "dvc.yaml").read_text(encoding="utf-8")
    (folder / "dvc.yaml").write_text(pipeline.replace("- src/", "- ../../src/"), encoding="utf-8")
    model.edit("stages/__init__.py", ".parent.parent /", ".parents[3] /")
    model.edit("params.yaml", old_source, source)
    model.edit("params.yaml", "epochs: 1000", "epochs: 20")
    return model
