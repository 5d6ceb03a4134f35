"""The recent course of a figure, without axes."""

from __future__ import annotations

from collections.abc import Sequence

from rapport.web import html as h
from rapport.web.charts.scale import Colour, known


def sparkline(
    values: Sequence[float | None], *, colour: Colour = "c1", label: str | None = None
) -> h.Markup:
    """A line with a dot at its last value; it takes the width and height of its place.

    Decoration beside a written figure unless `label` says what it shows. It has no zero line: it
    shows the course, not the size.
    """
    numbers = known(values)
    if len(numbers) < 2:
        return h.EMPTY
    low, high = min(numbers), max(numbers)
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
    return h.span(
        {
            "class": ["spark", colour],
            "role": "img" if label else None,
            "aria-label": label,
            "aria-hidden": None if label else True,
        },
        h.svg(
            {"viewBox": "0 0 100 100", "preserveAspectRatio": "none"},
            h.path({"class": "series-band", "d": f"{course}V100H{first or 0:.1f}Z"}),
            h.path({"class": "series-line", "d": course}),
        ),
        h.i({"class": "spark-dot", "style": f"left:{end[0]:.1f}%;top:{end[1]:.1f}%"}),
    )
