"""How long questions take, on touchpoints generated once, beside the floor of reading the columns.

    python benchmarks/questions.py                     # 10 million, made under build/ at first
    python benchmarks/questions.py --touchpoints 200000 --repeat 3

The floor is DuckDB alone reading the columns that the question needs from the same files, in the
same run: no question can be quicker without reading less.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from deltalake import DeltaTable

from rapport.engines.lake import Lake
from rapport.understand.answer import answer
from rapport.understand.cohorts import cohort_retention
from rapport.understand.customers import build_customers
from rapport.understand.knowledge import freshness, knowledge
from rapport.understand.periods import days
from rapport.understand.question import Question
from rapport.understand.segments.members import count, overview
from rapport.understand.segments.ready_made import READY_MADE
from rapport.understand.timeline import newest_touchpoints
from rapport.vocabulary.lake_tables import BUCKETS, MEMBERSHIP, TOUCHPOINTS

FIRST, LAST = date(2023, 11, 1), date(2026, 10, 31)
ZONE = "Europe/Brussels"
BATCH = 1_000_000
#: Kinds of touchpoint and their shares.
TYPES = {
    "Page Viewed": 0.52,
    "Message Opened": 0.2,
    "Order Completed": 0.2,
    "Order Refunded": 0.012,
    "Order Cancelled": 0.004,
    "Survey Answered": 0.03,
    "Ticket Opened": 0.034,
}


def generate(first: int, size: int, total: int, atoms: int, rng: np.random.Generator) -> pa.Table:
    """Touchpoints ``first`` to ``first + size`` of ``total``, in order of arrival."""
    positions = np.arange(first, first + size)
    begin, end = (int(moment.timestamp()) for moment in days(FIRST, LAST, ZONE))
    # Arrival follows time, with some days of disorder.
    passed = (positions / total + rng.normal(0, 0.005, size)).clip(0, 0.999)
    seconds = begin + (end - begin) * passed
    occurred = (seconds * 1_000_000).astype("int64")
    received = occurred + (rng.exponential(3600, size) * 1_000_000).astype("int64")
    kinds = np.array(list(TYPES), dtype=object)
    shares = np.cumsum(list(TYPES.values()))
    kind = np.minimum(np.searchsorted(shares, rng.random(size)), len(kinds) - 1)
    type_ = kinds[kind]
    # A few customers do much, most do little; a tenth of the sales has no name.
    atom = np.minimum((rng.pareto(1.2, size) * atoms / 12).astype("int64"), atoms - 1)
    anonymous = (rng.random(size) < 0.1) & (kind == 2)
    ordered = (kind >= 2) & (kind <= 4)
    amount = np.round(rng.gamma(2, 40, size), 2) * np.where(kind == 3, -0.3, 1)
    surveyed = kind == 5
    score = rng.integers(0, 11, size).astype(float)

    def text(values: np.ndarray, hidden: np.ndarray) -> pa.Array:
        return pa.array(np.where(hidden, None, values), pa.string(), from_pandas=True)

    def choose(values: list[str]) -> np.ndarray:
        return np.array(values, dtype=object)[rng.integers(0, len(values), size)]

    money = pa.array(amount, pa.float64(), mask=~(ordered & (kind != 4))).cast(
        pa.decimal128(18, 4), safe=False
    )
    columns: dict[str, pa.Array] = {
        "bucket": pa.array(np.where(anonymous, 0, atom % BUCKETS), pa.int32()),
        "atom_id": pa.array(atom, pa.int64(), mask=anonymous),
        "position": pa.array(positions, pa.int64()),
        "occurred_at": pa.array(occurred, pa.timestamp("us", tz="UTC")),
        "received_at": pa.array(received, pa.timestamp("us", tz="UTC")),
        "touchpoint_id": pa.array([f"orders:{n}" for n in positions], pa.string()),
        "source": pa.array(choose(["shop_be", "shop_fr", "tills", "survey"]), pa.string()),
        "channel": pa.array(choose(["web", "store", "phone"]), pa.string()),
        "type": pa.array(type_, pa.string()),
        "order_id": text(np.array([f"o{n}" for n in positions], dtype=object), ~ordered),
        "amount": money,
        "currency": text(np.full(size, "EUR", dtype=object), ~ordered),
        "amount_base": money,
        "sentiment": pa.array(rng.normal(0, 0.4, size).clip(-1, 1), mask=~surveyed),
        "score": pa.array(score, mask=~surveyed),
        "scale_min": pa.array(np.zeros(size), mask=~surveyed),
        "scale_max": pa.array(np.full(size, 10.0), mask=~surveyed),
        "question": text(np.full(size, "nps", dtype=object), ~surveyed),
        "country": pa.array(choose(["BE", "FR", "HU", "NL"]), pa.string()),
    }
    return pa.table(
        [columns.get(f.name, pa.nulls(size, f.type)) for f in TOUCHPOINTS], schema=TOUCHPOINTS
    )


def open_lake(folder: Path, touchpoints: int, threads: int) -> Lake:
    """The generated lake, made if it is not there."""
    lake = Lake(folder, memory_limit_mb=4096, threads=threads)
    if (folder / "made").exists():
        return lake
    rng = np.random.default_rng(20261121)
    atoms = max(touchpoints // 20, 100)
    for first in range(0, touchpoints, BATCH):
        size = min(BATCH, touchpoints - first)
        rows = generate(first, size, touchpoints, atoms, rng)
        lake.append("touchpoints", rows, app="ingest", until=first + size - 1)
        print(f"made {first + size:,}", flush=True)
    profiles = rng.integers(0, int(atoms * 0.7), atoms)
    lake.overwrite(
        "membership",
        pa.table(
            {
                "atom_id": np.arange(atoms),
                "profile_id": pa.array([f"{n:032x}" for n in profiles], pa.string()),
            },
            schema=MEMBERSHIP,
        ),
    )
    lake.compact(every=4)
    start = time.perf_counter()
    customers = build_customers(lake, datetime(2026, 11, 1, tzinfo=UTC))
    print(f"built {customers.num_rows:,} customers in {time.perf_counter() - start:.1f} s")
    lake.overwrite("customers", customers)
    (folder / "made").touch()
    return lake


def p50(run: Callable[[], object], repeat: int) -> float:
    """Median milliseconds, after one run that warms the caches."""
    run()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def show(label: str, found: float, least: float) -> None:
    print(f"{label:42} {found:8.1f} {least:9.1f} {found / least:6.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--touchpoints", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    folder = Path(__file__).parents[1] / "build" / f"questions-{arguments.touchpoints}"
    lake = open_lake(folder, arguments.touchpoints, arguments.threads)
    start, end = days(date(2024, 11, 1), LAST, ZONE)
    then = datetime(2026, 6, 1, tzinfo=UTC)
    known = {moment: knowledge(lake, as_of=moment) for moment in (None, then)}
    now = datetime(2026, 11, 1, tzinfo=UTC)

    def ask(
        *metrics: str, dimensions: tuple[str, ...] = (), as_of: datetime | None = None
    ) -> object:
        question = Question(
            metrics=metrics,
            start=start,
            end=end,
            grain="month",
            time_zone=ZONE,
            dimensions=dimensions,
            as_of=as_of,
        )
        return answer(lake, question, known=known[as_of])

    slipping = next(each.rule for each in READY_MADE if each.key == "slipping_away")
    segments = [(each.key, each.rule) for each in READY_MADE]
    cases: list[tuple[str, Callable[[], object], str, tuple[str, ...]]] = [
        (
            "revenue by month",
            lambda: ask("revenue"),
            "touchpoints",
            ("type", "source", "order_id", "occurred_at", "amount_base"),
        ),
        (
            "revenue by month, as known then",
            lambda: ask("revenue", as_of=then),
            "touchpoints",
            ("type", "source", "order_id", "occurred_at", "received_at", "amount_base"),
        ),
        (
            "active customers by month and country",
            lambda: ask("active_customers", dimensions=("country",)),
            "touchpoints",
            ("type", "source", "order_id", "occurred_at", "atom_id", "country"),
        ),
        (
            "NPS by month",
            lambda: ask("nps"),
            "touchpoints",
            ("type", "occurred_at", "question", "score", "scale_min", "scale_max"),
        ),
        (
            "eight metrics by month",
            lambda: ask(
                "revenue", "orders", "average_order_value", "active_customers", "new_customers",
                "repeat_rate", "nps", "tickets",
            ),
            "touchpoints",
            (
                "type", "source", "order_id", "occurred_at", "atom_id", "amount_base", "question",
                "score", "scale_min", "scale_max",
            ),
        ),
        (
            "cohort retention, 24 months",
            lambda: cohort_retention(
                lake, start=start, end=end, time_zone=ZONE, known=known[None]
            ),
            "touchpoints",
            ("type", "source", "order_id", "occurred_at", "atom_id"),
        ),
        (
            "segment count",
            lambda: count(lake, slipping, now=now),
            "customers",
            ("order_count", "probability_alive", "recency_score"),
        ),
        (
            f"overview of {len(segments)} segments",
            lambda: overview(lake, segments, now=now),
            "customers",
            (
                "order_count", "revenue", "rfm_segment", "recency_score", "monetary_score",
                "first_order_at", "last_nps", "last_csat", "mood", "tickets_90_days",
                "probability_alive", "expected_value", "email_marketing",
            ),
        ),
        (
            "what no longer holds (once per version)",
            lambda: knowledge(lake),
            "touchpoints",
            ("type", "source", "order_id", "position", "corrects", "received_at"),
        ),
        (
            "freshness",
            lambda: freshness(lake),
            "touchpoints",
            ("received_at",),
        ),
    ]  # fmt: skip
    raw = duckdb.connect(":memory:")
    if arguments.threads:
        raw.execute(f"SET threads = {arguments.threads}")

    def floor(table: str, columns: tuple[str, ...], condition: str = "") -> float:
        read = ", ".join(f"max({column})" for column in columns)
        files = DeltaTable(str(folder / table)).file_uris()
        sql = f"SELECT {read} FROM read_parquet({files}, hive_partitioning = true) {condition}"
        return p50(lambda: raw.sql(sql).to_arrow_table(), arguments.repeat)

    print(f"{arguments.touchpoints:,} touchpoints, median of {arguments.repeat}")
    print(f"{'question':42} {'p50 ms':>8} {'floor ms':>9} {'ratio':>6}")
    for label, run, table, columns in cases:
        found, least = p50(run, arguments.repeat), floor(table, columns)
        show(label, found, least)
    atom = 7
    found = p50(lambda: newest_touchpoints(lake, [atom], limit=200), arguments.repeat)
    least = floor("touchpoints", tuple(TOUCHPOINTS.names), f"WHERE bucket = {atom} AND atom_id = 7")
    show("newest 200 touchpoints of one customer", found, least)


if __name__ == "__main__":
    main()
