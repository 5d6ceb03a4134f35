"""The view in the address of the page: every filter is a part of the query."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from urllib.parse import urlencode

import msgspec

from rapport.errors import InvalidInput
from rapport.workflows.dashboard import View

NAMES = ("grain", "period", "country", "channel", "segment", "as_of")


def read_view(query: Mapping[str, str]) -> View:
    """The view that a query asks for; empty parts mean "not filtered".

    Raises
    ------
    InvalidInput
        If a day is no day.
    """
    given = {name: query[name].strip() for name in NAMES if query.get(name, "").strip()}
    return View(
        grain=given.get("grain", "month"),
        period=_day(given.get("period"), "period"),
        country=given.get("country"),
        channel=given.get("channel"),
        segment=given.get("segment"),
        as_of=_day(given.get("as_of"), "as_of"),
    )


def _day(text: str | None, name: str) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not 1971 <= day.year <= 2190:
        raise InvalidInput(f"`{name}` is a day such as 2026-11-01, not {text[:20]!r}")
    return day


def href(path: str, view: View, **changes: object) -> str:
    """The address of a view at ``path``, with ``changes``."""
    changed = msgspec.structs.replace(view, **{k: v for k, v in changes.items() if k in NAMES})
    parts = []
    for name in NAMES:
        value = getattr(changed, name)
        if value is not None and not (name == "grain" and value == "month"):
            parts.append((name, value.isoformat() if isinstance(value, date) else str(value)))
    parts += [(name, str(value)) for name, value in changes.items() if name not in NAMES]
    return f"{path}?{urlencode(parts)}" if parts else path
