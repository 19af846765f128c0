"""Real servers on loopback, started and stopped by the tests: two S3 servers and OpenSSH's."""

import getpass
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

KEY, SECRET = "AKTESTKEY", "SKTESTSECRETOFTHETESTS"
SSHD_CONFIG = """ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
PidFile none
Subsystem sftp internal-sftp
"""


class Server(NamedTuple):
    """
    Attributes:
        url: for `dvc remote modify storage url`.
        env: the credentials, as a person sets them.
        store: the folder in which the objects lie as plain files.
        process: ends with the test; a test may end it before.
    """

    url: str
    env: Mapping[str, str]
    store: Path
    process: "subprocess.Popen[bytes]"


@contextmanager
def s3_server(folder: Path) -> Iterator[Server]:
    """`rclone serve s3`. What is changed in its folder behind its back it sees at its next start."""
    (folder / "bucket").mkdir(parents=True, exist_ok=True)
    address = ["--addr", "127.0.0.1:0", "--auth-key", f"{KEY},{SECRET}"]
    with _running([_tool("rclone"), "--config", "", "serve", "s3", *address, str(folder)], folder / "log") as process:
        url = _said(folder / "log", r"Starting s3 server on \[(http://127\.0\.0\.1:\d+)/\]")
        yield Server("s3://bucket/relight", aws(url), folder / "bucket/relight", process)


@contextmanager
def seaweed_server(folder: Path) -> Iterator[Server]:
    """SeaweedFS: master, volume, filer and S3 gateway in one process."""
    (folder / "data").mkdir(parents=True)
    identity = {
        "name": "dvc",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    master, volume, filer, s3 = (free_port() for _ in range(4))
    words = [
        *("-logtostderr", "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-master.port={master}", f"-volume.port={volume}", "-filer", f"-filer.port={filer}"),
        *("-s3", f"-s3.port={s3}", f"-s3.config={folder / 's3.json'}", "-master.volumeSizeLimitMB=64"),
        "-volume.max=20",
    ]
    # It waits for its own parts at its end, longer than anybody should: it is killed, because nobody reads its data.
    with _running([_tool("weed"), *words], folder / "log", patience=0) as process:
        _wait_for(lambda: _status(f"http://127.0.0.1:{s3}/") == 403)
        yield Server("s3://bucket/relight", aws(f"http://127.0.0.1:{s3}"), folder / "data", process)


@contextmanager
def ssh_server(folder: Path) -> Iterator[Server]:
    """OpenSSH's sshd, for this user with one key, which an agent holds."""
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin") or pytest.skip("needs OpenSSH's sshd")
    folder.mkdir(parents=True)
    for key in ("host", "user"):
        subprocess.run([_tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True)
    port = free_port()
    (folder / "config").write_text(SSHD_CONFIG.format(port=port, folder=folder))
    Path("/run/sshd").mkdir(exist_ok=True) if getpass.getuser() == "root" else None
    store = folder / "store"
    with (
        _running([sshd, "-D", "-e", "-f", str(folder / "config")], folder / "log") as process,
        _agent(folder) as agent,
    ):
        _said(folder / "log", r"(Server listening)")
        yield Server(f"ssh://{getpass.getuser()}@127.0.0.1:{port}{store}", agent, store, process)


@contextmanager
def _agent(folder: Path) -> Iterator[dict[str, str]]:
    env = {"SSH_AUTH_SOCK": str(folder / "agent")}
    with _running([_tool("ssh-agent"), "-D", "-a", env["SSH_AUTH_SOCK"]], folder / "agent.log"):
        _wait_for((folder / "agent").exists)
        subprocess.run([_tool("ssh-add"), "-q", str(folder / "user")], env=env, check=True)
        yield env


def aws(endpoint: str, secret: str = SECRET) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def free_port() -> int:
    """One whose number plus 10000 is a port, too: SeaweedFS opens both."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 55_000:
            return port


@contextmanager
def _running(command: list[str], log: Path, patience: float = 10) -> Iterator["subprocess.Popen[bytes]"]:
    """
    Args:
        patience: the seconds from the request to end to the kill.
    """
    with open(log, "wb") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=log.parent)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tool(name: str) -> str:
    return shutil.which(name) or str(pytest.skip(f"needs {name}"))


def _said(log: Path, pattern: str) -> str:
    found: list[str] = []
    _wait_for(lambda: bool(found.extend(re.findall(pattern, log.read_text())) or found))
    return found[0]


def _wait_for(ready: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "the server did not start"
        time.sleep(0.05)


def _status(url: str) -> int:
    try:
        with urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code
    except (URLError, OSError):
        return 0
