"""What a household received together, so that four of one family do not get four catalogues.

Members' own limits stay as they are (`contact_policy`); this tells what reached the others. It
reads the households as identity derived them, and never decides who belongs to one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.act.contact_policy import contact_histories
from rapport.act.persons import chunks
from rapport.vocabulary.ledger_tables import household_member


class HouseholdPressure(Struct, frozen=True, kw_only=True):
    """What the people of one household received in a window of days.

    Attributes
    ----------
    contacts : int
        That count, of all members together.
    by_member : mapping of profile id to int
    repeated : int
        Messages that more than one of them received.
    """

    window_days: int
    contacts: int
    by_member: Mapping[str, int]
    repeated: int


def housemates(connection: Connection, profile_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The others who live with each of these current profiles; those who live alone are absent."""
    h = household_member.c
    home: dict[str, str] = {}
    for chunk in chunks(sorted(set(profile_ids))):
        rows = connection.execute(
            select(h.profile_id, h.household_id).where(h.profile_id.in_(chunk))
        )
        home.update((row.profile_id, row.household_id) for row in rows)
    people: dict[str, list[str]] = {}
    for chunk in chunks(sorted(set(home.values()))):
        rows = connection.execute(
            select(h.household_id, h.profile_id)
            .where(h.household_id.in_(chunk))
            .order_by(h.profile_id)
        )
        for row in rows:
            people.setdefault(row.household_id, []).append(row.profile_id)
    return {
        profile_id: tuple(other for other in people[household] if other != profile_id)
        for profile_id, household in home.items()
    }


def reached_at_home(
    connection: Connection, profile_ids: Sequence[str], message_key: str, *, at: datetime
) -> dict[str, str]:
    """Which of these people live with somebody whom a message reached, or is about to.

    Returns
    -------
    dict
        From a person to the first housemate who has the message; others are absent.
    """
    mates = housemates(connection, profile_ids)
    others = sorted({other for those in mates.values() for other in those})
    if not others:
        return {}
    # No window: a key counts however long ago it was sent.
    histories = contact_histories(connection, others, at=at, since=at, keys=[message_key])
    has = {
        other
        for other, history in histories.items()
        if history.keys.get(message_key, (0, "released"))[1] in ("reserved", "sent")
    }
    return {
        profile_id: next(other for other in those if other in has)
        for profile_id, those in mates.items()
        if has.intersection(those)
    }


def household_pressure(
    connection: Connection, profile_ids: Sequence[str], *, at: datetime, window_days: int = 30
) -> HouseholdPressure:
    """How much the people of one household received together."""
    since = at - timedelta(days=window_days)
    histories = contact_histories(connection, profile_ids, at=at, since=since)
    by_member = {
        profile_id: sum(since < moment <= at for moment in history.times)
        for profile_id, history in histories.items()
    }
    keys: dict[str, int] = {}
    for history in histories.values():
        for key, (_, status) in history.keys.items():
            if status in ("reserved", "sent"):
                keys[key] = keys.get(key, 0) + 1
    return HouseholdPressure(
        window_days=window_days,
        contacts=sum(by_member.values()),
        by_member=by_member,
        repeated=sum(count > 1 for count in keys.values()),
    )
