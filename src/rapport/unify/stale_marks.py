"""Marks on profiles whose derived columns are older than their history.

Every change leaves a mark of its own. Who renews a profile takes away those marks that it had read
before it read the history: one that came meanwhile stays, and the profile is renewed once more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from rapport.engines.ledger import among
from rapport.unify.many_rows import write_many
from rapport.vocabulary.ledger_tables import stale_profile


def mark_stale(connection: Connection, profile_ids: Iterable[str]) -> None:
    """Have these profiles renewed."""
    write_many(
        connection,
        insert(stale_profile),
        ("profile_id",),
        [(profile_id,) for profile_id in sorted(set(profile_ids))],
    )


def stale_marks(connection: Connection) -> Mapping[str, Sequence[int]]:
    """The profiles to renew, and the marks on each."""
    s = stale_profile.c
    marks: defaultdict[str, list[int]] = defaultdict(list)
    for mark, profile_id in connection.execute(select(s.mark, s.profile_id).order_by(s.mark)):
        marks[profile_id].append(mark)
    return marks


def take_away(connection: Connection, marks: Collection[int]) -> None:
    """Take these marks away, after what they ask for is done."""
    if marks:
        connection.execute(delete(stale_profile).where(among(stale_profile.c.mark, marks)))
