"""Horizontal bars: one per name, each with its figure at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from rapport.web import html as h
from rapport.web.charts.figure import Chart
from rapport.web.charts.scale import Colour, known


class NamedBar(msgspec.Struct, frozen=True, kw_only=True):
    """One bar."""

    name: str
    value: float
    colour: Colour = "c1"
    href: str | None = None
    """To the customers behind it."""
    note: str | None = None
    """Beside the figure, such as the number of answers."""


def hbar_chart(
    bars: Sequence[NamedBar], *, written: Callable[[float], str], sentence: str
) -> Chart:
    """Bars from a common zero, in the order given.

    The chart is itself a list of names and figures, so it needs no data table.
    """
    numbers = known(bar.value for bar in bars)
    low, high = min([0.0, *numbers]), max([0.0, *numbers])
    whole = (high - low) or 1.0

    # A figure needs room beyond the track only as far as its bar reaches.
    room = max(
        (
            (len(written(bar.value)) + len(bar.note or "")) * (max(bar.value, 0.0) - low) / whole
            for bar in bars
        ),
        default=0.0,
    )

    def row(bar: NamedBar) -> h.Markup:
        start = (min(bar.value, 0.0) - low) / whole * 100
        length = abs(bar.value) / whole * 100
        return h.li(
            {"class": "hbars-row"},
            h.span(
                {"class": "hbars-name"}, h.a({"href": bar.href}, bar.name) if bar.href else bar.name
            ),
            h.span(
                {"class": "hbars-track"},
                h.i(
                    {"class": bar.colour, "style": f"margin-left:{start:.1f}%;width:{length:.1f}%"}
                ),
                h.b(written(bar.value), h.small(bar.note) if bar.note else None),
            ),
        )

    return Chart(
        plot=h.ul({"class": "hbars", "style": f"--room:{room + 1:.1f}ch"}, map(row, bars)),
        sentence=sentence,
    )
