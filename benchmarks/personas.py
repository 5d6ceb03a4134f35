"""What finding groups of customers costs, by the number of customers.

    python benchmarks/personas.py [--customers 200000] [--touchpoints 20]

Fills a lake with a year of visits, orders and answers of customers of four kinds, and takes the
time of each part of a search: reading facts, how many groups, centres, placing everybody,
statements of thirty segments, and typical days.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.engines.lake import Lake
from rapport.understand.personas.clusters import adjusted_rand_index
from rapport.understand.personas.day import GROUPED, typical_days
from rapport.understand.personas.discovery import NOWHERE, find_groups, place
from rapport.understand.personas.facts import read_facts
from rapport.understand.personas.statements import describe, traits_of
from rapport.vocabulary.lake_tables import CUSTOMERS, MEMBERSHIP, TOUCHPOINTS, bucket_of

NOW = datetime(2026, 7, 1, tzinfo=UTC)
KINDS, QUESTIONS, SEGMENTS = 4, 6, 30
T = TypeVar("T")


def timed(what: str, work: Callable[[], T]) -> T:
    """Do it, and print how long it took."""
    began = time.perf_counter()
    found = work()
    print(f"{what:<28}{time.perf_counter() - began:8.2f} s")
    return found


def touchpoints(customers: int, each: int, rng: np.random.Generator) -> pa.Table:
    """Visits and orders whose channel, and answers whose agreement, follow the kind."""
    kind = np.arange(customers) % KINDS
    acts = customers * each
    who = np.repeat(np.arange(customers), each)
    store = rng.random(acts) < np.array([0.1, 0.9, 0.5, 0.3])[kind[who]]
    order = rng.random(acts) < 0.4
    asked = np.repeat(np.arange(customers), QUESTIONS)
    question = np.tile(np.arange(QUESTIONS), customers)
    centre = np.where((kind[asked] + question) % KINDS < 2, 6.0, 2.5)
    score = np.clip(np.rint(centre + rng.normal(0, 0.9, len(asked))), 1, 7)
    atoms = np.concatenate([who, asked])
    n = len(atoms)
    second = rng.integers(1, 360 * 86_400, n)
    moments = np.datetime64(NOW.replace(tzinfo=None), "us") - second * np.timedelta64(1, "s")
    answers = len(asked)
    columns: dict[str, Any] = {
        "bucket": pa.array(atoms % bucket_count(), pa.int32()),
        "atom_id": atoms,
        "position": np.arange(1, n + 1),
        "occurred_at": moments,
        "received_at": moments,
        "touchpoint_id": pc.cast(pa.array(np.arange(n)), pa.string()),
        "source": pa.repeat("shop", n),
        "channel": np.concatenate([np.where(store, "store", "web"), np.full(answers, "survey")]),
        "type": np.concatenate(
            [
                np.where(order, "Order Completed", np.where(store, "Store Visited", "Page Viewed")),
                np.full(answers, "Survey Answered"),
            ]
        ),
        "amount_base": pc.cast(
            pa.array(np.round(np.exp(rng.normal(3 + kind[atoms] / 4, 0.6)), 2)),
            TOUCHPOINTS.field("amount_base").type,
            safe=False,
        ),
        "question": pa.array(
            [None] * acts + np.char.add("I like ", question.astype(str)).tolist(), pa.string()
        ),
        "score": np.concatenate([np.full(acts, np.nan), score]),
        "scale_min": np.full(n, 1.0),
        "scale_max": np.full(n, 7.0),
    }
    full = [
        pa.array(columns[field.name]).cast(field.type)
        if field.name in columns
        else pa.nulls(n, field.type)
        for field in TOUCHPOINTS
    ]
    return pa.table(full, schema=TOUCHPOINTS)


def bucket_count() -> int:
    """How many partitions the lake has."""
    return next(n for n in range(1, 1_000) if bucket_of(n) == 0)


def main() -> None:
    """Fill a lake and take the times."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--customers", type=int, default=200_000)
    options.add_argument("--touchpoints", type=int, default=20, help="acts of each in the year")
    asked = options.parse_args()
    rng = np.random.default_rng(1)
    names = [f"p{number:08d}" for number in range(asked.customers)]
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder), memory_limit_mb=4_000, threads=2)
        table = touchpoints(asked.customers, asked.touchpoints, rng)
        lake.overwrite("touchpoints", table)
        members = {"atom_id": list(range(asked.customers)), "profile_id": names}
        lake.overwrite("membership", pa.table(members, schema=MEMBERSHIP))
        lake.overwrite("customers", CUSTOMERS.empty_table())
        print(f"{asked.customers:,} customers, {table.num_rows:,} touchpoints")
        until = NOW + timedelta(seconds=1)
        known = timed("facts", lambda: read_facts(lake, until, time_zone="Europe/Brussels"))
        groups = timed("how many groups, centres", lambda: find_groups(known, seed=1))
        placed = timed("placing everybody", lambda: place(known, groups))
        segments = {f"segment-{n}": rng.random(len(known)) < 0.2 for n in range(SEGMENTS)}
        said = timed(f"statements of {SEGMENTS}", lambda: describe(traits_of(known), segments))
        grouped = pa.table(
            [known.profile_ids, [f"persona-{group}" for group in placed.tolist()]], schema=GROUPED
        )
        timed(
            "typical days", lambda: typical_days(lake, until, grouped, time_zone="Europe/Brussels")
        )
        lake.close()
    kind = np.array([int(name[1:]) % KINDS for name in known.profile_ids])
    inside = placed != NOWHERE
    agreement = adjusted_rand_index(kind[inside], placed[inside])
    print(
        f"{len(groups.centres)} groups, agreement with the {KINDS} true kinds {agreement:.3f}, "
        f"{inside.sum():,} placed, {len(said)} segments described"
    )


if __name__ == "__main__":
    main()
