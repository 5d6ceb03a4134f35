"""The contact policy as a person sets it: reading, changing it, and who is at its cap now."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, and_, func, or_, select, update

from rapport.act.contact_policy import ContactPolicy
from rapport.act.persons import current_profiles
from rapport.errors import InvalidInput, NotFound
from rapport.vocabulary.ledger_tables import contact, contact_policy, membership, profile

#: A cap above this is none, and a longer window would count what nobody remembers.
MOST_MESSAGES = 1000
LONGEST_WINDOW_DAYS = 366


class PolicySetting(Struct, frozen=True, kw_only=True):
    """One policy, also one that is switched off."""

    policy_id: int
    name: str
    max_messages: int
    window_days: int
    enabled: bool


def policy_settings(connection: Connection) -> tuple[PolicySetting, ...]:
    """All policies."""
    rows = connection.execute(select(contact_policy).order_by(contact_policy.c.policy_id))
    return tuple(
        PolicySetting(
            policy_id=row.policy_id,
            name=row.name,
            max_messages=row.max_messages,
            window_days=row.window_days,
            enabled=row.enabled,
        )
        for row in rows
    )


def change_policy(
    connection: Connection, policy_id: int, *, max_messages: int, window_days: int, enabled: bool
) -> PolicySetting:
    """Set a policy's cap, window and whether it holds; it counts from the next decision on.

    Raises
    ------
    InvalidInput
        If cap or window is out of bounds.
    NotFound
        If there is no such policy.
    """
    check_policy(max_messages, window_days)
    changed = connection.execute(
        update(contact_policy)
        .where(contact_policy.c.policy_id == policy_id)
        .values(max_messages=max_messages, window_days=window_days, enabled=enabled)
    ).rowcount
    if not changed:
        raise NotFound(f"There is no contact policy {policy_id}; reload the page")
    return next(p for p in policy_settings(connection) if p.policy_id == policy_id)


def check_policy(max_messages: int, window_days: int) -> None:
    """Refuse a cap or a window that makes no sense."""
    if not 0 <= max_messages <= MOST_MESSAGES:
        raise InvalidInput(
            f"At most {max_messages} messages cannot be a cap; give 0 to {MOST_MESSAGES}"
        )
    if not 1 <= window_days <= LONGEST_WINDOW_DAYS:
        raise InvalidInput(
            f"A window of {window_days} days cannot be used; give 1 to {LONGEST_WINDOW_DAYS}"
        )


def contacts_in_window(
    connection: Connection, window: ContactPolicy, *, at: datetime
) -> dict[int, int]:
    """How many people received how many contacts in the window that ends at ``at``.

    Returns
    -------
    dict
        From a number of contacts (1, 2, …) to the number of people who had exactly so many.
    """
    still = membership.c.valid_to.is_(None)
    own = func.coalesce(membership.c.profile_id, profile.c.merged_into, contact.c.profile_id)
    # Only a contact whose profile was merged, and no record says into whom by now, needs asking.
    merged = and_(membership.c.profile_id.is_(None), profile.c.merged_into.is_not(None))
    rows = connection.execute(
        select(own.label("person"), merged.label("merged"), func.count().label("contacts"))
        .select_from(
            contact.outerjoin(
                membership, (membership.c.atom_id == contact.c.atom_id) & still
            ).outerjoin(profile, profile.c.profile_id == contact.c.profile_id)
        )
        .where(
            contact.c.counted,
            # A slot that is reserved but not sent counts as taken now.
            or_(
                contact.c.status == "reserved",
                and_(contact.c.at > at - window.window, contact.c.at <= at),
            ),
        )
        .group_by(own, merged)
    ).all()
    leads_to = current_profiles(connection, [row.person for row in rows if row.merged])
    per_person: Counter[str] = Counter()
    for row in rows:
        per_person[leads_to.get(row.person, row.person)] += row.contacts
    return dict(sorted(Counter(per_person.values()).items()))
