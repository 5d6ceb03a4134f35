"""Traits of customers, and the groups named by them, as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from rapport.understand.personas.scaling import ANSWER
from rapport.understand.personas.statements import Trait
from rapport.understand.personas.stored import KEY
from rapport.vocabulary.touchpoint import CHANNELS
from rapport.web.parts.context import PageContext
from rapport.web.places import country_name, language_name


def trait_words(context: PageContext, trait: Trait) -> str:
    """What is true of customers with the trait: "Live in: France"."""
    return context.t(f"personas.trait.{trait.name}", value=_value(context, trait))


def trait_short(context: PageContext, trait: Trait) -> str:
    """The trait in a name: "France"."""
    return context.t(f"personas.short.{trait.name}", value=_value(context, trait))


def persona_name(context: PageContext, key: str, name: str | None, traits: Sequence[Trait]) -> str:
    """A colleague's name for a discovered group, or its two strongest traits."""
    if name:
        return name
    if not traits:
        return context.t("personas.unnamed", number=key.removeprefix(KEY))
    return " · ".join(trait_short(context, each) for each in traits)


def fact_words(context: PageContext, feature: str) -> str:
    """What groups are found by: "number of orders"."""
    if feature.startswith(ANSWER):
        return context.t("personas.fact.answer", value=feature.removeprefix(ANSWER))
    return context.t(f"personas.fact.{feature}")


def _value(context: PageContext, trait: Trait) -> str:
    value = trait.value
    if trait.name == "country":
        return country_name(context.language, value)
    if trait.name == "language":
        return language_name(context.language, value)
    if trait.name == "gender":
        return context.t(f"measures.gender.{value}")
    if trait.name == "voice":
        return context.t(f"personas.voice.{value}")
    if trait.name == "acquisition_channel" and value in CHANNELS:
        return context.t(f"measures.channel.{value}")
    return value.replace("_", " ") if trait.name == "acquisition_channel" else value
