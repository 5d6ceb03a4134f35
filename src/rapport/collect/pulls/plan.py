"""What a source's TOML says about fetching: from where, how often, with which secrets."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from rapport.collect.manifest import MANIFESTS, find_manifest
from rapport.collect.mapping import Mapping, mapping_from
from rapport.errors import InvalidInput, InvalidMapping
from rapport.settings import is_reference

_EVERY = re.compile(r"(\d{1,4})\s*(m|h|d)")
_MINUTES = {"m": 1, "h": 60, "d": 1440}
#: Options of storage and taps whose values open doors.
_SECRET_WORDS = ("password", "secret", "token", "key", "credential", "passphrase")
#: Names like secrets that hold none.
_NO_SECRETS = frozenset({"key_filename", "primary_key", "replication_key", "access_key_id", "key"})


class SqlPull(Struct, frozen=True, kw_only=True, tag_field="from", tag="sql", omit_defaults=True):
    """A table or view of a database, by SQLAlchemy.

    Attributes
    ----------
    url : str
        SQLAlchemy URL; where it holds a password, a reference to it such as ``env:CRM_URL``.
    cursor : str, optional
        A column that only grows, such as ``updated_at``: the next time only newer rows are read.
        Without one the whole table is read each time, and what is known already is kept once.
    """

    url: str
    table: str
    schema: str | None = None
    cursor: str | None = None
    chunk_rows: int = 50_000


class FilesPull(
    Struct, frozen=True, kw_only=True, tag_field="from", tag="files", omit_defaults=True
):
    """Files of a folder, bucket or server that fsspec knows; each version is read once.

    Attributes
    ----------
    url : str
        Of the folder: ``file:///exports``, ``s3://bucket/folder``, ``sftp://host/folder`` …; or of
        what is in an archive: ``zip://::ftp://host/exports.zip``.
    pattern : str
        Of the files' names below it; ``**/*.csv`` reaches into folders.
    options : dict
        For the storage, as fsspec names them, in tables by protocol where the URL names several;
        secrets by reference.
    """

    url: str
    pattern: str = "*"
    options: dict[str, Any] = {}


class RestPull(Struct, frozen=True, kw_only=True, tag_field="from", tag="rest", omit_defaults=True):
    """A web service that a manifest describes.

    Attributes
    ----------
    settings : dict of str to str
        What the manifest asks for; secrets by reference.
    since : str, optional
        Where to begin the first time; the manifest states a default.
    """

    manifest: str
    stream: str
    settings: dict[str, str] = {}
    since: str | None = None


class SingerPull(
    Struct, frozen=True, kw_only=True, tag_field="from", tag="singer", omit_defaults=True
):
    """A Singer tap that is installed on this machine, run as a process of its own.

    Attributes
    ----------
    command : tuple of str
        The tap and its own options, such as ``("/opt/tap-x/bin/tap-x",)``.
    config : dict
        Of the tap; secrets by reference.
    catalog : str, optional
        Path of a catalog file; without one the tap's own discovery is used, this stream selected.
    """

    command: tuple[str, ...]
    stream: str
    config: dict[str, Any] = {}
    catalog: str | None = None


class ImapPull(Struct, frozen=True, kw_only=True, tag_field="from", tag="imap", omit_defaults=True):
    """A folder of a mailbox; messages stay there, unread ones unread."""

    host: str
    user: str
    password: str
    port: int = 993
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    folder: str = "INBOX"
    most: int = 5_000  # messages of one visit; the others come with the next


Pull = SqlPull | FilesPull | RestPull | SingerPull | ImapPull


class Plan(Struct, frozen=True, kw_only=True):
    """A source that is fetched: where from, how often, and what its records mean."""

    mapping: Mapping
    pull: Pull
    every_minutes: int | None = None  # None: only when asked
    timeout_minutes: int = 60


def read_plan(text: str, where: str) -> Plan:
    """The plan that a TOML document says: a mapping with a ``[pull]`` table.

    Raises
    ------
    InvalidMapping
        Naming what is wrong.
    """
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidMapping(f"{where} is not TOML: {error}") from error
    return plan_from(written, where)


def plan_from(written: dict[str, Any], where: str) -> Plan:
    """As `read_plan`, of a document that is read already."""
    rest = dict(written)
    stated = rest.pop("pull", None)
    every, timeout = rest.pop("every", None), rest.pop("timeout_minutes", 60)
    if not isinstance(stated, dict):
        raise InvalidMapping(f"{where}: a [pull] table must say where the data come from")
    try:
        pull = msgspec.convert(_forbidding(stated), Pull, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidMapping(f"{where}: [pull]: {error}") from error
    match pull:
        case RestPull():
            rest = _with_manifest(pull, rest, where)
        case SqlPull():
            rest["file"] = {**rest.get("file", {}), "format": "parquet"}
        case SingerPull():
            rest["file"] = {**rest.get("file", {}), "format": "jsonl"}
        case ImapPull():
            rest = {"kind": "email", **rest}
    if mistakes := [*_mistakes(pull)]:
        raise InvalidMapping(f"{where}: " + "; ".join(mistakes))
    if not isinstance(timeout, int) or not 1 <= timeout <= 1440:
        raise InvalidMapping(f"{where}: timeout_minutes must be from 1 to 1440")
    return Plan(
        mapping=mapping_from(rest, where),
        pull=pull,
        every_minutes=None if every is None else every_minutes(str(every)),
        timeout_minutes=timeout,
    )


def _forbidding(stated: dict[str, Any]) -> dict[str, Any]:
    """The table, if it has no unknown names: a misspelt option must not be passed over."""
    kinds = {each.__struct_config__.tag: each for each in Pull.__args__}
    kind = kinds.get(stated.get("from"))
    if kind is None:
        raise InvalidMapping(f"[pull] `from` must be one of {', '.join(map(str, kinds))}")
    unknown = sorted(set(stated) - {"from", *kind.__struct_fields__})
    if unknown:
        known = ", ".join(kind.__struct_fields__)
        raise InvalidMapping(f"[pull] does not know {', '.join(unknown)}; known are {known}")
    return stated


def every_minutes(text: str) -> int:
    """``15m``, ``6h``, ``1d`` → minutes.

    Raises
    ------
    InvalidInput
        If it reads otherwise, or is less than a minute or more than a year.
    """
    match = _EVERY.fullmatch(text.strip().lower())
    minutes = int(match[1]) * _MINUTES[match[2]] if match else 0
    if not 1 <= minutes <= 366 * 1440:
        raise InvalidInput(f"`every` must read as 15m, 6h or 1d, not {text!r}")
    return minutes


def _with_manifest(pull: RestPull, written: dict[str, Any], where: str) -> dict[str, Any]:
    """What the manifest says of the stream's records, under what the TOML itself says."""
    manifest = find_manifest(pull.manifest)
    stream = manifest.stream(pull.stream)
    open_settings = {
        name: pull.settings.get(name) or asked.default or ""
        for name, asked in manifest.settings.items()
        if not asked.secret
    }
    base: dict[str, Any] = {
        "source": f"{pull.manifest}_{pull.stream}",
        "kind": stream.kind,
        "columns": stream.columns,
        "constants": _with_settings(stream.constants, open_settings),
        "values": _with_settings(stream.values, open_settings),
        "items": stream.items,
        "file": {"format": "jsonl", **_with_settings(stream.file, open_settings)},
    }
    if "kind" in written and written["kind"] != stream.kind:
        raise InvalidMapping(f"{where}: stream {pull.stream} holds {stream.kind}")
    merged = {**base, **written}
    for name in ("columns", "constants", "values", "items", "file"):
        merged[name] = {**base[name], **written.get(name, {})}
    return merged


def _with_settings(said: dict[str, Any], settings: dict[str, str]) -> dict[str, Any]:
    """``{name}`` replaced by the setting in the texts of a table and of those in it."""
    filled = dict(said)
    for field, value in said.items():
        if isinstance(value, dict):
            filled[field] = _with_settings(value, settings)
        elif isinstance(value, str):
            for name, setting in settings.items():
                filled[field] = filled[field].replace("{" + name + "}", setting)
    return filled


def _mistakes(pull: Pull) -> Iterator[str]:
    if isinstance(pull, SqlPull):
        if not is_reference(pull.url):
            try:
                password = urlsplit(pull.url).password
            except ValueError:
                yield "`url` is no URL"
                return
            if password:
                yield "`url` holds a password; put it into the environment and write env:NAME"
    elif isinstance(pull, FilesPull):
        if not is_reference(pull.url) and any(urlsplit(p).password for p in pull.url.split("::")):
            yield "`url` holds a password; name user and password under [pull.options]"
        yield from _open_secrets(pull.options, "options")
    elif isinstance(pull, SingerPull):
        if not pull.command:
            yield "`command` must name the tap"
        yield from _open_secrets(pull.config, "config")
    elif isinstance(pull, ImapPull):
        if not is_reference(pull.password):
            yield "`password` must be a reference: env:NAME or file:PATH"
    else:
        manifest = find_manifest(pull.manifest)
        for name, asked in manifest.settings.items():
            value = pull.settings.get(name, asked.default)
            if not value:
                yield f"[pull.settings] needs `{name}`: {asked.label}"
            elif asked.secret and not is_reference(value):
                yield f"[pull.settings] `{name}` is a secret; write env:NAME or file:PATH"
        unknown = sorted(set(pull.settings) - set(manifest.settings))
        if unknown:
            yield f"{manifest.label} does not ask for {', '.join(unknown)}"


def _open_secrets(options: dict[str, Any], where: str) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, dict):
            yield from _open_secrets(value, f"{where}.{name}")
        if (
            name == "auth"
            and isinstance(value, list)
            and not is_reference("".join(map(str, value[-1:])))
        ):
            yield f"The last of `auth` of [pull.{where}] is a secret; write env:NAME or file:PATH"
        like = any(word in name.lower() for word in _SECRET_WORDS) and name not in _NO_SECRETS
        if like and isinstance(value, str) and not is_reference(value):
            yield f"`{name}` of [pull.{where}] is a secret; write env:NAME or file:PATH"


__all__ = ["MANIFESTS", "Plan", "Pull", "every_minutes", "plan_from", "read_plan"]
