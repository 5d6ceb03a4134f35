"""What one figure costs beside SQL that an expert would write by hand for it, on the same files.

    python benchmarks/cards.py                        # 10 million touchpoints, made at first
    python benchmarks/cards.py --touchpoints 1000000  # how it grows

"cold" finds out which touchpoints no longer hold and answers, as the first card of a board does
after data came; "next" is each further card. The hand-written statement does all of it at once, and
must give the same answer, or the benchmark stops. Turns are taken, the median counts. With `CPU=1`
in the environment processor time is counted, for a machine that is busy with other work.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable
from questions import LAST, ZONE, open_lake

from rapport.engines.lake import Lake
from rapport.understand.answer import answer
from rapport.understand.knowledge import knowledge
from rapport.understand.periods import days
from rapport.understand.plan import reads_orders
from rapport.understand.question import Question

CLOCK = time.process_time if os.environ.get("CPU") else time.perf_counter
FIRST = LAST.replace(year=LAST.year - 1, month=11, day=1)

#: What no longer holds, as one would write it for this one statement.
_LEFT_OUT = """
told AS (
  SELECT source, order_id, max(CASE WHEN type = 'Order Cancelled' THEN 1 ELSE 0 END) AS cancelled,
         min(CASE WHEN type = 'Order Completed' THEN position END) AS first_position
  FROM touchpoints
  WHERE type IN ('Order Completed', 'Order Refunded', 'Order Cancelled') AND order_id IS NOT NULL
  GROUP BY source, order_id HAVING count(*) > 1),
sales AS (
  SELECT t.* FROM touchpoints AS t
  LEFT JOIN told AS w ON w.source = t.source AND w.order_id = t.order_id
  WHERE t.type IN ('Order Completed', 'Order Refunded') AND t.corrects IS NULL
    AND (w.order_id IS NULL OR (w.cancelled = 0
         AND (t.type = 'Order Refunded' OR t.position = w.first_position)))
    AND NOT EXISTS (SELECT 1 FROM touchpoints AS c
                    WHERE c.corrects IS NOT NULL AND c.source = t.source
                      AND c.corrects = t.touchpoint_id))
"""
_MONTH = f"date_trunc('month', occurred_at AT TIME ZONE '{ZONE}')"
_IN = "occurred_at >= $start AND occurred_at < $end"

#: Name, metric, dimensions, and the same by hand: a month (and a split) and a value per row.
CARDS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "revenue by month", "revenue", (),
        f"WITH {_LEFT_OUT} SELECT {_MONTH} AS m, sum(amount_base) FROM sales WHERE {_IN} "
        "GROUP BY 1 ORDER BY 1",
    ),
    (
        "orders by month and channel", "orders", ("channel",),
        f"WITH {_LEFT_OUT} SELECT {_MONTH} AS m, channel, count(*) FROM sales "
        f"WHERE type = 'Order Completed' AND {_IN} GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    (
        "customers who bought, by month", "active_customers", (),
        f"WITH {_LEFT_OUT} SELECT {_MONTH} AS m, count(DISTINCT p.profile_id) FROM sales AS s "
        f"JOIN membership AS p ON p.atom_id = s.atom_id WHERE type = 'Order Completed' AND {_IN} "
        "GROUP BY 1 ORDER BY 1",
    ),
    (
        "new customers by month", "new_customers", (),
        f"WITH {_LEFT_OUT}, firsts AS (SELECT p.profile_id, min(s.occurred_at) AS occurred_at "
        "FROM sales AS s JOIN membership AS p ON p.atom_id = s.atom_id "
        "WHERE type = 'Order Completed' AND occurred_at < $end GROUP BY 1) "
        f"SELECT {_MONTH} AS m, count(*) FROM firsts WHERE {_IN} GROUP BY 1 ORDER BY 1",
    ),
    (
        "NPS by month", "nps", (),
        f"SELECT {_MONTH} AS m, 100.0 * (count(CASE WHEN score >= 9 THEN 1 END) - "
        "count(CASE WHEN score <= 6 THEN 1 END)) / count(*) FROM touchpoints AS t "
        "WHERE type = 'Survey Answered' AND question = 'nps' AND score IS NOT NULL "
        f"AND scale_min = 0 AND scale_max = 10 AND {_IN} AND corrects IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM touchpoints AS c WHERE c.corrects IS NOT NULL "
        "AND c.source = t.source AND c.corrects = t.touchpoint_id) GROUP BY 1 ORDER BY 1",
    ),
    (
        "tickets by month and country", "tickets", ("country",),
        f"SELECT {_MONTH} AS m, country, count(*) FROM touchpoints AS t "
        f"WHERE type = 'Ticket Opened' AND {_IN} AND corrects IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM touchpoints AS c WHERE c.corrects IS NOT NULL "
        "AND c.source = t.source AND c.corrects = t.touchpoint_id) GROUP BY 1, 2 ORDER BY 1, 2",
    ),
)  # fmt: skip


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds, and what came."""
    began = CLOCK()
    found = run()
    return (CLOCK() - began) * 1000, found


def values(rows: list[Any]) -> list[float]:
    """The figures of an answer, in order, as numbers."""
    return [float(row) for row in rows if row is not None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--touchpoints", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    folder = Path(__file__).parents[1] / "build" / f"questions-{arguments.touchpoints}"
    lake = open_lake(folder, arguments.touchpoints, arguments.threads)
    start, end = days(FIRST, LAST, ZONE)
    raw = duckdb.connect(":memory:")
    raw.execute("SET TimeZone = 'UTC'; SET memory_limit = '4GB'")
    if arguments.threads:
        raw.execute(f"SET threads = {arguments.threads}")
    for table in ("touchpoints", "membership"):
        files = DeltaTable(str(folder / table)).file_uris()
        raw.execute(
            f"CREATE VIEW {table} AS SELECT * FROM read_parquet({files}, hive_partitioning = true)"
        )
    print(f"{arguments.touchpoints:,} touchpoints, median of {arguments.repeat}, milliseconds")
    print(f"{'card':34} {'cold':>8} {'next':>8} {'by hand':>8} {'cold ratio':>11} {'next':>6}")
    worst = []
    for name, metric, dimensions, sql in CARDS:
        question = Question(
            metrics=(metric,), start=start, end=end, grain="month", time_zone=ZONE,
            dimensions=dimensions,
        )  # fmt: skip

        def cold(asked: Question = question) -> Any:
            return answer(lake, asked, known=knowledge(lake, orders=reads_orders(asked)))

        def by_hand(text: str = sql) -> Any:
            return raw.execute(text, {"start": start, "end": end}).fetchall()

        worst.append(_card(name, metric, question, cold, by_hand, lake, arguments.repeat))
    print(f"worst cold ratio {max(each[0] for each in worst):.2f}, "
          f"next {max(each[1] for each in worst):.2f}")  # fmt: skip


def _card(
    name: str,
    metric: str,
    question: Question,
    cold: Callable[[], Any],
    by_hand: Callable[[], Any],
    lake: Lake,
    repeat: int,
) -> tuple[float, float]:
    known = knowledge(lake)
    taken: dict[str, list[float]] = {"cold": [], "next": [], "hand": []}
    for turn in range(repeat + 1):
        for kind, run in (
            ("cold", cold),
            ("hand", by_hand),
            ("next", lambda: answer(lake, question, known=known)),
        ):
            spent, found = timed(run)
            if turn:
                taken[kind].append(spent)
            if kind == "hand":
                theirs = values([row[-1] for row in found])
            else:
                ours = values([row[metric] for row in found.rows()])
        shown = [round(Decimal(value), 3) for value in (sum(ours), sum(theirs))]
        if len(ours) != len(theirs) or abs(shown[0] - shown[1]) > Decimal("0.01"):
            raise SystemExit(f"{name}: {len(ours)} {shown[0]} is not {len(theirs)} {shown[1]}")
    least = {kind: statistics.median(each) for kind, each in taken.items()}
    ratios = least["cold"] / least["hand"], least["next"] / least["hand"]
    print(
        f"{name:34} {least['cold']:8.0f} {least['next']:8.0f} {least['hand']:8.0f} "
        f"{ratios[0]:11.2f} {ratios[1]:6.2f}",
        flush=True,
    )
    return ratios


if __name__ == "__main__":
    main()
