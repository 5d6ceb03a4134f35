"""The contact policy: what it allows, and whom it holds back now."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from rapport.vocabulary.access import User
from rapport.workflows.company import Company
from rapport.workflows.policy import (
    PolicyShown,
    contact_policies,
    preview_policy,
    set_policy,
)

_SETTINGS = {"permission": "settings.write"}
_AnyRequest = Request[Any, Any, Any]


class NewPolicy(Struct, frozen=True, kw_only=True):
    """At most so many messages in so many rolling days."""

    max_messages: int
    window_days: int
    enabled: bool = True


class HeldBack(Struct, frozen=True, kw_only=True):
    """Whom a cap and window would hold back now; nothing was changed."""

    max_messages: int
    window_days: int
    people_at_cap: int
    people_contacted: int
    people_by_contacts: dict[int, int]


@get("/api/v1/policy", sync_to_thread=True, opt=_SETTINGS, tags=["settings"])
def policies(company: NamedDependency[Company]) -> tuple[PolicyShown, ...]:
    """All policies with whom they hold back now."""
    return contact_policies(company)


@get("/api/v1/policy/preview", sync_to_thread=True, opt=_SETTINGS, tags=["settings"])
def preview(
    company: NamedDependency[Company], max_messages: FromQuery[int], window_days: FromQuery[int]
) -> HeldBack:
    """Whom other figures would hold back now."""
    found = preview_policy(company, max_messages=max_messages, window_days=window_days)
    return HeldBack(
        max_messages=max_messages,
        window_days=window_days,
        people_at_cap=found.people_at_cap,
        people_contacted=found.people_contacted,
        people_by_contacts=found.people_by_contacts,
    )


@put("/api/v1/policy/{policy_id:int}", sync_to_thread=True, opt=_SETTINGS, tags=["settings"])
def change(
    request: _AnyRequest,
    company: NamedDependency[Company],
    policy_id: FromPath[int],
    data: JSONBody[NewPolicy],
) -> PolicyShown:
    """Change a policy; every decision from now on asks the new one."""
    user: User = request.scope["user"]
    return set_policy(
        company,
        policy_id,
        max_messages=data.max_messages,
        window_days=data.window_days,
        enabled=data.enabled,
        actor=user.email,
    )


routes = (policies, preview, change)
