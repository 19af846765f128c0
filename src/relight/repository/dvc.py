"""Dvc subprocess and Python API.

What DVC says, asked as on the command line.

What DVC recorded at a revision, its cache, and its remote, by DVC's own code: for commands, never for stages.
"""

import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

from relight.errors import RunError
from relight.repository.objects import FOLDER_SUFFIX
from relight.repository.remotes import RemoteSettings, explain_remote_error, nothing_pushed_message


def run_dvc(*arguments: str) -> str:
    """What a command prints, without its last line break.

    Raises:
        RunError: with what DVC says, when it fails.
    """
    done = subprocess.run([sys.executable, "-m", "dvc", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        raise RunError(f"dvc {arguments[0]}: {'; '.join(errors) or f'ended with code {done.returncode}'}")
    return done.stdout.removesuffix("\n")


def cache_folder() -> Path:
    """Where the objects of this repository lie, wherever its config puts them."""
    return Path(run_dvc("cache", "dir"))


class RecordedOutput(NamedTuple):
    """One output of a stage, or one file that `dvc add` tracks.

    Attributes:
        md5: None where its stage never ran.
        cached: False where Git keeps the file itself.
    """

    path: str
    md5: str | None
    is_cached: bool


class DvcProject:
    """The repository in this folder.

    Raises:
        RunError: by each method, with what went wrong in one sentence.
    """

    def __init__(self) -> None:
        from dvc.repo import Repo

        if os.environ.get("RELIGHT_DEBUG") != "1":
            logging.disable(logging.CRITICAL)  # DVC's own words hold tracebacks; ours follow from what we check
        with _explained_errors():
            self._repo: Any = Repo()

    def recorded_outputs(self, revision: str | None) -> list[RecordedOutput]:
        """
        Args:
            revision: a commit; None: the workspace.
        """
        with _explained_errors():
            if revision is None:
                return self._outs()
            with self._repo.switch(revision):
                return self._outs()

    def _outs(self) -> list[RecordedOutput]:
        outs = sorted(self._repo.index.outs, key=lambda out: out.fs_path)
        root = self._repo.root_dir
        return [
            RecordedOutput(
                os.path.relpath(out.fs_path, root), out.hash_info.value if out.hash_info else None, bool(out.use_cache)
            )
            for out in outs
        ]

    def cache(self) -> Path:
        """The folder that `objects.object_path` starts from."""
        return Path(self._repo.cache.local.path).parent.parent

    def remote(self) -> RemoteSettings:
        """The one that `dvc pull` takes. Raises: RunError when none is set."""
        config, name = self._repo.config, self._repo.config["core"].get("remote")
        if name is None or name not in config["remote"]:
            raise RunError(
                "no remote is set, so that nothing can be fetched; `dvc remote add --default storage URL` and "
                "`dvc remote modify storage verify true` set one: see docs/sharing.md"
            )
        return RemoteSettings(name, str(config["remote"][name]["url"]), dict(config["remote"][name]))

    def fetch(self, revision: str | None, md5s: list[str]) -> None:
        """Bring what the cache lacks from the remote. Objects that are damaged or missing there are left out silently.

        Args:
            md5s: of the objects that are missing in the cache; the first one is looked for to try the remote.
        """
        from dvc.exceptions import DownloadError
        from dvc_objects.errors import ObjectFormatError

        remote = self.remote()
        with _explained_errors(remote):
            odb = self._odb()  # A dead server is asked once, not once for each object.
            if not odb.exists(md5s[0]) and not odb.fs.exists(odb.path):
                raise RunError(nothing_pushed_message(remote))
            # The remote of the workspace: a commit's own is another one, and DVC looks for one that is a folder
            # of the clone, such as `remote`, below `/`.
            config = {"core": {"remote": "of-today"}, "remote": {"of-today": remote.options}}
            revs = None if revision is None else [revision]
            try:
                self._repo.fetch(revs=revs, workspace=revision is None, config=config)
            except DownloadError:
                return
            except ObjectFormatError:  # The list of one folder stops all: each output by itself.
                for out in self.recorded_outputs(revision):
                    with suppress(DownloadError, ObjectFormatError):
                        self._repo.fetch([out.path], revs=revs, workspace=revision is None, config=config)

    def check_remote(self, md5: str) -> tuple[Literal["whole", "damaged", "missing"], str]:
        """
        Returns:
            how an object is there, and where it should lie.
        """
        with _explained_errors(self.remote()):
            odb = self._odb()
            path = odb.oid_to_path(md5)
            where = str(odb.fs.unstrip_protocol(path))
            if not odb.exists(md5):
                return "missing", where
            try:
                with odb.fs.open(path, "rb") as file:
                    return ("whole" if _stream_md5(file) == md5.removesuffix(FOLDER_SUFFIX) else "damaged"), where
            except Exception:  # of any library: cut short below its own length, unless the server has just gone
                return ("damaged" if odb.exists(md5) else "missing"), where

    def checkout(self, path: str) -> None:
        """Put one output into the workspace, unless a file would be lost that is nowhere else."""
        from dvc.exceptions import DvcException

        try:
            self._repo.checkout(targets=[path])
        except DvcException:
            return  # What is wrong with it is seen when it is hashed.

    def _odb(self) -> Any:
        return self._repo.cloud.get_remote_odb()


@contextmanager
def _explained_errors(remote: RemoteSettings | None = None) -> Iterator[None]:
    """Plug-ins raise errors of their own libraries, of which no list is known."""
    try:
        yield
    except RunError:
        raise
    except Exception as error:
        raise RunError(explain_remote_error(error, remote)) from error


def _stream_md5(file: BinaryIO) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    while part := file.read(1 << 20):
        digest.update(part)
    return digest.hexdigest()
