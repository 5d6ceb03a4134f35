"""Alert rules: which feedback becomes a ticket, and whose."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from rapport.act.alerts import AlertRule
from rapport.vocabulary.access import User
from rapport.workflows.alert_rules import alert_rules, change_alert_rule
from rapport.workflows.company import Company

_SETTINGS = {"permission": "settings.write"}


class NewRule(Struct, frozen=True, kw_only=True):
    """A rule's limits and owner; null does not look at a limit."""

    score_max: float | None
    share_max: float | None
    sentiment_max: float | None
    max_age_days: float
    due_hours: float
    owner_email: str
    priority: int = 2
    enabled: bool = True


@get("/api/v1/alert-rules", sync_to_thread=True, opt=_SETTINGS, tags=["settings"])
def rules(company: NamedDependency[Company]) -> tuple[AlertRule, ...]:
    """All rules."""
    return alert_rules(company)


@put("/api/v1/alert-rules/{rule_id:int}", sync_to_thread=True, opt=_SETTINGS, tags=["settings"])
def change(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    rule_id: FromPath[int],
    data: JSONBody[NewRule],
) -> AlertRule:
    """Change a rule; open tickets stay as they are."""
    user: User = request.scope["user"]
    return change_alert_rule(
        company,
        rule_id,
        score_max=data.score_max,
        share_max=data.share_max,
        sentiment_max=data.sentiment_max,
        max_age_days=data.max_age_days,
        due_hours=data.due_hours,
        priority=data.priority,
        owner_email=data.owner_email,
        enabled=data.enabled,
        actor=user.email,
    )


routes = (rules, change)
