"""The decisions that a profile's page lists."""

from __future__ import annotations

from rapport.engines.ledger import Ledger
from rapport.unify.decisions import decisions_of
from rapport.unify.stewardship import join_profiles, separate, undo_decision
from rapport.unify.stored_evidence import open_memberships
from tests.unify.sightings import NOON, atom, resolve, seen

TOM = "tom@kadar.example"


def _profile(ledger: Ledger, record: str) -> str:
    with ledger.read() as connection:
        return open_memberships(connection, [atom(record)])[atom(record)]


def test_a_first_record_is_no_decision_to_look_at(ledger: Ledger) -> None:
    resolve(ledger, seen("crm_contact:1", name="Jan Peeters"))
    with ledger.read() as connection:
        assert decisions_of(connection, _profile(ledger, "crm_contact:1")) == ()


def test_a_persons_word_its_undoing_and_the_undoing_of_that_are_listed(ledger: Ledger) -> None:
    resolve(ledger, seen("crm_contact:1", name="Jan Peeters"))
    resolve(ledger, seen("crm_contact:2", name="Johan Pieters"))
    one, two = _profile(ledger, "crm_contact:1"), _profile(ledger, "crm_contact:2")
    with ledger.write() as connection:
        joined = join_profiles(
            connection, ledger, one, two, author=TOM, reason="Same card", at=NOON
        ).decision_id
        (listed,) = decisions_of(connection, one)
        assert (listed.decision_id, listed.kind, listed.actor) == (joined, "must_link", TOM)
        assert (listed.reason, listed.profiles_before, listed.records) == ("Same card", 2, 2)
        assert not listed.undone
        undone = undo_decision(connection, ledger, joined, author=TOM, at=NOON).decision_id
        for profile_id in (one, two):  # what parted them is told on both sides
            listed_now = {d.decision_id: d for d in decisions_of(connection, profile_id)}
            assert listed_now[joined].undone
            assert listed_now[undone].reverses == joined
        undo_decision(connection, ledger, undone, author=TOM, at=NOON)
        again = {d.decision_id: d.undone for d in decisions_of(connection, one)}
    assert (again[joined], again[undone]) == (False, True)


def test_two_records_that_were_parted_both_tell_of_it(ledger: Ledger) -> None:
    mail = "email:jan@mail.be"
    resolve(ledger, seen("crm_contact:1", mail), seen("user_id:2", mail))
    assert _profile(ledger, "crm_contact:1") == _profile(ledger, "user_id:2")
    with ledger.write() as connection:
        number = separate(
            connection,
            ledger,
            [[atom("crm_contact:1")], [atom("user_id:2")]],
            author=TOM,
            reason="Father and son",
            at=NOON,
        ).decision_id
    for record in ("crm_contact:1", "user_id:2"):
        with ledger.read() as connection:
            listed = decisions_of(connection, _profile(ledger, record))
        assert number in [d.decision_id for d in listed]
