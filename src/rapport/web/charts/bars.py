"""Vertical bars over time: beside each other, or up and down from zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from rapport.web import html as h
from rapport.web.charts.figure import Chart, DataColumn, cells_of, legend, plot
from rapport.web.charts.scale import Colour, known, scale_of

_COLOURS: tuple[Colour, ...] = ("c1", "c2", "c3", "c4")
_FILLED = 0.68  # of a band; the rest is the gap to the next


class Bars(msgspec.Struct, frozen=True, kw_only=True):
    """One series of bars; None where nothing is known."""

    name: str
    values: Sequence[float | None]
    colour: Colour | None = None


def bar_chart(
    *,
    labels: Sequence[str],
    series: Sequence[Bars],
    written: Callable[[float], str],
    sentence: str,
    line: Bars | None = None,
    arrange: Literal["grouped", "diverging"] = "grouped",
    long_labels: Sequence[str] | None = None,
    tick_format: Callable[[float], str] | None = None,
    height: int = 230,
) -> Chart:
    """Bars from zero, and at most one line over them.

    Parameters
    ----------
    labels : sequence of str
        Short name of each time.
    series : sequence of Bars
        One to four, each as long as `labels`.
    written : callable
        From a value to text.
    sentence : str
        What the bars show, in words.
    line : Bars, optional
        A series drawn as a line, such as won less lost.
    arrange : {"grouped", "diverging"}
        Side by side, or on one place: then values of one series are positive and of the other
        negative (customers won and lost).
    long_labels, tick_format, height
        As in `line.line_chart`.

    Raises
    ------
    ValueError
        For more than four series, or lengths that do not fit the labels.
    """
    if not 1 <= len(series) <= 4:
        raise ValueError(f"A bar chart has one to four series, not {len(series)}; use a table.")
    everything = [*series, line] if line else list(series)
    for each in everything:
        if len(each.values) != len(labels):
            raise ValueError(
                f"Bars {each.name!r}: {len(each.values)} values, {len(labels)} labels."
            )
    # Counts are written without decimals: a tick at 2.5 would say 2, and five up to 1 the same.
    whole = all(value.is_integer() for each in series for value in known(each.values))
    scale = scale_of((v for each in everything for v in each.values), from_zero=True, whole=whole)
    band = 100 / max(len(labels), 1)
    abreast = len(series) if arrange == "grouped" else 1
    width = band * _FILLED / abreast
    zero = scale.down(0)

    def centre(index: int) -> float:
        return (index + 0.5) * band

    def rectangle(index: int, value: float, slot: int) -> str:
        left = index * band + band * (1 - _FILLED) / 2 + slot * width
        return f"M{left:.2f} {zero:.2f}V{scale.down(value):.2f}h{width:.2f}V{zero:.2f}Z"

    drawing: list[h.Child] = []
    entries: list[tuple[str, Colour, str | None]] = []
    columns: list[DataColumn] = []
    for slot, each in enumerate(series):
        colour = each.colour or _COLOURS[slot]
        bars = "".join(
            rectangle(index, value, slot if arrange == "grouped" else 0)
            for index, value in enumerate(each.values)
            if value
        )
        if bars:  # a path without a course paints nothing
            drawing.append(h.path({"class": ["series-bar", colour], "d": bars}))
        entries.append((each.name, colour, None))
        columns.append(
            DataColumn(name=each.name, cells=cells_of(each.values, written), colour=colour)
        )
    if line:
        colour = line.colour or "cink"
        pen, course = "M", ""
        for index, value in enumerate(line.values):
            if value is None:
                pen = "M"
                continue
            course += f"{pen}{centre(index):.2f} {scale.down(value):.2f}"
            pen = "L"
        drawing.append(h.path({"class": ["series-line", "thin", colour], "d": course}))
        entries.append((line.name, colour, "line"))
        columns.append(
            DataColumn(name=line.name, cells=cells_of(line.values, written), colour=colour)
        )
    return Chart(
        plot=plot(
            drawing,
            scale=scale,
            labels=labels,
            places=centre,
            tick_format=tick_format or written,
            sentence=sentence,
            kind="bands",
            height=height,
        ),
        sentence=sentence,
        legend=legend(*entries) if len(entries) > 1 else None,
        names=long_labels or labels,
        columns=columns,
    )
