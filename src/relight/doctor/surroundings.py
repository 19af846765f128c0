"""What surrounds the pipeline and DVC fails without: a user with a name, a home, folders that it can write, UTF-8."""

import errno
import getpass
import hashlib
import os
import pwd
import tempfile
from pathlib import Path

from relight.doctor.environment import DiskState, probe_disk
from relight.doctor.finding import CheckResult, Finding
from relight.runtime.messages import abbreviate
from relight.runtime.places import configured_cache, configured_folder
from relight.runtime.workspace import DVC_FOLDER

SITE_CACHE = "/var/tmp/dvc"  # DVC's own default, see dvc.dirs.site_cache_dir
NEW_NAME = "relight"  # of a user without one: any name will do
FAILS = "every command of DVC fails"
TEMPORARY_FAILS = "`dvc exp run --temp` and the queue fail (UnicodeEncodeError)"


def check_surroundings(root: Path) -> CheckResult:
    """Look at what every command of DVC needs of the user and of the machine.

    Args:
        root: the top of the DVC repository.
    """
    site = site_cache_folder(root)
    findings = [
        *user_findings(),
        *home_findings(),
        *name_findings(root),
        *repository_findings(root, probe(root / DVC_FOLDER / "tmp")),
        *site_cache_findings(site, probe(site / "repo"), root),
    ]
    summary = f"{FAILS}; the rest was not looked at" if findings else f"DVC can run; it keeps its state in {site}"
    return CheckResult("surroundings", summary, findings)


def check_folders(root: Path) -> CheckResult:
    """Look at folders that only some commands need: the home, TMPDIR, and a cache whose path has other letters."""
    home, temporary = os.path.expanduser("~"), os.environ.get("TMPDIR")
    findings = unwritable_home_findings(home, probe(Path(home)))
    if temporary:
        findings += temporary_findings(temporary, probe(Path(temporary), may_be_made=False), root)
    findings += cache_path_findings(configured_cache(root), home)
    local = root / DVC_FOLDER / "config.local"
    if local.is_file():
        findings += local_config_findings(local.read_bytes())
    return CheckResult("folders", f"home {home}", findings)


def site_cache_folder(root: Path) -> Path:
    """Return the folder below which DVC keeps the state of all repositories of a machine (core.site_cache_dir)."""
    named = os.environ.get("DVC_SITE_CACHE_DIR")
    return Path(named or configured_folder(root, "core", "site_cache_dir") or SITE_CACHE)


def probe(folder: Path, *, may_be_made: bool = True) -> DiskState:
    """Write a file of 4 KB to a folder, or to the one where it would be made, and remove it.

    Args:
        may_be_made: whether a folder that does not exist is made by whoever needs it.
    """
    try:
        if not may_be_made:
            os.listdir(folder)
        return probe_disk(folder.absolute())
    except OSError as error:  # a folder that may not be looked into
        return DiskState(error.strerror, 0)


def user_findings() -> list[Finding]:
    """Return a finding if the user has no name: DVC asks for it, to tell the states of several users apart."""
    try:
        getpass.getuser()
    except (KeyError, OSError):  # OSError since Python 3.13
        problem = f"the user {os.getuid()} has no name: /etc/passwd has no such user, and USER is not set"
        return [Finding(problem, FAILS, (("export", f"USER={NEW_NAME}"),), note="any name will do")]
    return []


def home_findings() -> list[Finding]:
    """Return a finding if there is no home folder, and no XDG_CONFIG_HOME that stands in for it."""
    if os.environ.get("HOME") or os.environ.get("XDG_CONFIG_HOME"):
        return []
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        problem = "there is no home folder: HOME is not set, and /etc/passwd does not name one"
        return [Finding(problem, FAILS, (("export", f"HOME={_own_folder()}"), ("mkdir", "-p", _own_folder())))]
    return []


def name_findings(root: Path) -> list[Finding]:
    """Return a finding if the path of the repository is not UTF-8, or is not read as such in this locale."""
    name = os.fsencode(root)
    try:
        text = name.decode()
    except UnicodeDecodeError:
        part = next(part for part in map(os.fsencode, root.parts) if not _is_utf8(part))
        problem = f"the folder {str(part)[2:-1]} has a name that is not UTF-8"
        return [Finding(problem, FAILS, note="rename it: DVC keeps paths as UTF-8")]
    if text == str(root):
        return []
    problem = f"the path {text.encode('ascii', 'backslashreplace').decode()} is not read as UTF-8 in this locale"
    return [Finding(problem, FAILS, (("export", "PYTHONUTF8=1"),))]


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def repository_findings(root: Path, disk: DiskState) -> list[Finding]:
    """Return a finding if this user may not write the repository, as in a container with another user."""
    if disk.error is None:
        return []
    owner, user = root.stat(), f"{os.getuid()}:{os.getgid()}"
    problem = f"{root / DVC_FOLDER}: nothing can be written there ({disk.error})"
    if owner.st_uid == os.getuid() or disk.error != os.strerror(errno.EACCES):
        return [Finding(problem, FAILS, (("df", "-h", str(root)), ("ls", "-ld", str(root / DVC_FOLDER / "tmp"))))]
    note = f"or run as its owner: `docker run --user {owner.st_uid}:{owner.st_gid} ...`"
    return [Finding(problem, FAILS, (("sudo", "chown", "-R", user, str(root)),), note=note)]


def site_cache_findings(folder: Path, disk: DiskState, root: Path) -> list[Finding]:
    """Return a finding if DVC's folder for the states of repositories cannot be written: a read-only container.

    Args:
        folder: of the states.
        disk: of the folder.
        root: the top of the repository, in which the states may lie as well.
    """
    if disk.error is None:
        return []
    problem = f"{folder}: nothing can be written there ({disk.error}), and DVC keeps its state there"
    command = ("export", f"DVC_SITE_CACHE_DIR={root / DVC_FOLDER / 'tmp/site'}")
    return [Finding(problem, FAILS, (command,))]


def unwritable_home_findings(home: str, disk: DiskState) -> list[Finding]:
    """Return a finding if the home folder cannot be written: the remote of a new clone lies in it."""
    if disk.error is None:
        return []
    problem = f"HOME={home}: nothing can be written there ({disk.error})"
    reason = "DVC's settings of all repositories, Matplotlib's list of fonts and a remote below ~ lie there"
    return [Finding(problem, reason, (("export", f"HOME={_own_folder()}"), ("mkdir", "-p", _own_folder())))]


def temporary_findings(folder: str, disk: DiskState, root: Path) -> list[Finding]:
    """Return a finding if temporary files do not go where TMPDIR says, or have no room there."""
    if disk.error is None:
        return []
    problem = f"TMPDIR={folder}: nothing can be written there ({disk.error})"
    try:
        reason = f"temporary files go to {tempfile.gettempdir()} instead"
    except FileNotFoundError:
        reason = "no other folder takes temporary files, so a stage may fail"
        return [Finding(problem, reason, (("export", f"TMPDIR={root / DVC_FOLDER / 'tmp'}"),))]
    return [Finding(problem, reason, (("unset", "TMPDIR"),))]


def cache_path_findings(cache: Path, home: str) -> list[Finding]:
    """Return a finding if the path of the cache is not ASCII: DVC writes it as ASCII into the config of a workspace."""
    if str(cache).isascii():
        return []
    problem = f"the path of the cache has letters outside ASCII: {cache}"
    note = "or move the repository to a path of ASCII; `dvc repro`, `dvc exp run` and `relight sweep` run here"
    other = f"{home}/.local/share/relight/cache-{hashlib.md5(os.fsencode(cache)).hexdigest()[:8]}"
    if not other.isascii():
        return [Finding(problem, TEMPORARY_FAILS, note=note)]
    move = (("mkdir", "-p", os.path.dirname(other)), ("mv", str(cache), other))
    return [Finding(problem, TEMPORARY_FAILS, (*move, ("dvc", "cache", "dir", "--local", other)), note=note)]


def local_config_findings(settings: bytes) -> list[Finding]:
    """Return a finding if config.local is not ASCII, because DVC copies it into a workspace as ASCII.

    Args:
        settings: the bytes of `.dvc/config.local`.
    """
    lines = [line.strip() for line in settings.decode(errors="replace").splitlines() if not line.isascii()]
    if not lines:
        return []
    keys = abbreviate(line.partition("=")[0].strip() for line in lines)
    problem = f".dvc/config.local has letters outside ASCII: {keys}"
    return [Finding(problem, TEMPORARY_FAILS, note="name a path of ASCII there, such as a link to the folder")]


def _own_folder() -> str:
    """Return a folder that a user without a home may make."""
    return f"/tmp/home-{os.getuid()}"  # printed as a proposal, never made
