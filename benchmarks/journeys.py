"""What journeys cost, beside SQL written by hand for DuckDB on the same files.

    python benchmarks/journeys.py                      # a million touchpoints, made under build/
    python benchmarks/journeys.py --touchpoints 200000 --repeat 3

Each line is one query: ours from the restricted dialect through the lake, and one that a person
would write for DuckDB alone (QUALIFY, FILTER, quantiles, intervals), whose answer is compared with
ours before anything is timed. The ratio is ours over theirs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from questions import open_lake, p50

from rapport.understand import relations
from rapport.understand.journeys.bottlenecks import bottlenecks
from rapport.understand.journeys.definition import JourneyDefinition, Stage
from rapport.understand.journeys.flows import directly_follows, flows
from rapport.understand.journeys.funnel import funnel
from rapport.understand.journeys.paths import paths
from rapport.understand.journeys.steps import step_figures
from rapport.understand.journeys.walks import moves_query, walk
from rapport.understand.journeys.watch import watch
from rapport.understand.knowledge import Knowledge, knowledge

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
START = UNTIL - timedelta(days=365)
DEFINITION = JourneyDefinition(
    stages=(
        Stage(key="discover", types=("Page Viewed", "Message Opened")),
        Stage(key="buy", types=("Order Completed",)),
        Stage(key="help", types=("Ticket Opened",), optional=True),
        Stage(key="tell", types=("Survey Answered",)),
    ),
    starts=("discover", "buy"),
    goal="buy",
    silence_days=60,
)

#: The same walk as a person writes it: journeys are cut where silence or the goal came before.
WALK = """
WITH staged AS (
    SELECT m.profile_id, t.occurred_at, t.position, t.channel,
        CASE WHEN t.type IN ('Page Viewed', 'Message Opened') THEN 0
             WHEN t.type = 'Order Completed' THEN 1 WHEN t.type = 'Ticket Opened' THEN 2
             ELSE 3 END AS stage
    FROM touchpoints t JOIN membership m USING (atom_id)
    WHERE t.type IN ('Page Viewed', 'Message Opened', 'Order Completed', 'Ticket Opened',
                     'Survey Answered')
      AND t.occurred_at < $until AND t.position NOT IN (SELECT position FROM left_out)
), lined AS (
    SELECT *, row_number() OVER w AS seq,
        coalesce(occurred_at - lag(occurred_at) OVER w > INTERVAL 60 DAY, TRUE) AS breaks
    FROM staged WINDOW w AS (PARTITION BY profile_id ORDER BY occurred_at, stage, position)
), marked AS (
    SELECT *, max(seq) FILTER (breaks) OVER w AS run,
        max(seq) FILTER (stage IN (0, 1)) OVER p AS last_start,
        max(seq) FILTER (stage = 1) OVER p AS last_goal
    FROM lined WINDOW w AS (PARTITION BY profile_id ORDER BY seq),
        p AS (PARTITION BY profile_id ORDER BY seq
              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), cut AS (
    SELECT *, max(seq) FILTER (stage IN (0, 1) AND
            (last_start IS NULL OR last_start < run OR last_goal >= last_start))
        OVER (PARTITION BY profile_id ORDER BY seq) AS journey FROM marked
)
SELECT profile_id, journey, seq, stage, epoch_us(occurred_at) // 1000000 AS second, channel,
    max(epoch_us(occurred_at) // 1000000) OVER (PARTITION BY profile_id, journey) AS ended
FROM cut WHERE journey >= run
QUALIFY seq = journey OR stage <> lag(stage) OVER (PARTITION BY profile_id ORDER BY seq)
"""
FUNNEL = """
WITH firsts AS (
    SELECT profile_id, journey, min(seq) AS seq, min(second) AS began FROM moves
    WHERE stage = 0 AND second >= $start AND second < $until GROUP BY ALL
    HAVING began + 2592000 <= $until
), bought AS (
    SELECT f.profile_id, f.journey, f.began, min(m.seq) AS seq FROM firsts f JOIN moves m
    ON m.profile_id = f.profile_id AND m.journey = f.journey AND m.stage = 1 AND m.seq > f.seq
    AND m.second - f.began <= 2592000 GROUP BY ALL
), told AS (
    SELECT b.profile_id, b.journey FROM bought b JOIN moves m
    ON m.profile_id = b.profile_id AND m.journey = b.journey AND m.stage = 3 AND m.seq > b.seq
    AND m.second - b.began <= 2592000 GROUP BY ALL
)
SELECT (SELECT count(*) FROM firsts), (SELECT count(*) FROM bought), (SELECT count(*) FROM told)
"""
STEPS = """
WITH entries AS (
    SELECT profile_id, journey, stage, second,
        min(second) FILTER (stage = 1) OVER w AS buy, min(second) FILTER (stage = 3) OVER w AS tell
    FROM moves WINDOW w AS (PARTITION BY profile_id ORDER BY seq
                            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
    QUALIFY row_number() OVER (PARTITION BY profile_id, journey, stage ORDER BY seq) = 1
), waits AS (
    SELECT *, CASE stage WHEN 0 THEN buy ELSE tell END - second AS wait,
        second + 2592000 <= $until AS decided
    FROM entries WHERE stage IN (0, 1) AND second >= $start AND second < $until
)
SELECT stage, count(*) AS entered, count(DISTINCT profile_id) AS customers,
    count(*) FILTER (decided) AS decided,
    count(*) FILTER (decided AND wait <= 2592000) AS went_on,
    quantile_disc(wait, [0.25, 0.5, 0.75]) FILTER (decided) AS quartiles
FROM waits GROUP BY stage ORDER BY stage
"""
FLOWS = """
WITH of_period AS (
    SELECT * FROM moves SEMI JOIN (SELECT profile_id, journey FROM moves
        WHERE seq = journey AND second >= $start AND second < $until) USING (profile_id, journey)
), ahead AS (
    SELECT * FROM of_period QUALIFY stage > coalesce(max(stage) OVER (
        PARTITION BY profile_id, journey ORDER BY seq
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), -1)
), next AS (
    SELECT *, lead(stage) OVER (PARTITION BY profile_id, journey ORDER BY seq) AS later FROM ahead
), goals AS (SELECT DISTINCT profile_id, journey FROM moves WHERE stage = 1)
SELECT stage, later, CASE WHEN later IS NOT NULL THEN NULL WHEN g.journey IS NOT NULL THEN 'goal'
        WHEN ended + 5184000 > $until THEN 'under_way' ELSE 'ended' END AS ending,
    count(*) AS journeys, count(DISTINCT profile_id) AS customers
FROM next LEFT JOIN goals g USING (profile_id, journey) GROUP BY ALL
"""


class Bench:
    """The generated lake, ours and theirs over it."""

    def __init__(self, touchpoints: int, threads: int) -> None:
        folder = Path(__file__).parents[1] / "build" / f"questions-{touchpoints}"
        self.lake = open_lake(folder, touchpoints, threads)
        self.known: Knowledge = knowledge(self.lake)
        self.walked = walk(self.lake, DEFINITION, until=UNTIL, known=self.known)
        self.raw = duckdb.connect(":memory:")
        if threads:
            self.raw.execute(f"SET threads = {threads}")
        for table in ("touchpoints", "membership"):
            files = DeltaTable(str(folder / table)).file_uris()
            self.raw.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({files})")
        self.raw.register("left_out", self.known.left_out)
        self.raw.register("moves", self.walked.moves)

    def by_hand(self, sql: str) -> list[tuple[Any, ...]]:
        bounds = {"start": int(START.timestamp()), "until": int(UNTIL.timestamp())}
        used = {name: value for name, value in bounds.items() if f"${name}" in sql}
        return self.raw.execute(sql, used).fetchall()

    def walk_by_hand(self) -> pa.Table:
        return self.raw.sql(WALK, params={"until": UNTIL}).to_arrow_table()

    def walk_alone(self) -> pa.Table:
        """Our moves without the sales and words that the page has made beside them."""
        settled = {step.name for step in relations.corrections(as_known_then=False)}
        query = moves_query(DEFINITION, UNTIL)
        steps = tuple(s for s in query.steps if s.name not in settled and s.name != "answer")
        return self.lake.ask(
            relations.bind(steps, query.parameters), tables={"left_out": self.known.left_out}
        )

    def check(self) -> None:
        """Both must say the same before either is timed."""
        sides = [table.sort_by([("profile_id", "ascending"), ("seq", "ascending")]) for table in
                 (self.walk_by_hand(), self.walked.moves)]  # fmt: skip
        for column in ("profile_id", "journey", "seq", "stage", "second", "ended"):
            values = [side[column].to_pylist() for side in sides]
            if values[0] != values[1]:
                raise SystemExit(f"The walks differ in {column}")
        figures = step_figures(self.lake, self.walked, start=START)
        own = [
            [tuple(s.journeys for s in funnel(self.lake, self.walked, start=START).stages)],
            [
                (f.entered, f.customers, f.decided, f.went_on,
                 [f.first_quartile, f.median, f.third_quartile])
                for f in figures
            ],
            sorted(f.journeys for f in flows(self.lake, self.walked, start=START)),
        ]  # fmt: skip
        theirs = [
            self.by_hand(FUNNEL),
            [row[1:] for row in self.by_hand(STEPS)],
            sorted(row[3] for row in self.by_hand(FLOWS)),
        ]
        if own != theirs:
            raise SystemExit(f"The answers differ: {own} ours, {theirs} by hand")

    def page(self) -> None:
        """All that the page of a journey asks."""
        walked = walk(self.lake, DEFINITION, until=UNTIL, known=self.known)
        for run in (funnel, step_figures, flows, directly_follows, bottlenecks, paths):
            run(self.lake, walked, start=START)
        watch(self.lake, walked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--touchpoints", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    bench = Bench(arguments.touchpoints, arguments.threads)
    bench.check()
    lake, walked = bench.lake, bench.walked
    print(f"{arguments.touchpoints:,} touchpoints, {walked.moves.num_rows:,} moves")
    print(f"{'query':34} {'ours ms':>8} {'by hand':>8} {'ratio':>6}")
    pairs: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        ("moves of all customers", bench.walk_alone, bench.walk_by_hand),
        ("funnel", lambda: funnel(lake, walked, start=START), lambda: bench.by_hand(FUNNEL)),
        ("steps", lambda: step_figures(lake, walked, start=START), lambda: bench.by_hand(STEPS)),
        ("flows", lambda: flows(lake, walked, start=START), lambda: bench.by_hand(FLOWS)),
    ]
    total = [0.0, 0.0]
    for name, ours, theirs in pairs:
        found, least = p50(ours, arguments.repeat), p50(theirs, arguments.repeat)
        total = [total[0] + found, total[1] + least]
        print(f"{name:34} {found:8.1f} {least:8.1f} {found / least:6.2f}", flush=True)
    print(f"{'together':34} {total[0]:8.1f} {total[1]:8.1f} {total[0] / total[1]:6.2f}")
    for name, run in (
        ("bottlenecks", lambda: bottlenecks(lake, walked, start=START)),
        ("control charts", lambda: watch(lake, walked)),
        ("paths", lambda: paths(lake, walked, start=START)),
        ("the whole page", bench.page),
    ):
        print(f"{name:34} {p50(run, arguments.repeat):8.1f}", flush=True)


if __name__ == "__main__":
    main()
