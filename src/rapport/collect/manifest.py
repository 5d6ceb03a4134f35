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

#: A cursor's format that counts since 1970.
SECONDS = "seconds"


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
        Of the value in a record, as a JSONPath.
    param : str, optional
        The query parameter that asks for what is newer. None: the service cannot be asked, so all
        is read and what is older is left out here. Where it is asked in a body or a header,
        ``{cursor}`` stands there for it in place of a parameter.
    start : str or int
        Where the first visit begins, written as in the records; a number counts seconds or
        milliseconds since 1970.
    template : str
        How the parameter is written, ``{value}`` standing for the cursor.
    format : str, optional
        How the service wants the moment to be written, as `datetime.strftime` writes it in UTC,
        or ``seconds`` since 1970; for services that ask for it in another way than they tell it.
    lag_days : int
        How far each visit looks back, for services that can only be asked for what was created
        since: a payment may be settled days after it was made.
    """

    path: str
    param: str | None = None
    start: str | int = "2000-01-01T00:00:00Z"
    template: str = "{value}"
    format: str | None = None
    lag_days: int = 0


class Stream(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of records of a service.

    Attributes
    ----------
    path : str
        After the base URL; ``{name}`` stands for a setting.
    records : str
        JSONPath of the records in an answer; ``$`` where the answer is the list.
    paginator : dict
        In place of the manifest's, as dlt's REST source names them, or one of `pulls.paginators`;
        an empty text means "none".
    ended_by : int or tuple of int, optional
        The HTTP status that says there is nothing, or nothing more: 204, 304 or 404.
    constants, values, file : dict
        ``{name}`` stands for a setting, such as the shop in a namespace of customer numbers.
    """

    label: str
    kind: str
    path: str
    method: str = "GET"
    params: dict[str, Any] = {}
    headers: dict[str, str] = {}
    json: dict[str, Any] | None = None
    records: str = "$"
    primary_key: str | None = None
    cursor: Cursor | None = None
    paginator: dict[str, Any] | None = None
    ended_by: int | tuple[int, ...] | None = None
    columns: dict[str, str] = {}
    constants: dict[str, str | int | float | bool] = {}
    values: dict[str, dict[str, str | int | float | bool]] = {}
    items: dict[str, str] = {}
    file: dict[str, Any] = {}


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One web service.

    Attributes
    ----------
    auth : dict
        As dlt's REST source names it; and ``type = "oauth2_token"``, which asks
        `access_token_url` for a token with the form `access_token_request_data`, and with
        `client_id` and `client_secret` by HTTP's basic authentication where they are stated;
        `scheme` is the word before the token where that is not "Bearer".
    """

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
