"""What both sides of a contradiction say: the list shows it, settling pins it, silos are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rapport.unify.explain import mask
from rapport.unify.survivorship import ProfileFacts
from rapport.unify.value_rules import PARTS
from rapport.vocabulary.conflict import ORDER_SAYS, WORD
from rapport.vocabulary.profile import Fact
from rapport.workflows.customer import MASKED


def says(row: Any) -> tuple[str, str]:
    """What the silo whose word stands says of an order, and what the other one does."""
    right, wrong = ORDER_SAYS[row.name]
    # A colleague may have found the other one right.
    turned = row.settled == WORD and row.why == "word_other"
    return (wrong, right) if turned else (right, wrong)


def granted_word(granted: bool) -> str:
    """The code of a consent's word."""
    return "granted" if granted else "withdrawn"


def latest_words(said: Sequence[tuple[int, Any]], purpose: str) -> dict[str, Any]:
    """The latest word of each silo on a purpose; of two of one moment a withdrawal."""
    return {
        word.source: word
        for _, word in sorted(said, key=lambda each: (each[1].since, not each[1].granted))
        if word.purpose == purpose
    }


def both_values(
    known: ProfileFacts, name: str, loser: str
) -> tuple[tuple[Fact, ...], tuple[Fact, ...]]:
    """The shown facts of an attribute, and those of the silo that states it otherwise.

    Of an address and a name all parts that the silo's latest differing record states.
    """
    parts = PARTS.get(name, (name,))
    wrong = [
        fact
        for part in (name, *parts)
        if part in known.sides
        for fact in known.sides[part].wrong
        if fact.source == loser
    ]
    if name == "name":
        shown = [known.shown["name"]] if "name" in known.shown else []
        newest = max(
            (f for f in wrong if f.name == "name"), key=lambda f: f.observed_at, default=None
        ) or max(wrong, key=lambda f: f.observed_at, default=None)
        return tuple(shown), () if newest is None else (newest,)
    shown = [known.shown[part] for part in parts if part in known.shown]
    if not wrong:
        return tuple(shown), ()
    record = max(wrong, key=lambda f: (f.observed_at, -f.atom_id)).atom_id
    other = {f.name: f for f in known.all if f.atom_id == record and f.name in parts}
    return tuple(shown), tuple(other[part] for part in parts if part in other)


def in_one_line(facts: Sequence[Fact]) -> str | None:
    """An address as one line; anything else is one value."""
    by_name = {fact.name: fact.value for fact in facts}
    if not by_name:
        return None
    if "postal_code" in by_name or "street" in by_name or "city" in by_name:
        place = " ".join(by_name[n] for n in ("postal_code", "city") if n in by_name)
        lines = [by_name.get("street"), place, by_name.get("country")]
        return ", ".join(line for line in lines if line)
    return next(iter(by_name.values()))


def masked(name: str, value: str | None, *, reveal: bool) -> str | None:
    """A value as somebody may see it who does not reveal how to reach people."""
    return value if value is None or reveal or name not in MASKED else mask(name, value)


def proof_of(known: ProfileFacts, facts: Sequence[Fact]) -> str | None:
    """What happened that proves one of the facts right, or wrong; None where nothing did."""
    for fact in facts:
        proof = known.proven.get(fact.name, {}).get(fact.value)
        if proof is not None:
            return proof.failure if proof.standing < 0 else proof.proof
    return None
