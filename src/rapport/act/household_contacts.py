"""What a household received together, so that four of one family do not get four catalogues.

Members' own limits stay as they are (`contact_policy`); this tells what reached the others, and
`decide` asks it: what lies on the mat of a home, or in a mailbox that several people share, is not
sent there again for another of them. It reads the households as identity derived them, and never
decides who belongs to one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.act.contact_policy import ContactHistory, contact_histories
from rapport.act.persons import chunks
from rapport.act.suppression import suppression_value
from rapport.vocabulary.identifier_values import normalise_email
from rapport.vocabulary.ledger_tables import (
    contact,
    household_member,
    identifier,
    membership,
    outbox,
)


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


#: Channels whose messages lie on the mat of a home, for whoever lives there.
HOME_CHANNELS = frozenset({"post"})


class Place(NamedTuple):
    """Where a message arrives: a mailbox that a family shares, or a home."""

    channel: str
    where: str


def homes_of(connection: Connection, profile_ids: Collection[str]) -> dict[str, str]:
    """The household of each of these current profiles; those who live alone are absent."""
    h = household_member.c
    return {
        row.profile_id: row.household_id
        for chunk in chunks(sorted(set(profile_ids)))
        for row in connection.execute(
            select(h.profile_id, h.household_id).where(h.profile_id.in_(chunk))
        )
    }


def place_of(channel: str, address: str | None, home: str | None) -> Place | None:
    """Where a message to ``address`` arrives; None if it is nowhere that others could share."""
    where = home if channel in HOME_CHANNELS else suppression_value(address or "")
    return Place(channel, where) if where else None


def people_at(connection: Connection, places: Collection[Place]) -> dict[str, str | None]:
    """Current profiles who share these places, each with their household."""
    h, i, m = household_member.c, identifier.c, membership.c
    homes = sorted({place.where for place in places if place.channel in HOME_CHANNELS})
    people: dict[str, str | None] = {
        row.profile_id: row.household_id
        for chunk in chunks(homes)
        for row in connection.execute(
            select(h.profile_id, h.household_id).where(h.household_id.in_(chunk))
        )
    }
    mailboxes = {normalise_email(place.where) for place in places if place.channel == "email"}
    for chunk in chunks(sorted(box for box in mailboxes if box)):
        for profile_id in connection.scalars(
            select(m.profile_id)
            .join(identifier, (i.atom_id == m.atom_id) & m.valid_to.is_(None))
            .where(i.kind == "email", i.namespace == "", i.value.in_(chunk))
            .distinct()
        ):
            people.setdefault(profile_id, None)
    return people


def reached_places(
    connection: Connection,
    histories: Mapping[str, ContactHistory],
    homes: Mapping[str, str | None],
    keys: Collection[str],
) -> dict[tuple[str, Place], str]:
    """Where each message arrived, or is about to, and for whom.

    Parameters
    ----------
    histories : mapping of profile id to ContactHistory
        Of the people who share the places.
    keys : collection of str
        The messages; however long ago they were sent.
    """
    held = {
        contact_id: (profile_id, key)
        for profile_id, history in histories.items()
        for key, (contact_id, status) in history.keys.items()
        if key in keys and status in ("reserved", "sent")
    }
    found: dict[tuple[str, Place], str] = {}
    for chunk in chunks(sorted(held)):
        for row in connection.execute(
            select(contact.c.contact_id, contact.c.channel, outbox.c.recipient)
            .select_from(contact.outerjoin(outbox, outbox.c.contact_id == contact.c.contact_id))
            .where(contact.c.contact_id.in_(chunk))
        ):
            profile_id, key = held[row.contact_id]
            place = place_of(row.channel, row.recipient, homes.get(profile_id))
            if place is not None:
                found[key, place] = profile_id
    return found


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
