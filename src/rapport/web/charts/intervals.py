"""Differences with the range each lies in, one under the other, around a line at zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from rapport.web import html as h
from rapport.web.charts.figure import Chart
from rapport.web.charts.scale import Colour


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """One difference, with the low and the high end of its range."""

    name: str
    value: float
    low: float
    high: float
    text: str
    """The figures, written."""
    colour: Colour = "c1"


def interval_chart(
    intervals: Sequence[Interval],
    *,
    shaded: float,
    written: Callable[[float], str],
    sentence: str,
    note: str | None = None,
) -> Chart:
    """Ranges on one scale; between −`shaded` and `shaded` lies what is too small to matter.

    The chart is itself a list of names and figures, so it needs no data table.
    """
    ends = [end for each in intervals for end in (each.low, each.high)]
    low, high = min(-shaded, *ends), max(shaded, *ends)
    margin = (high - low) * 0.04 or 1.0
    low, high = low - margin, high + margin

    def at(value: float) -> float:
        return (value - low) / (high - low) * 100

    def row(each: Interval) -> h.Markup:
        start, end = at(each.low), at(each.high)
        return h.li(
            {"class": "intervals-row"},
            h.span({"class": "intervals-name"}, each.name, h.b(each.text)),
            h.span(
                {"class": "intervals-track", "data-tip": each.text},
                h.i(
                    {
                        "class": ["intervals-range", each.colour],
                        "style": f"left:{start:.1f}%;width:{end - start:.1f}%",
                    }
                ),
                h.i(
                    {
                        "class": ["intervals-dot", each.colour],
                        "style": f"left:{at(each.value):.1f}%",
                    }
                ),
            ),
        )

    shade = f"--from:{at(-shaded):.1f}%;--to:{100 - at(shaded):.1f}%;--zero:{at(0):.1f}%"
    return Chart(
        plot=h.div(
            {"class": "intervals", "style": shade},
            h.ul(map(row, intervals)),
            h.div(
                {"class": "intervals-axis", "aria-hidden": True},
                h.span({"style": f"left:{at(0):.1f}%"}, written(0)),
            ),
        ),
        sentence=sentence,
        note=note,
    )
