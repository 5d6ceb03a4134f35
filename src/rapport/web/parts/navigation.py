"""The places of the product, in the order and with the icons they have everywhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import groupby

from rapport.web.parts.context import NavEntry, NavGroup
from rapport.web.words import t

# Group, name, address, icon. The name is also that of its words, frame.nav.<name>.
PLACES: tuple[tuple[str, str, str, str], ...] = (
    ("understand", "dashboard", "/", "layout-dashboard"),
    ("understand", "customers", "/customers", "users"),
    ("understand", "segments", "/segments", "blend"),
    ("understand", "voice", "/voice", "message-square-quote"),
    ("understand", "journeys", "/journeys", "waypoints"),
    ("understand", "drivers", "/drivers", "target"),
    ("act", "inbox", "/inbox", "inbox"),
    ("act", "campaigns", "/campaigns", "send"),
    ("act", "experiments", "/experiments", "flask-conical"),
    ("manage", "sources", "/sources", "database"),
    ("manage", "admin", "/admin", "shield-check"),
)


def navigation(
    language: str, *, open_to: Collection[str], waiting: Mapping[str, int] | None = None
) -> tuple[NavGroup, ...]:
    """The left bar for somebody who may open the places named in `open_to`.

    Parameters
    ----------
    language : str
    open_to : collection of str
        Names of `PLACES` that exist and that the user's role may see.
    waiting : mapping of str to int, optional
        How many things wait in a place, shown as its badge.
    """
    counts = waiting or {}
    shown = [place for place in PLACES if place[1] in open_to]
    return tuple(
        NavGroup(
            label=t(language, f"frame.nav.{group}"),
            entries=tuple(
                NavEntry(
                    label=t(language, f"frame.nav.{name}"),
                    href=href,
                    icon=icon,
                    count=counts.get(name),
                )
                for _, name, href, icon in places
            ),
        )
        for group, places in groupby(shown, key=lambda place: place[0])
    )
