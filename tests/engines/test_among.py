"""One condition for thousands of keys, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select

from rapport.engines.ledger import Ledger, among
from rapport.vocabulary import ledger_tables as t

a = t.atom.c


def _keep(ledger: Ledger, values: dict[int, str]) -> None:
    rows = [
        {
            "atom_id": number, "kind": "email", "namespace": "", "value": value, "source": "s",
            "first_seen": None, "last_seen": None,
        }
        for number, value in values.items()
    ]  # fmt: skip
    moment = t.from_micros(0)
    with ledger.write() as connection:
        ledger.insert_new(
            connection,
            t.atom,
            [row | {"first_seen": moment, "last_seen": moment} for row in rows],
            ["atom_id"],
        )


def _found(ledger: Ledger, condition: ColumnElement[bool]) -> list[int]:
    with ledger.read() as connection:
        return list(connection.scalars(select(a.atom_id).where(condition).order_by(a.atom_id)))


def test_numbers_and_texts_are_found_whatever_they_hold(ledger: Ledger) -> None:
    largest = 2**63 - 1
    texts = {1: 'quo"te', 2: "back\\slash", 3: "Ágnes 😀", 4: "12", 5: "o'brien", largest: ""}
    _keep(ledger, texts)
    assert _found(ledger, among(a.atom_id, [1, largest, 77])) == [1, largest]
    assert _found(ledger, among(a.value, list(texts.values()))) == sorted(texts)
    assert _found(ledger, among(a.value, [])) == []
    assert _found(ledger, or_(among(a.atom_id, [2]), among(a.value, ["12"]))) == [2, 4]
    assert _found(ledger, among(a.atom_id, range(100_000))) == [1, 2, 3, 4, 5]


def test_keys_are_looked_up_and_not_searched_for(ledger: Ledger) -> None:
    if ledger.name != "sqlite":
        return  # PostgreSQL reads a table this small from end to end whatever is asked
    wanted = select(t.atom.c.kind).where(among(a.atom_id, [1, 2]))
    with ledger.read() as connection:
        sql = str(wanted.compile(dialect=connection.dialect))
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", ("[1, 2]",)).all()
    assert any("SEARCH atom USING" in row[3] for row in plan), plan
