"""The data behind the cards as CSV: ISO dates, exact amounts, no rounding for readers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from litestar import Response

from rapport.workflows import dashboard as figures
from rapport.workflows.company import Company
from rapport.workflows.dashboard import Standing

Rows = Iterable[Sequence[Any]]


def _course(company: Company, standing: Standing, metrics: Sequence[str]) -> Rows:
    found = figures.course(company, standing)
    yield ("first_day", "last_day", "whole", *metrics)
    for i, unit in enumerate(found.units):
        yield (unit.first_day, unit.last_day, unit.whole, *(found.values[m][i] for m in metrics))


def _kpis(company: Company, standing: Standing) -> Rows:
    yield ("metric", "unit", "value", "n", "before", "change")
    found = (*figures.headline(company, standing).figures, *figures.service(company, standing))
    for each in found:
        metric = each.metric
        yield (metric.name, metric.unit, each.value, each.n, each.before, each.change)


def _nps(company: Company, standing: Standing) -> Rows:
    yield ("channel", "nps", "answers")
    for part in figures.nps_by_channel(company, standing).parts:
        yield (part.channel, part.nps, part.n)


def _cohorts(company: Company, standing: Standing) -> Rows:
    yield ("first_order_from", "later", "size", "customers", "share", "over")
    for each in figures.cohorts(company, standing).retention.cohorts:
        for later, number in enumerate(each.counts):
            yield (
                each.period, later, each.size, number, each.shares[later], each.complete[later]
            )  # fmt: skip


def _segments(company: Company, standing: Standing) -> Rows:
    yield (
        "segment", "customers", "share", "revenue", "revenue_share", "expected_value", "nps",
        "nps_answers", "probability_alive", "reachable_by_email", "expected_value_holds",
        "probability_alive_holds",
    )  # fmt: skip
    for row in figures.segments(company, standing):
        own = row.figures
        yield (
            row.segment.key, own.customers, own.share, own.revenue, own.revenue_share,
            own.expected_value, own.nps, own.nps_n, own.probability_alive, own.reachable,
            row.expected_value_holds, row.probability_alive_holds,
        )  # fmt: skip


FILES: dict[str, Callable[[Company, Standing], Rows]] = {
    "kpis": _kpis,
    "revenue": lambda company, standing: _course(company, standing, ("revenue", "orders")),
    "buyers": lambda company, standing: _course(
        company, standing, ("active_customers", "new_customers")
    ),
    "nps": _nps,
    "cohorts": _cohorts,
    "segments": _segments,
}


def csv_response(name: str, rows: Rows) -> Response[bytes]:
    """Rows as a file to keep."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(
        [
            cell.isoformat() if hasattr(cell, "isoformat") else "" if cell is None else cell
            for cell in row
        ]
        for row in rows
    )
    return Response(
        text.getvalue().encode("utf-8-sig"),  # the mark by which Excel knows UTF-8
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.csv"',
            "Cache-Control": "no-store",
        },
    )
