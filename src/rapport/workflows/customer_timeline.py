"""One customer's history over all channels, a page at a time, as lines that people read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.errors import InvalidInput
from rapport.understand.person import MOST_RECORDS, monthly_activity, order_lines
from rapport.understand.timeline import newest_touchpoints
from rapport.unify.stewardship import current_profile
from rapport.unify.stored_evidence import atoms_of
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.ledger_tables import source
from rapport.workflows.company import Company

#: Kinds of events that a timeline can be narrowed to, in the order in which they are offered.
KINDS: tuple[str, ...] = (
    "orders", "calls", "surveys", "messages", "tickets", "stores", "web", "data",
)  # fmt: skip
_KIND_OF = {
    v.ORDER_COMPLETED: "orders", v.ORDER_REFUNDED: "orders", v.ORDER_CANCELLED: "orders",
    v.CALL_ENDED: "calls", v.SURVEY_ANSWERED: "surveys", v.REVIEW_POSTED: "surveys",
    v.EMAIL_RECEIVED: "messages", v.CHAT_ENDED: "messages", v.MESSAGE_SENT: "messages",
    v.MESSAGE_DELIVERED: "messages", v.MESSAGE_OPENED: "messages",
    v.MESSAGE_CLICKED: "messages", v.MESSAGE_BOUNCED: "messages", v.UNSUBSCRIBED: "messages",
    v.TICKET_OPENED: "tickets", v.TICKET_RESOLVED: "tickets", v.STORE_VISITED: "stores",
    v.TICKET_UPDATED: "tickets", v.MESSAGE_RECEIVED: "messages", v.CALL_MISSED: "calls",
    v.AUTOMATIC_REPLY_RECEIVED: "messages",
    v.RECORD_SEEN: "data", v.IDENTIFIED: "data", v.ALIASED: "data", v.GROUPED: "data",
    v.CONSENT_GIVEN: "data", v.CONSENT_WITHDRAWN: "data",
    v.ORDER_PLACED: "orders", v.PAYMENT_RECEIVED: "orders", v.PAYMENT_RETURNED: "orders",
    v.SHIPMENT_SENT: "orders", v.SHIPMENT_DELIVERED: "orders", v.GOODS_MOVED: "orders",
    v.CONFIGURATION_SAVED: "orders", v.DEAL_UPDATED: "orders", v.SOCIAL_MENTIONED: "messages",
    v.CUSTOMER_WON: "data", v.CUSTOMER_LOST: "data", v.COMPETITOR_OFFER_SEEN: "data",
    v.MYSTERY_VISIT_SCORED: "stores", v.FOOTFALL_COUNTED: "stores",
}  # fmt: skip
#: A call that a colleague made, as `record_contact` writes it into the journal.
CALL_MADE = v.CALL_MADE
VISIT_MADE = "Visit Made"
_KIND_OF |= {CALL_MADE: "calls", VISIT_MADE: "stores"}
#: What a browser says about who it is comes in the middle of a visit and belongs to it.
_WITHIN_VISITS = frozenset({v.IDENTIFIED, v.ALIASED})
#: A pause after which a visit is another one, as analytics tools count.
_PAUSE = timedelta(minutes=30)
PAGE_LINES = 50
#: Touchpoints read to fill a page: a visit of a dozen page views is one line.
_READ = 400
VISIT = "Visit"
RECORDS_SEEN = "Records Seen"
MOOD_MONTHS = 9


class OrderLine(Struct, frozen=True, kw_only=True):
    """One line of an order."""

    sku: str
    name: str | None
    quantity: Decimal
    amount: Decimal | None
    currency: str | None


class Visit(Struct, frozen=True, kw_only=True):
    """What somebody did on the site or in the app between two pauses."""

    began_at: datetime
    pages: int
    searches: tuple[str, ...]
    products: tuple[str, ...]
    put_in_basket: int
    reached_checkout: bool
    events: int


class TimelineLine(Struct, frozen=True, kw_only=True):
    """One line of the timeline: a touchpoint, or several that belong together.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    type : str
        The touchpoint's, or ``Visit`` or ``Records Seen`` for several.
    source : str
        The source's label.
    sentiment : float or None
        -1 to 1.
    count : int
        Touchpoints in this line.
    """

    kind: str
    type: str
    channel: str
    source: str
    occurred_at: datetime
    position: int
    touchpoint_id: str
    count: int = 1
    order_id: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    items: tuple[OrderLine, ...] = ()
    text: str | None = None
    language: str | None = None
    sentiment: float | None = None
    score: float | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    question: str | None = None
    place: str | None = None
    campaign: str | None = None
    message: str | None = None
    is_correction: bool = False
    visit: Visit | None = None
    sources: tuple[str, ...] = ()
    properties: dict[str, Any] = {}


class Timeline(Struct, frozen=True, kw_only=True):
    """A page of the timeline.

    Attributes
    ----------
    counts : dict of str to int
        Touchpoints of each kind, over all time and without `BEHAVIOUR_DETAIL`; kinds without any
        are absent.
    total : int
        Touchpoints of the chosen kind, those in visits counted one by one.
    next : str or None
        What to pass as ``before`` for the page after; None: this was the last.
    """

    profile_id: str
    kind: str | None
    lines: tuple[TimelineLine, ...]
    total: int
    counts: dict[str, int]
    next: str | None


class MoodMonth(Struct, frozen=True, kw_only=True):
    """Mean sentiment of what somebody wrote or said in a month; None where they were silent."""

    month: datetime
    mood: float | None
    texts: int


class ActivitySums(Struct, frozen=True, kw_only=True):
    """What `monthly_activity` says: by type over all time, and mood by month."""

    by_type: dict[str, int]
    mood: tuple[MoodMonth, ...]


def kind_of_type(type_: str) -> str:
    """The kind of a touchpoint type; what sites track under their own names is ``web``."""
    return _KIND_OF.get(type_, "web")


def customer_timeline(
    company: Company, profile_id: str, *, kind: str | None = None, before: str | None = None
) -> Timeline:
    """A page of a person's timeline, newest first; also under an old id.

    Raises
    ------
    NotFound
        If there is no such profile.
    InvalidInput
        If ``kind`` or ``before`` is not one of ours.
    """
    with company.ledger.read() as connection:
        here = current_profile(connection, profile_id)
        atoms = atoms_of(connection, [here]).get(here, ())
        labels = source_labels(connection)
    sums = activity_sums(company, atoms)
    return timeline_page(company, here, atoms, sums=sums, labels=labels, kind=kind, before=before)


def activity_sums(company: Company, atoms: Sequence[int]) -> ActivitySums:
    """How much a person did of each type, and their mood of the last months."""
    rows = monthly_activity(company.lake, atoms[:MOST_RECORDS]).to_pylist()
    by_type: Counter[str] = Counter()
    moods: dict[datetime, list[float]] = {}
    for row in rows:
        by_type[row["type"]] += row["touchpoints"]
        if row["mood_count"]:
            known = moods.setdefault(row["month"], [0.0, 0.0])
            known[0] += row["mood_sum"]
            known[1] += row["mood_count"]
    months = _last_months(company.clock(), MOOD_MONTHS)
    return ActivitySums(
        by_type=dict(by_type),
        mood=tuple(
            MoodMonth(
                month=month,
                mood=moods[month][0] / moods[month][1] if month in moods else None,
                texts=int(moods[month][1]) if month in moods else 0,
            )
            for month in months
        ),
    )


def timeline_page(
    company: Company,
    profile_id: str,
    atoms: Sequence[int],
    *,
    sums: ActivitySums,
    labels: Mapping[str, str],
    kind: str | None = None,
    before: str | None = None,
    lines: int = PAGE_LINES,
) -> Timeline:
    """A page of the timeline of records that are known already."""
    if kind is not None and kind not in KINDS:
        raise InvalidInput(f"A timeline shows {', '.join(KINDS)}, not {kind!r}")
    counts: Counter[str] = Counter()
    told = {type_: n for type_, n in sums.by_type.items() if type_ not in v.BEHAVIOUR_DETAIL}
    for type_, n in told.items():
        counts[kind_of_type(type_)] += n
    types = sorted(t for t in told if kind is None or kind_of_type(t) == kind)
    total = sum(counts.values()) if kind is None else counts[kind]
    ordered = {name: counts[name] for name in KINDS if counts[name]}
    if not atoms or not types:
        return Timeline(
            profile_id=profile_id, kind=kind, lines=(), total=total, counts=ordered, next=None
        )
    found = newest_touchpoints(
        company.lake,
        atoms[:MOST_RECORDS],
        limit=_READ,
        before=_cursor(before),
        types=types if kind is not None or len(told) < len(sums.by_type) else (),
    ).to_pylist()
    groups = _groups(found)
    more = len(found) == _READ
    if more and len(groups) > 1:
        groups.pop()  # it may go on in what was not read; the next page begins with it
    more |= len(groups) > lines
    shown = groups[:lines]
    last = shown[-1][-1] if shown else None
    items = _items(company, atoms, shown)
    return Timeline(
        profile_id=profile_id,
        kind=kind,
        lines=tuple(_line(group, items, labels) for group in shown if not _is_replaced(group)),
        total=total,
        counts=ordered,
        next=_written(last) if more and last is not None else None,
    )


def source_labels(connection: Connection) -> dict[str, str]:
    """What each source is called."""
    return {
        row.name: row.label for row in connection.execute(select(source.c.name, source.c.label))
    }


def _last_months(now: datetime, count: int) -> list[datetime]:
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = [first]
    while len(months) < count:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    return months[::-1]


# ── lines ──────────────────────────────────────────────────────────────────────────────────────


def _groups(rows: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Touchpoints, newest first, with those of one visit or one import together."""
    groups: list[list[dict[str, Any]]] = []
    for row in rows:
        if groups and _belongs(groups[-1], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _belongs(group: Sequence[dict[str, Any]], row: dict[str, Any]) -> bool:
    newer = group[-1]
    if newer["corrected"] != row["corrected"]:
        return False
    if newer["type"] == row["type"] == v.RECORD_SEEN:
        return bool(newer["occurred_at"].date() == row["occurred_at"].date())
    return (
        _is_browsing(newer)
        and _is_browsing(row)
        and newer["channel"] == row["channel"]
        and newer["source"] == row["source"]
        and newer["occurred_at"] - row["occurred_at"] <= _PAUSE
    )


def _is_browsing(row: Mapping[str, Any]) -> bool:
    return row["channel"] in ("web", "app") and (
        kind_of_type(row["type"]) == "web" or row["type"] in _WITHIN_VISITS
    )


def _is_replaced(group: Sequence[dict[str, Any]]) -> bool:
    return bool(group[0]["corrected"])


def _line(
    group: Sequence[dict[str, Any]],
    items: Mapping[int, tuple[OrderLine, ...]],
    labels: Mapping[str, str],
) -> TimelineLine:
    newest = group[0]
    shared: dict[str, Any] = {
        "channel": newest["channel"],
        "source": labels.get(newest["source"], newest["source"]),
        "occurred_at": newest["occurred_at"],
        "position": newest["position"],
        "touchpoint_id": newest["touchpoint_id"],
        "count": len(group),
    }
    if any(kind_of_type(row["type"]) == "web" for row in group) and _is_browsing(newest):
        return TimelineLine(kind="web", type=VISIT, visit=_visit(group), **shared)
    if newest["type"] == v.RECORD_SEEN:
        named = dict.fromkeys(labels.get(row["source"], row["source"]) for row in group)
        return TimelineLine(kind="data", type=RECORDS_SEEN, sources=tuple(named), **shared)
    return TimelineLine(
        kind=kind_of_type(newest["type"]),
        type=newest["type"],
        **shared,
        **{name: newest[name] for name in _TAKEN_OVER},
        items=items.get(newest["position"], ()),
        is_correction=newest["corrects"] is not None,
        properties=_properties(newest),
    )


_TAKEN_OVER = (
    "order_id", "amount", "currency", "text", "language", "sentiment", "score", "scale_min",
    "scale_max", "question", "place", "campaign", "message",
)  # fmt: skip


def _visit(group: Sequence[dict[str, Any]]) -> Visit:
    searches: dict[str, None] = {}
    products: dict[str, None] = {}
    for row in reversed(group):  # in the order in which it was done
        said = _properties(row)
        if row["type"] in ("Products Searched", "Searched") and (query := said.get("query")):
            searches[str(query)] = None
        if row["type"] == "Product Viewed" and (name := said.get("name") or said.get("sku")):
            products[str(name)] = None
    types = Counter(row["type"] for row in group)
    return Visit(
        began_at=group[-1]["occurred_at"],
        pages=types[v.PAGE_VIEWED] + types[v.SCREEN_VIEWED],
        searches=tuple(searches),
        products=tuple(products),
        put_in_basket=types["Product Added"],
        reached_checkout=types["Checkout Started"] > 0,
        events=len(group),
    )


def _properties(row: Mapping[str, Any]) -> dict[str, Any]:
    said = json.loads(row["properties"]) if row["properties"] else {}
    return said if isinstance(said, dict) else {}


def _items(
    company: Company, atoms: Sequence[int], groups: Sequence[Sequence[dict[str, Any]]]
) -> dict[int, tuple[OrderLine, ...]]:
    """The lines of the orders shown, by position."""
    orders = [row["position"] for group in groups for row in group if row["item_count"]]
    found: dict[int, list[OrderLine]] = {}
    for row in order_lines(company.lake, atoms[:MOST_RECORDS], orders).to_pylist():
        found.setdefault(row["position"], []).append(
            OrderLine(
                sku=row["sku"],
                name=row["name"],
                quantity=row["quantity"],
                amount=row["amount"],
                currency=row["currency"],
            )
        )
    return {position: tuple(lines) for position, lines in found.items()}


# ── where a page ends ──────────────────────────────────────────────────────────────────────────


def _written(row: Mapping[str, Any]) -> str:
    return f"{row['occurred_at'].isoformat()}_{row['position']}"


def _cursor(before: str | None) -> tuple[datetime, int] | None:
    if before is None:
        return None
    moment, _, position = before.rpartition("_")
    try:
        at, place = datetime.fromisoformat(moment), int(position)
        if at.tzinfo is None:
            raise ValueError("a moment without its zone")
    except ValueError as error:
        raise InvalidInput(
            "The place in the timeline cannot be read; take `next` of the page before as it is"
        ) from error
    return at, place
