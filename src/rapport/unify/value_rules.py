"""Which value is shown where silos differ: a rule per attribute, changed with a word and undone.

A rule is a list of criteria, asked in turn: the first on which two values differ decides. What no
criterion decides is weighed as everywhere else (`survivorship`). Without a rule of the company an
attribute has the usual one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, insert, select, update

from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.profile import ATTRIBUTES

#: What may be asked of two values, in the order in which pages list it.
CRITERIA: tuple[str, ...] = (
    "verified",  # something happened that shows that it works
    "preferred",  # of two silos that the rule names the one it names first
    "trusted",  # the better measured silo, else the kind of record
    "recent",  # stated last
    "frequent",  # stated by more silos
    "earliest",  # the smallest: since when somebody is a customer
    "weighed",  # trust × freshness × form × agreement
)
#: Attributes that have one rule together: parts of an address come from one record, and a name is
#: one thing however a silo cuts it.
WHOLE: Mapping[str, str] = {
    "street": "address",
    "postal_code": "address",
    "city": "address",
    "country": "address",
    "first_name": "name",
    "last_name": "name",
}
#: The parts of each of those.
PARTS: Mapping[str, tuple[str, ...]] = {
    whole: tuple(part for part, of in WHOLE.items() if of == whole) for whole in WHOLE.values()
}
#: What a person changes from one visit to the next: silos that differ do not contradict each other.
CHANGEABLE = frozenset({"preferred_store", "favourite_category", "interests", "created_at"})
#: What a rule can be made for, in the order of the vocabulary.
RULED: tuple[str, ...] = tuple(
    dict.fromkeys(WHOLE.get(name, name) for name in ATTRIBUTES if name not in CHANGEABLE)
)
#: Rules that suit most companies where the usual one does not: what works is better than what is
#: well kept, and people move and marry.
ADVISED: Mapping[str, tuple[str, ...]] = {
    "email": ("verified", "recent"),
    "phone": ("verified", "recent"),
    "address": ("verified", "recent"),
    "loyalty_card": ("verified", "recent"),
    "loyalty_tier": ("recent",),
    "language": ("recent",),
    "birthday": ("frequent", "trusted"),
}
_MOST_SOURCES = 50
_LONGEST_REASON = 500


class ValueRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one attribute chooses among its values.

    Attributes
    ----------
    by : tuple of str
        `CRITERIA`, the first first.
    sources : tuple of str
        For "preferred": silos in the order in which they are believed. Of a silo that is not named
        it says nothing: to prefer the CRM to the web is no word about the tills.
    trust : dict of str to float
        For "trusted" and "weighed": measured trust by silo, 0 to 1, as it was when the rule was
        made. Frozen, so that what is shown does not change by itself when quality is measured
        anew.
    measured_at : datetime or None
        When that was measured.
    """

    by: tuple[str, ...]
    sources: tuple[str, ...] = ()
    trust: dict[str, float] = {}
    measured_at: datetime | None = None


USUAL = ValueRule(by=("weighed",))
_EARLIEST = ValueRule(by=("earliest",))


class Rules(Struct, frozen=True, kw_only=True):
    """The rules of a company by name; what is not named has the usual rule."""

    own: dict[str, ValueRule] = {}

    def of(self, attribute: str) -> ValueRule:
        """The rule of an attribute."""
        if attribute == "created_at":
            return _EARLIEST
        return self.own.get(WHOLE.get(attribute, attribute), USUAL)

    def is_own(self, attribute: str) -> bool:
        """Whether the company made a rule for it."""
        return WHOLE.get(attribute, attribute) in self.own

    def having(self, name: str, rule: ValueRule | None) -> Rules:
        """These rules with another one for ``name``; None for the usual one."""
        own = {key: each for key, each in self.own.items() if key != name}
        return Rules(own=own if rule is None else {**own, name: rule})


#: Without any rule of the company.
USUAL_RULES = Rules()


class RuleKept(Struct, frozen=True, kw_only=True):
    """A rule that holds or held.

    Attributes
    ----------
    changed : dict
        What its preview foretold when it was switched on.
    """

    rule_id: int
    name: str
    rule: ValueRule
    author: str
    reason: str
    at: datetime
    changed: dict[str, Any]
    ended_at: datetime | None = None
    ended_by: str | None = None
    ended_reason: str | None = None


def checked_rule(name: str, rule: ValueRule) -> ValueRule:
    """The rule as it is kept.

    Raises
    ------
    InvalidInput
        If the attribute takes no rule, or the rule names what is no criterion.
    """
    if name not in RULED:
        raise InvalidInput(f"There is no rule for {name!r}; choose one of {', '.join(RULED)}")
    unknown = [each for each in rule.by if each not in CRITERIA]
    if unknown or not rule.by:
        raise InvalidInput(
            f"A rule asks for one or more of {', '.join(CRITERIA)}"
            + (f", not {', '.join(repr(each)[:40] for each in unknown)}" if unknown else "")
        )
    if len(rule.sources) > _MOST_SOURCES:
        raise InvalidInput(f"A rule names at most {_MOST_SOURCES} silos, not {len(rule.sources)}")
    if any(not 0.0 <= share <= 1.0 for share in rule.trust.values()):
        raise InvalidInput("Trust in a silo is a share from 0 to 1")
    by = tuple(dict.fromkeys(rule.by))
    if "earliest" in by:  # nothing that comes after can be asked
        by = by[: by.index("earliest") + 1]
    return msgspec.structs.replace(rule, by=by, sources=tuple(dict.fromkeys(rule.sources)))


def rules_in_force(connection: Connection) -> Rules:
    """The rules that the company made and did not take back."""
    r = t.value_rule.c
    rows = connection.execute(select(r.name, r.rule).where(r.ended_at.is_(None))).all()
    if not rows:
        return USUAL_RULES
    return Rules(own={row[0]: msgspec.convert(row[1], ValueRule, strict=False) for row in rows})


def rule_history(connection: Connection, *, most: int = 100) -> tuple[RuleKept, ...]:
    """Rules that hold and held, the newest first."""
    rows = connection.execute(
        select(t.value_rule).order_by(t.value_rule.c.rule_id.desc()).limit(most)
    )
    return tuple(_kept(row) for row in rows)


def _kept(row: Any) -> RuleKept:
    fields = dict(row._mapping)
    fields["rule"] = msgspec.convert(fields["rule"], ValueRule, strict=False)
    return RuleKept(**fields)


def switch_rule(
    connection: Connection,
    name: str,
    rule: ValueRule,
    *,
    author: str,
    reason: str,
    changed: Mapping[str, Any],
    at: datetime,
) -> int:
    """Put a rule in force, in place of the one before it; returns its number."""
    kept = checked_rule(name, rule)
    if len(reason) > _LONGEST_REASON:
        raise InvalidInput(f"A reason has at most {_LONGEST_REASON} characters, not {len(reason)}")
    _end(connection, name, author=author, reason="", at=at)
    result = connection.execute(
        insert(t.value_rule).values(
            name=name,
            rule=msgspec.to_builtins(kept),
            author=author,
            reason=reason,
            at=at,
            changed=dict(changed),
        )
    )
    [number] = result.inserted_primary_key or (0,)
    return int(number)


def withdraw_rule(
    connection: Connection, rule_id: int, *, author: str, reason: str, at: datetime
) -> RuleKept:
    """Take a rule back; the one that held before it holds again. Returns what was taken back.

    Raises
    ------
    NotFound
        If there is no such rule.
    Conflict
        If it holds no more.
    """
    r = t.value_rule.c
    row = connection.execute(select(t.value_rule).where(r.rule_id == rule_id)).first()
    if row is None:
        raise NotFound(f"There is no rule {rule_id}")
    taken = _kept(row)
    if taken.ended_at is not None:
        raise Conflict(f"Rule {rule_id} was taken back or replaced already")
    _end(connection, taken.name, author=author, reason=reason, at=at)
    before = connection.execute(
        select(t.value_rule)
        .where(r.name == taken.name, r.rule_id < rule_id, r.ended_at == taken.at)
        .order_by(r.rule_id.desc())
        .limit(1)
    ).first()
    if before is not None:  # it had given way to this one, and comes back with a number of its own
        again = _kept(before)
        connection.execute(
            insert(t.value_rule).values(
                name=again.name,
                rule=msgspec.to_builtins(again.rule),
                author=again.author,
                reason=again.reason,
                at=at,
                changed=again.changed,
            )
        )
    return taken


def _end(connection: Connection, name: str, *, author: str, reason: str, at: datetime) -> None:
    r = t.value_rule.c
    connection.execute(
        update(t.value_rule)
        .where(r.name == name, r.ended_at.is_(None))
        .values(ended_at=at, ended_by=author, ended_reason=reason)
    )


def preferring(rule: ValueRule, better: str, worse: str) -> ValueRule:
    """The rule by which the silo ``better`` beats ``worse``, and all else stays as it was.

    >>> preferring(ValueRule(by=("weighed",)), "crm", "web").sources
    ('crm', 'web')
    >>> preferring(ValueRule(by=("recent",), sources=("web", "erp", "crm")), "crm", "web").sources
    ('crm', 'web', 'erp')
    """
    order: list[str] = [each for each in rule.sources if each != better]
    if worse in order:
        order.insert(order.index(worse), better)
    elif better in rule.sources:
        order = [*rule.sources, worse]
    else:
        order = [*order, better, worse]
    by = tuple(each for each in rule.by if each != "preferred")
    return msgspec.structs.replace(rule, by=("preferred", *by), sources=tuple(order))
