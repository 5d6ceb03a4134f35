"""How fast identity takes in a first import: 300,000 touchpoints of 60,000 records.

    python benchmarks/resolve.py [--touchpoints 300000] [--records 60000] [--url sqlite:///…]

A customer file comes first (every CRM record with name, e-mail and phone), then web, orders and
calls in batches of 5,000, as the worker takes them. Prints seconds of processor time.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from rapport.engines.ledger import open_ledger
from rapport.unify.resolve import resolve_batch
from rapport.unify.sighting import Sighting, sighting_of
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import RECORD_SEEN, Touchpoint

START = datetime(2021, 1, 1, tzinfo=UTC)
FIRST_NAMES = "Jan Els Ágnes Béla Luc Marie Sofie Tom Anna Zoltán Julie Pieter Eszter Noor Thomas"
LAST_NAMES = "Peeters Janssens Kovács Nagy Dubois Lambert Szabó Maes Jacobs Martin Tóth Claes"
FIRST, LAST = FIRST_NAMES.split(), LAST_NAMES.split()


def touchpoints(count: int, records: int, seed: int) -> Iterator[Touchpoint]:
    """CRM rows of a third of the records first, then events of all, in order of time."""
    rng = random.Random(seed)  # noqa: S311  # not a secret: repeatable
    people = records // 3
    phones = [f"+3247{rng.randrange(10**7):07d}" for _ in range(people)]
    for n in range(people):
        yield Touchpoint(
            touchpoint_id=f"crm-{n}", source="crm", channel="crm", type=RECORD_SEEN,
            occurred_at=START, received_at=START,
            record=Identifier(kind="crm_contact", value=str(n), namespace="crm"),
            traits={
                "first_name": rng.choice(FIRST), "last_name": rng.choice(LAST),
                "email": f"person{n}@mail.be", "country": "BE", "language": "nl",
                # Two in ten share their neighbour's number: households.
                "phone": phones[n - 1] if n % 5 == 0 else phones[n],
            },
        )  # fmt: skip
    for n in range(count - people):
        at = START + timedelta(minutes=8 * n)
        person = rng.randrange(people)
        if rng.random() < 0.5:
            device = Identifier(kind="anonymous_id", value=f"a{person}", namespace="shop")
            signed_in = rng.random() < 0.3
            user = Identifier(kind="user_id", value=f"u{person}", namespace="shop")
            email = Identifier(kind="email", value=f"person{person}@mail.be")
            yield Touchpoint(
                touchpoint_id=f"web-{n}", source="shop", channel="web", type="Page Viewed",
                occurred_at=at, received_at=at, record=user if signed_in else device,
                identifiers=(user, device, email) if signed_in else (device,),
            )  # fmt: skip
        else:
            email = Identifier(kind="email", value=f"person{person}@mail.be")
            yield Touchpoint(
                touchpoint_id=f"order-{n}", source="shop", channel="store", type="Order Completed",
                occurred_at=at, received_at=at,
                record=Identifier(kind="crm_contact", value=str(person), namespace="crm"),
                identifiers=(email,),
            )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--touchpoints", type=int, default=300_000)
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--batch", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(options.url or f"sqlite:///{folder}/ledger.sqlite")
        source = touchpoints(options.touchpoints, options.records, options.seed)
        total, slowest, position = 0.0, 0.0, 0
        steps: Counter[str] = Counter()
        while batch := list(islice(source, options.batch)):
            started, began = time.process_time(), time.perf_counter()
            sightings: list[Sighting] = []
            for touchpoint in batch:
                position += 1
                sighting = sighting_of(touchpoint, position)
                if sighting is not None:
                    sightings.append(sighting)
            steps["sighting_of"] += time.perf_counter() - began  # type: ignore[assignment]
            with ledger.write() as connection:
                resolution = resolve_batch(connection, ledger, sightings, batch[-1].received_at)
            steps.update(resolution.seconds)  # type: ignore[arg-type]
            total += time.process_time() - started
            slowest = max(slowest, time.perf_counter() - began)
        print(f"{position} touchpoints: {total:.1f} s of processor time, "
              f"slowest batch {slowest:.2f} s")  # fmt: skip
        for name, seconds in steps.most_common():
            print(f"  {seconds:7.2f} s  {name}")
        ledger.close()


if __name__ == "__main__":
    main()
