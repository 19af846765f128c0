"""Real wheels of Relight, and virtual environments that have one of them installed."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from tests.repositories import REPOSITORY, clean_environment, quick_environment

WHAT_A_WHEEL_NEEDS = (
    *("pyproject.toml", "README.md", "LICENSE", ".dvcignore", "params.yaml", "src", "stages", "recipes", "data/raw"),
)
# A `dvc` as pip would write it, if it had installed DVC there.
DVC = "import sys\nfrom dvc.cli import main\nsys.exit(main())\n"


def copy_source(folder: Path) -> Path:
    """Copy what a wheel is built from; a change in the copy is another release."""
    for name in WHAT_A_WHEEL_NEEDS:
        source, target = REPOSITORY / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
            shutil.copytree(source, target, symlinks=True, ignore=ignored)
        else:
            shutil.copy(source, target)
    return folder


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of a copy, with the build backend that is installed here."""
    pip(Path(sys.executable), "wheel", ".", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), cwd=source)
    (wheel,) = folder.glob("relight-*.whl")
    return wheel


def pip(python: Path, *arguments: str, cwd: Path) -> None:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, cwd=cwd, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Environment:
    """A virtual environment with a wheel of Relight; all other packages are those of this environment."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        venv.create(folder, with_pip=False, symlinks=True)
        site = self.site
        borrowed = [path for path in sys.path if path.endswith("site-packages")]
        (site / "borrowed.pth").write_text("".join(f"{path}\n" for path in borrowed), encoding="utf-8")
        dvc = folder / "bin/dvc"
        dvc.write_text(f"#!{folder}/bin/python\n{DVC}", encoding="utf-8")
        dvc.chmod(0o755)
        self.install(wheel)

    @property
    def site(self) -> Path:
        (site,) = self.folder.glob("lib/python*/site-packages")
        return site

    def install(self, wheel: Path) -> None:
        pip(self.folder / "bin/python", "install", "--no-deps", "--no-index", str(wheel), cwd=self.folder)

    def variables(self) -> dict[str, str]:
        environment = clean_environment()
        return {**environment, "PATH": f"{self.folder}/bin{os.pathsep}{environment['PATH']}"}

    def run(self, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=cwd, env=self.variables(), capture_output=True, text=True, check=False)

    def done(self, *command: str, cwd: Path) -> str:
        """Return the output of a command that must end well."""
        process = self.run(*command, cwd=cwd)
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    def repro(self, *arguments: str, cwd: Path) -> list[str]:
        """Return the stages that ran, in their order."""
        lines = self.done("dvc", "repro", *arguments, cwd=cwd).splitlines()
        return [line.split("'")[1] for line in lines if line.startswith("Running stage")]


class QuickEnvironment(Environment):
    """An environment whose commands fork from processes that have the packages, but not Relight, imported.

    Relight comes from the environment's wheel. `sys.prefix` is that of the tests.
    """

    def __init__(self, environment: Environment) -> None:  # it exists already
        self.folder = environment.folder

    def variables(self) -> dict[str, str]:
        return {**quick_environment(), "PYTHONPATH": str(self.site)}
