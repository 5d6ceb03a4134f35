"""The map of clicks on the site itself: a link that opens it, and what it may read.

The link carries a signed token. It names one page of one site, its period and its end; it reads
counts of elements and nothing else, from the site's own origin only, and works for a quarter of an
hour. Nothing is stored: whoever has the company's secret can check it.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from rapport.errors import InvalidInput, NotAllowed
from rapport.understand.site.browsing import DESKTOP_FROM, TABLET_FROM, Width
from rapport.workflows.company import Company, read_choice, write_choice
from rapport.workflows.site import SiteView, find_site, map_clicks, scope_of

#: What the tracker looks for after the `#` of a page's address.
FRAGMENT = "rapport-map="
LASTS = timedelta(minutes=15)


class MapToken(Struct, frozen=True, kw_only=True):
    """What a token says; the site is read in windows as wide as the one that asks."""

    source: str
    origin: str
    path: str
    start: datetime
    until: datetime
    ends: datetime
    language: str


class MapElement(Struct, frozen=True, kw_only=True):
    """One element: how often it is clicked, in anger and in vain, and where within it.

    `points` has (x, y, clicks), places as shares of the element's box.
    """

    element: str
    clicks: int
    clickers: int
    rage: int
    dead: int
    points: tuple[tuple[float, float, int], ...]


class SiteMap(Struct, frozen=True, kw_only=True):
    """What is drawn on a page: elements that enough visitors clicked to be told of."""

    path: str
    start: datetime
    until: datetime
    language: str
    visitors: int | None
    elements: tuple[MapElement, ...]


def map_links(company: Company, view: SiteView, path: str, *, language: str) -> dict[str, str]:
    """Addresses that open the map on the page itself, by the site's origin.

    ``language`` is that in which the map speaks to who opens it.

    Empty where the tracker cleaned a part of the path away, or the path is one of a single-page
    site after a ``#``: neither address can be opened with a token.
    """
    if "*" in path or "#" in path or not path.startswith("/"):
        return {}
    scope = scope_of(company, view)
    ends = company.clock() + LASTS
    return {
        origin: f"{origin}{path}#{FRAGMENT}"
        + _signed(
            company,
            MapToken(
                source=scope.source, origin=origin, path=path, start=scope.start,
                until=scope.until, ends=ends, language=language,
            ),
        )
        for origin in find_site(company, scope.source).origins
    }  # fmt: skip


def read_map(company: Company, token: str, *, origin: str, window_width: int) -> SiteMap:
    """What a token lets a page of ``origin`` read.

    Raises
    ------
    NotAllowed
        If it is not ours, is over, or belongs to another site.
    InvalidInput
        If the window has no width.
    """
    allowed = _checked(company, token)
    if allowed.ends < company.clock():
        raise NotAllowed("This map's link is over; open the map again from Rapport")
    if origin != allowed.origin:
        raise NotAllowed(f"This map's link is for {allowed.origin}")
    if not 0 < window_width < 100_000:
        raise InvalidInput(f"A window is not {window_width} pixels wide")
    found = map_clicks(
        company,
        allowed.source,
        allowed.path,
        start=allowed.start,
        until=allowed.until,
        width=width_of(window_width),
    )
    points: dict[str, list[tuple[float, float, int]]] = {}
    for each in found.points:
        points.setdefault(each.element, []).append((each.x, each.y, each.clicks))
    return SiteMap(
        path=allowed.path,
        start=allowed.start,
        until=allowed.until,
        language=allowed.language,
        visitors=found.visitors,
        elements=tuple(
            MapElement(
                element=each.element, clicks=each.clicks, clickers=each.clickers, rage=each.rage,
                dead=each.dead, points=tuple(points.get(each.element, ())),
            )
            for each in found.elements
            if each.clickers is not None
        ),
    )  # fmt: skip


def width_of(pixels: int) -> Width:
    """The group that a window of so many CSS pixels belongs to."""
    return "phone" if pixels < TABLET_FROM else "tablet" if pixels < DESKTOP_FROM else "desktop"


def _secret(company: Company) -> bytes:
    with company.ledger.write() as connection:
        company.ledger.lock(connection, "setting")
        known = read_choice(connection, "site_map_secret")
        if known is None:
            known = secrets.token_hex(32)
            write_choice(company.ledger, connection, "site_map_secret", known)
    return bytes.fromhex(known)


def _signed(company: Company, token: MapToken) -> str:
    said = msgspec.json.encode(token)
    proof = hmac.digest(_secret(company), said, sha256)
    return f"{_text(said)}.{_text(proof)}"


def _checked(company: Company, token: str) -> MapToken:
    said, _, proof = token.partition(".")
    try:
        raw, given = _bytes(said), _bytes(proof)
    except ValueError as error:
        raise _not_ours() from error
    if not hmac.compare_digest(hmac.digest(_secret(company), raw, sha256), given):
        raise _not_ours()
    return msgspec.json.decode(raw, type=MapToken)


def _not_ours() -> NotAllowed:
    return NotAllowed("This map's link is not one of ours; open the map again from Rapport")


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: Any) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
