"""What every page knows about the request it answers."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from rapport.web import html as h
from rapport.web import words
from rapport.web.numbers import Numbers, numbers_for

Theme: TypeAlias = Literal["light", "dark", "system"]

# The names Litestar's CSRF protection looks for.
CSRF_FIELD = "_csrf_token"
CSRF_HEADER = "x-csrftoken"


class NavEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the left bar."""

    label: str
    href: str
    icon: str
    count: int | None = None
    """Things that wait there; shown as a badge when above 0."""


class NavGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Entries under one heading; only what exists and the user may open."""

    label: str
    entries: tuple[NavEntry, ...]


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, as the frame shows it."""

    name: str
    role: str
    """In the user's language, such as "Marketing · Belgium"."""

    @property
    def initials(self) -> str:
        """First letters of the first and the last name."""
        parts = self.name.split()
        letters = [part[0] for part in parts if part[0].isalpha()]
        return "".join(letters[:1] + letters[1:][-1:]).upper() or "?"


class PageContext(msgspec.Struct, frozen=True, kw_only=True):
    """Language, theme, user and address of one request."""

    language: str = "en"
    """One of `words.LANGUAGES`."""
    theme: Theme = "system"
    user: User | None = None
    path: str = "/"
    """The address of this page, without its query."""
    query: str = ""
    """The query string of this page, so that switches return to the same view."""
    csrf_token: str = ""
    nav: tuple[NavGroup, ...] = ()
    time_zone: str = "Europe/Brussels"
    currency: str = "EUR"
    flash: tuple[h.Markup, ...] = ()
    """Messages from `parts.flash` that the last write left for this page."""

    @property
    def here(self) -> str:
        """Path and query of this page."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def csrf_input(self) -> h.Markup:
        """The hidden field that every form which writes must carry."""
        return h.input({"type": "hidden", "name": CSRF_FIELD, "value": self.csrf_token})

    @property
    def n(self) -> Numbers:
        """Amounts, shares, dates and times as this user reads them."""
        return numbers_for(self.language, self.time_zone, self.currency)

    def t(self, key: str, **values: object) -> str:
        """The words `key` in the user's language."""
        return words.t(self.language, key, **values)

    def rich(self, key: str, **values: h.Child) -> list[h.Child]:
        """The words `key` as children, with markup (a link, a bold name) in their places."""
        return words.rich(self.language, key, **values)
