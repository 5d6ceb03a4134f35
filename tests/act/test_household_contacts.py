"""What a household received together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from rapport.act.household_contacts import household_pressure, housemates, reached_at_home
from rapport.engines.ledger import Ledger
from rapport.vocabulary import ledger_tables as t

pytestmark = pytest.mark.slow  # whole companies: not before every commit

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
FAMILY = ("els", "jan", "tom")


@pytest.fixture
def family(ledger: Ledger) -> Ledger:
    """Three who live together, and one who lives alone."""
    with ledger.write() as connection:
        connection.execute(
            insert(t.profile), [{"profile_id": p, "created_at": NOW} for p in (*FAMILY, "an")]
        )
        connection.execute(
            insert(t.household_member),
            [
                {"profile_id": p, "household_id": "h1", "since": NOW, "confidence": 1.0, "why": []}
                for p in FAMILY
            ],
        )
    return ledger


def contacted(ledger: Ledger, person: str, key: str, status: str = "sent", days: int = 1) -> None:
    with ledger.write() as connection:
        connection.execute(
            insert(t.contact).values(
                profile_id=person, channel="post", purpose="marketing", message_key=key,
                at=NOW - timedelta(days=days), status=status, counted=status != "released",
            )
        )  # fmt: skip


def test_housemates_are_the_others_of_one_household(family: Ledger) -> None:
    with family.read() as connection:
        assert housemates(connection, ["els", "an"]) == {"els": ("jan", "tom")}


def test_a_catalogue_that_reached_one_is_known_of_the_others(family: Ledger) -> None:
    contacted(family, "jan", "catalogue-2026", days=200)  # however long ago
    contacted(family, "tom", "newsletter", status="released")
    with family.read() as connection:
        people = [*FAMILY, "an"]
        assert reached_at_home(connection, people, "catalogue-2026", at=NOW) == {
            "els": "jan", "tom": "jan",
        }  # fmt: skip
        assert reached_at_home(connection, people, "newsletter", at=NOW) == {}


def test_pressure_is_of_all_together(family: Ledger) -> None:
    for person in ("els", "jan"):
        contacted(family, person, "catalogue-2026")
    contacted(family, "tom", "birthday", days=29)
    contacted(family, "tom", "old", days=31)
    with family.read() as connection:
        pressure = household_pressure(connection, FAMILY, at=NOW, window_days=30)
    assert pressure.contacts == 3
    assert pressure.by_member == {"els": 1, "jan": 1, "tom": 1}
    assert pressure.repeated == 1
