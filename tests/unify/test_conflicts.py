"""Contradictions derived with profiles, on every ledger engine."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, func, select

from rapport.engines.ledger import Ledger
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.unify.conflicts import no_longer_urgent, settle, take_back
from rapport.unify.refresh import ProfileActivity, refresh_profiles
from rapport.unify.stewardship import join_profiles
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.conflict import Contradiction, OrderFindings
from tests.unify.sightings import NOON, atom, memberships, resolve, seen

PAID = Contradiction(
    kind="order", name="paid_cancelled", item="W1", winner="bank", loser="shop", why="happened",
    tier=1, value=Decimal("12.5"), since=NOON, verified=True,
)  # fmt: skip


def derived(ledger: Ledger, orders: dict[str, OrderFindings] | None = None) -> None:
    ids = set(memberships(ledger).values())
    with ledger.read() as connection:
        stale = set(connection.scalars(select(t.stale_profile.c.profile_id)))
    with ledger.write() as connection:
        activity = {p: ProfileActivity(revenue=Decimal(100)) for p in ids}
        refresh_profiles(connection, ledger, ids | stale, activity, orders)


def rows(ledger: Ledger) -> list[tuple[str, str, str, str, int]]:
    c = t.conflict.c
    with ledger.read() as connection:
        found = connection.execute(
            select(c.name, c.winner, c.loser, c.settled, c.tier).order_by(c.harm, c.name)
        )
        return [tuple(row) for row in found]  # type: ignore[misc]


def totals(connection: Connection) -> dict[tuple[str, str], int]:
    s = t.conflict_total.c
    return {
        (row[0], row[1]): int(row[2])
        for row in connection.execute(
            select(s.name, s.settled, func.sum(s.people)).group_by(s.name, s.settled)
        )
    }


def two_silos(ledger: Ledger, who: str = "jan") -> str:
    resolve(
        ledger,
        seen(f"crm_contact:{who}", email=f"{who}@mail.be", birthday="1980-02-01", source="crm"),
        seen(f"user_id:{who}", email=f"{who}@mail.be", birthday="1980-01-02", source="shop",
             minutes=9),
    )  # fmt: skip
    return memberships(ledger)[atom(f"crm_contact:{who}", "crm")]


def test_contradictions_of_orders_stay_where_nothing_is_said_of_orders(ledger: Ledger) -> None:
    profile_id = two_silos(ledger)
    derived(ledger, {profile_id: OrderFindings(contradictions=(PAID,))})
    assert [row[0] for row in rows(ledger)] == ["paid_cancelled", "birthday"]
    derived(ledger)  # asks no lake
    assert [row[0] for row in rows(ledger)] == ["paid_cancelled", "birthday"]
    derived(ledger, {})  # the lake says that there is none any more
    assert [row[0] for row in rows(ledger)] == ["birthday"]
    with ledger.read() as connection:
        assert totals(connection) == {("birthday", ""): 1}


def test_a_profile_that_is_no_more_leaves_no_contradiction(ledger: Ledger) -> None:
    a, b = two_silos(ledger, "jan"), two_silos(ledger, "els")
    derived(ledger, {})
    with ledger.read() as connection:
        assert totals(connection) == {("birthday", ""): 2}
    with ledger.write() as connection:
        join_profiles(connection, ledger, a, b, author="x@y.example", reason="", at=NOON)
    derived(ledger, {})
    with ledger.read() as connection:
        kept = set(connection.scalars(select(t.conflict.c.profile_id)))
        counted = int(connection.scalar(select(func.count()).select_from(t.conflict)) or 0)
        assert kept == set(memberships(ledger).values())
        assert sum(totals(connection).values()) == counted


def test_a_word_outlives_a_merge_and_can_be_taken_back(ledger: Ledger) -> None:
    profile_id = two_silos(ledger)
    found = {profile_id: OrderFindings(contradictions=(PAID,))}
    derived(ledger, found)
    word = {"kind": "order", "name": "paid_cancelled", "item": "W1", "author": "x@y.example",
            "reason": "", "at": NOON + timedelta(days=1)}  # fmt: skip
    with ledger.write() as connection:
        with pytest.raises(InvalidInput, match="says nothing there"):
            settle(connection, profile_id, right_source="till", **word)
        with pytest.raises(NotFound):
            settle(connection, profile_id, right_source="bank", **{**word, "item": "W2"})
        number = settle(connection, profile_id, right_source="shop", **word)
    derived(ledger, found)
    assert rows(ledger)[0] == ("paid_cancelled", "shop", "bank", "word", 1)
    other = two_silos(ledger, "els")
    with ledger.write() as connection:
        join_profiles(
            connection, ledger, profile_id, other, author="x@y.example", reason="", at=NOON
        )
    [heir] = set(memberships(ledger).values())
    derived(ledger, {heir: found[profile_id]})
    assert rows(ledger)[0][3] == "word"
    with ledger.write() as connection:
        take_back(connection, number, author="x@y.example", at=NOON)
        with pytest.raises(Conflict):
            take_back(connection, number, author="x@y.example", at=NOON)
    derived(ledger, {heir: found[profile_id]})
    assert rows(ledger)[0] == ("paid_cancelled", "bank", "shop", "", 1)


def test_what_is_urgent_for_a_time_is_found_when_that_is_over(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="jan@mail.be", city="Gent", source="crm"),
        seen("user_id:1", email="jan@mail.be", city="Aalst", source="shop"),
    )
    [profile_id] = set(memberships(ledger).values())
    until = NOON + timedelta(days=3)
    derived(ledger, {profile_id: OrderFindings(delivery_until=until)})
    assert [row[4] for row in rows(ledger)] == [2]
    with ledger.read() as connection:
        assert no_longer_urgent(connection, NOON) == []
        assert no_longer_urgent(connection, until) == [profile_id]
    derived(ledger, {})
    assert [row[4] for row in rows(ledger)] == [3]


def test_money_beyond_what_can_be_sorted_stays_within_its_tier(ledger: Ledger) -> None:
    profile_id = two_silos(ledger)
    rich = Contradiction(**{
        **{name: getattr(PAID, name) for name in PAID.__struct_fields__},
        "value": Decimal(10) ** 13, "tier": 4,
    })  # fmt: skip
    derived(ledger, {profile_id: OrderFindings(contradictions=(rich,))})
    assert [row[0] for row in rows(ledger)] == ["birthday", "paid_cancelled"]
