"""What is refused: kept once, listed, downloaded without danger, and tried again."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from sqlalchemy import select

from rapport.collect.intake import read_again
from rapport.collect.refused import (
    erase_refused,
    keep_refused,
    refused_counts,
    refused_csv,
    refused_mentioning,
    refused_payload_text,
    refused_rows,
    replay,
)
from rapport.collect.segment import SegmentEnvelope
from rapport.collect.sources import create_source, source_days
from rapport.collect.touchpoints import touchpoint_of
from rapport.engines.ledger import Ledger
from rapport.privacy.spreadsheet_cells import safe_cell
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import RefusedRecord

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


def record(payload: bytes, reason: str = "wrong_type", source: str = "web") -> RefusedRecord:
    return RefusedRecord(
        source=source, reason=reason, detail="d", payload=payload, received_at=NOW, locator="f:1"
    )


def keep(ledger: Ledger, *records: RefusedRecord) -> int:
    with ledger.write() as connection:
        return keep_refused(ledger, connection, {"web": 1, "till": 2}, records)


@pytest.fixture(autouse=True)
def _sources(ledger: Ledger) -> None:
    create_source(ledger, NOW, name="web", label="", kind="collector")
    create_source(ledger, NOW, name="till", label="", kind="orders")


def test_the_same_refusal_is_kept_and_counted_once(ledger: Ledger) -> None:
    assert keep(ledger, record(b"a"), record(b"a"), record(b"b")) == 2
    assert keep(ledger, record(b"a"), record(b"c")) == 1
    assert keep(ledger, record(b"a", "too_large"), record(b"a", source="till")) == 2
    counts = [(c.source, c.reason, c.count) for c in refused_counts(ledger)]
    assert counts == [("web", "wrong_type", 3), ("till", "wrong_type", 1), ("web", "too_large", 1)]
    assert [c.count for c in refused_counts(ledger, "till")] == [1]
    days = source_days(ledger, NOW.date())
    assert {d.source_id: d.refused for d in days} == {1: 4, 2: 1}


def test_refused_records_are_listed_page_by_page(ledger: Ledger) -> None:
    keep(ledger, *(record(b"%d" % n) for n in range(5)))
    first = refused_rows(ledger, source="web", reason="wrong_type", limit=3)
    rest = refused_rows(ledger, source="web", after=first[-1].refused_id)
    assert sorted(row.payload for row in first + rest) == [b"0", b"1", b"2", b"3", b"4"]
    assert refused_rows(ledger, source="till") == []


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1+1", "-1+A2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "\u00a0=1"],
)
def test_a_cell_that_could_be_a_formula_is_defused(cell: str) -> None:
    assert safe_cell(cell) == "'" + cell
    assert safe_cell("a" + cell) == "a" + cell


@given(st.binary(max_size=40))
def test_no_cell_of_a_download_starts_a_formula(payload: bytes) -> None:
    text = safe_cell(payload.decode("utf-8", "backslashreplace"))
    begins = text.strip()
    assert not begins.startswith(("=", "@"))
    assert (
        not begins.startswith(("+", "-")) or begins[1:].replace(".", "").replace(" ", "").isdigit()
    )


def test_the_download_holds_every_row_and_no_formula(ledger: Ledger) -> None:
    evil = b'=HYPERLINK("http://evil.example","x")'
    keep(ledger, record(evil), record(b"\xff\xfe;x"), record(b'a\x00b,\n"q"'))
    body = b"".join(refused_csv(ledger))
    assert body.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    assert {row["payload"] for row in rows} == {
        "'" + evil.decode(), "\\xff\\xfe;x", 'a\\x00b,\n"q"',
    }  # fmt: skip
    assert {row["locator"] for row in rows} == {"f:1"}
    assert b"".join(refused_csv(ledger, source="till")).count(b"\n") == 1


def test_an_event_refused_by_a_rule_that_was_mended_is_kept_with_its_old_time(
    ledger: Ledger,
) -> None:
    event = {
        "event": "Signed Up",
        "userId": "u",
        "messageId": "m",
        "timestamp": "2026-11-16T08:00:00Z",
    }
    envelope = SegmentEnvelope(type="track", id="", event=Raw(msgspec.json.encode(event)))
    still_bad = SegmentEnvelope(type="track", id="", event=Raw(b'{"event":"x"}'))
    keep(
        ledger,
        record(msgspec.json.encode(envelope), "missing_field"),
        record(msgspec.json.encode(still_bad), "missing_identity"),
        record(b"not json", "malformed_json"),
    )
    later = NOW + timedelta(days=3)
    outcome = replay(ledger, lambda row: read_again(row, later), later)
    assert (outcome.accepted, outcome.refused_again) == (1, 2)
    with ledger.read() as connection:
        entry = connection.execute(select(t.journal)).one()
    touch = touchpoint_of(entry.kind, entry.payload, "web", entry.received_at)
    assert (touch.touchpoint_id, touch.received_at) == ("m", NOW)
    assert len(refused_rows(ledger)) == 2
    assert replay(ledger, lambda row: read_again(row, later), later).accepted == 0


def test_a_persons_refused_records_are_found_by_whole_values_and_erased(ledger: Ledger) -> None:
    theirs = [
        b'{"email":"Anna@Example.com","total":"x"}',
        b"id;mail\n7;b@example.com\n",
        "név;Kő\nügyfél;u-42\n".encode("cp1250"),
    ]
    others = [b'{"email":"joanna@example.com"}', b'{"n":77,"id":"a-7"}', b"anna@example.com.au"]
    keep(ledger, *map(record, theirs + others))
    values = ["anna@example.com", "7", "u-42", " "]
    assert {row.payload for row in refused_mentioning(ledger, values)} == set(theirs)
    assert list(refused_mentioning(ledger, [""])) == []
    assert erase_refused(ledger, values[1:]) == 2
    assert {row.payload for row in refused_rows(ledger)} == {theirs[0], *others}


def test_a_payload_is_shown_as_text_whatever_it_is(ledger: Ledger) -> None:
    keep(ledger, record(b'{"a":1}'), record(b"\xff<b>"), record(b"[" * 30_000))
    shown = {refused_payload_text(row)[:10] for row in refused_rows(ledger)}
    assert shown == {'{\n  "a": 1', "\\xff<b>", "[" * 10}
