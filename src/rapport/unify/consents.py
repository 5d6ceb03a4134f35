"""What a person allows: the latest word on each purpose, over all records of the profile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, and_, select

from rapport.engines.ledger import among
from rapport.unify.stored_evidence import rows_in
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.profile import ConsentState


def consent_state(
    connection: Connection, profile_ids: Collection[str]
) -> dict[str, tuple[ConsentState, ...]]:
    """The latest word per purpose, by profile; profiles that said nothing are absent.

    Words belong to records, so that a withdrawal moves with its record through merges and splits.
    Of words at one moment the withdrawal counts.
    """
    m, c = t.membership.c, t.consent.c
    latest: defaultdict[str, dict[str, ConsentState]] = defaultdict(dict)
    for row in rows_in(
        connection,
        lambda piece: (
            select(m.profile_id, c.purpose, c.granted, c.legal_basis, c.occurred_at, c.source)
            .join(t.consent, and_(c.atom_id == m.atom_id, m.valid_to.is_(None)))
            .where(among(m.profile_id, piece))
        ),
        profile_ids,
    ):
        word = ConsentState(
            purpose=row[1], granted=row[2], legal_basis=row[3], since=row[4], source=row[5]
        )
        known = latest[row[0]].get(word.purpose)
        if known is None or _rank(word) > _rank(known):
            latest[row[0]][word.purpose] = word
    return {
        profile_id: tuple(words[purpose] for purpose in sorted(words))
        for profile_id, words in latest.items()
    }


def _rank(word: ConsentState) -> tuple[datetime, bool, str, str]:
    return (word.since, not word.granted, word.source, word.legal_basis)
