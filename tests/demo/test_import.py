"""Our own import reads the demo company as its truth says: nothing lost, nothing too much."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rapport.collect.event_checks import check_event
from rapport.collect.mapped_files import read_touchpoints
from rapport.collect.mapping import find_mapping
from rapport.collect.segment import decode_event
from rapport.demo import generate
from rapport.vocabulary.identifier_values import normalise_identifier
from rapport.vocabulary.touchpoint import RefusedRecord, Touchpoint

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
Imported = tuple[Path, dict[str, Any], list[Touchpoint], list[tuple[str, RefusedRecord]]]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    folder = tmp_path_factory.mktemp("kadar")
    generate(folder, people=200)
    story = json.loads((folder / "truth/story.json").read_text("utf-8"))
    touchpoints: dict[tuple[str, str], Touchpoint] = {}
    refused = []
    for file in story["files"]:
        mapping = find_mapping(folder / file["path"])
        assert mapping is not None, file["path"]
        assert mapping.source == file["source"]
        if mapping.kind in ("rates", "segment"):
            continue  # these have doors of their own
        for batch in read_touchpoints(folder / file["path"], mapping, NOW):
            refused += [(file["path"], record) for record in batch.refused]
            for touch in batch.touchpoints:
                known = touchpoints.setdefault((touch.source, touch.touchpoint_id), touch)
                assert known == touch  # the late file repeats, and never contradicts
    return folder, story, list(touchpoints.values()), refused


def test_only_the_rows_made_to_be_bad_are_refused(imported: Imported) -> None:
    _, story, _, refused = imported
    found = {(path, int((r.locator or "").rpartition(":")[2])): r.reason for path, r in refused}
    told = {(bad["path"], bad["line"]): bad["reason"] for bad in story["bad_rows"]}
    assert set(found) == set(told)
    # The CSV reader gives up on a cell of more than a million characters before anybody can
    # weigh the row, so it calls it what it cannot tell it from: a quote that is never closed.
    same = {place for place, reason in told.items() if reason != "too_large"}
    assert {p: found[p] for p in same} == {p: told[p] for p in same}


def test_touchpoints_and_revenue_are_the_told_ones(imported: Imported) -> None:
    _, story, touchpoints, _ = imported
    counted = Counter(t.source for t in touchpoints)
    revenue: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for touch in touchpoints:
        if touch.type in ("Order Completed", "Order Refunded"):
            assert touch.amount is not None
            revenue[touch.source, touch.currency or ""] += touch.amount
    for source, told in story["silos"].items():
        if source not in ("web", "finance"):
            assert counted[source] == told["touchpoints"], source
        for currency, amount in told["revenue"].items():
            assert revenue[source, currency] == Decimal(amount)


def test_the_records_found_are_those_of_the_truth(imported: Imported) -> None:
    folder, _, touchpoints, _ = imported
    truth = pl.read_parquet(folder / "truth/people.parquet").filter(pl.col("source") != "web")
    others = pl.read_parquet(folder / "truth/others.parquet")
    told = set(truth.select("source", "kind", "namespace", "value").iter_rows())
    told |= set(others.select("source", "kind", "namespace", "value").iter_rows())
    found = set()
    for touch in touchpoints:
        if touch.record is None or touch.touchpoint_id.startswith("contacts:F"):
            continue  # nobody named, or a row of the broken export
        record = normalise_identifier(touch.record, touch.country)
        assert record is not None
        found.add((touch.source, record.kind, record.namespace, record.value))
    assert found == told


def test_what_steers_the_reading_of_a_file_is_kept_with_no_touchpoint(imported: Imported) -> None:
    _, _, touchpoints, _ = imported
    steering = {"own_addresses", "date_order", "order_pattern", "our_business_id",
                "customer_kind", "criteria_max"}  # fmt: skip
    assert {t.source for t in touchpoints} >= {"bank", "invoicing", "mystery", "whatsapp_gent"}
    assert not [t for t in touchpoints if steering & set(t.properties)]


def test_every_text_of_the_truth_is_found_under_its_id(imported: Imported) -> None:
    folder, _, touchpoints, _ = imported
    truth = pl.read_parquet(folder / "truth/texts.parquet")
    with_text = {
        (t.source, t.touchpoint_id) for t in touchpoints if t.text and t.type != "Ticket Resolved"
    }
    assert with_text == set(truth.select("source", "touchpoint_id").iter_rows())


def test_every_web_event_passes_the_checks_of_the_collector(imported: Imported) -> None:
    folder, story, _, _ = imported
    checked = 0
    for path in sorted((folder / "webshop").glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            event = decode_event(line)
            refusal = check_event(event, event.type or "", line, sent_at=None, received_at=NOW)
            assert refusal is None
            assert event.message_id
            # A `sentAt` would have the collector correct the times of a file read months later.
            assert event.sent_at is None
            checked += 1
    assert checked == story["silos"]["web"]["rows"] > 1000
