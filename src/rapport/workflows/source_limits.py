"""What a source may reach when it is connected from the pages or the API, not on the server itself.

Whoever connects a source names addresses, files, secrets and programs of the server. On the
server's command line that gives nothing that its user has not; over the network it would let an
administrator of Rapport read any file, hand out any secret and run any program. So the server's
owner says what may be named there: `source_secrets`, `source_folders` and `source_taps`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from rapport.collect.pulls.plan import FilesPull, Plan, SingerPull, SqlPull
from rapport.errors import NotAllowed
from rapport.settings import Settings, is_reference

#: Storages elsewhere; what they hold is not this machine's.
_REMOTE = frozenset(
    {
        *("ftp", "ftps", "http", "https", "webdav", "s3", "s3a", "gs", "gcs", "abfs", "abfss"),
        *("az", "adl", "sftp", "ssh", "smb", "hdfs", "webhdfs", "b2", "oss", "box", "dropbox"),
    }
)
#: Wrappers that read what stands behind them in a chain of addresses.
_INSIDE = frozenset({"zip", "tar", "gzip"})
#: Options of fsspec that name another storage or a file of this machine.
_REACHING = frozenset(
    {"fo", "protocol", "target_protocol", "target_options", "cache_storage", "auto_mkdir"}
)
#: Databases that are files.
_FILES = frozenset({"sqlite", "duckdb", "access", "dbf"})


def require_within_limits(plan: Plan, settings: Settings) -> None:
    """Refuse a plan that names what the server's owner has not opened.

    Raises
    ------
    NotAllowed
        Naming it, and the setting that would open it.
    """
    for problem in _problems(plan, settings):
        raise NotAllowed(
            f"{problem}; or connect the source on the server: rapport sources connect FILE.toml"
        )


def _problems(plan: Plan, settings: Settings) -> Iterator[str]:
    pull = plan.pull
    for reference in _references(msgspec.to_builtins(pull)):
        where, _, name = reference.partition(":")
        patterns = _listed(settings.source_secrets)
        if where == "env" and not any(fnmatchcase(name, pattern) for pattern in patterns):
            yield (
                f"Sources may use secrets named {', '.join(patterns) or 'nothing'}, not {name}: "
                "give the variable such a name, or open it by RAPPORT_SOURCE_SECRETS"
            )
        if where == "file" and not _within(name, (settings.folder / "secrets",)):
            yield (
                "Files of secrets must lie in the folder `secrets` of the data folder, not at "
                f"{name}"
            )
    if isinstance(pull, SingerPull) and not any(
        fnmatchcase(pull.command[0], pattern) for pattern in _listed(settings.source_taps)
    ):
        yield f"The program {pull.command[0]} is not opened by RAPPORT_SOURCE_TAPS"
    if isinstance(pull, SqlPull) and not is_reference(pull.url):
        address = urlsplit(pull.url)
        if address.scheme.partition("+")[0] in _FILES:
            yield from _local(unquote(address.path).removeprefix("/"), settings)
    if isinstance(pull, FilesPull):
        yield from _storage(pull, settings)


def _storage(pull: FilesPull, settings: Settings) -> Iterator[str]:
    for part in pull.url.split("::"):
        protocol, separator, path = part.partition("://")
        if not separator:
            protocol, path = ("", part) if part not in _INSIDE else (part, "")
        if protocol in ("", "file", "local"):
            yield from _local(unquote(path), settings)
        elif protocol not in _REMOTE | _INSIDE:
            yield f"Storages of kind {protocol} are not reached from the pages"
    if reaching := sorted(_REACHING & set(pull.options)):
        yield f"The options {', '.join(reaching)} are not taken from the pages"


def _local(path: str, settings: Settings) -> Iterator[str]:
    folders = [Path(each) for each in _listed(settings.source_folders)]
    folders = folders or [settings.folder / "inbox"]
    if not _within(path, folders):
        allowed = ", ".join(map(str, folders))
        yield (
            f"Files of this server are read from {allowed} here, not from {path or 'anywhere'}: "
            "put them there, or open a folder by RAPPORT_SOURCE_FOLDERS"
        )


def _within(path: str, folders: Any) -> bool:
    if not path:
        return False
    resolved = Path(path).resolve()  # also where links lead
    return any(resolved.is_relative_to(folder.resolve()) for folder in folders)


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        if is_reference(part):
            yield part
    elif isinstance(part, dict):
        for each in part.values():
            yield from _references(each)
    elif isinstance(part, list | tuple):
        for each in part:
            yield from _references(each)
