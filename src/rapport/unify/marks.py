"""Marks on what must be looked at again: profiles to renew, records to match.

Every change leaves a mark of its own. Who does the work takes away those marks that it had read
before it read anything else: one that came meanwhile stays, and the work is done once more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Table, delete, insert, select

from rapport.engines.ledger import among
from rapport.unify.many_rows import write_many
from rapport.vocabulary.ledger_tables import segment_mark, stale_profile, unmatched_record


class Marks(Struct, frozen=True):
    """Marks of one kind: a table of numbered marks, and its column that says on what they are."""

    table: Table
    key: str

    def put(self, connection: Connection, keys: Iterable[Any]) -> None:
        """Have these looked at."""
        write_many(
            connection, insert(self.table), (self.key,), [(key,) for key in sorted(set(keys))]
        )

    def read(self, connection: Connection) -> Mapping[Any, Sequence[int]]:
        """What is to be looked at, and the marks on each."""
        c = self.table.c
        marks: defaultdict[Any, list[int]] = defaultdict(list)
        for mark, key in connection.execute(select(c.mark, c[self.key]).order_by(c.mark)):
            marks[key].append(mark)
        return marks

    def any(self, connection: Connection) -> bool:
        """Whether there is a mark at all."""
        return connection.execute(select(self.table.c.mark).limit(1)).first() is not None

    def take_away(self, connection: Connection, marks: Collection[int]) -> None:
        """Take these marks away, after what they ask for is done."""
        if marks:
            connection.execute(delete(self.table).where(among(self.table.c.mark, marks)))


#: Profiles whose derived columns are older than their history.
STALE_PROFILES = Marks(stale_profile, "profile_id")
#: Records that are new or say something new since records were matched last.
UNMATCHED_RECORDS = Marks(unmatched_record, "atom_id")
#: Profiles that were renewed, and whose place in segments is not known since.
UNPLACED_PROFILES = Marks(segment_mark, "profile_id")
