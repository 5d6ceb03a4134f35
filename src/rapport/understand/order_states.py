"""Silos that contradict each other about an order: paid and cancelled, paid and owing, …

Only orders of one person are compared, by their number: two tills may both have a receipt 1001.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.understand import relations
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.conflict import MONEY, ORDER_SAYS, Contradiction, OrderFindings
from rapport.vocabulary.lake_tables import MEMBERSHIP, bucket_of

#: An order that was sent for is on its way for so long, unless somebody says that it arrived.
DELIVERY = timedelta(days=14)
#: Beyond so many records it is cheaper to read all of the lake than to pick theirs.
_FEW_RECORDS = 20_000
#: Differences below a cent come from rounding.
_CENT = Decimal("0.01")
#: Words of help desks and bookkeeping for the state of a payment.
_PAID = frozenset({"paid", "settled", "betaald", "payé", "paye", "fizetve", "kifizetve"})
_OWING = frozenset(
    {
        "owing", "open", "unpaid", "outstanding", "overdue", "due", "onbetaald", "openstaand",
        "impayé", "impaye", "à payer", "fizetetlen", "tartozás", "lejárt",
    }
)  # fmt: skip
_SENT_FOR = frozenset({"web", "app", "phone", "marketplace", "email", "configurator"})
_KINDS: Mapping[str, str] = {
    "kind_completed": v.ORDER_COMPLETED,
    "kind_placed": v.ORDER_PLACED,
    "kind_cancelled": v.ORDER_CANCELLED,
    "kind_refunded": v.ORDER_REFUNDED,
    "kind_received": v.PAYMENT_RECEIVED,
    "kind_returned": v.PAYMENT_RETURNED,
    "kind_sent": v.SHIPMENT_SENT,
    "kind_delivered": v.SHIPMENT_DELIVERED,
}
_COLUMNS = (
    "profile_id", "number", "order_id", "source", "type", "channel", "amount", "amount_base",
    "occurred_at", "properties",
)  # fmt: skip


class OrderEvent(Struct, frozen=True, kw_only=True):
    """One thing that one silo says of an order."""

    profile_id: str
    number: str  # as it is compared
    order_id: str
    source: str
    type: str
    channel: str
    amount: Decimal | None
    amount_base: Decimal | None
    occurred_at: datetime
    properties: dict[str, Any]


def _steps() -> tuple[Step, ...]:
    kinds = ", ".join(f"${name}" for name in _KINDS)
    return (
        *relations.corrections(as_known_then=False)[:2],  # corrections, replaced
        Step(
            "stated",
            "SELECT m.profile_id, t.order_id, t.source, t.type, t.channel, t.amount, "
            "t.amount_base, t.occurred_at, t.properties "
            "FROM touchpoints AS t JOIN membership AS m ON m.atom_id = t.atom_id "
            "LEFT JOIN replaced AS r ON r.position = t.position "
            f"WHERE t.order_id IS NOT NULL AND r.position IS NULL AND (t.type IN ({kinds}) "
            "OR t.properties LIKE $stated)",
        ),
        Step(
            "referred",
            # A bank may know an order by its own reference and carry the shop's number beside it.
            "SELECT s.profile_id, regexp_extract(s.properties, "
            """'"end_to_end":"([^"]+)"', 1) AS order_id, """
            "s.source, s.type, s.channel, s.amount, s.amount_base, s.occurred_at, s.properties "
            "FROM stated AS s WHERE s.type = $kind_received OR s.type = $kind_returned",
        ),
        Step(
            "said",
            "SELECT lower(s.order_id) AS number, s.* FROM stated AS s UNION ALL "
            "SELECT lower(r.order_id) AS number, r.* FROM referred AS r "
            "LEFT JOIN stated AS s ON s.profile_id = r.profile_id AND s.source = r.source "
            "AND s.order_id = r.order_id "
            "WHERE r.order_id <> '' AND s.order_id IS NULL",
        ),
        Step(
            "several",
            "SELECT profile_id, number FROM said GROUP BY profile_id, number "
            "HAVING count(DISTINCT source) > 1",
        ),
        Step(
            "answer",
            f"SELECT {', '.join(f's.{name}' for name in _COLUMNS)} FROM said AS s "
            "LEFT JOIN several AS w ON w.profile_id = s.profile_id AND w.number = s.number "
            "WHERE w.number IS NOT NULL OR s.occurred_at >= $lately",
        ),
    )


def order_findings(
    lake: Lake, now: datetime, *, profiles: Mapping[int, str] | None = None
) -> dict[str, OrderFindings]:
    """What silos contradict each other about, by profile; those with nothing to tell are absent.

    Parameters
    ----------
    lake : Lake
        In which every record belongs to the profile of now.
    now : datetime
    profiles : mapping of atom id to profile id, optional
        The records of the profiles that are asked about; by default all.
    """
    query = relations.bind(
        _steps(), {**_KINDS, "stated": '%"payment_status"%', "lately": now - DELIVERY}
    )
    if profiles is None or len(profiles) > _FEW_RECORDS:
        answer = lake.ask(query)
    else:
        answer = lake.ask(query, tables=_own(lake, profiles))
    wanted = None if profiles is None else set(profiles.values())
    events: defaultdict[str, list[OrderEvent]] = defaultdict(list)
    for row in answer.to_pylist():
        if wanted is not None and row["profile_id"] not in wanted:
            continue
        properties = msgspec.json.decode(row["properties"]) if row["properties"] else {}
        events[row["profile_id"]].append(OrderEvent(**{**row, "properties": properties}))
    found = {profile_id: findings(each, now) for profile_id, each in events.items()}
    return {p: each for p, each in found.items() if each != OrderFindings()}


def _own(lake: Lake, profiles: Mapping[int, str]) -> dict[str, pa.Table]:
    records = pa.table(
        {
            "atom_id": pa.array(list(profiles), pa.int64()),
            "bucket": pa.array([bucket_of(atom) for atom in profiles], pa.int32()),
        }
    )
    own = lake.ask(
        Query(
            steps=(
                Step(
                    "own",
                    "SELECT t.* FROM touchpoints AS t JOIN records AS r "
                    "ON r.bucket = t.bucket AND r.atom_id = t.atom_id "
                    "WHERE t.order_id IS NOT NULL OR t.corrects IS NOT NULL",
                ),
            )
        ),
        tables={"records": records},
    )
    members = pa.table(
        {"atom_id": list(profiles), "profile_id": list(profiles.values())}, schema=MEMBERSHIP
    )
    return {"touchpoints": own, "membership": members}


def findings(events: Sequence[OrderEvent], now: datetime) -> OrderFindings:
    """What one person's orders say; pure."""
    by_number: defaultdict[str, list[OrderEvent]] = defaultdict(list)
    for event in events:
        by_number[event.number].append(event)
    found: list[Contradiction] = []
    until: datetime | None = None
    for number in sorted(by_number):
        said = sorted(by_number[number], key=lambda e: (e.occurred_at, e.source, e.type))
        if len({event.source for event in said}) > 1:
            found += _contradictions(said)
        on_its_way = _delivery_until(said)
        if on_its_way is not None and on_its_way > now:
            until = on_its_way if until is None else max(until, on_its_way)
    return OrderFindings(contradictions=tuple(found), delivery_until=until)


class _Order:
    """The latest word of each silo on each state, and the money."""

    def __init__(self, said: Sequence[OrderEvent]) -> None:
        self.latest: dict[tuple[str, str], OrderEvent] = {}
        self.paid: dict[str, Decimal] = {}  # net, by silo
        self.worth: Decimal = Decimal(0)
        self.back = Decimal(0)
        for event in said:
            amount = abs(event.amount_base or Decimal(0))
            state = event.type
            if event.type == v.PAYMENT_RECEIVED:
                self.paid[event.source] = self.paid.get(event.source, Decimal(0)) + amount
            elif event.type == v.PAYMENT_RETURNED:
                self.paid[event.source] = self.paid.get(event.source, Decimal(0)) - amount
            elif event.type == v.ORDER_REFUNDED:
                self.back += amount
            elif event.type in (v.ORDER_COMPLETED, v.ORDER_PLACED):
                self.worth = max(self.worth, amount)
            stated = str(event.properties.get("payment_status") or "").strip().casefold()
            if stated in _PAID:
                self.latest["says_paid", event.source] = event
            elif stated in _OWING:
                self.latest["says_owing", event.source] = event
            if stated in _PAID or stated in _OWING:  # the later word of a silo replaces its earlier
                other = "says_owing" if stated in _PAID else "says_paid"
                self.latest.pop((other, event.source), None)
            self.latest[state, event.source] = event

    def of(self, state: str) -> list[OrderEvent]:
        return [event for (each, _), event in self.latest.items() if each == state]

    @property
    def net(self) -> Decimal:
        """What was paid and not given back, by whichever silo counts most."""
        return max(self.paid.values(), default=Decimal(0)) - self.back


def _contradictions(said: Sequence[OrderEvent]) -> list[Contradiction]:
    order = _Order(said)
    cancelled, completed = order.of(v.ORDER_CANCELLED), order.of(v.ORDER_COMPLETED)
    received, returned = order.of(v.PAYMENT_RECEIVED), order.of(v.PAYMENT_RETURNED)
    found: list[Contradiction] = []
    standing = not cancelled and order.back < max(order.worth, _CENT)
    taken_back = bool(returned) and max(order.paid.values(), default=Decimal(0)) < _CENT
    if order.net >= _CENT:
        found += _each("paid_cancelled", received, cancelled, order.net)
        found += _each("paid_owing", received, order.of("says_owing"), order.net)
        if standing and order.worth and order.net - order.worth >= _CENT:
            found += _each("overpaid", received, completed, order.net - order.worth)
    if taken_back and standing:
        found += _each("returned_completed", returned, completed, order.worth)
        found += _each("returned_paid", returned, order.of("says_paid"), order.worth)
    if cancelled:
        delivered = order.of(v.SHIPMENT_DELIVERED)
        found += _each("delivered_cancelled", delivered, cancelled, order.worth)
    return found


def _each(
    name: str, right: Sequence[OrderEvent], wrong: Sequence[OrderEvent], value: Decimal
) -> list[Contradiction]:
    """One contradiction for each silo whose word does not stand."""
    if not right:
        return []
    stands = max(right, key=lambda event: (event.occurred_at, event.source))
    return [
        Contradiction(
            kind="order",
            name=name,
            item=event.order_id,
            winner=stands.source,
            loser=event.source,
            why="happened",
            tier=MONEY,
            value=value,
            since=max(stands.occurred_at, event.occurred_at),
            verified=True,
        )
        for event in wrong
        if event.source != stands.source and name in ORDER_SAYS
    ]


def _delivery_until(said: Sequence[OrderEvent]) -> datetime | None:
    """Until when the order may still be on its way; None where it is not, or never was."""
    kinds = {event.type for event in said}
    if kinds & {v.SHIPMENT_DELIVERED, v.ORDER_CANCELLED}:
        return None
    until: datetime | None = None
    for event in said:
        sent = event.type == v.SHIPMENT_SENT
        bought = event.type in (v.ORDER_COMPLETED, v.ORDER_PLACED) and event.channel in _SENT_FOR
        if not (sent or bought):
            continue
        about = event.properties
        if "collect" in str(about.get("shipping_method") or ""):
            continue
        days = about.get("delivery_days")
        took = timedelta(days=min(float(days), 60)) if isinstance(days, int | float) else DELIVERY
        until = event.occurred_at + took if until is None else max(until, event.occurred_at + took)
    return until
