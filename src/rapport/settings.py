"""Every setting: its type, default and meaning. Nothing else reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TypeVar, get_type_hints

import msgspec

from rapport.errors import InvalidSettings

PREFIX = "RAPPORT_"
T = TypeVar("T")


class Secret(str):
    """A value that never shows itself in logs, errors or tracebacks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('********')"

    def __str__(self) -> str:
        return "********"

    def __format__(self, form: str) -> str:
        return format(str(self), form)

    def reveal(self) -> str:
        """The value itself, for the one place that needs it."""
        return str.__str__(self)


def _setting(default: T, meaning: str) -> T:
    """A field; typed as its default, as `dataclasses.field` is."""
    made: T = field(default=default, metadata={"meaning": meaning})
    return made


def is_reference(value: str) -> bool:
    """Whether a value stands for a secret that lies elsewhere: ``env:NAME`` or ``file:PATH``."""
    return value.startswith(("env:", "file:")) and not value.startswith("file://")


def read_reference(value: str) -> Secret:
    """The secret that a reference stands for; any other value is itself.

    Raises
    ------
    InvalidSettings
        Naming the variable or file that is missing.
    """
    if not is_reference(value):
        return Secret(value)
    where, _, name = value.partition(":")
    if where == "env":
        if name not in os.environ:
            raise InvalidSettings(f"The environment variable {name} is not set on this machine")
        return Secret(os.environ[name])
    try:
        return Secret(Path(name).read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"The secret's file {name} cannot be read") from error


def _address(host: str, port: int) -> str:
    """Where a browser on this machine finds what is served on ``host``."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  # every address of the machine; none to visit
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How this installation runs. All have defaults: the product starts with none set."""

    data: str = _setting("rapport-data", "folder that holds the whole company")
    ledger_url: Secret = _setting(  # it names a PostgreSQL server with the password
        Secret(""), "ledger database; empty: SQLite in the data folder; or postgresql://…"
    )
    lake_url: str = _setting("", "folder of the lake's Delta tables; empty: in the data folder")
    host: str = _setting("127.0.0.1", "address to serve on")
    port: int = _setting(8000, "port to serve on")
    smtp_host: str = _setting("", "mail server; empty: messages wait in the outbox")
    smtp_port: int = _setting(25, "port of the mail server")
    smtp_user: str = _setting("", "user name at the mail server")
    smtp_password: Secret = _setting(Secret(""), "password at the mail server")
    smtp_starttls: bool = _setting(False, "upgrade the connection to TLS before sending")
    mail_from: str = _setting("rapport@localhost", "sender address of alerts and messages")
    public_url: str = _setting(
        "", "address at which users reach the pages; empty: that of `host` and `port`"
    )
    memory_limit_mb: int = _setting(2048, "memory that questions to the lake may use")
    threads: int = _setting(0, "processor threads for questions; 0: all")
    workers: int = _setting(1, "processes that serve requests")
    source_secrets: str = _setting(
        "SOURCE_*", "environment variables that sources connected from the pages may use"
    )
    source_folders: str = _setting(
        "", "folders that such sources may read; empty: `inbox` in the data folder"
    )
    real_data: str = _setting(
        "../shared/data", "folder of public data sets that `rapport certify identity` measures with"
    )
    source_taps: str = _setting("", "Singer taps that such sources may run; empty: none")

    def __post_init__(self) -> None:
        if not self.public_url:
            object.__setattr__(self, "public_url", _address(self.host, self.port))

    def served_at(self, *, host: str | None = None, port: int | None = None) -> Settings:
        """These settings for another address; the pages' address follows unless it was set."""
        at = (self.host if host is None else host, self.port if port is None else port)
        followed = self.public_url == _address(self.host, self.port)
        public_url = _address(*at) if followed else self.public_url
        return replace(self, host=at[0], port=at[1], public_url=public_url)

    @property
    def folder(self) -> Path:
        """The data folder."""
        return Path(self.data)

    @property
    def ledger(self) -> str:
        """SQLAlchemy URL of the ledger, with its password."""
        if self.ledger_url:
            return self.ledger_url.reveal().replace("postgresql://", "postgresql+psycopg://", 1)
        return f"sqlite:///{self.folder / 'ledger.sqlite'}"

    @property
    def lake(self) -> str:
        """Folder or storage URL of the lake."""
        return self.lake_url or str(self.folder / "lake")


def read_settings(environment: Mapping[str, str] | None = None, **given: object) -> Settings:
    """Settings from the environment (`RAPPORT_PORT=…`), overridden by what is ``given``.

    Raises
    ------
    InvalidSettings
        Naming every wrong setting at once, and the valid ones for a name that does not exist.
    """
    environment = os.environ if environment is None else environment
    known = {f.name: f for f in fields(Settings)}
    types: dict[str, type] = get_type_hints(Settings)
    values: dict[str, object] = {}
    mistakes: list[str] = []
    for name, text in environment.items():
        if not name.startswith(PREFIX) or name.startswith((f"{PREFIX}TEST_", f"{PREFIX}REAL_")):
            continue
        key = name[len(PREFIX) :].lower()
        if key not in known:
            mistakes.append(f"{name} is not a setting (known: {', '.join(sorted(known))})")
            continue
        try:
            values[key] = (
                types[key](text)
                if issubclass(types[key], str)
                else msgspec.convert(text, types[key], strict=False)
            )
        except msgspec.ValidationError:
            mistakes.append(f"{name} must be {types[key].__name__}")
    values.update({k: v for k, v in given.items() if v is not None})
    if mistakes:
        raise InvalidSettings("; ".join(mistakes))
    return Settings(**values)  # type: ignore[arg-type]
