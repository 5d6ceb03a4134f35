"""A condition on what customers did, while somebody writes it: fields of a form.

It has the same address as any other part (`draft.py`); its first field, ``column``, holds one of
`KINDS`. Filters are numbered from 0, with one empty one at the end to be filled in.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from rapport.understand.segments.happening import (
    COMPARISONS,
    LISTS,
    Followed,
    Happened,
    Happening,
    Property,
    Recency,
    Span,
    Which,
    mistakes_of,
)

#: What is asked: how often, for how much, when last or first, and what followed or did not.
KINDS = ("@count", "@amount", "@last", "@first", "@followed", "@waited")
FILTERS = (
    "channels", "products", "categories", "campaigns", "places", "countries", "sources",
    "amount_from", "amount_to", "text", "mood_from", "mood_to", "score_from", "score_to",
    "questions", "property",
)  # fmt: skip
_NUMBERS = frozenset({"amount_from", "amount_to", "mood_from", "mood_to", "score_from", "score_to"})
UNITS = ("days", "hours")
_MOST_FILTERS = 12


class DraftFilter(msgspec.Struct):
    """One filter as its fields stand; a kind of "" is none."""

    kind: str = ""
    value: str = ""


class DraftWhich(msgspec.Struct):
    """Which touchpoints: types, separated by semicolons, and filters."""

    types: str = ""
    filters: list[DraftFilter] = []


class DraftHappening(msgspec.Struct):
    """A condition on what somebody did."""

    column: str
    operator: str = "ge"
    value: str = ""
    which: DraftWhich = msgspec.field(default_factory=DraftWhich)
    then: DraftWhich = msgspec.field(default_factory=DraftWhich)
    span: str = ""
    unit: str = "days"
    since: str = ""
    since_unit: str = "days"
    error: str | None = None

    @property
    def is_sequence(self) -> bool:
        """Whether something is to follow."""
        return self.column in ("@followed", "@waited")

    @property
    def is_recency(self) -> bool:
        """Whether a first or last time is asked."""
        return self.column in ("@last", "@first")


def operators(column: str) -> tuple[str, ...]:
    """The comparisons to choose from."""
    if column in ("@last", "@first"):
        return ("within", "before")
    return () if column in ("@followed", "@waited") else COMPARISONS


# ── form to draft ──────────────────────────────────────────────────────────────────────────────


def read_happening(form: Mapping[str, str], at: str, column: str) -> DraftHappening:
    """The draft whose fields a form holds."""

    def text(name: str, most: int = 200) -> str:
        return form.get(f"n.{at}.{name}", "").strip()[:most]

    def which(types: str, filters: str) -> DraftWhich:
        found = []
        for number in range(_MOST_FILTERS):
            kind = text(f"{filters}{number}.kind")
            if kind in FILTERS:
                found.append(DraftFilter(kind=kind, value=text(f"{filters}{number}.value", 2000)))
        return DraftWhich(types=text(types, 2000), filters=found)

    offered = operators(column)
    operator = text("operator")
    if operator not in offered:
        operator = offered[0] if offered else ""
    fresh = f"n.{at}.span" not in form
    return DraftHappening(
        column=column,
        operator=operator,
        value="1" if fresh and column == "@count" else text("value"),
        which=which("types", "f"),
        then=which("then", "g"),
        span="30" if fresh else text("span"),
        unit=text("unit") if text("unit") in UNITS else "days",
        since=text("since"),
        since_unit=text("since_unit") if text("since_unit") in UNITS else "days",
    )


# ── draft to rule ──────────────────────────────────────────────────────────────────────────────


class Unfit(ValueError):
    """A field that cannot be used; the message is a code of ``segments.mistake``."""


def happening_of(draft: DraftHappening) -> Happening | None:
    """The condition that a draft describes; None, with the mistake marked, where it has one."""
    draft.error = None
    try:
        made = _happening(draft)
    except Unfit as problem:
        draft.error = str(problem)
        return None
    if any(True for _ in mistakes_of(made)):
        waits = isinstance(made, Followed) and made.since is not None and not made.holds
        draft.error = "waited" if waits else "happening"
        return None
    return made


def _happening(draft: DraftHappening) -> Happening:
    which = _which(draft.which)
    if draft.is_sequence:
        within = _span(draft.span, draft.unit)
        if within is None:
            raise Unfit("span")
        return Followed(
            which=which,
            then=_which(draft.then),
            within=within,
            holds=draft.column == "@followed",
            since=_span(draft.since, draft.since_unit),
        )
    span = _span(draft.span, draft.unit)
    if draft.is_recency:
        if span is None:
            raise Unfit("span")
        return Recency(
            which=which,
            place="last" if draft.column == "@last" else "first",
            operator="before" if draft.operator == "before" else "within",
            span=span,
        )
    amount = draft.column == "@amount"
    return Happened(
        which=which,
        measure="amount" if amount else "count",
        operator=draft.operator,  # type: ignore[arg-type]
        value=_plain(draft.value) if amount else _whole(draft.value),
        within=span,
    )


def _which(draft: DraftWhich) -> Which:
    parts: dict[str, object] = {"types": _several(draft.types)}
    properties: list[Property] = []
    for each in draft.filters:
        if not each.kind:
            continue
        if each.kind == "property":
            name, _, values = each.value.partition("=")
            if not name.strip() or not _several(values):
                raise Unfit("property")
            properties.append(Property(name=name.strip(), values=_several(values)))
        elif each.kind in LISTS:
            if not _several(each.value):
                raise Unfit("filter")
            parts[each.kind] = _several(each.value)
        elif not each.value:
            raise Unfit("filter")
        elif each.kind in _NUMBERS:
            amount = each.kind.startswith("amount")
            parts[each.kind] = _plain(each.value) if amount else _number(each.value)
        else:
            parts[each.kind] = each.value
    return Which(**parts, properties=tuple(properties))  # type: ignore[arg-type]


def _several(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())


def _plain(text: str) -> str:
    plain = text.replace(" ", "").replace("\u00a0", "").replace("−", "-").replace(",", ".")
    if not plain:
        raise Unfit("missing")
    return plain


def _number(text: str) -> float:
    try:
        return float(_plain(text))
    except Unfit:
        raise
    except ValueError:
        raise Unfit("number") from None


def _whole(text: str) -> int:
    plain = _plain(text)
    if not plain.isascii() or not plain.isdecimal() or len(plain) > 9:
        raise Unfit("whole")
    return int(plain)


def _span(text: str, unit: str) -> Span | None:
    if not text:
        return None
    plain = _plain(text)
    if not plain.isascii() or not plain.isdecimal() or len(plain) > 6:
        raise Unfit("span")
    return Span(number=int(plain), unit="hours" if unit == "hours" else "days")


# ── rule to draft ──────────────────────────────────────────────────────────────────────────────


def happening_draft(happening: Happening) -> DraftHappening:
    """A stored condition as fields."""
    which = _draft_which(happening.which)
    if isinstance(happening, Followed):
        return DraftHappening(
            column="@followed" if happening.holds else "@waited",
            operator="",
            which=which,
            then=_draft_which(happening.then),
            span=str(happening.within.number),
            unit=happening.within.unit,
            since="" if happening.since is None else str(happening.since.number),
            since_unit="days" if happening.since is None else happening.since.unit,
        )
    if isinstance(happening, Recency):
        return DraftHappening(
            column="@last" if happening.place == "last" else "@first",
            operator=happening.operator,
            which=which,
            span=str(happening.span.number),
            unit=happening.span.unit,
        )
    return DraftHappening(
        column="@amount" if happening.measure == "amount" else "@count",
        operator=happening.operator,
        value=str(happening.value),
        which=which,
        span="" if happening.within is None else str(happening.within.number),
        unit="days" if happening.within is None else happening.within.unit,
    )


def _draft_which(which: Which) -> DraftWhich:
    filters = []
    for name in FILTERS:
        value = () if name == "property" else getattr(which, name)
        if name in LISTS and value:
            filters.append(DraftFilter(kind=name, value="; ".join(value)))
        elif name not in LISTS and name != "property" and value is not None:
            filters.append(DraftFilter(kind=name, value=str(value)))
    filters += [
        DraftFilter(kind="property", value=f"{each.name}={'; '.join(each.values)}")
        for each in which.properties
    ]
    return DraftWhich(types="; ".join(which.types), filters=filters)
