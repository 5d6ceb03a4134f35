"""Alert rules: when feedback becomes somebody's task, and whose."""

from __future__ import annotations

import math

import msgspec

from rapport.act.alerts import AlertRule, load_rules, save_rule
from rapport.errors import InvalidInput, NotFound
from rapport.vocabulary.ledger_tables import audit
from rapport.workflows.company import Company

_BOUNDS = {
    "score_max": (0.0, 10.0),
    "share_max": (0.0, 1.0),
    "sentiment_max": (-1.0, 1.0),
    "max_age_days": (0.01, 366.0),
    "due_hours": (0.25, 24.0 * 60),
}


def alert_rules(company: Company) -> tuple[AlertRule, ...]:
    """All rules."""
    with company.ledger.read() as connection:
        return load_rules(connection)


def change_alert_rule(
    company: Company,
    rule_id: int,
    *,
    score_max: float | None,
    share_max: float | None,
    sentiment_max: float | None,
    max_age_days: float,
    due_hours: float,
    priority: int,
    owner_email: str,
    enabled: bool,
    actor: str,
) -> AlertRule:
    """Change what a rule looks for and whose its tickets are; open tickets stay as they are.

    Parameters
    ----------
    score_max, share_max, sentiment_max : float or None
        None does not look at it; see `act.alerts`.

    Raises
    ------
    InvalidInput
        Naming every value that is out of bounds at once.
    NotFound
        If there is no such rule.
    """
    values = {
        "score_max": score_max,
        "share_max": share_max,
        "sentiment_max": sentiment_max,
        "max_age_days": max_age_days,
        "due_hours": due_hours,
    }
    mistakes = [
        f"{name} is {value:g}; give {_BOUNDS[name][0]:g} to {_BOUNDS[name][1]:g}"
        for name, value in values.items()
        if value is not None
        and not (math.isfinite(value) and _BOUNDS[name][0] <= value <= _BOUNDS[name][1])
    ]
    if priority not in (1, 2, 3):
        mistakes.append(f"priority is {priority}; give 1, 2 or 3")
    if mistakes:
        raise InvalidInput("; ".join(mistakes))
    with company.ledger.write() as connection:
        before = next((r for r in load_rules(connection) if r.rule_id == rule_id), None)
        if before is None:
            raise NotFound(f"There is no alert rule {rule_id}; reload the page")
        rule = msgspec.structs.replace(
            before,
            owner_email=owner_email.strip().lower(),
            enabled=enabled,
            definition=msgspec.structs.replace(before.definition, **values, priority=priority),
        )
        save_rule(connection, company.ledger, rule)
        connection.execute(
            audit.insert().values(
                at=company.clock(),
                actor=actor,
                action="alert_rule.changed",
                subject=rule.name,
                details={**values, "priority": priority, "enabled": enabled},
            )
        )
    return rule
