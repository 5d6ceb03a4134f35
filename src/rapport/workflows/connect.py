"""Connecting a source that Rapport fetches from: what there is, what each asks, and trying it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from rapport.collect.connectors import KINDS, connector_of
from rapport.collect.manifest import MANIFESTS, find_manifest
from rapport.errors import InvalidInput, NotFound
from rapport.workflows.company import Company
from rapport.workflows.pull import Tried, connect_source, try_source
from rapport.workflows.sources import RATES, source_name

#: Ways to fetch that need no manifest, with their categories.
GENERIC: Mapping[str, str] = {
    "files": "files", "imap": "mail", "singer": "taps", "sql": "databases",
}  # fmt: skip
#: What most companies connect first.
_USUAL = ("contacts", "orders")
#: How often a source can be fetched, as its TOML says it; "" is when asked.
SCHEDULES = ("15m", "1h", "6h", "1d", "")


class Ask(Struct, frozen=True, kw_only=True):
    """Something a form asks.

    Attributes
    ----------
    label : str
        As the service's manifest says it; "" where the pages have words of their own.
    secret : bool
        To be given as a reference to where it lies.
    """

    name: str
    label: str = ""
    secret: bool = False
    required: bool = True
    default: str = ""


class Offered(Struct, frozen=True, kw_only=True):
    """Something that can be connected.

    Attributes
    ----------
    key : str
        In addresses: "sql", "files", "imap", "singer", or a service's name.
    streams : tuple of (str, str)
        Names and labels of what a service holds.
    kinds : tuple of str
        What its records can be, where nobody but the user knows.
    """

    key: str
    label: str
    category: str
    asks: tuple[Ask, ...]
    streams: tuple[tuple[str, str], ...] = ()
    kinds: tuple[str, ...] = ()
    docs: str = ""


_ASKS: Mapping[str, tuple[Ask, ...]] = {
    "files": (
        Ask(name="url"),
        Ask(name="pattern", default="*.csv"),
    ),
    "imap": (
        Ask(name="host"),
        Ask(name="user"),
        Ask(name="password", secret=True),
        Ask(name="folder", default="INBOX"),
    ),
    "singer": (
        Ask(name="command"),
        Ask(name="stream"),
        Ask(name="config", required=False),
    ),
    "sql": (
        Ask(name="url", secret=True),
        Ask(name="table"),
        Ask(name="schema", required=False),
        Ask(name="cursor", required=False),
    ),
}


class Filled(Struct, frozen=True, kw_only=True):
    """What a form says.

    Attributes
    ----------
    answers : mapping
        Of `Offered.asks`.
    columns : str
        A line for each field: ``our_field = their column``.
    every : str
        One of `SCHEDULES`.
    """

    key: str
    source: str = ""
    label: str = ""
    stream: str = ""
    kind: str = ""
    answers: Mapping[str, str] = {}
    columns: str = ""
    every: str = "1d"
    expected_every_hours: str = ""


def offered(words: str = "") -> list[Offered]:
    """Everything that can be connected whose name or category has all of ``words``."""
    found = [find_offered(key) for key in (*GENERIC, *MANIFESTS)]
    asked = words.casefold().split()
    return [
        each
        for each in sorted(found, key=lambda o: (o.category, o.label.casefold()))
        if all(word in f"{each.key} {each.label} {each.category}".casefold() for word in asked)
    ]


def find_offered(key: str) -> Offered:
    """One of them.

    Raises
    ------
    NotFound
        If there is none of that name.
    """
    if key in GENERIC:
        return Offered(key=key, label="", category=GENERIC[key], asks=_ASKS[key], kinds=_kinds(key))
    if key not in MANIFESTS:
        raise NotFound(f"There is no {key!r} to connect; see the catalogue")
    manifest = find_manifest(key)
    return Offered(
        key=key,
        label=manifest.label,
        category=manifest.category,
        docs=manifest.docs,
        asks=tuple(
            Ask(name=name, label=asked.label, secret=asked.secret, default=asked.default or "")
            for name, asked in manifest.settings.items()
        ),
        streams=tuple((name, stream.label) for name, stream in manifest.streams.items()),
    )


def _kinds(key: str) -> tuple[str, ...]:
    """What the records of a way to fetch can be, the usual ones first."""
    if key == "imap":
        return ("email",)
    others = tuple(kind for kind in KINDS if kind not in (*_USUAL, RATES, "segment"))
    if key != "files":  # rows of a table are no file with a format of its own
        others = tuple(kind for kind in others if connector_of(kind).records is None)
    return (*_USUAL, *others)


def written_of(filled: Filled) -> dict[str, Any]:
    """The document that a form's answers are, as somebody would have written it in TOML.

    Raises
    ------
    InvalidInput
        Naming the first answer that cannot be.
    """
    what = find_offered(filled.key)
    answers = {
        ask.name: (filled.answers.get(ask.name) or "").strip() or ask.default for ask in what.asks
    }
    answers = {name: value for name, value in answers.items() if value}
    document: dict[str, Any] = {"source": source_name(filled.source)}
    if filled.label.strip():
        document["label"] = " ".join(filled.label.split())[:200]
    if filled.every:
        document["every"] = filled.every
    if filled.expected_every_hours.strip():
        try:
            document["expected_every_hours"] = int(filled.expected_every_hours)
        except ValueError as problem:
            raise InvalidInput("Hours are a whole number, such as 24") from problem
    if filled.key in GENERIC:
        document["kind"] = filled.kind or what.kinds[0]
        pull: dict[str, Any] = {"from": filled.key, **answers}
        if filled.key == "singer":
            pull["command"] = answers.get("command", "").split()
            pull["config"] = lines_of(answers.get("config", ""))
        document["pull"] = pull
    else:
        document["pull"] = {
            "from": "rest", "manifest": filled.key, "stream": filled.stream, "settings": answers,
        }  # fmt: skip
    if columns := lines_of(filled.columns):
        document["columns"] = columns
    return document


def lines_of(text: str) -> dict[str, str]:
    """Lines of ``name = value``.

    Raises
    ------
    InvalidInput
        Quoting the line that reads otherwise.
    """
    found = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, is_, value = line.partition("=")
        if not is_ or not name.strip() or not value.strip():
            raise InvalidInput(f"Write one field a line as `field = column`, not {line.strip()!r}")
        found[name.strip()] = value.strip().strip('"')
    return found


def read_toml(text: str, where: str) -> dict[str, Any]:
    """A document somebody wrote.

    Raises
    ------
    InvalidInput
        If it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise InvalidInput(f"{where} is not TOML: {problem}") from problem


def connect_filled(company: Company, filled: Filled, *, actor: str) -> str:
    """Connect what a form describes; returns the source's name."""
    return connect_source(company, written_of(filled), "the form", actor=actor, on_server=False)


def try_filled(company: Company, filled: Filled) -> Tried:
    """Try what a form describes."""
    return try_source(company, written_of(filled), "the form", on_server=False)


def fields_of(kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Fields that records of a kind need, and those that they may have."""
    connector = connector_of(kind)
    return connector.required, connector.optional


__all__ = [
    "GENERIC",
    "SCHEDULES",
    "Ask",
    "Filled",
    "Offered",
    "Tried",
    "connect_filled",
    "fields_of",
    "find_offered",
    "lines_of",
    "offered",
    "read_toml",
    "try_filled",
    "written_of",
]
