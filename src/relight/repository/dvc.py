"""DVC by its Python API: what it recorded, its cache, its remote.

Only commands import it, never a stage.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple

from relight.errors import RelightError, RunError
from relight.repository.dvc_command import assert_dvc_installed
from relight.repository.objects import (
    FOLDER_SUFFIX,
    ObjectState,
    assert_md5,
    bytes_md5,
    files_in_list,
    object_path,
    stream_md5,
)
from relight.repository.remotes import RemoteSettings, damaged_are_kept, explain_remote_error, nothing_pushed_message
from relight.runtime.pipeline import PIPELINE_PATH
from relight.runtime.workspace import in_repository, model_folder


class RecordedOutput(NamedTuple):
    """An output of a stage, or a file that `dvc add` tracks.

    Attributes:
        path: from the current folder.
        md5: None if its stage never ran.
        is_cached: False if Git keeps the file itself.
    """

    path: str
    md5: str | None
    is_cached: bool


class DvcProject:
    """The DVC repository of this folder, as far as the model in it is concerned.

    Raises:
        RunError: from each method, with what went wrong in one sentence.
    """

    def __init__(self) -> None:
        assert_dvc_installed()
        from dvc.repo import Repo

        if os.environ.get("RELIGHT_DEBUG") != "1":
            logging.disable(logging.CRITICAL)  # DVC logs tracebacks; our messages follow from what we check
        with _explained_errors():
            self._repo: Any = Repo()

    def recorded_outputs(self, revision: str | None) -> list[RecordedOutput]:
        """Return the outputs of the model and the files that it reads, sorted by path; not those of other models.

        Args:
            revision: a commit; None: the workspace.
        """
        with _explained_errors(), self._at(revision):
            outs = sorted(_outputs_of_model(self._repo, model_folder()), key=lambda out: out.fs_path)
            return [self._recorded(out) for out in outs]

    def _recorded(self, out: Any) -> RecordedOutput:
        path = self._path(out.fs_path)
        md5 = assert_md5(out.hash_info.value, path) if out.hash_info else None
        return RecordedOutput(path, md5, bool(out.use_cache))

    def _at(self, revision: str | None) -> AbstractContextManager[Any]:
        return nullcontext() if revision is None else self._repo.switch(revision)

    def _path(self, path: str) -> str:
        """Return a path of DVC's as one from the current folder."""
        return str(in_repository(os.path.relpath(path, self._repo.root_dir)))

    def root(self) -> Path:
        """Return the folder of the repository."""
        return Path(self._repo.root_dir)

    def cache(self) -> Path:
        """Return the folder that `objects.object_path` is relative to."""
        return Path(self._repo.cache.local.path).parent.parent

    def remote(self) -> RemoteSettings:
        """Return the remote that `dvc pull` uses.

        Raises:
            RunError: if none is set.
        """
        config, name = self._repo.config, self._repo.config["core"].get("remote")
        if name is None or name not in config["remote"]:
            raise RunError(
                "no remote is set, so that nothing can be fetched; `dvc remote add --default storage URL` and "
                "`dvc remote modify storage verify true` set one"
            )
        return RemoteSettings(name, str(config["remote"][name]["url"]), dict(config["remote"][name]))

    def fetch(self, revision: str | None, md5s: list[str]) -> None:
        """Fetch what the cache lacks from the remote. Objects that are damaged or missing there are skipped silently.

        Args:
            md5s: the objects that the cache lacks; the remote is first asked for one of them only, so that a dead
                server is not asked for all.
        """
        from dvc.exceptions import DownloadError
        from dvc_objects.errors import ObjectFormatError

        remote = self.remote()
        with _explained_errors(remote):
            odb = self._odb()
            if not odb.exists(md5s[0]) and not odb.fs.exists(odb.path):
                raise RunError(nothing_pushed_message(remote))
            # The remote of the workspace, because that of an old commit may be another one, and DVC looks for a remote
            # with a relative path below `/`.
            config = {"core": {"remote": "of-today"}, "remote": {"of-today": remote.options}}
            asked = {"revs": None if revision is None else [revision], "workspace": revision is None, "config": config}
            damaged = self._damaged_lists(md5s)  # one would stop the whole fetch
            outs = [out.path for out in self.recorded_outputs(revision) if out.is_cached and out.md5 not in damaged]
            targets = self._targets(outs, revision)
            if targets:  # No targets would be all outputs.
                # The caller hashes the files, and sees what is wrong.
                with suppress(DownloadError, ObjectFormatError), damaged_are_kept(self._repo.cache.local.path):
                    self._repo.fetch(targets, **asked)

    def _damaged_lists(self, md5s: list[str]) -> set[str]:
        """Return the lists of folders that are damaged on the remote; read before DVC follows the names in them.

        Raises:
            InputError: if a list names objects or files that lie elsewhere.
        """
        odb, damaged = self._odb(), set()
        for md5 in (md5 for md5 in md5s if md5.endswith(FOLDER_SUFFIX) and odb.exists(md5)):
            content = odb.fs.cat_file(odb.oid_to_path(md5))
            if bytes_md5(content) + FOLDER_SUFFIX != md5:
                damaged.add(md5)
            else:
                files_in_list(content, f"{self.remote()}: {object_path(md5)}")
        return damaged

    def _targets(self, paths: Iterable[str], revision: str | None = None) -> list[str]:
        """Return DVC's targets for these outputs: a dvc.yaml or .dvc file for all of its outputs, or their paths.

        DVC reads dvc.yaml and dvc.lock again for each target, which takes longer than the files of a small model.
        """
        outs_of: defaultdict[str, set[str]] = defaultdict(set)
        with self._at(revision):
            for out in self._repo.index.outs:
                if out.use_cache:
                    outs_of[self._path(out.stage.path)].add(self._path(out.fs_path))
        wanted = set(paths)
        return sorted(
            target for file, outs in outs_of.items() for target in ([file] if outs <= wanted else outs & wanted)
        )

    def check_remote(self, md5: str) -> tuple[ObjectState, str]:
        """Return the state of an object on the remote, and the address where it should be."""
        with _explained_errors(self.remote()):
            odb = self._odb()
            path = odb.oid_to_path(md5)
            address = str(odb.fs.unstrip_protocol(path))
            if not odb.exists(md5):
                return "missing", address
            try:
                with odb.fs.open(path, "rb") as file:
                    is_intact = stream_md5(file) == md5.removesuffix(FOLDER_SUFFIX)
                    return "intact" if is_intact else "damaged", address
            except Exception:  # of any library: the object is cut short, or the server has just gone
                return "damaged" if odb.exists(md5) else "missing", address

    def checkout(self, paths: list[str]) -> None:
        """Put outputs into the workspace, except those by which a file that is nowhere else would be lost."""
        from dvc.exceptions import DvcException

        # At once only what is not there: DVC refuses a whole checkout for one edited file.
        replaced = [path for path in paths if os.path.lexists(path)]
        at_once = self._targets(set(paths).difference(replaced))
        for targets in (at_once, *([path] for path in replaced)):
            with suppress(DvcException):  # The caller hashes the files, and sees what is wrong.
                if targets:  # No targets would be all outputs.
                    self._repo.checkout(targets=targets)

    def _odb(self) -> Any:
        return self._repo.cloud.get_remote_odb()


def _outputs_of_model(repo: Any, folder: Path) -> list[Any]:
    """Return the outputs that a model writes or reads, and the files in its folder that `dvc add` tracks.

    Args:
        repo: a `dvc.repo.Repo`.
        folder: of the model, below the top of the repository.
    """

    def located(path: str) -> Path:
        return Path(os.path.relpath(path, repo.root_dir))

    files = {stage: located(stage.path) for stage in repo.index.stages}
    models = {file.parent for file in files.values() if file.name == PIPELINE_PATH.name}
    read = {
        located(dep.fs_path) for stage, file in files.items() if file == folder / PIPELINE_PATH for dep in stage.deps
    }

    def is_own(out: Any) -> bool:
        nearest = next((parent for parent in files[out.stage].parents if parent in models), Path())
        at = located(out.fs_path)
        return nearest == folder or any(at == dep or at in dep.parents or dep in at.parents for dep in read)

    return [out for out in repo.index.outs if is_own(out)]


@contextmanager
def _explained_errors(remote: RemoteSettings | None = None) -> Iterator[None]:
    """Turn every error into a RunError: the plug-ins raise those of their own libraries, too many to list."""
    try:
        yield
    except RelightError:
        raise
    except Exception as error:
        raise RunError(explain_remote_error(error, remote)) from error
