"""Manifests: how a web service is asked for its records, and what they mean; data, no code."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

import msgspec
from msgspec import Struct, field

from rapport.errors import NotFound

_FOLDER = resources.files("rapport.collect") / "manifests"


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account of the service needs, such as a token."""

    label: str
    secret: bool = False
    default: str | None = None


class Cursor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What grows from record to record, so that the next visit asks for newer ones only.

    Attributes
    ----------
    path : str
        Of the value in a record, dotted.
    param : str, optional
        The query parameter that asks for what is newer. None: the service cannot be asked, so all
        is read and what is older is left out here.
    start : str
        Where the first visit begins.
    template : str
        How the parameter is written, ``{value}`` standing for the cursor.
    """

    path: str
    param: str | None = None
    start: str = "2000-01-01T00:00:00Z"
    template: str = "{value}"


class Stream(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of records of a service.

    Attributes
    ----------
    path : str
        After the base URL; ``{name}`` stands for a setting.
    records : str
        JSONPath of the records in an answer; ``$`` where the answer is the list.
    paginator : dict
        In place of the manifest's, as dlt's REST source names them; an empty text means "none".
    """

    label: str
    kind: str
    path: str
    method: str = "GET"
    params: dict[str, Any] = {}
    json: dict[str, Any] | None = None
    records: str = "$"
    primary_key: str | None = None
    cursor: Cursor | None = None
    paginator: dict[str, Any] | None = None
    columns: dict[str, str] = {}
    constants: dict[str, str | int | float | bool] = {}
    values: dict[str, dict[str, str | int | float | bool]] = {}
    items: dict[str, str] = {}
    file: dict[str, str] = {}


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One web service."""

    label: str
    category: str
    docs: str
    base_url: str
    settings: dict[str, Asked] = {}
    auth: dict[str, Any] = {}
    headers: dict[str, str] = {}
    paginator: dict[str, Any] = field(default_factory=lambda: {"type": "single_page"})
    streams: dict[str, Stream]

    def stream(self, name: str) -> Stream:
        """The stream of that name.

        Raises
        ------
        NotFound
            Listing those that there are.
        """
        if name not in self.streams:
            raise NotFound(f"{self.label} has no stream {name!r}: {', '.join(self.streams)}")
        return self.streams[name]


#: The services that are described, by the names of their files.
MANIFESTS: tuple[str, ...] = tuple(
    sorted(
        each.name.removesuffix(".toml") for each in _FOLDER.iterdir() if each.name.endswith(".toml")
    )
)


@cache
def find_manifest(name: str) -> Manifest:
    """The manifest of a service.

    Raises
    ------
    NotFound
        If there is none of that name.
    """
    if name not in MANIFESTS:
        raise NotFound(f"No service {name!r} is described; see `rapport sources kinds`")
    text = (_FOLDER / f"{name}.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Manifest, strict=False)
