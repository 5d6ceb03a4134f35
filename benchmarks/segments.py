"""How soon a touchpoint brings somebody into a segment, and how long a rule takes to count.

    python benchmarks/segments.py [--touchpoints 1000000] [--people 100000] [--events 60]

Fills a company with a year of touchpoints through journal and worker, keeps segments of what people
did, and counts rules over all of it, from no memory of earlier answers. Then the worker runs as in
`rapport work` while orders of known and new people arrive one by one; for each the time is taken
from its durable place in the journal until the ledger says that the person is a member. Last,
windows of time run out with nothing arriving, and it is printed how late the ledger says so.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread

from msgspec import structs
from sqlalchemy import func, select

from rapport.collect.sources import ensure_source
from rapport.collect.touchpoints import TOUCHPOINT, encode_touchpoint
from rapport.engines.ledger import JournalEntry
from rapport.settings import Settings
from rapport.understand.segments.happening import Followed, Happened, Recency, Span, Which
from rapport.understand.segments.rule import All, Not, Rule, where
from rapport.unify.assign import profile_id_of
from rapport.vocabulary.identifier import Identifier, atom_id
from rapport.vocabulary.ledger_tables import segment_member
from rapport.vocabulary.touchpoint import ORDER_COMPLETED, Touchpoint
from rapport.workflows.company import Company, open_company
from rapport.workflows.customers import rebuild_customers
from rapport.workflows.ingest import apply_journal
from rapport.workflows.refresh import refresh_profiles, snapshot_membership
from rapport.workflows.remembered import data_version, forget
from rapport.workflows.segment_definitions import save_segment
from rapport.workflows.segment_history import rule_overlap
from rapport.workflows.segment_members import follow_segments
from rapport.workflows.segments import count_rule, known_of, times_of
from rapport.workflows.work import work

CHUNK = 50_000
ORDER = Which(types=(ORDER_COMPLETED,))
VIEW = Which(types=("Product Viewed",))
RULES: dict[str, Rule] = {
    "two orders over 50 in 90 days": Happened(
        which=Which(types=(ORDER_COMPLETED,), amount_from=50), value=2, within=Span(number=90)
    ),
    "no visit in 30 days": Happened(
        which=Which(types=("Page Viewed",)), operator="eq", value=0, within=Span(number=30)
    ),
    "viewed, then no order within 7 days": Followed(
        which=VIEW, then=ORDER, within=Span(number=7), holds=False, since=Span(number=30)
    ),
    "spent 500 ever, and not for 60 days": All(
        rules=(
            Happened(which=ORDER, measure="amount", value=500),
            Recency(which=ORDER, operator="before", span=Span(number=60)),
        )
    ),
    "seen lately, viewed and never ordered": All(
        rules=(
            where("last_seen", "within_last_days", 90),
            Happened(which=VIEW),
            Not(rule=Happened(which=ORDER)),
        )
    ),
}
#: Anybody's first order of this campaign enters; it leaves after its window.
LIVE = Happened(which=Which(types=(ORDER_COMPLETED,), campaigns=("live",)), within=Span(number=1))


def person(number: int) -> Identifier:
    return Identifier(kind="email", value=f"p{number}@kadar.example")


def made(name: str, number: int, at: datetime, kind: str, rng: random.Random) -> Touchpoint:
    who = person(number)
    amount = Decimal(rng.randrange(1_000, 20_000)) / 100 if kind == ORDER_COMPLETED else None
    return Touchpoint(
        touchpoint_id=name, source="shop", channel="web", type=kind, occurred_at=at,
        received_at=at, record=who, identifiers=(who,), amount=amount, currency="EUR",
        order_id=name if amount is not None else None, country=rng.choice(["BE", "FR", "HU"]),
    )  # fmt: skip


def keep(company: Company, source_id: int, touchpoints: list[Touchpoint]) -> None:
    company.ledger.append_journal(
        [
            JournalEntry(
                source_id=source_id, message_id=t.touchpoint_id, kind=TOUCHPOINT,
                received_at=t.received_at, payload=encode_touchpoint(t),
            )
            for t in touchpoints
        ]
    )  # fmt: skip


def fill(company: Company, touchpoints: int, people: int) -> int:
    """A year of touchpoints; returns the source that they came from."""
    rng = random.Random(7)  # noqa: S311 - not a secret: repeatable
    source = ensure_source(
        company.ledger, company.clock(), name="shop", label="Shop", kind="orders"
    ).source_id
    now = company.clock()
    kinds = ["Page Viewed", "Product Viewed", ORDER_COMPLETED, "Message Opened"]
    for first in range(0, touchpoints, CHUNK):
        keep(
            company,
            source,
            [
                made(
                    f"t{number}", int(people * rng.random() ** 1.5),
                    now - timedelta(seconds=rng.randrange(60, 365 * 86_400)),
                    rng.choices(kinds, (50, 30, 12, 8))[0], rng,
                )
                for number in range(first, min(first + CHUNK, touchpoints))
            ],
        )  # fmt: skip
    return source


def timed(name: str, do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    took = time.perf_counter() - began
    print(f"{name}: {took:.2f} s", flush=True)
    return took


def previews(company: Company) -> None:
    """Counts, as the builder asks for them while somebody writes."""
    took: list[float] = []
    for name, rule in RULES.items():
        forget(company)
        # What no longer holds is found once for each state of the data, by whichever page is first.
        known_of(company, data_version(company), times_of(company, [rule]))
        began = time.perf_counter()
        found = count_rule(company, rule)
        took.append(time.perf_counter() - began)
        print(f"  {name}: {found.members:,} of {found.customers:,}, {took[-1] * 1000:.0f} ms")
    print(f"count preview (goal 500 ms): median {statistics.median(took) * 1000:.0f} ms, "
          f"slowest {max(took) * 1000:.0f} ms", flush=True)  # fmt: skip
    rule = RULES["two orders over 50 in 90 days"]
    timed("overlap with all segments", lambda: rule_overlap(company, rule))


def members(company: Company, key: str) -> int:
    with company.ledger.read() as connection:
        m = segment_member.c
        return int(
            connection.scalar(
                select(func.count()).select_from(segment_member).where(m.segment_key == key)
            )
            or 0
        )


def is_member(company: Company, key: str, profile_id: str) -> bool:
    m = segment_member.c
    with company.ledger.read() as connection:
        return (
            connection.execute(
                select(m.since).where(m.segment_key == key, m.profile_id == profile_id)
            ).first()
            is not None
        )


def live(company: Company, source: int, key: str, people: int, events: int) -> None:
    """Touchpoints one by one while the worker runs."""
    rng = random.Random(1)  # noqa: S311 - not a secret: repeatable
    stop = Event()
    worker = Thread(target=work, args=(company, stop))
    worker.start()
    waits: list[float] = []
    edge = datetime.now(UTC) + timedelta(seconds=2 * events + 30)
    try:
        time.sleep(3)
        for event in range(events):
            # Every third one is new; nobody twice.
            number = people + event if event % 3 == 0 else event * 7
            order = made(f"live{event}", number, datetime.now(UTC), ORDER_COMPLETED, rng)
            # So long ago that its window ends soon after the last one has come.
            order = structs.replace(order, campaign="live", occurred_at=edge - timedelta(days=1))
            keep(company, source, [order])
            told = time.perf_counter()
            while not is_member(company, key, profile_id_of(atom_id(person(number)))):
                if time.perf_counter() - told > 60:
                    raise SystemExit("nobody entered within a minute")
                time.sleep(0.01)
            waits.append(time.perf_counter() - told)
            time.sleep(rng.uniform(0, 0.6))  # not in step with the worker's pauses
        waits.sort()
        print(
            f"from touchpoint to member (goal 2 s at p95), {events} events: "
            f"p50 {waits[len(waits) // 2]:.2f} s, p95 {waits[int(len(waits) * 0.95)]:.2f} s, "
            f"most {waits[-1]:.2f} s",
            flush=True,
        )
        leaving(company, key, edge, events)
    finally:
        stop.set()
        worker.join()


def leaving(company: Company, key: str, edge: datetime, events: int) -> None:
    """How late people leave whose window runs out with nothing arriving."""
    while datetime.now(UTC) < edge or members(company, key):
        if datetime.now(UTC) > edge + timedelta(minutes=1):
            raise SystemExit("somebody stayed for a minute after the window")
        time.sleep(0.02)
    late = (datetime.now(UTC) - edge).total_seconds()
    print(f"{events} left by time alone, {late:.2f} s after the edge of the window")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--touchpoints", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=60)
    parser.add_argument("--folder", help="Keep the data here, and use what is there.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(given.folder or temporary)
        is_new = not (folder / "ready").exists()
        with open_company(Settings(data=str(folder / "data"))) as company:
            company.choose("reporting_currency", "EUR")
            if is_new:
                timed("journal", lambda: fill(company, given.touchpoints, given.people))
                timed("apply", lambda: apply_journal(company))
                timed("snapshot", lambda: snapshot_membership(company))
                timed("refresh", lambda: refresh_profiles(company))
                timed("table of customers", lambda: rebuild_customers(company))
                company.lake.compact()
                for name, rule in RULES.items():
                    save_segment(company, name=name, rule=rule, author="benchmark")
                save_segment(company, name="live", rule=LIVE, author="benchmark")
                (folder / "ready").touch()
            source = ensure_source(
                company.ledger, company.clock(), name="shop", label="Shop", kind="orders"
            ).source_id
            timed("everybody placed", lambda: follow_segments(company))
            timed("everybody placed again", lambda: follow_segments(company, everybody=True))
            previews(company)
            live(company, source, f"own-{len(RULES) + 1}", given.people, given.events)


if __name__ == "__main__":
    main()
