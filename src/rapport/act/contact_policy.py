"""The contact policy and the contact ledger it reads: how often we may disturb one person.

The rules, all of them:

* A policy allows at most ``max_messages`` contacts in any ``window_days`` rolling days, over all
  channels together. The window is half open: what was sent exactly ``window_days`` ago no longer
  counts.
* Whatever we initiate counts: messages of every channel, and calls and visits by colleagues.
* Service messages and human contacts are never refused by a policy, but they take a slot: after
  two calls about a repair there is room for one newsletter, not for three.
* A reserved slot stays taken, however old, until it is sent, released or failed. A sent contact
  counts from the moment it was sent. So the cap holds for the sending times too, even if the
  outbox was held up for days.
* A message key reaches a person once, under any id or record the person ever had here.
* Contacts belong to the person who now owns the record they went to; those without a record
  follow the profile through merges.

Whoever reserves holds the ledger's lock on contacts: senders take their turns, so none can spend
a slot that another has just taken. See ``docs/decisions/0009-contact-ledger.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from msgspec import Struct
from sqlalchemy import Connection, bindparam, or_, select, true, update

from rapport.act.persons import CHUNK, chunks, current_profiles, names_of
from rapport.engines.ledger import Ledger
from rapport.errors import InvalidInput, NotFound
from rapport.vocabulary.ledger_tables import contact, contact_policy, membership, to_micros

Purpose = Literal["marketing", "service", "survey"]
PURPOSES: tuple[str, ...] = get_args(Purpose)

#: Contacts that no policy refuses. They are counted all the same.
EXEMPT_PURPOSES = frozenset({"service"})

_LOCK = "contact-ledger"


class ContactPolicy(Struct, frozen=True, kw_only=True):
    """At most ``max_messages`` contacts in any ``window_days`` rolling days."""

    name: str
    max_messages: int
    window_days: int
    policy_id: int = 0

    def __post_init__(self) -> None:
        if self.max_messages < 0 or self.window_days < 1:
            raise InvalidInput(
                f"Contact policy '{self.name}' allows {self.max_messages} messages per "
                f"{self.window_days} days; give at least 0 messages and 1 day"
            )

    @property
    def window(self) -> timedelta:
        """Length of the rolling window."""
        return timedelta(days=self.window_days)


def load_policies(connection: Connection) -> tuple[ContactPolicy, ...]:
    """The enabled policies; a message must satisfy all of them."""
    rows = connection.execute(
        select(contact_policy).where(contact_policy.c.enabled).order_by(contact_policy.c.policy_id)
    )
    return tuple(
        ContactPolicy(
            policy_id=row.policy_id,
            name=row.name,
            max_messages=row.max_messages,
            window_days=row.window_days,
        )
        for row in rows
    )


# ── rolling windows ────────────────────────────────────────────────────────────────────────────


def fits(times: Iterable[datetime], at: datetime, policy: ContactPolicy) -> bool:
    """Whether one more contact at ``at`` leaves every window within the policy.

    Windows after ``at`` are looked at too: the clocks of two senders differ, and a colleague's
    visit may be in the diary already.

    >>> from datetime import UTC, datetime, timedelta
    >>> policy = ContactPolicy(name="two a week", max_messages=2, window_days=7)
    >>> monday = datetime(2026, 11, 16, tzinfo=UTC)
    >>> fits([monday, monday], monday + timedelta(days=7), policy)
    True
    >>> fits([monday, monday], monday + timedelta(days=7, microseconds=-1), policy)
    False
    """
    window = policy.window
    near = sorted(t for t in times if at - window < t < at + window)
    ordered = sorted([*near, at])
    return all(
        after - before >= window
        for before, after in zip(ordered, ordered[policy.max_messages :], strict=False)
        if before <= at <= after
    )


def next_free_at(
    times: Sequence[datetime], at: datetime, policies: Sequence[ContactPolicy]
) -> datetime | None:
    """The first moment from ``at`` on at which one more contact fits all ``policies``.

    None if a policy allows none at all.
    """
    if any(p.max_messages == 0 for p in policies):
        return None
    # A slot can only become free when some contact leaves some window.
    moments = sorted({at, *(t + p.window for t in times for p in policies if t + p.window > at)})
    return next(m for m in moments if all(fits(times, m, p) for p in policies))


# ── reading ────────────────────────────────────────────────────────────────────────────────────


class ContactHistory:
    """What one person received, as a batch sees and extends it; lives within one transaction."""

    __slots__ = ("keys", "times")

    def __init__(self) -> None:
        #: When each contact that takes a slot counts.
        self.times: list[datetime] = []
        #: Contact id and status of each message key.
        self.keys: dict[str, tuple[int, str]] = {}

    def take(self, message_key: str, at: datetime) -> int | None:
        """Take a slot at ``at``; returns the contact that was released under this key, if any."""
        released, _ = self.keys.get(message_key, (None, ""))
        self.times.append(at)
        self.keys[message_key] = (released or 0, "reserved")
        return released


def contact_histories(
    connection: Connection,
    profile_ids: Sequence[str],
    *,
    at: datetime,
    since: datetime,
    keys: Sequence[str] = (),
) -> dict[str, ContactHistory]:
    """The contacts of current profiles, found under every id and record they have.

    Parameters
    ----------
    profile_ids : sequence of str
        Current profiles (see `persons.current_profiles`).
    at : datetime
        Now: slots that are reserved but not sent count as taken at this moment.
    since : datetime
        Older contacts are left out, unless reserved or named by ``keys``.
    """
    histories = {p: ContactHistory() for p in profile_ids}
    names = names_of(connection, sorted(histories))
    columns = (
        contact.c.contact_id,
        contact.c.profile_id,
        contact.c.message_key,
        contact.c.at,
        contact.c.status,
        contact.c.counted,
        membership.c.profile_id.label("owner"),
    )
    still = membership.c.valid_to.is_(None)
    of_record = (membership.c.atom_id == contact.c.atom_id) & still
    wanted = (
        or_(contact.c.at > since, contact.c.status == "reserved", contact.c.message_key.in_(keys))
        if len(keys) <= CHUNK
        else true()  # more keys than a statement binds: read all there is
    )
    found: dict[tuple[int, str], Any] = {}
    for chunk in chunks(sorted(names)):
        by_name = (
            select(*columns)
            .select_from(contact.outerjoin(membership, of_record))
            .where(contact.c.profile_id.in_(chunk), wanted)
        )
        by_record = (
            select(*columns)
            .select_from(membership.join(contact, of_record))
            .where(membership.c.profile_id.in_(chunk), still, wanted)
        )
        for row in connection.execute(by_name):
            found[(row.contact_id, names[row.profile_id])] = row
        for row in connection.execute(by_record):
            found[(row.contact_id, names[row.owner])] = row
    for (contact_id, person), row in found.items():
        history = histories[person]
        # A key counts under either link: in doubt, somebody gets a message never, not twice.
        history.keys[row.message_key] = (contact_id, row.status)
        # A slot is taken from one person only: the owner of the record it went to.
        owner = row.profile_id if row.owner is None else row.owner
        if row.counted and names.get(owner) == person:
            history.times.append(at if row.status == "reserved" else row.at)
    return histories


class PolicyView(Struct, frozen=True, kw_only=True):
    """Where a person stands: "1 of 3 contacts this week, next free slot at …"."""

    policy: str
    sent: int  # contacts that count in the window that ends at `at`, reserved ones included
    max: int
    window_days: int
    at: datetime
    free_at: datetime | None  # `at` itself when a slot is free now; None: never

    @property
    def free_now(self) -> bool:
        """Whether one more message may be sent now."""
        return self.free_at == self.at


def policy_view(times: Sequence[datetime], at: datetime, policy: ContactPolicy) -> PolicyView:
    """How full the window is that ends at ``at``."""
    return PolicyView(
        policy=policy.name,
        sent=sum(at - policy.window < t <= at for t in times),
        max=policy.max_messages,
        window_days=policy.window_days,
        at=at,
        free_at=next_free_at(times, at, (policy,)),
    )


def seven_day_view(
    connection: Connection, profile_id: str, policy: ContactPolicy, *, at: datetime
) -> PolicyView:
    """Where one person stands with ``policy``, whose window need not be seven days.

    Raises
    ------
    NotFound
        If the ledger knows no such profile.
    """
    current = current_profiles(connection, [profile_id]).get(profile_id)
    if current is None:
        raise _unknown_profile()
    history = contact_histories(connection, [current], at=at, since=at - policy.window)[current]
    return policy_view(history.times, at, policy)


class Contact(Struct, frozen=True, kw_only=True):
    """One row of the contact ledger."""

    contact_id: int
    channel: str
    purpose: str
    message_key: str
    at: datetime
    status: str  # reserved | sent | failed | released
    counted: bool


def contacts_of(connection: Connection, profile_id: str, *, limit: int = 50) -> list[Contact]:
    """The latest contacts of a person, newest first, under every id and record they have."""
    current = current_profiles(connection, [profile_id]).get(profile_id)
    if current is None:
        raise _unknown_profile()
    names = sorted(names_of(connection, [current]))[:CHUNK]
    still = membership.c.valid_to.is_(None)
    records = select(membership.c.atom_id).where(membership.c.profile_id.in_(names), still)
    owner = membership.c.profile_id
    rows = connection.execute(
        select(contact)
        .select_from(
            contact.outerjoin(membership, (membership.c.atom_id == contact.c.atom_id) & still)
        )
        .where(
            or_(contact.c.profile_id.in_(names), contact.c.atom_id.in_(records)),
            or_(owner.is_(None), owner.in_(names)),
        )
        .order_by(contact.c.at.desc(), contact.c.contact_id.desc())
        .limit(limit)
    )
    return [
        Contact(
            contact_id=row.contact_id,
            channel=row.channel,
            purpose=row.purpose,
            message_key=row.message_key,
            at=row.at,
            status=row.status,
            counted=row.counted,
        )
        for row in rows
    ]


# ── writing ────────────────────────────────────────────────────────────────────────────────────


def lock_contacts(connection: Connection, ledger: Ledger) -> None:
    """Wait for our turn at the contact ledger; it lasts until the transaction ends."""
    ledger.lock(connection, _LOCK)


class Reservation(Struct, frozen=True, kw_only=True):
    """A slot that a message is about to take; `contact_id` names a released row to take again."""

    profile_id: str
    atom_id: int | None
    channel: str
    purpose: str
    message_key: str
    contact_id: int | None = None


def write_reservations(
    connection: Connection, reservations: Sequence[Reservation], *, at: datetime
) -> list[int]:
    """Write slots that were checked under the lock; returns their contact ids in order."""
    fresh = [_row(r, at=at, status="reserved") for r in reservations if r.contact_id is None]
    again = [r for r in reservations if r.contact_id is not None]
    made: list[int] = []
    if fresh:
        made = list(
            connection.scalars(
                contact.insert().returning(contact.c.contact_id, sort_by_parameter_order=True),
                fresh,
            )
        )
    if again:
        connection.execute(
            update(contact)
            .where(contact.c.contact_id == bindparam("released_id"))
            .values(status="reserved", counted=True, at=at),
            [
                {
                    "released_id": r.contact_id,
                    "channel": r.channel,
                    "purpose": r.purpose,
                    "atom_id": r.atom_id,
                }
                for r in again
            ],
        )
    new = iter(made)
    return [next(new) if r.contact_id is None else r.contact_id for r in reservations]


def record_human_contact(
    connection: Connection,
    ledger: Ledger,
    *,
    profile_id: str,
    channel: str,
    at: datetime,
    message_key: str | None = None,
    atom_id: int | None = None,
    purpose: Purpose = "service",
) -> int:
    """Write down that a colleague called or visited; returns the contact id.

    It is never refused, since it happened, and always counted. The same key again, or the same
    channel at the same moment when no key is given, is the same contact.

    Raises
    ------
    NotFound
        If the ledger knows no such profile.
    """
    lock_contacts(connection, ledger)
    current = current_profiles(connection, [profile_id]).get(profile_id)
    if current is None:
        raise _unknown_profile()
    key = message_key or f"human:{channel}:{to_micros(at)}"
    known = contact_histories(connection, [current], at=at, since=at, keys=[key])[current].keys.get(
        key
    )
    if known is not None:
        return known[0]
    happened = Reservation(
        profile_id=current, atom_id=atom_id, channel=channel, purpose=purpose, message_key=key
    )
    return int(
        connection.scalars(
            contact.insert().returning(contact.c.contact_id),
            [_row(happened, at=at, status="sent")],
        ).one()
    )


def mark_sent(connection: Connection, contact_ids: Sequence[int], *, at: datetime) -> int:
    """Reserved contacts were sent at ``at`` and count from then; returns how many changed."""
    return _settle(connection, contact_ids, {"status": "sent", "at": at})


def mark_failed(connection: Connection, contact_ids: Sequence[int]) -> int:
    """Reserved contacts that never reached the person give their slot back."""
    return _settle(connection, contact_ids, {"status": "failed", "counted": False})


def release(connection: Connection, contact_ids: Sequence[int]) -> int:
    """Give reserved slots back unsent; the message may be decided on again later."""
    return _settle(connection, contact_ids, {"status": "released", "counted": False})


def _settle(connection: Connection, contact_ids: Sequence[int], values: Mapping[str, Any]) -> int:
    changed = 0
    for chunk in chunks(sorted(set(contact_ids))):
        changed += connection.execute(
            update(contact)
            .where(contact.c.contact_id.in_(chunk), contact.c.status == "reserved")
            .values(**values)
        ).rowcount
    return changed


def _row(r: Reservation, *, at: datetime, status: str) -> dict[str, Any]:
    return {
        "profile_id": r.profile_id,
        "atom_id": r.atom_id,
        "channel": r.channel,
        "purpose": r.purpose,
        "message_key": r.message_key,
        "at": at,
        "status": status,
        "counted": True,
    }


def _unknown_profile() -> NotFound:
    return NotFound("No customer has this id; open the customer from the search and try again")
