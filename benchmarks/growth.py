"""What a question costs at one and at ten million touchpoints: it may grow tenfold, not more.

    python benchmarks/growth.py                    # lakes of 1 and 10 million, made at first
    python benchmarks/growth.py --repeat 9 --journeys

A lake of ten million has ten times the customers too. "card" is a further card of a board, "count"
the live count of a segment being written (from no memory of earlier answers), "timeline" the newest
touchpoints of one customer, "freshness" how much there is and how new. Medians; the timeline is
asked of a hundred customers. With `CPU=1` in the environment processor time is counted.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from questions import LAST, ZONE, open_lake

from journeys import Bench
from rapport.engines.lake import Lake
from rapport.understand.answer import answer
from rapport.understand.knowledge import Knowledge, freshness, knowledge
from rapport.understand.periods import days
from rapport.understand.question import Question
from rapport.understand.segments.happening import Followed, Happened, Recency, Span, Which
from rapport.understand.segments.members import count
from rapport.understand.segments.rule import All, Rule, where
from rapport.understand.timeline import newest_touchpoints

CLOCK = time.process_time if os.environ.get("CPU") else time.perf_counter
SIZES = (1_000_000, 10_000_000)
FIRST = LAST.replace(year=LAST.year - 1, month=11, day=1)
ORDER = Which(types=("Order Completed",))
VIEW = Which(types=("Page Viewed",))
RULES: dict[str, Rule] = {
    "two orders over 50 in 90 days": Happened(
        which=Which(types=("Order Completed",), amount_from=50), value=2, within=Span(number=90)
    ),
    "no visit in 30 days": Happened(
        which=VIEW, operator="eq", value=0, within=Span(number=30)
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
    "in Belgium, and revenue over 1,000": All(
        rules=(where("country", "eq", "BE"), where("revenue", "gt", 1000))
    ),
}  # fmt: skip


def median(run: Callable[[], object], repeat: int) -> float:
    """Milliseconds, after a first turn that is not counted."""
    run()
    taken = []
    for _ in range(repeat):
        began = CLOCK()
        run()
        taken.append((CLOCK() - began) * 1000)
    return statistics.median(taken)


def costs(lake: Lake, touchpoints: int, repeat: int) -> dict[str, float]:
    """Milliseconds by what was asked."""
    known = knowledge(lake)
    start, end = days(FIRST, LAST, ZONE)
    found = {"freshness": median(lambda: freshness(lake), repeat)}
    for metric in ("revenue", "active_customers", "nps"):
        question = Question(
            metrics=(metric,), start=start, end=end, grain="month", time_zone=ZONE
        )  # fmt: skip
        found[f"card: {metric}"] = median(lambda q=question: answer(lake, q, known=known), repeat)
    for name, rule in RULES.items():
        found[f"count: {name}"] = median(lambda r=rule: _count(lake, r, known), repeat)
    chosen = random.Random(5)  # noqa: S311 - not a secret: repeatable
    records = [chosen.randrange(touchpoints // 20) for _ in range(100)]
    each = [median(lambda r=record: newest_touchpoints(lake, [r]), 1) for record in records]
    found["timeline"] = statistics.median(each)
    found["timeline, one in twenty"] = sorted(each)[94]
    return found


def _count(lake: Lake, rule: Rule, known: Knowledge) -> int:
    _, end = days(FIRST, LAST, ZONE)
    return count(lake, rule, now=end, at=end, known=known)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--journeys", action="store_true", help="The page of a journey too.")
    arguments = parser.parse_args()
    folder = Path(__file__).parents[1] / "build"
    found = []
    for size in SIZES:
        lake = open_lake(folder / f"questions-{size}", size, 0)
        found.append(costs(lake, size, arguments.repeat))
        if arguments.journeys:
            found[-1]["journey, whole page"] = median(Bench(size, 0).page, 1)
    print(f"{'milliseconds':42}" + "".join(f"{size:>12,}" for size in SIZES) + f"{'times':>8}")
    for name, small in found[0].items():
        large = found[1][name]
        print(f"{name:42}{small:12.1f}{large:12.1f}{large / small:8.1f}", flush=True)


if __name__ == "__main__":
    main()
