"""What a day's records cost a company that knows many: found, weighed, joined, renewed.

    python benchmarks/match_day.py [--records 200000] [--day 10000]

The world of `benchmarks/identity.py` comes in through the journal and is matched whole. Then a day
follows, records of people new and known alike, and only what hangs together with them is matched.
Prints the seconds of both, and whether matching everything once more says the same of the day.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from identity import dirty_records
from sqlalchemy import select

from rapport.act.defaults import ensure_defaults
from rapport.collect.sources import ensure_source
from rapport.collect.touchpoints import TOUCHPOINT, encode_touchpoint
from rapport.engines.ledger import JournalEntry
from rapport.settings import Settings
from rapport.unify.matching.stored_records import MATCHED_ATTRIBUTES
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.ledger_tables import pair_score
from rapport.vocabulary.touchpoint import RECORD_SEEN, Touchpoint
from rapport.workflows.company import Company, open_company
from rapport.workflows.matching import MatchingDone, match_company
from rapport.workflows.resolve import resolve_company

_NOW = datetime(2026, 11, 1, tzinfo=UTC)
_BATCH = 20_000


def touchpoints(table: pa.Table, start: int) -> Iterator[Touchpoint]:
    """One sighting per record; the house number belongs to the street."""
    for n, row in enumerate(table.to_pylist(), start):
        said = {name: row[name] for name in MATCHED_ATTRIBUTES if row.get(name)}
        if row.get("house_number") and "street" in said:
            said["street"] = f"{said['street']} {row['house_number']}"
        yield Touchpoint(
            touchpoint_id=f"row-{n}", source=row["source"], channel="crm", type=RECORD_SEEN,
            occurred_at=_NOW, received_at=_NOW, traits=said,
            record=Identifier(kind="crm_contact", value=str(n), namespace=row["source"]),
        )  # fmt: skip


def take_in(company: Company, table: pa.Table, start: int) -> float:
    """Journal and resolve; returns seconds."""
    began = time.perf_counter()
    sources: dict[str, int] = {}
    entries: list[JournalEntry] = []
    for each in touchpoints(table, start):
        if each.source not in sources:
            sources[each.source] = ensure_source(
                company.ledger, _NOW, name=each.source, label=each.source, kind="crm"
            ).source_id
        entries.append(
            JournalEntry(
                source_id=sources[each.source],
                message_id=each.touchpoint_id,
                kind=TOUCHPOINT,
                received_at=_NOW,
                payload=encode_touchpoint(each),
            )
        )
        if len(entries) == _BATCH:
            company.ledger.append_journal(entries)
            entries = []
    company.ledger.append_journal(entries)
    resolve_company(company)
    return time.perf_counter() - began


def matched(company: Company, *, whole: bool) -> tuple[MatchingDone, float]:
    began = time.perf_counter()
    done = match_company(company, whole=whole)
    seconds = time.perf_counter() - began
    steps = ", ".join(f"{name} {spent:.1f}" for name, spent in done.seconds.items())
    print(
        f"{'all' if whole else 'some'}: {done.records:,} records, {done.compared:,} pairs, "
        f"{done.changed:,} changed, {done.merged:,} profiles merged, {done.split:,} split, "
        f"{done.refreshed:,} renewed: {seconds:.1f} s ({steps})"
    )
    return done, seconds


def joined_pairs(company: Company) -> set[tuple[int, int]]:
    with company.ledger.read() as connection:
        p = pair_score.c
        rows: Any = connection.execute(select(p.atom_a, p.atom_b).where(p.joined.is_(True)))
        return {(row[0], row[1]) for row in rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--day", type=int, default=10_000)
    given = parser.parse_args()
    world = dirty_records(given.records + given.day)
    order = np.random.default_rng(5).permutation(world.num_rows)
    world = world.take(pa.array(order))
    with (
        tempfile.TemporaryDirectory() as folder,
        open_company(Settings(data=folder)) as company,
    ):
        with company.ledger.write() as connection:
            ensure_defaults(connection, company.ledger, "benchmark")
        company.choose("reporting_currency", "EUR")
        spent = take_in(company, world.slice(0, given.records), 0)
        print(f"{given.records:,} records taken in: {spent:.0f} s")
        matched(company, whole=True)
        spent = take_in(company, world.slice(given.records), given.records)
        print(f"a day of {given.day:,} taken in: {spent:.1f} s")
        matched(company, whole=False)
        in_parts = joined_pairs(company)
        matched(company, whole=True)
        at_once = joined_pairs(company)
        both = len(in_parts & at_once)
        print(f"joined in parts and at once: {both / len(in_parts | at_once):.2%} of the pairs")


if __name__ == "__main__":
    main()
