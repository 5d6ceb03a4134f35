"""Regions on a map, darker where a number is higher, and places as circles over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from rapport.web import html as h
from rapport.web.charts.figure import Chart

_pattern = h.element("pattern")
#: Steps of the sequential colours, by how many are needed.
_STEPS = {1: (4,), 2: (2, 6), 3: (1, 4, 7), 4: (1, 3, 6, 7), 5: (1, 2, 4, 6, 7)}


class MapRegion(msgspec.Struct, frozen=True, kw_only=True):
    """One region: where it lies, its number, and what the pointer reads."""

    path: str
    value: float | None = None
    hidden: bool = False
    """Too few people to say: hatched."""
    tip: str | None = None
    href: str | None = None


class MapDot(msgspec.Struct, frozen=True, kw_only=True):
    """A place; its circle's area follows its share of the largest."""

    x: float
    y: float
    share: float
    tip: str
    href: str


def choropleth(
    regions: Sequence[MapRegion],
    dots: Sequence[MapDot],
    *,
    around: str,
    size: tuple[int, int],
    written: Callable[[float], str],
    sentence: str,
    words: tuple[str, str],
) -> Chart:
    """A map whose colours are at most five classes of as many regions each.

    The figures themselves stand in a table beside it, which is what keyboards and screen readers
    use: a hundred regions would be a hundred stops on the way.

    Parameters
    ----------
    around : str
        The path of what lies around the regions.
    size : (int, int)
        Of the box in which the paths are drawn.
    written : callable
        A value in its unit, for the legend.
    words : (str, str)
        For the legend: nobody lives there; too few customers to tell.
    """
    classes = _classes([region.value for region in regions if region.value is not None])

    def shape(region: MapRegion) -> h.Markup:
        style = "none"
        if region.hidden:
            style = "few"
        elif region.value is not None:
            style = f"heat-{next(step for high, step in classes if region.value <= high)}"
        path = h.path(
            {
                "d": region.path,
                "class": ["map-region", style],
                "fill": "url(#few)" if region.hidden else None,
                "data-tip": region.tip,
            }
        )
        return h.a({"href": region.href, "tabindex": -1}, path) if region.href else path

    width, height = size
    drawing = h.svg(
        {"viewBox": f"0 0 {width} {height}", "class": "map", "aria-hidden": "true"},
        h.defs(
            _pattern(
                {
                    "id": "few",
                    "width": 8,
                    "height": 8,
                    "patternUnits": "userSpaceOnUse",
                    "patternTransform": "rotate(45)",
                },
                h.path({"d": "M0 0V8", "class": "map-hatch"}),
            )
        ),
        h.path({"d": around, "class": "map-around"}),
        map(shape, regions),
        (
            h.a(
                {"href": dot.href, "tabindex": -1},
                h.circle(
                    {
                        "cx": round(dot.x),
                        "cy": round(dot.y),
                        "r": round(4 + 9 * dot.share**0.5, 1),
                        "class": "map-dot",
                        "data-tip": dot.tip,
                    }
                ),
            )
            for dot in dots
        ),
    )
    return Chart(
        plot=h.div({"class": "map-box"}, drawing),
        sentence=sentence,
        legend=_legend(regions, classes, written, words),
    )


def _classes(values: Sequence[float]) -> list[tuple[float, int]]:
    """The highest value of each class with its step; equal values fall in one class."""
    if not values:
        return []
    ranked = sorted(values)
    count = min(5, len(set(values)))
    highs = sorted({ranked[-(-len(ranked) * n // count) - 1] for n in range(1, count + 1)})
    return list(zip(highs, _STEPS[len(highs)], strict=True))


def _legend(
    regions: Sequence[MapRegion],
    classes: Sequence[tuple[float, int]],
    written: Callable[[float], str],
    words: tuple[str, str],
) -> h.Markup:
    values = sorted(region.value for region in regions if region.value is not None)
    entries = []
    low = float("-inf")
    for high, step in classes:
        own = [value for value in values if low < value <= high]
        ends = dict.fromkeys((written(own[0]), written(own[-1])))
        entries.append((f"heat-{step}", " – ".join(ends)))
        low = high
    if any(region.hidden for region in regions):
        entries.append(("few", words[1]))
    if any(region.value is None and not region.hidden for region in regions):
        entries.append(("none", words[0]))
    return h.ul(
        {"class": "map-legend"},
        (h.li(h.i({"class": ["map-swatch", style]}), text) for style, text in entries),
    )
