"""A hypothesis and its result in the words of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from rapport.understand.hypotheses.definition import (
    SHARES,
    Did,
    Exposure,
    Holds,
    Hypothesis,
    Outcome,
    Waited,
)
from rapport.understand.hypotheses.ready_made import DEEDS, OUTCOMES, WAITS
from rapport.understand.hypotheses.verdict import Verdict
from rapport.web import html as h
from rapport.web.pages.segments.builder import in_words
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext

_ICONS = {
    "supported": "circle-check",
    "not_supported": "circle-x",
    "cannot_tell": "circle-question-mark",
}
#: A belief that holds is no good news, nor is one that does not: neither is blue or orange.
_TONES: Mapping[str, Literal["neutral", "accent", "caution"]] = {
    "supported": "accent",
    "not_supported": "neutral",
    "cannot_tell": "caution",
}


def verdict_icon(verdict: Verdict) -> str:
    """The icon that a verdict has everywhere."""
    return _ICONS[verdict]


def verdict_chip(context: PageContext, verdict: Verdict) -> h.Markup:
    """The verdict in one or two words."""
    return chip(
        context.t(f"hypotheses.verdict.{verdict}"), tone=_TONES[verdict], icon_name=_ICONS[verdict]
    )


def wait_key(exposure: Waited) -> str | None:
    """The ready-made wait that this is."""
    pair = (exposure.begins, exposure.ends)
    return next((key for key, ready in WAITS.items() if ready == pair), None)


def deed_key(exposure: Did) -> str | None:
    """The ready-made deed that this is."""
    return next((key for key, which in DEEDS.items() if which == exposure.which), None)


def outcome_key(outcome: Outcome) -> str | None:
    """The ready-made outcome that this is."""
    return next((key for key, ready in OUTCOMES.items() if ready == outcome), None)


def who_words(context: PageContext, exposure: Exposure, time_zone: str) -> h.Child:
    """Of whom the hypothesis speaks, after "customers who"."""
    t, n = context.t, context.n
    if isinstance(exposure, Waited):
        key = wait_key(exposure)
        what = (
            t(f"hypotheses.wait.{key}")
            if key
            else t(
                "hypotheses.wait.own",
                begins=", ".join(exposure.begins.types),
                ends=", ".join(exposure.ends.types),
            )
        )
        compare = t("hypotheses.wait.longer" if exposure.longer else "hypotheses.wait.shorter")
        span = f"{n.count(exposure.span.number)} {t(f'hypotheses.wait.{exposure.span.unit}')}"
        return f"{what}: {compare} {span}"
    if isinstance(exposure, Did):
        key = deed_key(exposure)
        deed = (
            t(f"hypotheses.deed.{key}")
            if key
            else t("hypotheses.deed.own", types=", ".join(exposure.which.types))
        )
        if exposure.times == 1:
            return deed
        return t(
            "hypotheses.deed.often",
            deed=deed,
            times=n.count(exposure.times),
            days=n.count(-(-exposure.within.hours // 24)),
        )
    return _rule_words(context, exposure, time_zone)


def _rule_words(context: PageContext, exposure: Holds, time_zone: str) -> h.Markup:
    return in_words(context, exposure.rule, time_zone)


def outcome_words(context: PageContext, outcome: Outcome) -> str:
    """What is counted of each customer."""
    key = outcome_key(outcome)
    if key:
        return context.t(f"hypotheses.outcome.{key}")
    return context.t(
        "hypotheses.outcome.own",
        measure=context.t(f"hypotheses.measure.{outcome.measure}"),
        types=", ".join(outcome.which.types),
    )


def mean_writer(context: PageContext, hypothesis: Hypothesis) -> Callable[[float], str]:
    """How a mean of the outcome is written."""
    n = context.n
    measure = hypothesis.outcome.measure
    if measure in SHARES:
        return n.share
    if measure == "amount":
        return n.money
    return lambda value: n.decimal(value, digits=1 if measure == "score" else 2)


def difference_writer(context: PageContext, hypothesis: Hypothesis) -> Callable[[float], str]:
    """How a difference of the outcome is written."""
    n = context.n
    measure = hypothesis.outcome.measure
    if measure in SHARES:
        return n.points
    if measure == "amount":
        return lambda value: ("+" if value > 0 else "") + n.money(value)
    return lambda value: n.signed(value, digits=1 if measure == "score" else 2)
