"""DVC's settings: secrets that Git sees, remotes whose files are not checked, remotes with a relative path."""

import configparser
import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import NamedTuple

from relight.doctor.finding import CheckResult, Command, Finding
from relight.errors import RunError
from relight.repository.addresses import url_secrets
from relight.repository.git import read_files_at
from relight.repository.line_ends import find_changed_line_ends, keeping_step
from relight.repository.revisions import Lock
from relight.runtime.workspace import in_repository

Config = Mapping[str, Mapping[str, str]]  # section → key → value
SECRET_OPTION = re.compile(
    r"(access_key_id|secret_access_key|session_token|password|passphrase|token|sas_token|account_key|client_secret"
    r"|connection_string|sse_customer_key|oss_key_id|oss_key_secret|gdrive_client_secret"
    r"|gdrive_service_account_json_file_content|custom_auth_header)$"
)
REMOTE_SECTION = re.compile(r'remote "(.+)"$')
COMMITTED_CONFIG, LOCAL_CONFIG = ".dvc/config", ".dvc/config.local"  # from the top of the repository


class DvcConfig(NamedTuple):
    """DVC's settings of the repository.

    Attributes:
        committed: .dvc/config.
        local: .dvc/config.local, which Git ignores.
        in_history: .dvc/config of the last commit.
    """

    committed: Config
    local: Config
    in_history: Config


def read_dvc_config(*, has_commit: bool) -> DvcConfig:
    """Return the settings of the workspace and of the last commit, if there is one."""
    committed, local = in_repository(COMMITTED_CONFIG), in_repository(LOCAL_CONFIG)
    old = read_files_at([("HEAD", str(committed))]).values() if has_commit else ()
    in_history = next((_parse_config(text) for text in old), {})
    return DvcConfig(_read_file(committed), _read_file(local), in_history)


def remote_names(config: DvcConfig) -> list[str]:
    """Return the names of all remotes."""
    sections = dict.fromkeys([*config.committed, *config.local])
    return [name[1] for section in sections if (name := REMOTE_SECTION.match(section)) is not None]


def _read_file(path: Path) -> Config:
    return _parse_config(path.read_bytes()) if path.exists() else {}


def _parse_config(text: bytes) -> Config:
    """Return the settings; none if the file cannot be read, because DVC itself reports that at every command."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        parser.read_string(text.decode())
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return {name.strip("'"): {key: value or "" for key, value in parser[name].items()} for name in parser.sections()}


def secret_findings(config: DvcConfig) -> list[Finding]:
    """Return a finding for each secret in .dvc/config."""
    return [
        _secret_finding(section, key, is_old=config.in_history.get(section, {}).get(key) == value)
        for section, values in config.committed.items()
        for key, value in values.items()
        if (SECRET_OPTION.match(key) and value) or url_secrets(value)
    ]


def _secret_finding(section: str, key: str, *, is_old: bool) -> Finding:
    """Return a finding that does not hold the value.

    Args:
        is_old: whether the last commit has the value already.
    """
    remote = REMOTE_SECTION.match(section)
    name = remote[1] if remote else section
    commands: tuple[Command, ...]
    if key == "url":
        commands = (
            ("dvc", "remote", "modify", name, "url", "THE URL WITHOUT IT"),
            ("dvc", "remote", "modify", "--local", name, "url", "THE URL WITH A NEW ONE"),
        )
    elif remote:
        commands = (
            ("dvc", "remote", "modify", "--unset", name, key),
            ("dvc", "remote", "modify", "--local", name, key, "THE NEW ONE" if is_old else "THE SAME"),
        )
    else:
        commands = (
            ("dvc", "config", "--unset", f"{name}.{key}"),
            ("dvc", "config", "--local", f"{name}.{key}", "VALUE"),
        )
    problem = f".dvc/config holds a secret ({name}: {'a part of ' if key == 'url' else ''}{key})"
    reason = (
        "Git has it already: everybody with the repository has it, so make a new one where it was issued"
        if is_old
        else "the next commit would give it to everybody who has the repository"
    )
    note = "the second command writes .dvc/config.local, which Git does not see"
    return Finding(problem, reason, commands, note=note)


def unverified_remote_findings(config: DvcConfig) -> list[Finding]:
    """Return a finding for each remote without `verify = true`."""
    findings = []
    for section in dict.fromkeys([*config.committed, *config.local]):
        name = REMOTE_SECTION.match(section)
        options = {**config.committed.get(section, {}), **config.local.get(section, {})}
        if name is None or options.get("verify", "").lower() == "true":
            continue
        scope = () if section in config.committed else ("--local",)
        command = ("dvc", "remote", "modify", *scope, name[1], "verify", "true")
        problem = f"remote {name[1]} has no `verify = true`"
        findings.append(Finding(problem, "DVC does not check what it pulls from there", (command,), is_safe=True))
    return findings


def relative_remote_findings(config: DvcConfig) -> list[Finding]:
    """Return a finding for each remote with a relative path, which `dvc exp push` would look for below `/`."""
    findings = []
    for section, values in config.committed.items():
        name, url = REMOTE_SECTION.match(section), values.get("url", "~")
        if name is None or "://" in url or url.startswith("~") or PurePath(url).is_absolute():
            continue
        problem = f"remote {name[1]} has a relative path: {url}"
        reason = f"`dvc exp push` would copy to /.dvc/{url}: for a commit, DVC takes the path from the root of the disk"
        command = ("dvc", "remote", "modify", name[1], "url", "AN ABSOLUTE PATH OR AN ADDRESS")
        note = "commit .dvc/config afterwards; existing experiments keep the remote that they were made with"
        findings.append(Finding(problem, reason, (command,), note=note))
    return findings


def check_settings(config: DvcConfig) -> CheckResult:
    """Look at DVC's settings."""
    findings = [
        *secret_findings(config),
        *unverified_remote_findings(config),
        *relative_remote_findings(config),
    ]
    return CheckResult("settings", f".dvc/config; remotes: {len(remote_names(config))}", findings)


def check_line_ends(stages: Lock) -> CheckResult:
    """Look at the files that stages read and none writes: Git must not store other bytes than DVC has hashed.

    Args:
        stages: of dvc.lock; the current folder is in a Git repository.
    """
    made = {path for stage in stages.values() for path in stage.outs}
    read = sorted({path for stage in stages.values() for path in stage.deps} - made)
    try:
        changed = find_changed_line_ends(read)
    except RunError as error:  # one lies outside of the repository, which other commands refuse
        return CheckResult("line ends", f"not looked at: {error.problems[0]}", [])
    reason = "each clone would run the pipeline again"
    problem = "{}: Git stores it with other line ends than DVC hashes here"
    findings = [Finding(problem.format(file.path), reason, note=keeping_step(file)) for file in changed]
    return CheckResult("line ends", f"files and folders that stages read: {len(read)}", findings)
