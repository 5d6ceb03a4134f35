"""What matching and the rules say, in words of people who never heard of bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rapport.unify.review import Scored, Step
from rapport.web import html as h
from rapport.web.parts.chips import chip
from rapport.web.parts.choices import Choice, segmented
from rapport.web.parts.context import PageContext
from rapport.web.parts.identifier_kinds import kind_words
from rapport.web.words import catalogue

#: Bits from which something speaks so strongly: odds of 3, 10 and 100 to 1 and more.
_STRENGTHS = (1.6, 3.3, 6.6)
#: Below it a matter says nothing worth a word.
_NOTHING = 0.15
#: Probabilities from which each way of saying it holds.
_CHANCES = ((0.99, 1), (0.95, 2), (0.8, 3), (0.6, 4), (0.0, 5))
#: Sharing a value that many or a household hold is a level of its own.
_GRADES = ("household", "generic")
_OF_COMPANIES = ("company_", "business_")
#: That two people are two people goes without saying.
_TAKEN_FOR_GRANTED = ("record_kind", "two_people")
#: A level at which values are the same, and its weight from which the value must be a rare one.
_RARE = {"name.same_words": 9.0, "name.same_single_word": 9.0, "address.same_address": 12.0}

TABS = ("review", "approvals", "health", "rules")


def tabs(context: PageContext, here: str, counts: Any) -> h.Markup:
    """The four pages of identity, with what waits on each."""
    waiting = {"review": counts.open, "approvals": counts.proposals}
    capped = counts.is_capped

    def text(name: str) -> str:
        words = context.t(f"identity.tab.{name}")
        count = waiting.get(name)
        if not count:
            return words
        shown = context.n.count(min(count, 1_000))
        if name == "review" and capped:
            shown = context.t("identity.more_than", count=shown)
        return f"{words} {shown}"

    return segmented(
        context.t("identity.tab.label"),
        [
            Choice(
                text=text(name),
                href="/identity" if name == "review" else f"/identity/{name}",
                chosen=name == here,
            )
            for name in TABS
        ],
    )


def chance_words(context: PageContext, probability: float) -> str:
    """A probability as people say it."""
    step = next(number for least, number in _CHANCES if probability >= least)
    return context.t(f"identity.chance.{step}")


def share_words(context: PageContext, probability: float) -> str:
    """A probability in percent; what is nearly sure is not called sure."""
    return context.n.share(min(probability, 0.999), digits=1 if probability >= 0.99 else 0)


def weight_words(context: PageContext, bits: float) -> str:
    """How strongly something speaks for or against."""
    if abs(bits) < _NOTHING:
        return context.t("identity.weight.none")
    strength = sum(abs(bits) >= least for least in _STRENGTHS)
    side = "for" if bits > 0 else "against"
    return context.t(f"identity.weight.{side}_{strength}")


def step_words(context: PageContext, step: Step) -> str:
    """What was found in one matter: "same surname, other first name"."""
    level, grade = step.level, ""
    for each in _GRADES:
        if level.endswith(f"_{each}"):
            level, grade = level.removesuffix(f"_{each}"), each
    words = level_words(context, step.comparison, level)
    if words is None:  # a level of somebody's own comparison
        words = context.t("identity.level.agrees" if step.bits > 0 else "identity.level.differs")
    if grade == "household" and step.comparison.startswith(_OF_COMPANIES):
        grade = "group"
    if grade:
        return context.t(f"identity.level.{grade}", level=words)
    if step.bits >= _RARE.get(f"{step.comparison}.{level}", 99.0):
        return context.t("identity.level.rare", level=words)
    return words


def level_words(context: PageContext, comparison: str, level: str) -> str | None:
    """A level of likeness in words; None where there are none for it."""
    for name in (comparison, comparison.removeprefix("company_")):  # said of a company as of people
        key = f"identity.level.{name}.{level}"
        if key in catalogue():
            return context.t(key)
    return None


def matter_words(context: PageContext, comparison: str) -> str:
    """What was compared."""
    key = f"identity.matter.{comparison}"
    return context.t(key) if key in catalogue() else comparison.replace("_", " ")


def weights(context: PageContext, score: Scored) -> h.Markup:
    """Each matter as a bar: to the right of the line what speaks for, to the left against."""
    most = max((abs(step.bits) for step in score.steps), default=0.0) or 1.0

    def row(step: Step) -> h.Markup:
        length = abs(step.bits) / most * 50
        start = 50.0 if step.bits >= 0 else 50.0 - length
        return h.li(
            h.span(
                {"class": "weight-what"},
                h.b(matter_words(context, step.comparison)),
                h.span(": ", step_words(context, step)),
            ),
            h.span(
                {"class": "weight-track", "aria-hidden": True},
                h.i(
                    {
                        "class": "cpos" if step.bits >= 0 else "cneg",
                        "style": f"left:{start:.1f}%;width:{length:.1f}%",
                    }
                )
                if abs(step.bits) >= _NOTHING
                else None,
            ),
            h.span({"class": "weight-says"}, weight_words(context, step.bits)),
        )

    told = (s for s in score.steps if (s.comparison, s.level) != _TAKEN_FOR_GRANTED)
    return h.ul({"class": "weights"}, map(row, told))


def why_words(context: PageContext, code: str) -> str:
    """An objection: why evidence was not followed."""
    name, _, kind = code.partition(":")
    key = f"identity.why.{name}"
    if key not in catalogue():
        return context.t("identity.why.other", code=code.replace("_", " "))
    return context.t(key, kind=kind_words(context, kind)) if kind else context.t(key)


def why_chips(context: PageContext, codes: Sequence[str]) -> h.Markup:
    """Objections under each other: they are sentences."""
    return h.ul(
        {"class": "why-list"},
        (h.li(chip(why_words(context, code), tone="caution")) for code in codes),
    )
