"""Is a model right: what it said and what happened, group by group."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rapport.web import html as h
from rapport.web.charts.figure import Chart, DataColumn, legend
from rapport.web.charts.scale import known
from rapport.web.parts.context import PageContext


def decile_bars(
    context: PageContext,
    *,
    predicted: Sequence[float],
    observed: Sequence[float],
    written: Callable[[float], str],
    sentence: str,
    labels: Sequence[str] | None = None,
    height: int = 110,
) -> Chart:
    """Groups from the lowest to the highest prediction: a bar for what happened, a line across
    it for what was said. Bars that meet their line are a calibrated model.

    Raises
    ------
    ValueError
        If the sequences differ in length.
    """
    names = labels or [str(index + 1) for index in range(len(predicted))]
    highest = max(known([*predicted, *observed]), default=0.0) or 1.0
    groups = h.ul(
        {"class": "deciles", "aria-hidden": True},
        (
            h.li(
                h.i({"style": f"height:{max(happened, 0) / highest * 100:.1f}%"}),
                h.u({"style": f"bottom:{max(said, 0) / highest * 100:.1f}%"}),
            )
            for said, happened in zip(predicted, observed, strict=True)
        ),
    )
    drawing = h.div(
        {
            "class": "decile-plot",
            "data-plot": "bands",
            "tabindex": 0,
            "role": "img",
            "aria-label": sentence,
            "style": f"--plot-height:{height}px",
        },
        h.div({"class": "plot-area"}, groups),
        h.div({"class": "deciles-labels", "aria-hidden": True}, (h.span(name) for name in names)),
    )
    said, happened = context.t("charts.predicted"), context.t("charts.observed")
    return Chart(
        plot=drawing,
        sentence=sentence,
        legend=legend((happened, "c1", None), (said, "cink", "line")),
        names=names,
        columns=[
            DataColumn(name=happened, cells=[written(v) for v in observed], colour="c1"),
            DataColumn(name=said, cells=[written(v) for v in predicted], colour="cink"),
        ],
    )
