"""Why a model says what it says: what pushes a prediction up and what holds it down."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rapport.web import html as h
from rapport.web.charts.scale import known
from rapport.web.parts.context import PageContext


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One contribution, in any unit that all reasons share."""

    text: h.Child
    contribution: float


def reason_bars(context: PageContext, reasons: Sequence[Reason]) -> h.Markup:
    """Reasons in the order given: to the right of the line what raises, to the left what lowers."""
    numbers = known(reason.contribution for reason in reasons)
    low, high = min([0.0, *numbers]), max([0.0, *numbers])
    whole = (high - low) or 1.0
    zero = -low / whole * 100

    def row(reason: Reason) -> h.Markup:
        length = abs(reason.contribution) / whole * 100
        raises = reason.contribution >= 0
        start = zero if raises else zero - length
        word = context.t("charts.raises" if raises else "charts.lowers")
        return h.li(
            h.span(reason.text, h.span({"class": "sr"}, ": ", word)),
            h.span(
                {"class": "reason-track", "data-tip": word},
                h.i(
                    {
                        "class": "c1" if raises else "cmid",
                        "style": f"left:{start:.1f}%;width:{length:.1f}%",
                    }
                ),
            ),
        )

    return h.ul({"class": "reasons", "style": f"--zero:{zero:.1f}%"}, map(row, reasons))
