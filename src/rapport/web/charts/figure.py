"""What all charts share: the card, the sentence, the data behind it, and the axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from rapport.web import html as h
from rapport.web.charts.scale import Colour, Scale, label_places
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext


class DataColumn(msgspec.Struct, frozen=True, kw_only=True):
    """One series in the "show data" table."""

    name: str
    cells: Sequence[str | None]
    colour: Colour | None = None


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A drawn chart, ready to be put in a card."""

    plot: h.Markup
    sentence: str
    """What the chart shows, for those who do not see it."""
    legend: h.Markup | None = None
    names: Sequence[str] = ()
    """Heading of each row of the data table."""
    columns: Sequence[DataColumn] = ()
    note: str | None = None
    """Said under the plot, such as that the axis does not start at zero."""


def chart_card(
    context: PageContext,
    title: h.Child,
    chart: Chart,
    *,
    note: h.Child = None,
    tools: h.Child = None,
    foot: h.Child = None,
    csv_href: str | None = None,
    span: str | None = None,
    attributes: h.Attributes | None = None,
) -> h.Markup:
    """A chart in its card: title, legend, plot, "show data" and the way to its CSV file."""
    return card(
        chart_figure(context, chart, csv_href=csv_href),
        title=title,
        note=note,
        tools=h.fragment(chart.legend, tools) if chart.legend or tools else None,
        foot=foot,
        span=span,
        attributes=attributes,
    )


def chart_figure(context: PageContext, chart: Chart, *, csv_href: str | None = None) -> h.Markup:
    """A chart without a card."""
    foot = [
        data_table(context, chart) if chart.columns else None,
        h.a({"href": csv_href, "download": True}, context.t("charts.csv")) if csv_href else None,
        h.span(chart.note) if chart.note else None,
    ]
    return h.figure(
        {"class": "chart"},
        chart.plot,
        h.figcaption({"class": "sr"}, chart.sentence),
        h.div({"class": "chart-foot"}, foot) if any(foot) else None,
    )


def data_table(context: PageContext, chart: Chart) -> h.Markup:
    """The values of a chart, folded away; also what its tooltips read."""
    return h.details(
        {"class": "chart-data"},
        h.summary(context.t("charts.show_data")),
        h.div(
            {
                "class": "table-scroll",
                "tabindex": 0,
                "role": "region",
                "aria-label": context.t("charts.data"),
            },
            h.table(
                {"class": "table"},
                h.thead(
                    h.tr(
                        h.td(),
                        (
                            h.th(
                                {"class": "num", "scope": "col", "data-colour": column.colour},
                                column.name,
                            )
                            for column in chart.columns
                        ),
                    )
                ),
                h.tbody(
                    h.tr(
                        h.th({"scope": "row"}, name),
                        (h.td({"class": "num"}, cell) for cell in cells),
                    )
                    for name, *cells in zip(
                        chart.names, *(column.cells for column in chart.columns), strict=True
                    )
                ),
            ),
        ),
    )


def legend(*entries: tuple[str, Colour, str | None]) -> h.Markup:
    """Names and colours; the third is the mark's form: None, "line", "dashed" or "band"."""
    return h.div(
        {"class": "legend"},
        (h.span(h.i({"class": [colour, form]}), name) for name, colour, form in entries),
    )


def plot(
    *drawing: h.Child,
    over: h.Child = None,
    scale: Scale,
    labels: Sequence[str],
    places: Callable[[int], float],
    tick_format: Callable[[float], str],
    sentence: str,
    kind: str,
    height: int,
) -> h.Markup:
    """The area with its two axes.

    Parameters
    ----------
    drawing : children
        SVG in a box of 100 by 100, stretched to the area's size.
    over : child, optional
        HTML over the drawing: dots and labels, placed by percent.
    scale : Scale
    labels : sequence of str
        One per row of the data; only as many are written as fit.
    places : callable
        From a row's number to percent from the left.
    tick_format : callable
    sentence : str
    kind : {"points", "bands"}
        Whether rows stand at points from edge to edge, or in bands of equal width.
    height : int, in px
    """
    shown = label_places(len(labels), max(map(len, labels), default=0))
    return h.div(
        {
            "class": "plot",
            "data-plot": kind,
            "tabindex": 0,
            "role": "img",
            "aria-label": sentence,
            "style": f"--plot-height:{height}px",
        },
        h.div(
            {"class": "y-ticks", "aria-hidden": True},
            (
                h.span({"style": f"top:{scale.down(tick):.2f}%"}, tick_format(tick))
                for tick in scale.ticks
            ),
        ),
        h.div(
            {"class": "plot-area"},
            h.svg(
                {"viewBox": "0 0 100 100", "preserveAspectRatio": "none", "aria-hidden": True},
                (
                    h.path(
                        {
                            "class": ["gridline", tick == 0 and "zero"],
                            "d": f"M0 {scale.down(tick):.2f}H100",
                        }
                    )
                    for tick in scale.ticks
                ),
                drawing,
            ),
            over,
        ),
        h.div(
            {"class": "x-ticks", "aria-hidden": True},
            (
                h.span(
                    {
                        "style": f"left:{places(index):.2f}%",
                        # Narrow charts leave out every second, then every fourth label.
                        "class": [
                            places(index) > 97 and "end",
                            order % 2 == 1 and "second",
                            order % 4 == 2 and "fourth",
                        ],
                    },
                    labels[index],
                )
                for order, index in enumerate(shown)
            ),
        ),
    )


def cells_of(values: Sequence[float | None], written: Callable[[float], str]) -> list[str | None]:
    """Each value as text, and nothing where there is none."""
    return [None if value is None else written(value) for value in values]
