"""The manual's page of metrics: ``python -m rapport.understand.metrics.manual``.

It is written from the metrics themselves, so that it cannot say anything else.
"""

from __future__ import annotations

import sys

from rapport.understand.metrics import METRICS
from rapport.understand.metrics.base import Metric
from rapport.understand.question import dimensions_of

_UNITS = {
    "count": "whole number",
    "hours": "hours",
    "minutes": "minutes",
    "money": "money, in the reporting currency",
    "number": "number",
    "points": "points, -100 to 100",
    "score": "-1 to 1",
    "share": "share, 0 to 1",
}
_DIRECTIONS = {"up": "more is better", "down": "less is better", "none": "neither"}

_HEAD = """# Metrics

Every number on a page or in an export is one of these. This page is written by
`python -m rapport.understand.metrics.manual` from the definitions in
`src/rapport/understand/metrics/`; change those, not this.

All metrics leave out touchpoints that were corrected, orders that were cancelled (and their
refunds), and orders that one source sent twice. Periods are calendar periods in the company's time
zone. Every value comes with `n`, the observations that it rests upon. How questions are asked:
[Questions](../explanation/questions.md).
"""


def manual() -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD, *(_section(metric) for metric in METRICS)])


def _section(metric: Metric) -> str:
    definition = metric.expression
    if metric.per is not None:
        definition = f"({metric.expression}) / ({metric.per})"
    lines = [
        f"## `{metric.name}`",
        "",
        metric.description,
        "",
        "| | |",
        "|---|---|",
        f"| Unit | {_UNITS[metric.unit]} |",
        f"| One observation | {metric.grain} |",
        f"| Better | {_DIRECTIONS[metric.direction]} |",
        f"| Where nothing happened | {'no value' if metric.empty is None else metric.empty} |",
        f"| Asked of | `{metric.relation}` |",
        f"| Definition | `{definition}` |",
        f"| n | `{metric.n}` |",
        f"| Split by | {', '.join(f'`{name}`' for name in dimensions_of(metric))} |",
        *(
            [f"| Needs to be stated | {', '.join(f'`{name}`' for name in metric.needs)} |"]
            if metric.needs
            else []
        ),
        f"| Source | {metric.source} |",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(manual())
