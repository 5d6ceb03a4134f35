"""What customers are called."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from rapport.engines.ledger import among
from rapport.unify.stored_evidence import rows_in
from rapport.vocabulary.ledger_tables import profile


def names_of(connection: Connection, profile_ids: Collection[str]) -> dict[str, str | None]:
    """The name of each profile; None where none is known, missing where there is no profile."""
    p = profile.c
    return {
        row.profile_id: row.name
        for row in rows_in(
            connection,
            lambda piece: select(p.profile_id, p.name).where(among(p.profile_id, piece)),
            profile_ids,
        )
    }
