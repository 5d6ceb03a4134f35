"""Who belongs to which segment since when, who entered and left, and why: kept in the ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, Literal

import msgspec
import pyarrow as pa
from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select, update

from rapport.engines.ledger import Ledger, among
from rapport.understand.segments.evaluated import Judged
from rapport.understand.segments.near import Near
from rapport.understand.segments.rule import Condition, Leaf, Rule, leaves, write_rule
from rapport.understand.segments.standing import BETWEEN_RULES, STANDINGS
from rapport.vocabulary.ledger_tables import (
    segment_change,
    segment_day,
    segment_mark,
    segment_member,
    segment_state,
    segment_version,
)

#: What brought a change about: something recorded; a window of time; figures that were made anew;
#: records that were joined or separated; another rule.
Cause = Literal["touchpoint", "time", "figures", "identity", "rule"]
_CHUNK = 1_000


class Version(Struct, frozen=True, kw_only=True):
    """All segments with their rules, as people are placed by them.

    Attributes
    ----------
    number : int
        0: not kept yet.
    whole : bool
        Everybody is placed by it: who belongs to a segment of it later has entered.
    """

    segments: tuple[tuple[str, Rule], ...]
    number: int = 0
    whole: bool = False

    @property
    def rules(self) -> tuple[Rule, ...]:
        """In order."""
        return tuple(rule for _, rule in self.segments)

    def says_the_same(self, other: Version | None) -> bool:
        """Whether the same rules stand under the same keys in the same order."""
        return other is not None and _written(self) == _written(other)


class Why(Struct, frozen=True, kw_only=True):
    """A condition that changed."""

    condition: Leaf
    holds: bool


class Change(Struct, frozen=True, kw_only=True):
    """Somebody entered or left a segment."""

    change_id: int
    segment_key: str
    profile_id: str
    at: datetime
    entered: bool
    cause: Cause
    why: tuple[Why, ...]


class Placed(Struct, frozen=True, kw_only=True):
    """What one round did."""

    looked_at: int = 0
    entered: int = 0
    left: int = 0

    def __add__(self, other: Placed) -> Placed:
        return Placed(
            looked_at=self.looked_at + other.looked_at,
            entered=self.entered + other.entered,
            left=self.left + other.left,
        )


class Day(Struct, frozen=True, kw_only=True):
    """How many belonged at the end of a day, and how many came and went on it."""

    day: date
    members: int
    entered: int
    left: int


def _written(version: Version) -> list[tuple[str, bytes]]:
    return [(key, write_rule(rule)) for key, rule in version.segments]


def _chunks(items: Iterable[Any], size: int = _CHUNK) -> Iterator[list[Any]]:
    iterator = iter(sorted(items))
    while piece := list(islice(iterator, size)):
        yield piece


# ── versions ───────────────────────────────────────────────────────────────────────────────────


def versions(connection: Connection) -> dict[int, Version]:
    """The versions by which somebody may still be placed, oldest first."""
    v = segment_version.c
    return {
        row.version_id: Version(
            number=row.version_id,
            whole=row.whole,
            segments=msgspec.convert(row.segments, tuple[tuple[str, Rule], ...]),
        )
        for row in connection.execute(select(segment_version).order_by(v.version_id))
    }


def keep_version(connection: Connection, version: Version, at: datetime) -> Version:
    """Keep the segments as they are now; returns them with their number."""
    segments = msgspec.to_builtins(version.segments)
    made = connection.execute(
        insert(segment_version)
        .values(segments=segments, made_at=at, whole=False)
        .returning(segment_version.c.version_id)
    )
    return Version(number=int(made.scalar_one()), segments=version.segments)


def finish_version(connection: Connection, version: Version) -> None:
    """Everybody is placed: forget older versions, and what is kept of segments that are gone."""
    v = segment_version.c
    connection.execute(
        update(segment_version).where(v.version_id == version.number).values(whole=True)
    )
    connection.execute(delete(segment_version).where(v.version_id != version.number))
    keys = {key for key, _ in version.segments}
    for table in (segment_member, segment_change, segment_day):
        gone = set(connection.scalars(select(table.c.segment_key).distinct())) - keys
        for key in sorted(gone):
            connection.execute(delete(table).where(table.c.segment_key == key))


class Standings:
    """Where everybody stood at one moment: version, truths and next moment by profile."""

    def __init__(self, connection: Connection) -> None:
        s = segment_state.c
        rows = connection.execute(select(s.profile_id, s.version_id, s.truths, s.look_at))
        self.rows = {row[0]: (row[1], row[2], row[3]) for row in rows}

    def by_version(self, version: int) -> pa.Table:
        """As `STANDINGS`: those who were placed by one version."""
        return _standings_table(
            [(name, row[1], row[2]) for name, row in self.rows.items() if row[0] == version]
        )


def still_as_before(
    connection: Connection, profile_ids: Sequence[str], before: Standings
) -> list[str]:
    """Those whom nobody has looked at since: what was found of the others is newer."""
    s = segment_state.c
    now = {
        row[0]: (row[1], row[2], row[3])
        for row in connection.execute(
            select(s.profile_id, s.version_id, s.truths, s.look_at).where(
                among(s.profile_id, profile_ids)
            )
        )
    }
    return [name for name in profile_ids if now.get(name) == before.rows.get(name)]


def _standings_table(rows: Sequence[tuple[str, str, datetime | None]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    return pa.table([pa.array(list(c), f.type) for c, f in zip(columns, STANDINGS, strict=True)],
                    schema=STANDINGS)  # fmt: skip


def due(connection: Connection, at: datetime) -> list[str]:
    """Profiles whose next moment has come."""
    s = segment_state.c
    return list(connection.scalars(select(s.profile_id).where(s.look_at <= at)))


def next_look(connection: Connection) -> datetime | None:
    """The nearest moment at which somebody is looked at without a touchpoint."""
    found: datetime | None = connection.scalar(select(func.min(segment_state.c.look_at)))
    return found


# ── placing ────────────────────────────────────────────────────────────────────────────────────


def place(
    connection: Connection,
    ledger: Ledger,
    version: Version,
    judged: Mapping[str, Judged],
    *,
    at: datetime,
    day: date,
    cause_of: Callable[[str], Cause],
    earlier: Mapping[int, Version],
) -> Placed:
    """Write down where people stand, and what changed since they stood elsewhere.

    Parameters
    ----------
    connection : Connection
        A write transaction; the caller commits.
    version : Version
        The kept rules by which they were judged.
    at : datetime
        When it is so.
    day : date
        The company's day of ``at``.
    cause_of : callable
        What made us look at a profile.
    earlier : mapping of number to Version
        From `versions`.
    """
    known = {key for each in earlier.values() if each.whole for key, _ in each.segments}
    total = Placed()
    for piece in _chunks(judged):
        s = segment_state.c
        before = {
            row.profile_id: row
            for row in connection.execute(
                select(s.profile_id, s.version_id, s.truths).where(among(s.profile_id, piece))
            )
        }
        writing = _Writing(at=at)
        for profile_id in piece:
            row = before.get(profile_id)
            old: dict[str, tuple[Rule, str]] = {}
            if row is not None and row.version_id in earlier:
                old = _by_key(earlier[row.version_id], row.truths)
            for (key, rule), truths in zip(
                version.segments, judged[profile_id].truths, strict=True
            ):
                writing.compare(
                    profile_id, key, rule, truths, old.get(key),
                    cause=cause_of(profile_id), counts=key in known,
                )  # fmt: skip
        ledger.upsert(
            connection,
            segment_state,
            [
                {
                    "profile_id": profile_id,
                    "version_id": version.number,
                    "truths": BETWEEN_RULES.join(judged[profile_id].truths),
                    "look_at": judged[profile_id].look_at,
                }
                for profile_id in piece
            ],
            ["profile_id"],
            ["version_id", "truths", "look_at"],
        )
        total += writing.write(connection, ledger, day)
    return Placed(looked_at=len(judged), entered=total.entered, left=total.left)


def take_out(
    connection: Connection, ledger: Ledger, profile_ids: Collection[str], *, at: datetime, day: date
) -> Placed:
    """Profiles that are no longer, since their records belong to another: they leave."""
    total = Placed()
    m, s = segment_member.c, segment_state.c
    for piece in _chunks(profile_ids):
        writing = _Writing(at=at)
        for row in connection.execute(
            select(m.segment_key, m.profile_id).where(among(m.profile_id, piece))
        ):
            writing.leave(row.profile_id, row.segment_key, "identity", ())
        connection.execute(delete(segment_state).where(among(s.profile_id, piece)))
        total += writing.write(connection, ledger, day)
    return total


class _Writing:
    """Changes of one piece of people, gathered and then written together."""

    def __init__(self, *, at: datetime) -> None:
        self.at = at
        self.members: list[dict[str, Any]] = []
        self.gone: defaultdict[str, list[str]] = defaultdict(list)
        self.changes: list[dict[str, Any]] = []

    def compare(
        self,
        profile_id: str,
        key: str,
        rule: Rule,
        truths: str,
        old: tuple[Rule, str] | None,
        *,
        cause: Cause,
        counts: bool,
    ) -> None:
        """Note what changed for one person and segment; ``counts``: it was there before."""
        was = old is not None and old[1][0] == "1"
        now = truths[0] == "1"
        if was == now:
            return
        why: list[Why] = []
        if old is not None and write_rule(old[0]) != write_rule(rule):
            cause = "rule"
        else:
            bits = old[1][1:] if old is not None else "0" * (len(truths) - 1)
            why = [
                Why(condition=leaf, holds=bit == "1")
                for leaf, bit, earlier in zip(leaves(rule), truths[1:], bits, strict=True)
                if bit != earlier
            ]
            of_columns = all(isinstance(each.condition, Condition | Near) for each in why)
            if cause == "time" and why and of_columns:
                cause = "figures"
        if not now:
            self.leave(profile_id, key, cause, why)
            return
        self.members.append(
            {"segment_key": key, "profile_id": profile_id, "since": self.at,
             "from_start": not counts}
        )  # fmt: skip
        if counts:
            self._change(profile_id, key, True, cause, why)

    def leave(self, profile_id: str, key: str, cause: Cause, why: Sequence[Why]) -> None:
        """Note that somebody left."""
        self.gone[key].append(profile_id)
        self._change(profile_id, key, False, cause, why)

    def _change(
        self, profile_id: str, key: str, entered: bool, cause: Cause, why: Sequence[Why]
    ) -> None:
        self.changes.append(
            {
                "segment_key": key,
                "profile_id": profile_id,
                "at": self.at,
                "entered": entered,
                "cause": cause,
                "why": msgspec.to_builtins(list(why)),
            }
        )

    def write(self, connection: Connection, ledger: Ledger, day: date) -> Placed:
        """Write it all; returns how many came and went."""
        m = segment_member.c
        for key, profile_ids in sorted(self.gone.items()):
            connection.execute(
                delete(segment_member).where(m.segment_key == key, among(m.profile_id, profile_ids))
            )
        ledger.upsert(
            connection,
            segment_member,
            self.members,
            ["segment_key", "profile_id"],
            ["since", "from_start"],
        )
        if self.changes:
            connection.execute(insert(segment_change), self.changes)
        came = Counter(each["segment_key"] for each in self.changes if each["entered"])
        went = Counter(each["segment_key"] for each in self.changes if not each["entered"])
        count_days(
            connection, ledger, day,
            {*came, *went, *(each["segment_key"] for each in self.members)}, came, went,
        )  # fmt: skip
        return Placed(entered=sum(came.values()), left=sum(went.values()))


def count_days(
    connection: Connection,
    ledger: Ledger,
    day: date,
    keys: Collection[str],
    came: Mapping[str, int],
    went: Mapping[str, int],
) -> None:
    """Write down the sizes of segments, and add to how many came and went on a day."""
    m, d = segment_member.c, segment_day.c
    for piece in _chunks(keys):
        sizes: dict[str, int] = {
            row[0]: row[1]
            for row in connection.execute(
                select(m.segment_key, func.count())
                .where(among(m.segment_key, piece))
                .group_by(m.segment_key)
            )
        }
        before = {
            row.segment_key: row
            for row in connection.execute(
                select(segment_day).where(d.day == day, among(d.segment_key, piece))
            )
        }
        ledger.upsert(
            connection,
            segment_day,
            [
                {
                    "segment_key": key,
                    "day": day,
                    "members": sizes.get(key, 0),
                    "entered": came.get(key, 0) + (before[key].entered if key in before else 0),
                    "left": went.get(key, 0) + (before[key].left if key in before else 0),
                }
                for key in piece
            ],
            ["segment_key", "day"],
            ["members", "entered", "left"],
        )


def _by_key(version: Version, truths: str) -> dict[str, tuple[Rule, str]]:
    return {
        key: (rule, bits)
        for (key, rule), bits in zip(version.segments, truths.split(BETWEEN_RULES), strict=True)
    }


# ── reading ────────────────────────────────────────────────────────────────────────────────────


def changes_of(
    connection: Connection,
    *,
    segment_key: str | None = None,
    profile_ids: Collection[str] | None = None,
    entered: bool | None = None,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[Change], int]:
    """Who entered and left, newest first; and how many there are in all."""
    c = segment_change.c
    wanted = []
    if segment_key is not None:
        wanted.append(c.segment_key == segment_key)
    if profile_ids is not None:
        wanted.append(among(c.profile_id, sorted(profile_ids)))
    if entered is not None:
        wanted.append(c.entered.is_(entered))
    rows = connection.execute(
        select(segment_change)
        .where(*wanted)
        .order_by(c.change_id.desc())
        .limit(limit)
        .offset(offset)
    )
    found = [
        Change(
            change_id=row.change_id,
            segment_key=row.segment_key,
            profile_id=row.profile_id,
            at=row.at,
            entered=row.entered,
            cause=row.cause,
            why=msgspec.convert(row.why, tuple[Why, ...]),
        )
        for row in rows
    ]
    total = connection.scalar(select(func.count()).select_from(segment_change).where(*wanted))
    return found, int(total or 0)


def days_of(connection: Connection, segment_key: str, since: date) -> list[Day]:
    """Sizes by day, oldest first, beginning with the last day known at ``since``.

    On a day that is missing nothing changed.
    """
    d = segment_day.c
    first = connection.scalar(
        select(func.max(d.day)).where(d.segment_key == segment_key, d.day <= since)
    )
    rows = connection.execute(
        select(segment_day)
        .where(d.segment_key == segment_key, d.day >= (first or since))
        .order_by(d.day)
    )
    return [
        Day(day=row.day, members=row.members, entered=row.entered, left=row.left) for row in rows
    ]


def segments_of(connection: Connection, profile_ids: Collection[str]) -> dict[str, datetime]:
    """The segments that a person belongs to, and since when."""
    m = segment_member.c
    rows = connection.execute(
        select(m.segment_key, func.min(m.since))
        .where(among(m.profile_id, sorted(profile_ids)))
        .group_by(m.segment_key)
    )
    return {row[0]: row[1] for row in rows}


# ── personal data ──────────────────────────────────────────────────────────────────────────────

_PERSONAL = (segment_member, segment_change, segment_state, segment_mark)


def export_person(
    connection: Connection, profile_ids: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """What is kept of a person here, by table; under all ids that lead to them."""
    return {
        table.name: [
            msgspec.to_builtins(dict(row._mapping))
            for piece in _chunks(profile_ids)
            for row in connection.execute(
                select(table)
                .where(among(table.c.profile_id, piece))
                .order_by(*table.primary_key.columns)
            )
        ]
        for table in _PERSONAL
    }


def erase_person(connection: Connection, profile_ids: Collection[str]) -> dict[str, int]:
    """Forget a person; returns rows deleted by table. Sizes per day stay: they name nobody."""
    return {
        table.name: sum(
            connection.execute(delete(table).where(among(table.c.profile_id, piece))).rowcount
            for piece in _chunks(profile_ids)
        )
        for table in _PERSONAL
    }
