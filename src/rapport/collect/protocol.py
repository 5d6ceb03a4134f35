"""A protocol: how another tracker's requests are read as calls of the Segment protocol.

A protocol reads in two steps. `split` takes a request apart into pieces of JSON, one for each
event, and what the request says beside them. `translate` reads one piece as a call. A piece that is
refused is kept as it is, so that it can be translated again once we are mended.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from rapport.collect.event_checks import Refusal, depth
from rapport.collect.segment import read_json, without_half_characters

Method = Literal["GET", "POST"]
_DEEPEST = 200  # levels of nesting of a whole request


class Asked(Struct, frozen=True, kw_only=True):
    """A request, its body unpacked; `key` is what opened its source, which is not kept."""

    method: Method
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = {}
    body: bytes = b""
    key: str = ""
    received_at: datetime

    def parameter(self, name: str) -> str:
        """The first value of a parameter of the address; empty where there is none."""
        return next((value for key, value in self.query if key == name), "")

    def header(self, name: str) -> str:
        """A header's value, by its name in small letters; empty where there is none."""
        return self.headers.get(name, "")


class Pieces(Struct, frozen=True, kw_only=True):
    """A request taken apart: its events as JSON objects, and what it says beside them."""

    events: tuple[dict[str, Any], ...]
    said: dict[str, Any] = {}


class Call(Struct, frozen=True):
    """An event as a call of the Segment protocol.

    Attributes
    ----------
    nameless : bool
        Whether nobody need be named.
    each_counts : bool
        Whether it is one more event each time it arrives, where it has no id. So it is in protocols
        that know neither ids nor retries: two visitors who see one page would pass for a retry.
    """

    event: dict[str, Any]
    nameless: bool = False
    each_counts: bool = False


class EventRefused(Exception):
    """Ends the reading of an event or of a request; carries why."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, detail)


class Taken(Struct, frozen=True, kw_only=True):
    """What became of a request's events.

    `broken` is why the request as a whole was no use; `reasons` are those of its refused events,
    which stand at the places `refused_at`, counted from 0.
    """

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    broken: Refusal | None = None
    reasons: tuple[Refusal, ...] = ()
    refused_at: tuple[int, ...] = ()


class Reply(Struct, frozen=True, kw_only=True):
    """What a protocol's client is answered."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = {}


class Question(Struct, frozen=True, kw_only=True):
    """A request that sends no events and is answered at once, such as for a client's settings."""

    paths: tuple[str, ...]
    methods: tuple[Method, ...]
    answer: Callable[[Asked], Reply]
    keyed: bool = True  # whether it needs a write key


class Protocol(Struct, frozen=True, kw_only=True):
    """One tracker's protocol.

    Attributes
    ----------
    name : str
        Also the kind of the sources that are made for it.
    label : str
        The product's own name.
    paths, methods : tuple of str
        Where its events come in.
    key : callable
        The write key in a request that has none as Basic user, Bearer token or ``?writeKey=``.
    split, translate : callable
        The two steps of reading; both raise `EventRefused`. ``translate`` gets a piece, what the
        request said beside it, and the time of receipt.
    reply : callable
        The answer once everything is on disk, good and bad.
    paste : callable
        What to write at the sender, of our address and the write key; of one that is `signed`,
        of our address and the source's name.
    questions : tuple of Question
        What else its clients ask.
    with_credentials : bool
        Whether its browser client sends cookies along, for which CORS needs the page's own origin.
    signed : bool
        Whether the address names the source and a signature opens it, in place of a write key.
    """

    name: str
    label: str
    paths: tuple[str, ...]
    methods: tuple[Method, ...]
    key: Callable[[Asked], str]
    split: Callable[[Asked], Pieces]
    translate: Callable[[dict[str, Any], dict[str, Any], datetime], Call]
    reply: Callable[[Asked, Taken], Reply]
    paste: Callable[[str, str], str]
    questions: tuple[Question, ...] = ()
    with_credentials: bool = False
    signed: bool = False


def nothing_asked(_asked: Asked) -> str:
    """The key of a protocol that has no place of its own for one."""
    return ""


# ── reading JSON of strangers ──────────────────────────────────────────────────────────────────


def read_body(body: bytes) -> Any:
    """The JSON value of a body.

    Raises
    ------
    EventRefused
        If it is not JSON in UTF-8.
    """
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EventRefused("invalid_encoding", "the body must be JSON in UTF-8") from error
    try:
        value = read_json(without_half_characters(body))
    except RecursionError as error:
        raise EventRefused("malformed_json", "the body is nested too deep") from error
    except ValueError as error:  # msgspec's and json's errors are of this family
        raise EventRefused("malformed_json", "the body is not valid JSON") from error
    # Whoever writes it again recurses; what is checked here is far from what any event may have.
    if body.count(b"{") + body.count(b"[") > _DEEPEST and depth(value) > _DEEPEST:
        raise EventRefused("malformed_json", "the body is nested too deep")
    return value


def read_object(body: bytes) -> dict[str, Any]:
    """As `read_body`, of a body that must be an object."""
    return as_object(read_body(body), "the body")


def read_inner(text: str | bytes, where: str) -> Any:
    """JSON that was written as a text inside of something else."""
    try:
        return read_body(text if isinstance(text, bytes) else text.encode("utf-8", "replace"))
    except EventRefused as error:
        raise EventRefused(error.refusal.reason, f"{where} is not valid JSON") from error


def unpacked_base64(text: str, where: str) -> bytes:
    """What Base64 stands for, in either alphabet and with or without its padding."""
    plain = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise EventRefused("invalid_encoding", f"{where} is not valid Base64") from error


def as_object(value: Any, where: str) -> dict[str, Any]:
    """``value`` if it is an object, else refused."""
    if not isinstance(value, dict):
        raise EventRefused("wrong_type", f"{where} must be a JSON object")
    return value


def as_list(value: Any, where: str) -> list[Any]:
    """``value`` if it is a list, else refused."""
    if not isinstance(value, list):
        raise EventRefused("wrong_type", f"{where} must be a list")
    return value


def some_object(value: Any) -> dict[str, Any]:
    """``value`` if it is an object, else an empty one: for parts that may be left out."""
    return value if isinstance(value, dict) else {}


def some_text(value: Any) -> str | None:
    """Text of a scalar that says something, else None."""
    if isinstance(value, str):
        return value.strip() or None
    if type(value) in (int, float):
        return str(value)
    return None


def require_text(value: Any, where: str) -> str:
    """As `some_text`, refused where it says nothing or is no scalar."""
    if value is not None and not isinstance(value, str | int | float):
        raise EventRefused("wrong_type", f"{where} must be text")
    text = some_text(value)
    if text is None:
        raise EventRefused("missing_field", f"{where} is needed")
    return text


def written(value: Any) -> bytes:
    """``value`` as JSON."""
    return msgspec.json.encode(value)
