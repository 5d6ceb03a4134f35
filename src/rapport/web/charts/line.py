"""Lines over time, with a forecast and its band."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from rapport.web import html as h
from rapport.web.charts.figure import Chart, DataColumn, cells_of, legend, plot
from rapport.web.charts.scale import Colour, known, scale_of
from rapport.web.parts.context import PageContext

_COLOURS: tuple[Colour, ...] = ("c1", "c2", "c3", "c4")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One series; None where nothing is known, which breaks the line."""

    name: str
    values: Sequence[float | None]
    colour: Colour | None = None


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What is expected after the last value of the first line.

    The three sequences have one value per step ahead; `low` and `high` enclose 80 % of what is
    likely.
    """

    values: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def line_chart(
    context: PageContext,
    *,
    labels: Sequence[str],
    lines: Sequence[Line],
    written: Callable[[float], str],
    sentence: str,
    forecast: Forecast | None = None,
    long_labels: Sequence[str] | None = None,
    tick_format: Callable[[float], str] | None = None,
    from_zero: bool = False,
    height: int = 230,
) -> Chart:
    """One to four lines over the same times.

    Parameters
    ----------
    context : PageContext
    labels : sequence of str
        Short name of each time, those of the forecast too.
    lines : sequence of Line
        As long as `labels` without the forecast's part.
    written : callable
        From a value to text, for the data and the tooltips.
    sentence : str
        What the lines show, in words.
    forecast : Forecast, optional
        Continues the first line.
    long_labels : sequence of str, optional
        Full name of each time, for the data and the tooltips.
    tick_format : callable, optional
        From a tick to text; `written` where not given.
    from_zero : bool
        True where the axis must start at zero. Otherwise the chart says where it starts.
    height : int, in px

    Raises
    ------
    ValueError
        For more than four lines, or lengths that do not fit the labels.
    """
    ahead = len(forecast.values) if forecast else 0
    past = len(labels) - ahead
    if not 1 <= len(lines) <= 4:
        raise ValueError(f"A line chart has one to four lines, not {len(lines)}; use a table.")
    for line in lines:
        if len(line.values) != past:
            raise ValueError(f"Line {line.name!r}: {len(line.values)} values, {past} labels.")
    if forecast and not ahead == len(forecast.low) == len(forecast.high):
        raise ValueError("A forecast's values, low and high are of one length.")

    everything = [value for line in lines for value in line.values]
    if forecast:
        everything += [*forecast.values, *forecast.low, *forecast.high]
    scale = scale_of(everything, from_zero=from_zero)

    def across(index: int) -> float:
        return index / max(len(labels) - 1, 1) * 100

    def points(values: Sequence[float | None], start: int) -> str:
        steps, pen = [], "M"
        for index, value in enumerate(values, start):
            if value is None:
                pen = "M"
                continue
            steps.append(f"{pen}{across(index):.2f} {scale.down(value):.2f}")
            pen = "L"
        return "".join(steps)

    drawing: list[h.Child] = []
    over: list[h.Child] = []
    entries: list[tuple[str, Colour, str | None]] = []
    columns: list[DataColumn] = []
    if forecast:
        drawing.append(_forecast(lines[0], forecast, past, points))
        over.append(
            h.span(
                {
                    "class": "plot-note flip" if past / len(labels) > 0.8 else "plot-note",
                    "style": f"left:{across(past - 1):.2f}%",
                    "aria-hidden": True,
                },
                context.t("charts.forecast_mark"),
            )
        )
    for line, default in zip(lines, _COLOURS, strict=False):
        colour = line.colour or default
        drawing.append(h.path({"class": ["series-line", colour], "d": points(line.values, 0)}))
        last = max((i for i, value in enumerate(line.values) if value is not None), default=None)
        if last is not None:
            over.append(
                h.span(
                    {
                        "class": ["plot-dot", colour],
                        "style": f"left:{across(last):.2f}%;"
                        f"top:{scale.down(line.values[last] or 0.0):.2f}%",
                        "aria-hidden": True,
                    }
                )
            )
        entries.append((line.name, colour, None if len(lines) == 1 else "line"))
        columns.append(
            DataColumn(
                name=line.name,
                cells=cells_of([*line.values, *[None] * ahead], written),
                colour=colour,
            )
        )
    if forecast:
        first = entries[0][1]
        entries += [
            (context.t("charts.forecast"), first, "dashed"),
            (context.t("charts.band"), first, "band"),
        ]
        before: list[float | None] = [None] * past
        columns += [
            DataColumn(name=name, cells=cells_of([*before, *values], written), colour=colour)
            for name, values, colour in (
                (context.t("charts.forecast"), forecast.values, first),
                (context.t("charts.low"), forecast.low, "cgrey"),
                (context.t("charts.high"), forecast.high, "cgrey"),
            )
        ]
    tick_format = tick_format or written
    note = None
    if known(everything) and scale.low != 0 and not scale.low < 0 < scale.high:
        note = context.t("charts.axis_start", value=tick_format(scale.low))
    return Chart(
        plot=plot(
            drawing,
            over=over,
            scale=scale,
            labels=labels,
            places=across,
            tick_format=tick_format,
            sentence=sentence,
            kind="points",
            height=height,
        ),
        sentence=sentence,
        legend=legend(*entries) if len(entries) > 1 else None,
        names=long_labels or labels,
        columns=columns,
        note=note,
    )


def _forecast(
    line: Line,
    forecast: Forecast,
    past: int,
    points: Callable[[Sequence[float | None], int], str],
) -> h.Markup:
    colour = line.colour or "c1"
    last = line.values[-1] if line.values else None
    # The band opens at the last known value: at that moment nothing is uncertain.
    start = past - 1 if last is not None else past
    joint = [last] if last is not None else []
    band = points([*joint, *forecast.high], start)
    back = points([*joint, *forecast.low], start).replace("M", "L").split("L")[1:]
    today = points([last if last is not None else forecast.values[0]], start)[1:].split()[0]
    return h.fragment(
        h.path({"class": "plot-now", "d": f"M{today} 0V100"}),
        h.path({"class": ["series-band", colour], "d": f"{band}L{'L'.join(reversed(back))}Z"}),
        h.path(
            {
                "class": ["series-line", "dashed", colour],
                "d": points([*joint, *forecast.values], start),
            }
        ),
    )
