"""Rules by attribute: how they stand, what another one would change, switching it on and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, func, select

from rapport.collect.sources import list_sources
from rapport.errors import InvalidInput
from rapport.understand.quality.shares import share
from rapport.unify.marks import STALE_PROFILES
from rapport.unify.survivorship import facts_of, is_same_value
from rapport.unify.value_rules import (
    PARTS,
    RULED,
    USUAL,
    RuleKept,
    ValueRule,
    checked_rule,
    preferring,
    rule_history,
    rules_in_force,
    switch_rule,
    withdraw_rule,
)
from rapport.vocabulary.conflict import ATTRIBUTE, OPEN
from rapport.vocabulary.ledger_tables import audit, conflict, conflict_total
from rapport.workflows.company import Company
from rapport.workflows.customer_timeline import source_labels
from rapport.workflows.quality import Quality, latest_quality
from rapport.workflows.refresh import refresh_profiles

#: People looked at for a preview: ids are hashes, so that the first by id are anybody.
SAMPLE = 2_000
#: So many profiles are renewed while somebody waits; more are left to the worker.
_AT_ONCE = 3_000
_EXAMPLES = 5
#: Which measured field speaks for an attribute that has parts.
_FIELD: Mapping[str, str] = {"address": "postal_code"}


class Trusted(Struct, frozen=True, kw_only=True):
    """How far one silo is trusted about one attribute.

    Attributes
    ----------
    measured : float or None
        Its uniform quality now, 0 to 1; None where too few records were measured.
    in_force : float or None
        What the rule holds; None where the kind of its records counts instead.
    """

    source: str
    label: str
    measured: float | None
    in_force: float | None


class RuleLine(Struct, frozen=True, kw_only=True):
    """One attribute, how it chooses, and how often silos differ on it."""

    name: str
    rule: ValueRule
    kept: RuleKept | None
    open: int
    settled: int


class RulesView(Struct, frozen=True, kw_only=True):
    """The rules of all attributes, and the words on them."""

    at: datetime
    labels: dict[str, str]
    lines: tuple[RuleLine, ...]
    history: tuple[RuleKept, ...]


class Changed(Struct, frozen=True, kw_only=True):
    """A person of whom another value would be shown."""

    profile_id: str
    customer: str | None
    now: str
    then: str


class RulePreview(Struct, frozen=True, kw_only=True):
    """What a rule would change.

    Attributes
    ----------
    people : int
        Of whom silos differ on the attribute.
    looked_at : int
        Of them; all, or a random sample.
    changed : int
        Of those that were looked at, of whom another value would be shown.
    settled : int
        Of those, on whom the rule would decide rather than the usual weighing.
    low, expected, high : int
        Of all people whose shown value would change, with a 95 % interval; one number where all
        were looked at.
    """

    name: str
    rule: ValueRule
    people: int
    looked_at: int
    changed: int
    settled: int
    low: int
    expected: int
    high: int
    examples: tuple[Changed, ...]


def rules_view(company: Company) -> RulesView:
    """How every attribute chooses among its values."""
    t = conflict_total.c
    with company.ledger.read() as connection:
        rules = rules_in_force(connection)
        history = rule_history(connection)
        labels = source_labels(connection)
        rows = connection.execute(
            select(t.name, t.settled, t.people).where(t.kind == ATTRIBUTE)
        ).all()
    counts: Counter[tuple[str, bool]] = Counter()
    for row in rows:
        counts[row.name, row.settled == OPEN] += row.people
    kept = {each.name: each for each in history if each.ended_at is None}
    return RulesView(
        at=company.clock(),
        labels=dict(labels),
        lines=tuple(
            RuleLine(
                name=name,
                rule=rules.of(name),
                kept=kept.get(name),
                open=counts[name, True],
                settled=counts[name, False],
            )
            for name in RULED
        ),
        history=history,
    )


def trust_of(company: Company, name: str, rule: ValueRule) -> tuple[Trusted, ...]:
    """How far each silo that states an attribute is trusted, the best measured first."""
    measured = measured_trust(latest_quality(company), name)
    c = conflict_total.c
    with company.ledger.read() as connection:
        labels = source_labels(connection)
        parties = connection.execute(
            select(c.winner, c.loser).where(c.kind == ATTRIBUTE, c.name == name).distinct()
        ).all()
    known = {source.name for source in list_sources(company.ledger)}
    names = {side for row in parties for side in row} | set(measured) | set(rule.sources)
    return tuple(
        Trusted(
            source=source,
            label=labels.get(source, source),
            measured=measured.get(source),
            in_force=rule.trust.get(source),
        )
        for source in sorted(names & known, key=lambda s: (-measured.get(s, -1.0), s))
    )


def measured_trust(quality: Quality | None, name: str) -> dict[str, float]:
    """The uniform quality of an attribute in each silo that states it, 0 to 1."""
    if quality is None:
        return {}
    wanted = _FIELD.get(name, name)
    return {
        source.name: round(field.score.value / 100, 4)
        for source in quality.sources
        for field in source.fields
        if field.field == wanted and field.of_person and field.score is not None
    }


def with_measured_trust(company: Company, name: str, rule: ValueRule) -> ValueRule:
    """The rule with the trust that was measured last, from now on unchanging.

    Raises
    ------
    InvalidInput
        If nothing was measured yet.
    """
    quality = latest_quality(company)
    trust = measured_trust(quality, name)
    if quality is None or not trust:
        raise InvalidInput(
            f"The quality of {name} was not measured yet; the worker measures it within the hour"
        )
    return msgspec.structs.replace(rule, trust=trust, measured_at=quality.measured_at)


def rule_that_prefers(company: Company, name: str, better: str, worse: str) -> ValueRule:
    """The rule in force, changed so that one silo beats another."""
    with company.ledger.read() as connection:
        return preferring(rules_in_force(connection).of(name), better, worse)


def preview_rule(
    company: Company, name: str, rule: ValueRule | None, *, examples: bool = True
) -> RulePreview:
    """What would be shown otherwise; nothing is changed.

    Only people of whom silos differ on the attribute are looked at, and of those at most `SAMPLE`:
    the cost does not grow with the number of profiles.

    Parameters
    ----------
    rule : ValueRule or None
        None for the usual rule.
    """
    wanted = checked_rule(name, USUAL if rule is None else rule)
    _check_sources(company, wanted)
    c = conflict.c
    is_it = (c.kind == ATTRIBUTE, c.name == name)
    with company.ledger.read() as connection:
        people = int(
            connection.scalar(select(func.count(c.profile_id.distinct())).where(*is_it)) or 0
        )
        ids = list(
            connection.scalars(
                select(c.profile_id).where(*is_it).distinct().order_by(c.profile_id).limit(SAMPLE)
            )
        )
        rules = rules_in_force(connection)
        now = facts_of(connection, ids, rules=rules)
        then = facts_of(connection, ids, rules=rules.having(name, None if rule is None else wanted))
    changed: list[Changed] = []
    settled = 0
    parts = dict.fromkeys((name, *PARTS.get(name, ())))
    for profile_id in ids:
        before, after = now[profile_id], then[profile_id]
        settled += any(part in after.sides and after.sides[part].decided for part in parts)
        differing = [
            part
            for part in parts
            if part in before.shown
            and part in after.shown
            and not is_same_value(part, before.shown[part].value, after.shown[part].value)
        ]
        if differing:
            called = before.shown.get("name")
            changed.append(
                Changed(
                    profile_id=profile_id,
                    customer=None if called is None else called.value,
                    now=", ".join(before.shown[part].value for part in differing),
                    then=", ".join(after.shown[part].value for part in differing),
                )
            )
    found = share(len(changed), len(ids))
    exact = len(ids) == people or found is None
    return RulePreview(
        name=name,
        rule=wanted,
        people=people,
        looked_at=len(ids),
        changed=len(changed),
        settled=settled,
        low=len(changed) if exact or found is None else int(found.low * people),
        expected=len(changed) if exact or found is None else round(found.value * people),
        high=len(changed) if exact or found is None else int(found.high * people) + 1,
        examples=tuple(changed[:_EXAMPLES]) if examples else (),
    )


def _check_sources(company: Company, rule: ValueRule) -> None:
    known = {source.name for source in list_sources(company.ledger)}
    unknown = sorted({*rule.sources, *rule.trust} - known)
    if unknown:
        raise InvalidInput(
            f"There is no source {unknown[0][:80]!r}; there are {', '.join(sorted(known))}"
        )
    if "preferred" in rule.by and len(rule.sources) < 2:
        raise InvalidInput("To prefer a silo, name two or more in the order they are believed")


def change_rule(
    company: Company,
    name: str,
    rule: ValueRule,
    *,
    author: str,
    reason: str = "",
    wait: bool = False,
) -> RulePreview:
    """Choose the values of an attribute by another rule from now on; returns what it changes.

    Of up to 3,000 people the shown values change at once, of more by the worker.

    Parameters
    ----------
    wait : bool
        Renew everybody before returning, however many there are.
    """
    preview = preview_rule(company, name, rule, examples=False)
    text = " ".join(reason.replace("\0", "").split())
    now = company.clock()
    foretold = {
        key: getattr(preview, key)
        for key in ("people", "looked_at", "changed", "low", "expected", "high")
    }
    with company.ledger.write() as connection:
        number = switch_rule(
            connection, name, rule, author=author, reason=text, changed=foretold, at=now
        )
        details = {"name": name, "rule": msgspec.to_builtins(preview.rule), "reason": text}
        _written(connection, author, "value_rule.switched", str(number), {**details, **foretold},
                 now)  # fmt: skip
        count = _mark(connection, name)
    if wait or count <= _AT_ONCE:
        refresh_profiles(company)
    return preview


def undo_rule(
    company: Company, rule_id: int, *, author: str, reason: str = "", wait: bool = False
) -> RuleKept:
    """Take a rule back: the one before it holds again. Returns what was taken back."""
    now = company.clock()
    text = " ".join(reason.replace("\0", "").split())[:500]
    with company.ledger.write() as connection:
        taken = withdraw_rule(connection, rule_id, author=author, reason=text, at=now)
        _written(
            connection, author, "value_rule.withdrawn", str(rule_id),
            {"name": taken.name, "reason": text}, now,
        )  # fmt: skip
        count = _mark(connection, taken.name)
    if wait or count <= _AT_ONCE:
        refresh_profiles(company)
    return taken


def _mark(connection: Connection, name: str) -> int:
    """Mark everybody of whom silos differ on the attribute; a rule changes nobody else."""
    c = conflict.c
    ids = sorted(
        set(
            connection.scalars(
                select(c.profile_id).where(c.kind == ATTRIBUTE, c.name == name).distinct()
            )
        )
    )
    STALE_PROFILES.put(connection, ids)
    return len(ids)


def _written(
    connection: Connection,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, object],
    now: datetime,
) -> None:
    connection.execute(
        audit.insert().values(
            at=now, actor=actor, action=action, subject=subject, details=dict(details)
        )
    )
