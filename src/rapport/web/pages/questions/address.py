"""A question in the address of its page: whoever has the link asks the same."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlencode

from litestar.datastructures import MultiDict
from msgspec.structs import replace

from rapport.errors import InvalidQuestion
from rapport.workflows.saved_questions import SavedQuestion

_SEVERAL = {"metric": "metrics", "split": "split", "only": "only"}
_ONE = ("period", "grain", "segment", "compare")
_DAYS = ("first_day", "last_day", "as_of")


def read_question(query: MultiDict[str]) -> SavedQuestion | None:
    """The question that a query asks; None where it names no metric.

    Raises
    ------
    InvalidQuestion
        If a day is no day.
    """
    several = {
        field: tuple(dict.fromkeys(each.strip() for each in query.getall(name, []) if each.strip()))
        for name, field in _SEVERAL.items()
    }
    if not several["metrics"]:
        return None
    one = {name: query[name].strip() for name in _ONE if query.get(name, "").strip()}
    days = {name: _day(query[name].strip(), name) for name in _DAYS if query.get(name, "").strip()}
    found = SavedQuestion(**several, **one, **days)  # type: ignore[arg-type]
    # The form always sends its days; only one of the periods reads them.
    return found if found.period == "days" else replace(found, first_day=None, last_day=None)


def _day(text: str, name: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not 1971 <= day.year <= 2190:
        raise InvalidQuestion(f"`{name}` is a day such as 2026-11-01, not {text[:20]!r}")
    return day


def question_href(saved: SavedQuestion, path: str = "/questions", **more: str) -> str:
    """The address at which ``path`` asks this question."""
    parts = [(name, value) for name, field in _SEVERAL.items() for value in getattr(saved, field)]
    parts += [(name, str(value)) for name in (*_ONE, *_DAYS) if (value := getattr(saved, name))]
    return f"{path}?{urlencode([*parts, *more.items()])}"
