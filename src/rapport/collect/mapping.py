"""A mapping: how one silo's files are written, and which of their columns mean what."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping as AnyMapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from rapport.collect.connectors import KINDS, connector_of
from rapport.collect.countries import country_code
from rapport.collect.currencies import currency_code
from rapport.collect.source_names import RULE, is_source_name
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import CHANNELS

#: Delimiter of files whose columns are separated by any number of spaces.
WHITESPACE = "whitespace"

FileKind = Literal["csv", "jsonl", "json", "parquet"]


class FileFormat(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a file's bytes become rows and cells."""

    format: FileKind = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: Literal[".", ","] = "."
    time_zone: str = "UTC"
    date_format: str | None = None
    #: Names of the columns of a file that has no header line.
    column_names: tuple[str, ...] = ()
    #: Fields whose amounts count the smallest unit of the row's currency: cents of EUR, yen of JPY.
    minor_units: tuple[str, ...] = ()
    #: Digits of that unit behind the point, for currencies where the silo leaves ISO 4217.
    minor_digits: dict[str, int] = {}


class Mapping(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a mapping file says; see the manual, *Import files*."""

    source: str
    kind: str
    label: str = ""
    expected_every_hours: int | None = None
    files: tuple[str, ...] = ()
    file: FileFormat = FileFormat()
    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    items: dict[str, str] = {}


class _Written(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As a person writes it: constants and values may be numbers or true."""

    source: str
    kind: str
    label: str = ""
    expected_every_hours: int | None = None
    files: tuple[str, ...] = ()
    file: FileFormat = FileFormat()
    columns: dict[str, str] = {}
    constants: dict[str, str | int | float | bool] = {}
    values: dict[str, dict[str, str | int | float | bool]] = {}
    items: dict[str, str] = {}


def mapping_from(written: AnyMapping[str, Any], where: str) -> Mapping:
    """The mapping that a document says, checked.

    Parameters
    ----------
    written : mapping
        As read from TOML or JSON.
    where : str
        Names the document in error messages.

    Raises
    ------
    InvalidMapping
        Naming every mistake at once.
    """
    try:
        given = msgspec.convert(written, _Written, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidMapping(f"{where}: {error}") from error
    mapping = Mapping(
        source=given.source.strip(),
        kind=given.kind,
        label=given.label or given.source,
        expected_every_hours=given.expected_every_hours,
        files=given.files,
        file=given.file,
        columns=given.columns,
        constants={name: _as_text(value) for name, value in given.constants.items()},
        values={
            field: {str(theirs): _as_text(ours) for theirs, ours in words.items()}
            for field, words in given.values.items()
        },
        items=given.items,
    )
    if mistakes := _mistakes(mapping):
        raise InvalidMapping(f"{where}: " + "; ".join(mistakes))
    return mapping


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mistakes(mapping: Mapping) -> list[str]:
    if mapping.kind not in KINDS:
        return [f"kind {mapping.kind!r} is not known; known are {', '.join(KINDS)}"]
    mistakes = []
    if not mapping.source:
        mistakes.append("`source` is empty; give the silo a name such as till_hu")
    elif not is_source_name(mapping.source):
        mistakes.append(f"source {mapping.source!r} cannot stand in an address; a name has {RULE}")
    connector = connector_of(mapping.kind)
    stated = {*mapping.columns, *mapping.constants}
    missing = [
        name
        for name in connector.required
        if not stated.intersection((name, *connector.instead.get(name, ())))
    ]
    if missing and connector.records is None:
        mistakes.append(
            f"a file of kind {mapping.kind} needs {', '.join(f'`{m}`' for m in missing)}; "
            "map them under [columns]"
        )
    mistakes.extend(connector.mapping_mistakes(mapping))
    constant = mapping.constants.get
    if (code := constant("country")) is not None and country_code(code) is None:
        mistakes.append(f"the constant country {code!r} is not in ISO 3166")
    if (code := constant("currency")) is not None and currency_code(code) is None:
        mistakes.append(f"the constant currency {code!r} is not in ISO 4217")
    if (channel := constant("channel")) is not None and channel not in CHANNELS:
        mistakes.append(f"the constant channel {channel!r} is not one of {', '.join(CHANNELS)}")
    try:
        ZoneInfo(mapping.file.time_zone)
    except (KeyError, ValueError, OSError):
        mistakes.append(f"time zone {mapping.file.time_zone!r} is not known, try Europe/Brussels")
    try:
        "".encode(mapping.file.encoding)
    except LookupError:
        mistakes.append(f"encoding {mapping.file.encoding!r} is not known, try utf-8 or cp1252")
    if mapping.file.delimiter != WHITESPACE and len(mapping.file.delimiter) != 1:
        mistakes.append("delimiter must be one character, or whitespace")
    return mistakes


def read_mapping(path: Path) -> Mapping:
    """The mapping in a TOML file.

    Raises
    ------
    InvalidMapping
        If it cannot be read, naming every mistake.
    """
    try:
        written = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidMapping(f"{path.name} is not TOML in UTF-8: {error}") from error
    except OSError as error:
        raise InvalidMapping(f"{path.name} cannot be read: {error.strerror}") from error
    return mapping_from(written, path.name)


def mapping_path(path: Path) -> Path:
    """Where the mapping of a file lies: beside it."""
    return path.with_name(path.name + ".mapping.toml")


def find_mapping(path: Path) -> Mapping | None:
    """The mapping beside ``path``: its own, or one whose `files` patterns match its name.

    An exact name comes before a pattern with stars: a folder may hold a silo's usual files and
    one that is written differently.
    """
    own = mapping_path(path)
    if own.exists():
        return read_mapping(own)
    matching: list[tuple[bool, Mapping]] = []
    for candidate in sorted(path.parent.glob("*.mapping.toml")):
        mapping = read_mapping(candidate)
        matching += [("*" in p, mapping) for p in mapping.files if path.match(p)]
    return min(matching, key=lambda match: match[0])[1] if matching else None


def mapping_toml(mapping: Mapping) -> str:
    """The mapping as its TOML file says it."""
    lines = [f"{name} = {_toml(getattr(mapping, name))}" for name in ("source", "label", "kind")]
    if mapping.expected_every_hours is not None:
        lines.append(f"expected_every_hours = {mapping.expected_every_hours}")
    if mapping.files:
        lines.append(f"files = {_toml(list(mapping.files))}")
    tables: dict[str, AnyMapping[str, Any]] = {
        "file": msgspec.to_builtins(mapping.file),
        "columns": mapping.columns,
        "constants": mapping.constants,
        **{f"values.{_toml_key(f)}": words for f, words in mapping.values.items()},
        "items": mapping.items,
    }
    for name, table in tables.items():
        if table:
            lines += ["", f"[{name}]"]
            lines += [f"{_toml_key(key)} = {_toml(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def write_mapping(mapping: Mapping, path: Path) -> None:
    """Save the mapping as TOML."""
    path.write_text(mapping_toml(mapping), "utf-8")


def _toml(value: Any) -> str:
    # TOML's basic strings are JSON's, but for the delete character, which JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml_key(key: str) -> str:
    plain = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if plain else _toml(key)


def with_columns(mapping: Mapping, pairs: AnyMapping[str, str]) -> Mapping:
    """``mapping`` with some columns named by hand, as `--map order_id=Bon` does.

    Columns of a file without a header line are also known by their place: `--map amount=5`.

    Raises
    ------
    InvalidMapping
        If something is then still wrong with it.
    """
    names = mapping.file.column_names
    named = {
        field: names[int(column) - 1]
        if column.isdecimal() and column not in names and 0 < int(column) <= len(names)
        else column
        for field, column in pairs.items()
    }
    taken = set(named.values())
    columns = {f: c for f, c in mapping.columns.items() if c not in taken} | named
    changed = msgspec.structs.replace(mapping, columns=columns)
    if mistakes := _mistakes(changed):
        raise InvalidMapping("; ".join(mistakes))
    return changed
