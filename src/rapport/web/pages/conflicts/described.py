"""Contradictions and rules in the user's words."""

from __future__ import annotations

from collections.abc import Mapping

from rapport.unify.value_rules import ValueRule
from rapport.vocabulary.conflict import CONSENT, ORDER
from rapport.vocabulary.profile import ATTRIBUTES
from rapport.web.pages.customer.sides import purpose_words
from rapport.web.parts.context import PageContext


def attribute_words(context: PageContext, name: str) -> str:
    """What an attribute is called; one that an address invents, as it is written there."""
    if name == "address":
        return context.t("conflicts.address")
    return context.t(f"customer.fact.{name}") if name in ATTRIBUTES else name


def subject_words(context: PageContext, kind: str, name: str, item: str = "") -> str:
    """What silos contradict each other about; of orders without a number, what they say."""
    if kind == CONSENT:
        return context.t("conflicts.consent", purpose=purpose_words(context, name))
    if kind == ORDER:
        return context.t("conflicts.order", number=item)
    return attribute_words(context, name)


def rule_words(context: PageContext, rule: ValueRule, labels: Mapping[str, str]) -> str:
    """A rule in one line: "proven, then most recent"."""
    said = []
    for criterion in rule.by:
        if criterion == "preferred":
            silos = " > ".join(labels.get(source, source) for source in rule.sources)
            said.append(context.t("conflicts.by.preferred_list", silos=silos))
        else:
            said.append(context.t(f"conflicts.by.{criterion}"))
    return context.t("conflicts.rules.separator").join(said)


def silo_words(context: PageContext, winner: str, loser: str, labels: Mapping[str, str]) -> str:
    """The two silos; of one silo with two records its name."""
    if winner == loser:
        return context.t("conflicts.two_records", silo=labels.get(loser, loser))
    return f"{labels.get(winner, winner)} ≠ {labels.get(loser, loser)}"
