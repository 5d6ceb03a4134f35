"""Each kind of plain table goes the whole way, and what of it is no use is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.collect.connectors.whole_way import mapping_of, whole_way


class Table(Struct, frozen=True):
    """A table of one good row and one that is refused, and what must come of it."""

    header: str
    good: str
    bad: str
    columns: dict[str, str]
    type: str
    reason: str
    constants: dict[str, Any] = {}


_WHO = {"email": "mail"}
TABLES = {
    "calls": Table(
        "id,end,mail,seconds", "c1,2026-10-01T10:00,anna@pelda.example,90", ",2026-10-01T10:00,,1",
        {"call_id": "id", "ended_at": "end", "duration_seconds": "seconds", **_WHO},
        "Call Ended", "missing_field",
    ),
    "messages": Table(
        "id,at,mail,what", "m1,2026-10-01T10:00,anna@pelda.example,opened",
        "m2,2026-10-01T10:00,anna@pelda.example,eaten",
        {"message_id": "id", "occurred_at": "at", "event": "what", **_WHO},
        "Message Opened", "unknown_type",
    ),
    "orders": Table(
        "id,at,mail,sum", "o1,2026-10-01T10:00,anna@pelda.example,12.30",
        "o2,yesterday,anna@pelda.example,1",
        {"order_id": "id", "occurred_at": "at", "amount": "sum", **_WHO},
        "Order Completed", "invalid_timestamp", {"currency": "EUR"},
    ),
    "payments": Table(
        "id,at,mail,sum", "p1,2026-10-01T10:00,anna@pelda.example,12.30",
        "p2,2026-10-01T10:00,anna@pelda.example,",
        {"payment_id": "id", "occurred_at": "at", "amount": "sum", **_WHO},
        "Payment Received", "missing_field", {"currency": "EUR"},
    ),
    "reviews": Table(
        "id,at,mail,stars", "r1,2026-10-01T10:00,anna@pelda.example,4",
        "r2,,anna@pelda.example,4",
        {"review_id": "id", "occurred_at": "at", "score": "stars", **_WHO},
        "Review Posted", "missing_field", {"scale_min": 1, "scale_max": 5},
    ),
    "surveys": Table(
        "id,at,mail,nps", "s1,2026-10-01T10:00,anna@pelda.example,9",
        "s2,2026-10-01T10:00,anna@pelda.example,99",
        {"response_id": "id", "occurred_at": "at", "score": "nps", **_WHO},
        "Survey Answered", "score_out_of_range", {"scale_min": 0, "scale_max": 10},
    ),
    "tickets": Table(
        "id,at,mail,about", "t1,2026-10-01T10:00,anna@pelda.example,zip", ",2026-10-01T10:00,,x",
        {"ticket_id": "id", "opened_at": "at", "subject": "about", **_WHO},
        "Ticket Opened", "missing_field",
    ),
    "visits": Table(
        "id,at,mail,shop", "v1,2026-10-01T10:00,anna@pelda.example,Gent", ",2026-10-01T10:00,,x",
        {"visit_id": "id", "occurred_at": "at", "place": "shop", **_WHO},
        "Store Visited", "missing_field",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
def test_a_plain_table_goes_the_whole_way(kind: str, tmp_path: Path) -> None:
    table = TABLES[kind]
    content = f"{table.header}\n{table.good}\n{table.bad}\n".encode()
    mapping = mapping_of(kind, columns=table.columns, constants=table.constants)
    way = whole_way(tmp_path, "table.csv", content, mapping)
    assert (way.only().type, way.profiles) == (table.type, 1)
    assert [(row.reason, row.locator) for row in way.refused] == [(table.reason, "table.csv:3")]


def test_a_file_of_segment_calls_goes_the_whole_way(tmp_path: Path) -> None:
    good = (
        b'{"type": "track", "event": "Tent Rented", "messageId": "x1",'
        b' "userId": "u1", "timestamp": "2026-10-01T10:00:00Z"}\n'
    )
    mapping = mapping_of("segment", file={"format": "jsonl"})
    way = whole_way(tmp_path, "calls.jsonl", good + b'{"type": "dance"}\n', mapping)
    assert (way.only().type, way.profiles) == ("Tent Rented", 1)
    assert [row.locator for row in way.refused] == ["calls.jsonl:2"]
