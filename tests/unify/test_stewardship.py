"""People's decisions: joining, separating, blocking, and taking each of them back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from rapport.engines.ledger import Ledger
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.unify.personal_data import erase_person
from rapport.unify.refresh import ProfileActivity, refresh_profiles
from rapport.unify.search import search
from rapport.unify.stewardship import (
    Rearrangement,
    block_value,
    current_profile,
    join_profiles,
    separate,
    unblock_value,
    undo_decision,
)
from rapport.unify.survivorship import facts, pin_value
from rapport.vocabulary import ledger_tables as t
from tests.unify.sightings import NOON, atom, contents, memberships, people, resolve, seen

LATER = NOON + timedelta(hours=1)
#: Everything that identity derives or keeps, but for the log of decisions and its history.
STATE = (
    "atom", "identifier", "attribute", "consent", "profile", "search_term", "pinned_value",
)  # fmt: skip


def join(ledger: Ledger, one: str, two: str) -> Rearrangement:
    placed = memberships(ledger)
    with ledger.write() as connection:
        return join_profiles(
            connection, ledger, placed[atom(one)], placed[atom(two)],
            author="eva", reason="same voice", at=LATER,
        )  # fmt: skip


def undo(ledger: Ledger, decision_id: int) -> Rearrangement:
    with ledger.write() as connection:
        return undo_decision(connection, ledger, decision_id, author="eva", at=LATER)


def refresh_all(ledger: Ledger) -> None:
    with ledger.write() as connection:
        ids = set(connection.execute(select(t.profile.c.profile_id)).scalars())
        # Counts follow the records, as the worker's do.
        counts = {
            p: ProfileActivity(touchpoint_count=list(memberships(ledger).values()).count(p))
            for p in ids
        }
        refresh_profiles(connection, ledger, ids, counts)


@pytest.fixture
def jan_and_els(ledger: Ledger) -> Ledger:
    resolve(
        ledger,
        seen("crm_contact:1", email="jan@mail.be", name="Jan Peeters", city="Gent"),
        seen("user_id:1", email="jan@mail.be"),
        seen("crm_contact:2", email="els@mail.be", name="Els Peeters", city="Brugge"),
    )
    refresh_all(ledger)
    return ledger


def test_a_human_joins_what_evidence_keeps_apart(jan_and_els: Ledger) -> None:
    join(jan_and_els, "crm_contact:1", "crm_contact:2")
    people(jan_and_els, ["crm_contact:1", "crm_contact:2", "user_id:1"])


def test_a_join_undone_restores_every_table_byte_for_byte(jan_and_els: Ledger) -> None:
    ledger = jan_and_els
    before, placed = contents(ledger, *STATE), memberships(ledger)
    joined = join(ledger, "crm_contact:1", "crm_contact:2")
    refresh_all(ledger)
    assert contents(ledger, *STATE) != before
    undo(ledger, joined.decision_id)
    refresh_all(ledger)
    assert memberships(ledger) == placed
    assert contents(ledger, *STATE) == before


def test_an_undo_can_be_undone_and_that_too(jan_and_els: Ledger) -> None:
    ledger = jan_and_els
    apart = memberships(ledger)
    joined = join(ledger, "crm_contact:1", "crm_contact:2")
    together = memberships(ledger)
    first = undo(ledger, joined.decision_id)
    assert memberships(ledger) == apart
    second = undo(ledger, first.decision_id)
    assert memberships(ledger) == together
    undo(ledger, second.decision_id)
    assert memberships(ledger) == apart


def test_a_decision_is_undone_only_once(jan_and_els: Ledger) -> None:
    joined = join(jan_and_els, "crm_contact:1", "crm_contact:2")
    undo(jan_and_els, joined.decision_id)
    with pytest.raises(Conflict):
        undo(jan_and_els, joined.decision_id)


def test_a_merge_by_the_rules_undone_restores_both_and_does_not_come_back(
    ledger: Ledger,
) -> None:
    resolve(ledger, seen("crm_contact:1", "email:a@m.be"), seen("crm_contact:2", "email:b@m.be"))
    apart = memberships(ledger)
    bridge = seen("crm_contact:1", "email:b@m.be", minutes=1)
    merged = resolve(ledger, bridge).merged
    assert len(merged) == 1
    d = t.decision.c
    with ledger.read() as connection:
        number = connection.execute(select(d.decision_id).where(d.kind == "merge")).scalar_one()
    undo(ledger, number)
    assert memberships(ledger) == apart
    resolve(ledger, bridge, seen("crm_contact:2", "email:b@m.be", minutes=2))
    assert memberships(ledger) == apart


def test_a_record_joined_by_the_rules_can_be_taken_out_again(ledger: Ledger) -> None:
    resolve(ledger, seen("crm_contact:1", "email:a@m.be"))
    resolve(ledger, seen("user_id:1", "email:a@m.be"))
    with ledger.read() as connection:
        number = connection.execute(
            select(t.decision.c.decision_id).where(t.decision.c.kind == "join")
        ).scalar_one()
    undo(ledger, number)
    people(ledger, ["crm_contact:1"], ["user_id:1"])


def test_a_split_by_the_rules_can_be_overruled(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="p@mail.be", name="Jan Peeters"),
        seen("crm_contact:2", email="p@mail.be"),
    )
    together = memberships(ledger)
    resolve(ledger, seen("crm_contact:2", email="p@mail.be", name="Els Maes", minutes=1))
    with ledger.read() as connection:
        number = connection.execute(
            select(t.decision.c.decision_id).where(t.decision.c.kind == "split")
        ).scalar_one()
    undo(ledger, number)
    assert memberships(ledger) == together


def test_the_creation_of_a_profile_cannot_be_undone(ledger: Ledger) -> None:
    resolve(ledger, seen("crm_contact:1"))
    with ledger.read() as connection:
        number = connection.execute(select(t.decision.c.decision_id)).scalar_one()
    with pytest.raises(Conflict):
        undo(ledger, number)
    with pytest.raises(NotFound):
        undo(ledger, number + 1)


def test_separated_records_stay_apart_whatever_they_share(ledger: Ledger) -> None:
    resolve(ledger, seen("crm_contact:1", "email:a@m.be"), seen("user_id:1", "email:a@m.be"))
    with ledger.write() as connection:
        outcome = separate(
            connection, ledger, [{atom("crm_contact:1")}, {atom("user_id:1")}],
            author="eva", reason="brothers", at=LATER,
        )  # fmt: skip
    people(ledger, ["crm_contact:1"], ["user_id:1"])
    resolve(ledger, seen("user_id:1", "email:a@m.be", "email:c@m.be", minutes=1))
    people(ledger, ["crm_contact:1"], ["user_id:1"])
    undo(ledger, outcome.decision_id)
    people(ledger, ["crm_contact:1", "user_id:1"])


def test_separating_needs_two_groups_of_known_records(ledger: Ledger) -> None:
    resolve(ledger, seen("crm_contact:1"))
    record = atom("crm_contact:1")
    with ledger.write() as connection:
        for groups, error in (
            ([{record}], InvalidInput),
            ([{record}, {record}], InvalidInput),
            ([{record}, {5}], NotFound),
        ):
            with pytest.raises(error):
                separate(connection, ledger, groups, author="eva", reason="", at=LATER)


def test_of_two_human_words_the_later_wins(jan_and_els: Ledger) -> None:
    ledger = jan_and_els
    join(ledger, "crm_contact:1", "crm_contact:2")
    with ledger.write() as connection:
        separate(
            connection, ledger, [{atom("crm_contact:1")}, {atom("crm_contact:2")}],
            author="eva", reason="no", at=LATER,
        )  # fmt: skip
    people(ledger, ["crm_contact:1", "user_id:1"], ["crm_contact:2"])
    join(ledger, "crm_contact:1", "crm_contact:2")
    people(ledger, ["crm_contact:1", "crm_contact:2", "user_id:1"])


def test_a_word_taken_back_does_not_return_with_the_undoing_of_what_overruled_it(
    jan_and_els: Ledger,
) -> None:
    ledger = jan_and_els
    together = memberships(ledger)
    with ledger.write() as connection:
        parted = separate(
            connection, ledger, [[atom("crm_contact:1")], [atom("user_id:1")]],
            author="eva", reason="", at=NOON,
        )  # fmt: skip
    joined = join(ledger, "crm_contact:1", "user_id:1")  # overrules it
    undo(ledger, parted.decision_id)
    undo(ledger, joined.decision_id)
    assert memberships(ledger) == together  # their e-mail address joins them
    again = undo(ledger, undo_of(ledger, parted.decision_id))
    people(ledger, ["crm_contact:1"], ["user_id:1"], ["crm_contact:2"])
    undo(ledger, again.decision_id)
    assert memberships(ledger) == together


def undo_of(ledger: Ledger, decision_id: int) -> int:
    """The decision that took this one back."""
    d = t.decision.c
    with ledger.read() as connection:
        found = select(d.decision_id).where(d.reverses == decision_id)
        return connection.execute(found).scalar_one()


def test_a_person_forgotten_leaves_the_others_what_is_theirs(jan_and_els: Ledger) -> None:
    ledger = jan_and_els
    join(ledger, "crm_contact:1", "crm_contact:2")
    refresh_all(ledger)
    everybody = set(memberships(ledger).values())
    resolve(ledger, seen("crm_contact:7", email="zoe@mail.be", name="Zoe Maes"))
    refresh_all(ledger)
    zoe = memberships(ledger)[atom("crm_contact:7")]
    with ledger.write() as connection:
        gone = erase_person(connection, ledger, zoe, author="eva", at=NOON)
    assert gone.atoms == (atom("crm_contact:7"),)
    assert set(memberships(ledger).values()) == everybody
    with ledger.read() as connection:
        assert not search(connection, "zoe@mail.be")
        assert search(connection, "jan@mail.be")
        told = repr([connection.execute(select(table)).all() for table in t.metadata.sorted_tables])
    assert "zoe" not in told.casefold()
    with ledger.write() as connection, pytest.raises(NotFound):
        erase_person(connection, ledger, zoe, author="eva", at=NOON)


def test_undoing_lists_what_followed(jan_and_els: Ledger) -> None:
    ledger = jan_and_els
    joined = join(ledger, "crm_contact:1", "crm_contact:2")
    survivor = memberships(ledger)[atom("crm_contact:2")]
    contact = {
        "profile_id": survivor, "channel": "email", "purpose": "marketing", "status": "sent",
        "counted": True, "atom_id": None,
    }  # fmt: skip
    ticket = {"title_code": "low_score", "facts": {}, "status": "open", "owner_email": "o@x.be"}
    with ledger.write() as connection:
        for key, at in (("old", NOON), ("new", LATER + timedelta(days=1))):
            connection.execute(t.contact.insert(), contact | {"message_key": key, "at": at})
        connection.execute(
            t.ticket.insert(),
            ticket | {"atom_id": atom("crm_contact:2"), "opened_at": LATER + timedelta(days=2)},
        )
    followed = undo(ledger, joined.decision_id).followed
    assert [contact.at for contact in followed.contacts] == [LATER + timedelta(days=1)]
    assert [ticket.atom_id for ticket in followed.tickets] == [str(atom("crm_contact:2"))]


def test_an_old_link_leads_to_the_surviving_profile(jan_and_els: Ledger) -> None:
    ledger = jan_and_els
    old = memberships(ledger)[atom("crm_contact:2")]
    joined = join(ledger, "crm_contact:1", "crm_contact:2")
    survivor = memberships(ledger)[atom("crm_contact:2")]
    retired = {old: survivor} if old != survivor else joined.retired
    with ledger.read() as connection:
        for gone in retired:
            assert current_profile(connection, gone) == survivor
        with pytest.raises(NotFound):
            current_profile(connection, "p0000000000000")


def test_a_retired_profile_keeps_no_personal_data(jan_and_els: Ledger) -> None:
    joined = join(jan_and_els, "crm_contact:1", "crm_contact:2")
    with jan_and_els.read() as connection:
        for gone in joined.retired:
            row = connection.execute(select(t.profile).where(t.profile.c.profile_id == gone)).one()
            assert (row.name, row.email, row.city, row.touchpoint_count) == (None, None, None, 0)
            assert gone not in {hit.profile_id for hit in search(connection, "peeters")}


def test_joining_a_profile_to_itself_or_to_nobody_is_refused(jan_and_els: Ledger) -> None:
    with pytest.raises(InvalidInput):
        join(jan_and_els, "crm_contact:1", "user_id:1")
    with jan_and_els.write() as connection, pytest.raises(NotFound):
        join_profiles(
            connection, jan_and_els, "p0", memberships(jan_and_els)[atom("crm_contact:1")],
            author="eva", reason="", at=LATER,
        )  # fmt: skip


def test_a_value_blocked_by_the_company_lets_go_of_its_holders(ledger: Ledger) -> None:
    resolve(ledger, seen("crm_contact:1", "email:till@m.be"), seen("user_id:1", "email:till@m.be"))
    together = memberships(ledger)
    with ledger.write() as connection:
        outcome = block_value(
            connection, ledger, "email", "till@m.be", reason="till", author="eva", at=LATER
        )
    assert len(outcome.split) == 1
    people(ledger, ["crm_contact:1"], ["user_id:1"])
    with ledger.write() as connection:
        unblock_value(connection, ledger, "email", "till@m.be", at=LATER)
    assert memberships(ledger) == together


def test_a_pinned_value_survives_a_merge_and_its_undoing(jan_and_els: Ledger) -> None:
    ledger = jan_and_els
    els = memberships(ledger)[atom("crm_contact:2")]
    with ledger.write() as connection:
        pin_value(connection, ledger, els, "city", "Oostende", author="eva", at=LATER)
    joined = join(ledger, "crm_contact:1", "crm_contact:2")
    with ledger.read() as connection:
        assert facts(connection, els).shown["city"].value == "Oostende"
    undo(ledger, joined.decision_id)
    with ledger.read() as connection:
        jan = memberships(ledger)[atom("crm_contact:1")]
        assert facts(connection, els).shown["city"].value == "Oostende"
        assert facts(connection, jan).shown["city"].value == "Gent"
