"""The strip of key figures: each with its comparison, target and recent course."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from rapport.web import html as h
from rapport.web.charts.scale import Colour
from rapport.web.charts.sparkline import sparkline
from rapport.web.parts.context import PageContext
from rapport.web.parts.icons import icon

Meaning: TypeAlias = Literal["good", "bad", "neutral"]


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """A change against the period before."""

    text: str
    """Formatted with its unit, such as ``"2.1%"`` or ``"−1.2 pt"``."""
    direction: Literal["up", "down", "flat"]
    meaning: Meaning
    """Whether that is good: costs that rise are bad."""


class Kpi(msgspec.Struct, frozen=True, kw_only=True):
    """One key figure."""

    label: str
    figure: h.Child
    """Formatted; None where there is no figure yet."""
    href: str | None = None
    """To the customers behind it."""
    delta: Delta | None = None
    against: str | None = None
    """What the delta compares with: "vs Oct"."""
    target: str | None = None
    trend: Sequence[float | None] = ()
    stale: h.Markup | None = None
    """A `chips.stale_badge`."""
    why: h.Markup | None = None
    """A `why.why`: how the figure is defined."""


def delta_of(
    value: float | None, text: str, *, better: Literal["higher", "lower"] | None = "higher"
) -> Delta | None:
    """The delta for a change of `value`, where higher or lower is better; None for no value."""
    if value is None:
        return None
    if value == 0:
        return Delta(text=text, direction="flat", meaning="neutral")
    meaning: Meaning = "neutral"
    if better is not None:
        meaning = "good" if (value > 0) == (better == "higher") else "bad"
    return Delta(text=text, direction="up" if value > 0 else "down", meaning=meaning)


def delta(context: PageContext, change: Delta) -> h.Markup:
    """Arrow and amount: blue where good, orange where bad, never by colour alone."""
    arrows = {"up": "arrow-up-right", "down": "arrow-down-right", "flat": "arrow-right"}
    return h.span(
        {"class": ["delta", change.meaning]},
        icon(arrows[change.direction], size=14),
        h.span({"class": "sr"}, context.t(f"parts.delta.{change.direction}"), " "),
        change.text,
    )


def kpi_strip(context: PageContext, kpis: Sequence[Kpi]) -> h.Markup:
    """Up to six key figures in one card divided by lines."""
    columns = f"of-{len(kpis)}" if len(kpis) in {1, 2, 3, 4, 5} else None
    return h.dl({"class": ["kpis", columns]}, (_kpi(context, kpi) for kpi in kpis))


def _kpi(context: PageContext, kpi: Kpi) -> h.Markup:
    colour: dict[Meaning, Colour] = {"good": "cpos", "bad": "cneg", "neutral": "cgrey"}
    meaning: Meaning = kpi.delta.meaning if kpi.delta else "neutral"
    return h.div(
        {"class": "kpi"},
        h.dt(
            {"class": "kpi-label"},
            h.a({"href": kpi.href}, kpi.label) if kpi.href else kpi.label,
            kpi.why,
        ),
        h.dd(
            {"class": "kpi-figure"},
            kpi.figure if kpi.figure is not None else _unknown(context),
            kpi.stale,
        ),
        h.dd(
            {"class": "kpi-against"},
            delta(context, kpi.delta) if kpi.delta else None,
            h.span(kpi.against) if kpi.against else None,
            h.span(
                {"class": "kpi-target"},
                h.span({"class": "sr"}, context.t("parts.target"), " "),
                h.span({"aria-hidden": True}, "/ "),
                kpi.target,
            )
            if kpi.target
            else None,
        ),
        h.dd({"class": "kpi-trend"}, sparkline(kpi.trend, colour=colour[meaning]))
        if len(kpi.trend) > 1
        else None,
    )


def _unknown(context: PageContext) -> h.Markup:
    return h.span(
        {"class": "muted"},
        h.span({"aria-hidden": True}, "–"),
        h.span({"class": "sr"}, context.t("parts.unknown")),
    )
