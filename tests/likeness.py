"""Pairs of records as matching leaves them in the ledger, for tests that need no matching."""

from __future__ import annotations

from datetime import UTC, datetime

from rapport.engines.ledger import Ledger
from rapport.vocabulary import ledger_tables as t

STEPS = [["name", "same_words", 9.5], ["phone", "else", -1.2], ["birth", "same_birth", 7.25]]


def alike(
    ledger: Ledger, one: int, two: int, probability: float = 0.9, *, joined: bool = False
) -> tuple[int, int]:
    """Have matching find two records alike; the records in the order of the table."""
    a, b = min(one, two), max(one, two)
    with ledger.write() as connection:
        connection.execute(
            t.pair_score.insert().values(
                atom_a=a, atom_b=b, bits=8.0, probability=probability, joined=joined,
                fields=STEPS, model="test", scored_at=datetime(2026, 3, 1, tzinfo=UTC),
            )
        )  # fmt: skip
    return a, b
