"""The one contact policy: what it allows, who is at its cap now, and changing it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from rapport.act.contact_policy import ContactPolicy
from rapport.act.policy_settings import (
    PolicySetting,
    change_policy,
    check_policy,
    contacts_in_window,
    policy_settings,
)
from rapport.vocabulary.ledger_tables import audit
from rapport.workflows.company import Company


class PolicyPreview(Struct, frozen=True, kw_only=True):
    """Whom a cap and a window would hold back at this moment.

    Attributes
    ----------
    people_by_contacts : dict of int to int
        From a number of contacts in the window to the number of people who had so many.
    """

    max_messages: int
    window_days: int
    at: datetime
    people_by_contacts: dict[int, int]

    @property
    def people_at_cap(self) -> int:
        """People who may not be written to now, for marketing or a survey."""
        return sum(n for had, n in self.people_by_contacts.items() if had >= self.max_messages)

    @property
    def people_contacted(self) -> int:
        """People who had any contact in the window."""
        return sum(self.people_by_contacts.values())


class PolicyShown(Struct, frozen=True, kw_only=True):
    """A policy, and whom it holds back now."""

    policy: PolicySetting
    people_at_cap: int
    people_contacted: int
    people_by_contacts: dict[int, int]
    at: datetime


def contact_policies(company: Company) -> tuple[PolicyShown, ...]:
    """All policies with whom they hold back now."""
    with company.ledger.read() as connection:
        settings = policy_settings(connection)
    return tuple(
        _shown(
            setting,
            preview_policy(
                company, max_messages=setting.max_messages, window_days=setting.window_days
            ),
        )
        for setting in settings
    )


def preview_policy(company: Company, *, max_messages: int, window_days: int) -> PolicyPreview:
    """Whom a cap and window would hold back now; nothing is changed.

    Raises
    ------
    InvalidInput
        If cap or window is out of bounds.
    """
    check_policy(max_messages, window_days)
    now = company.clock()
    window = ContactPolicy(name="preview", max_messages=max_messages, window_days=window_days)
    with company.ledger.read() as connection:
        people = contacts_in_window(connection, window, at=now)
    return PolicyPreview(
        max_messages=max_messages, window_days=window_days, at=now, people_by_contacts=people
    )


def set_policy(
    company: Company,
    policy_id: int,
    *,
    max_messages: int,
    window_days: int,
    enabled: bool,
    actor: str,
) -> PolicyShown:
    """Change a policy; every decision from now on asks the new one.

    Raises
    ------
    InvalidInput
        If cap or window is out of bounds.
    NotFound
        If there is no such policy.
    """
    now = company.clock()
    with company.ledger.write() as connection:
        setting = change_policy(
            connection,
            policy_id,
            max_messages=max_messages,
            window_days=window_days,
            enabled=enabled,
        )
        connection.execute(
            audit.insert().values(
                at=now,
                actor=actor,
                action="policy.changed",
                subject=setting.name,
                details={
                    "max_messages": max_messages,
                    "window_days": window_days,
                    "enabled": enabled,
                },
            )
        )
    preview = preview_policy(company, max_messages=max_messages, window_days=window_days)
    return _shown(setting, preview)


def _shown(setting: PolicySetting, preview: PolicyPreview) -> PolicyShown:
    return PolicyShown(
        policy=setting,
        people_at_cap=preview.people_at_cap,
        people_contacted=preview.people_contacted,
        people_by_contacts=preview.people_by_contacts,
        at=preview.at,
    )
