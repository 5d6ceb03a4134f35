"""Shares of a whole: one stacked bar and the names under it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rapport.web import html as h
from rapport.web.charts.figure import Chart
from rapport.web.charts.scale import Colour
from rapport.web.parts.context import PageContext

_COLOURS: tuple[Colour, ...] = ("c1", "c2", "c3", "c4", "c5", "c6")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the whole."""

    name: str
    value: float
    colour: Colour | None = None
    href: str | None = None


def share_bar(context: PageContext, parts: Sequence[Part], *, sentence: str) -> Chart:
    """Up to six parts; their shares are of the sum.

    Raises
    ------
    ValueError
        For more than six parts (sum the small ones first) or a negative one.
    """
    if len(parts) > len(_COLOURS):
        raise ValueError(f"A share bar has at most six parts, not {len(parts)}.")
    if any(part.value < 0 for part in parts):
        raise ValueError("A part of a whole is never negative.")
    whole = sum(part.value for part in parts) or 1.0
    coloured = [
        (part, part.colour or colour, part.value / whole)
        for part, colour in zip(parts, _COLOURS, strict=False)
    ]
    # The gaps between parts take their two pixels from each part alike.
    drawing = h.div(
        h.div(
            {"class": "share-bar", "aria-hidden": True},
            (
                h.i({"class": colour, "style": f"flex-grow:{share:.4f}"})
                for part, colour, share in coloured
                if part.value > 0
            ),
        ),
        h.ul(
            {"class": "share-list"},
            (
                h.li(
                    h.i({"class": colour}),
                    h.a({"href": part.href}, part.name) if part.href else part.name,
                    h.b(context.n.share(share, digits=0)),
                )
                for part, colour, share in coloured
            ),
        ),
    )
    return Chart(plot=drawing, sentence=sentence)
