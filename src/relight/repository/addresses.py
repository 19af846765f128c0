"""Addresses of remotes and databases: the secrets in them, which no file that Git sees and no message may hold."""

import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote, unquote_plus

SECRET_IN_QUERY = re.compile(
    r".*(password|passwd|passphrase|pwd|token|secret|signature|credentials?|sas"
    r"|(api|access|account|private|secret)[-_]?key([-_]?id)?)|pass|pw|sig|key|auth|authorization|jwt",
    re.I,
)
TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w.~-]{20,}", re.ASCII)  # no name of a user is so long
NO_USER = re.compile(r"\[|[^:]*[/?#]|[^:]*:\d{1,5}[/?#]")  # a host, if the @ belongs to the path behind it


def url_secrets(url: str) -> list[str]:
    """Return the secrets in an address: the password, a token as the user's name, and those of its query.

    A password that should have been encoded is one, too: `ssh://me:pa/ss@host`.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return []
    query = re.split("[?#]", rest, maxsplit=1)[1:]
    return [secret for secret in (*_user_secrets(scheme, rest), *_query_secrets("".join(query))) if secret]


def _user_secrets(scheme: str, rest: str) -> Iterator[str]:
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    is_encoded = "@" in authority  # as it should be: the user ends at the first / of the address
    user, at, _ = (authority if is_encoded else rest).rpartition("@")
    name, _, password = user.partition(":") if ":" in user else unquote(user).partition(":")
    if not at or (not is_encoded and NO_USER.match(user)):
        return
    yield password
    if TOKEN.fullmatch(name) or (scheme.startswith("http") and not password):
        yield name


def _query_secrets(query: str) -> Iterator[str]:
    for pair in re.split("[&;?#]", query):
        name, _, value = pair.partition("=")
        if SECRET_IN_QUERY.fullmatch(unquote_plus(name).strip()):
            yield value
        elif "=" in (inner := unquote_plus(value)):  # odbc_connect=DRIVER%3D...%3BPWD%3D...
            yield from _query_secrets(inner)


def without_password(text: str) -> str:
    """Return the text with `***` for the secrets of the addresses in it."""
    return re.sub(r"[A-Za-z][\w+.-]*://\S+", lambda found: _hidden(found[0]), text)


def _hidden(url: str) -> str:
    for secret in url_secrets(url):
        forms = "|".join(re.escape(form) for form in (secret, quote(secret, safe=""), quote_plus(secret)))
        url = re.sub(f"([:=/]|%3[ADad])(?:{forms})", r"\1***", url)
    return url
