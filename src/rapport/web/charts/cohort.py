"""Who comes back: share of each start month's customers who buy again, month by month."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rapport.web import html as h
from rapport.web.charts.figure import Chart
from rapport.web.charts.scale import known
from rapport.web.parts.context import PageContext

_STEPS = 7
_FIRST_STRONG = 6  # from here the figure is white on light pages, dark on dark ones


class Cohort(msgspec.Struct, frozen=True, kw_only=True):
    """Customers who started in the same period."""

    name: str
    size: int
    shares: Sequence[float | None]
    """0 to 1, one per later period; shorter for young cohorts, None where hidden or unknown."""
    href: str | None = None


def cohort_grid(
    context: PageContext, cohorts: Sequence[Cohort], *, columns: Sequence[str], sentence: str
) -> Chart:
    """A table of percentages, darker where more come back.

    Seven steps between nothing and the highest share; the sixth and seventh skip the middle
    tones on which neither dark nor white figures can be read.
    """
    highest = max(known(share for cohort in cohorts for share in cohort.shares), default=0.0)
    n = context.n

    def cell(cohort: Cohort, index: int) -> h.Markup:
        share = cohort.shares[index] if index < len(cohort.shares) else None
        if share is None:
            return h.td()
        step = min(_STEPS, 1 + int(share / highest * _STEPS)) if highest > 0 else 1
        tip = context.t(
            "charts.cohort_cell",
            share=n.share(share),
            size=n.count(cohort.size),
            cohort=cohort.name,
            later=columns[index],
        )
        return h.td(
            {
                "class": ["heat", f"heat-{step}", step >= _FIRST_STRONG and "strong"],
                "data-tip": tip,
            },
            n.decimal(share * 100, digits=0),
        )

    def row(cohort: Cohort) -> h.Markup:
        name = h.a({"href": cohort.href}, cohort.name) if cohort.href else cohort.name
        return h.tr(
            h.th(
                {"scope": "row", "data-tip": context.t("charts.cohort_size", count=cohort.size)},
                name,
            ),
            (cell(cohort, index) for index in range(len(columns))),
        )

    table = h.table(
        {"class": "cohort", "data-cells": True, "tabindex": 0, "aria-label": sentence},
        h.thead(h.tr(h.td(), (h.th({"scope": "col"}, column) for column in columns))),
        h.tbody(map(row, cohorts)),
    )
    return Chart(plot=table, sentence=sentence)
