"""The recent course of a figure, without axes."""

from __future__ import annotations

from collections.abc import Sequence

from rapport.web import html as h
from rapport.web.charts.scale import Colour, known


def sparkline(
    values: Sequence[float | None],
    *,
    colour: Colour = "c1",
    label: str | None = None,
    band: Sequence[tuple[float, float] | None] = (),
) -> h.Markup:
    """A line with a dot at its last value; it takes the width and height of its place.

    Decoration beside a written figure unless `label` says what it shows. It has no zero line: it
    shows the course, not the size.

    Parameters
    ----------
    band : sequence of (low, high) or None, optional
        What was expected of each value; shaded in place of the area under the line.
    """
    numbers = known(values)
    if len(numbers) < 2:
        return h.EMPTY
    edges = [edge for each in band if each is not None for edge in each]
    low, high = min((*numbers, *edges)), max((*numbers, *edges))
    spread = (high - low) or 1.0
    last = len(values) - 1

    def down(value: float) -> float:
        # A flat course runs through the middle.
        return 50.0 if high == low else 94 - (value - low) / spread * 88

    course, pen, first, end = "", "M", None, (0.0, 0.0)
    for index, value in enumerate(values):
        if value is None:
            continue  # a short gap in so small a line is bridged, not broken
        across = index / last * 100
        first = across if first is None else first
        end = (across, down(value))
        course += f"{pen}{across:.1f} {end[1]:.1f}"
        pen = "L"
    shaded = [
        (index / last * 100, down(each[1]), down(each[0]))
        for index, each in enumerate(band)
        if each is not None
    ]
    shade = ""
    if shaded:
        above = "L".join(f"{x:.1f} {top:.1f}" for x, top, _ in shaded)
        below = "L".join(f"{x:.1f} {bottom:.1f}" for x, _, bottom in reversed(shaded))
        shade = f"M{above}L{below}Z"
    return h.span(
        {
            "class": ["spark", colour],
            "role": "img" if label else None,
            "aria-label": label,
            "aria-hidden": None if label else True,
        },
        h.svg(
            {"viewBox": "0 0 100 100", "preserveAspectRatio": "none"},
            h.path({"class": "series-band", "d": shade or f"{course}V100H{first or 0:.1f}Z"}),
            h.path({"class": "series-line", "d": course}),
        ),
        h.i({"class": "spark-dot", "style": f"left:{end[0]:.1f}%;top:{end[1]:.1f}%"}),
    )
