"""Secrets and remotes in config.

Secrets where Git sees them, remotes whose files nobody checks, and remotes that DVC looks for elsewhere.

DVC's settings of the project: the committed ones and those of this machine.
"""

import configparser
import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import NamedTuple

from relight.doctor.finding import CheckResult, Command, Finding
from relight.repository.git import read_files_at

ConfigMapping = Mapping[str, Mapping[str, str]]
SECRET_OPTION = re.compile(
    r"(access_key_id|secret_access_key|session_token|password|passphrase|token|sas_token|account_key|client_secret"
    r"|connection_string|sse_customer_key|oss_key_id|oss_key_secret|gdrive_client_secret"
    r"|gdrive_service_account_json_file_content|custom_auth_header)$"
)
PASSWORD_IN_URL = re.compile(r"^\w+://[^/@\s]*:[^/@\s]+@")
REMOTE_SECTION = re.compile(r'remote "(.+)"$')
COMMITTED_CONFIG, LOCAL_CONFIG = Path(".dvc/config"), Path(".dvc/config.local")
Config = dict[str, dict[str, str]]  # section → key → value


def secret_findings(committed: ConfigMapping, in_history: ConfigMapping) -> list[Finding]:
    """
    Args:
        committed: .dvc/config, by section and key.
        in_history: that of the last commit.
    """
    return [
        _secret_finding(section, key, is_old=in_history.get(section, {}).get(key) == value)
        for section, values in committed.items()
        for key, value in values.items()
        if (SECRET_OPTION.match(key) and value) or PASSWORD_IN_URL.match(value)
    ]


def unverified_remote_findings(committed: ConfigMapping, local: ConfigMapping) -> list[Finding]:
    """Each remote without `verify = true`."""
    findings = []
    for section in dict.fromkeys([*committed, *local]):
        name = REMOTE_SECTION.match(section)
        if name is None or {**committed.get(section, {}), **local.get(section, {})}.get("verify", "").lower() == "true":
            continue
        where = () if section in committed else ("--local",)
        what = f"remote {name[1]} has no `verify = true`"
        why = "DVC believes what it pulls, whatever happened to it there"
        findings.append(Finding(what, why, (("dvc", "remote", "modify", *where, name[1], "verify", "true"),), True))
    return findings


def relative_remote_findings(committed: ConfigMapping) -> list[Finding]:
    """Each remote that `dvc exp push` would not find, for it would look below the root of the disk."""
    findings = []
    for section, values in committed.items():
        name, url = REMOTE_SECTION.match(section), values.get("url", "~")
        if name is None or "://" in url or url.startswith("~") or PurePath(url).is_absolute():
            continue
        why = (
            f"`dvc exp push` would copy to /.dvc/{url}: in a commit, DVC begins a relative path at the root of the disk"
        )
        mend = (("dvc", "remote", "modify", name[1], "url", "AN ABSOLUTE PATH OR AN ADDRESS"),)
        remark = "commit .dvc/config after it; experiments that are there already keep the one they were made with"
        findings.append(Finding(f"remote {name[1]} has a relative path: {url}", why, mend, note=remark))
    return findings


def remote_names(committed: ConfigMapping, local: ConfigMapping) -> list[str]:
    sections = dict.fromkeys([*committed, *local])
    return [name[1] for section in sections if (name := REMOTE_SECTION.match(section)) is not None]


def _secret_finding(section: str, key: str, *, is_old: bool) -> Finding:
    """The value is nowhere in it."""
    remote = REMOTE_SECTION.match(section)
    name = remote[1] if remote else section
    history = "Git has it already: whoever has the repository has it, so make a new one where it comes from"
    mend: tuple[Command, ...]
    if key == "url":
        mend = (
            ("dvc", "remote", "modify", name, "url", "THE URL WITHOUT IT"),
            ("dvc", "remote", "modify", "--local", name, "password", "A NEW PASSWORD"),
        )
    elif remote:
        mend = (
            ("dvc", "remote", "modify", "--unset", name, key),
            ("dvc", "remote", "modify", "--local", name, key, "THE NEW ONE" if is_old else "THE SAME"),
        )
    else:
        mend = (("dvc", "config", "--unset", f"{name}.{key}"), ("dvc", "config", "--local", f"{name}.{key}", "VALUE"))
    what = f".dvc/config holds a secret ({name}: {'a password in ' if key == 'url' else ''}{key})"
    why = history if is_old else "the next commit would give it to everybody who has the repository"
    return Finding(what, why, mend, note="the second command writes .dvc/config.local, which Git does not see")


class DvcConfig(NamedTuple):
    """
    Attributes:
        in_history: what .dvc/config says in the last commit.
    """

    committed: Config
    local: Config
    in_history: Config


def read_dvc_config(*, has_git: bool) -> DvcConfig:
    old = read_files_at([("HEAD", str(COMMITTED_CONFIG))]).values() if has_git else ()
    return DvcConfig(
        _read_file(COMMITTED_CONFIG), _read_file(LOCAL_CONFIG), next((_parse_config(text) for text in old), {})
    )


def _read_file(path: Path) -> Config:
    return _parse_config(path.read_bytes()) if path.exists() else {}


def _parse_config(text: bytes) -> Config:
    """What cannot be read is nothing: DVC itself says so at every command."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        parser.read_string(text.decode())
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return {name.strip("'"): {key: value or "" for key, value in parser[name].items()} for name in parser.sections()}


def check_settings(has_commit: bool) -> CheckResult:
    config = read_dvc_config(has_git=has_commit)
    names = remote_names(config.committed, config.local)
    findings = secret_findings(config.committed, config.in_history)
    findings += unverified_remote_findings(config.committed, config.local)
    findings += relative_remote_findings(config.committed)
    return CheckResult("settings", f".dvc/config; remotes: {len(names)}", findings)
