"""What a profile shows: survivorship, conflicts, search, consents and explanations."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, select

from rapport.engines.ledger import Ledger
from rapport.errors import InvalidInput, NotFound
from rapport.unify.consents import consent_state
from rapport.unify.explain import explain
from rapport.unify.refresh import ProfileActivity, refresh_profiles
from rapport.unify.search import search
from rapport.unify.stewardship import join_profiles
from rapport.unify.survivorship import ProfileFacts, facts, pin_value
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import ConsentChange
from tests.unify.sightings import NOON, atom, memberships, resolve, seen

YEAR = 365 * 24 * 60


def facts_about(ledger: Ledger, record: str) -> ProfileFacts:
    with ledger.read() as connection:
        return facts(connection, memberships(ledger)[atom(record)])


def refreshed(ledger: Ledger, activity: dict[str, ProfileActivity] | None = None) -> None:
    with ledger.write() as connection:
        refresh_profiles(connection, ledger, set(memberships(ledger).values()), activity or {})


def found(ledger: Ledger, text: str) -> list[str | None]:
    with ledger.read() as connection:
        return [hit.name for hit in search(connection, text)]


def test_one_value_written_in_two_ways_is_no_conflict(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="Jan@mail.be", phone="+32 470 11 22 33", name="JAN PEETERS",
             city="gent", country="BE"),
        seen("user_id:1", email="jan@mail.be", phone="0470/112233", name="Jan Peeters",
             city="Gent", country="BE"),
        seen("loyalty_card:9", email="jan@mail.be", name="Peeters, Jan Willem"),
    )  # fmt: skip
    known = facts_about(ledger, "crm_contact:1")
    assert known.conflicts == ()
    assert known.shown["name"].value == "Peeters, Jan Willem"  # the fullest way of writing it
    assert len([fact for fact in known.all if fact.name == "phone"]) == 2


def test_silos_that_differ_show_the_fresher_value_and_keep_the_other(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="jan@mail.be", city="Gent"),
        seen("crm_contact:2", email="jan@mail.be", city="Brugge", minutes=3 * YEAR, source="erp"),
    )
    (conflict,) = facts_about(ledger, "crm_contact:1").conflicts
    assert (conflict.name, conflict.shown.value, conflict.rule) == ("city", "Brugge", "most_recent")
    assert [other.value for other in conflict.others] == ["Gent"]


def test_a_trusted_record_wins_over_a_browser_of_the_same_day(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "user_id:1", language="nl"),
        seen("anonymous_id:b", "user_id:1", language="fr"),
    )
    (conflict,) = facts_about(ledger, "crm_contact:1").conflicts
    assert (conflict.shown.value, conflict.rule) == ("nl", "most_trusted")


def test_agreement_of_two_sources_wins_over_one(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="jan@mail.be", city="Gent", source="a"),
        seen("crm_contact:1", email="jan@mail.be", city="Brugge", source="b"),
        seen("crm_contact:1", email="jan@mail.be", city="Brugge", source="c"),
    )
    with ledger.read() as connection:
        (profile_id,) = set(memberships(ledger).values())
        (conflict,) = facts(connection, profile_id).conflicts
    assert (conflict.shown.value, conflict.rule) == ("Brugge", "most_agreed")


def test_a_malformed_value_does_not_win_by_being_new(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "user_id:1", email="jan@mail.be"),
        seen("crm_contact:2", "user_id:1", email="jan at mail", minutes=10),
    )
    (conflict,) = facts_about(ledger, "crm_contact:1").conflicts
    assert (conflict.shown.value, conflict.rule) == ("jan@mail.be", "better_formed")


def test_no_address_is_shown_that_nobody_has(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "user_id:1", street="Veldstraat 1", postal_code="9000", city="Gent"),
        seen("crm_contact:2", "user_id:1", postal_code="8000", city="Brugge", minutes=3 * YEAR),
        seen("crm_contact:3", "user_id:1", city="Oostende", minutes=4 * YEAR),
    )
    shown = facts_about(ledger, "crm_contact:1").shown
    assert (shown["postal_code"].value, shown["city"].value) == ("8000", "Brugge")


def test_a_pinned_value_is_shown_until_it_is_given_back(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "user_id:1", city="Gent"),
        seen("user_id:1", city="Brugge", minutes=YEAR),
    )
    profile_id = memberships(ledger)[atom("user_id:1")]
    with ledger.write() as connection:
        pin_value(connection, ledger, profile_id, "city", "Gent", author="eva", at=NOON)
    known = facts_about(ledger, "user_id:1")
    assert (known.shown["city"].value, known.shown["city"].source) == ("Gent", "user:eva")
    assert [c.rule for c in known.conflicts] == ["pinned"]
    with ledger.write() as connection:
        pin_value(connection, ledger, profile_id, "city", None, author="eva", at=NOON)
        with pytest.raises(InvalidInput, match="shoe_size"):
            pin_value(connection, ledger, profile_id, "shoe_size", "9", author="eva", at=NOON)
    assert facts_about(ledger, "user_id:1").shown["city"].value == "Brugge"


def test_the_earliest_date_says_since_when_somebody_is_a_customer(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "user_id:1", created_at="2019-04-01"),
        seen("user_id:1", created_at="2023-01-01", minutes=YEAR),
    )
    known = facts_about(ledger, "user_id:1")
    assert known.shown["created_at"].value == "2019-04-01"
    assert known.conflicts == ()


@pytest.fixture
def searchable(ledger: Ledger) -> Ledger:
    resolve(
        ledger,
        seen("crm_contact:1", email="agnes.kovacs@posta.hu", phone="+36301234560",
             name="Kovács Ágnes", country="HU", loyalty_card="MK-0042 17"),
        seen("crm_contact:2", email="jan@mail.be", phone="+32470112233", country="BE",
             first_name="Jan", last_name="D'Haene"),
        seen("crm_contact:3", email="jean@mail.fr", name="Jean-Pierre Kovalic", country="FR"),
    )  # fmt: skip
    placed = memberships(ledger)
    refreshed(
        ledger,
        {
            placed[atom("crm_contact:1")]: ProfileActivity(
                touchpoint_count=4, order_count=1, revenue=Decimal("12.50"),
                order_numbers=("MK-10042",),
            ),
            placed[atom("crm_contact:3")]: ProfileActivity(touchpoint_count=9),
        },
    )  # fmt: skip
    return ledger


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("agnes", ["Kovács Ágnes"]),
        ("ÁGNES kov", ["Kovács Ágnes"]),
        ("kov agn", ["Kovács Ágnes"]),
        ("kov", ["Jean-Pierre Kovalic", "Kovács Ágnes"]),  # more touchpoints first
        ("kovacs", ["Kovács Ágnes"]),
        ("dhaene", ["Jan D'Haene"]),
        ("jean-pierre", ["Jean-Pierre Kovalic"]),
        ("agnes.kovacs@posta.hu", ["Kovács Ágnes"]),
        ("agnes.kovacs@", ["Kovács Ágnes"]),
        ("jan@mail", ["Jan D'Haene"]),
        ("2233", ["Jan D'Haene"]),  # the last four digits of a phone number
        ("0470 11 22 33", ["Jan D'Haene"]),
        ("+32 470 112233", ["Jan D'Haene"]),
        ("0032470112233", ["Jan D'Haene"]),
        ("06 30 123 4560", ["Kovács Ágnes"]),
        ("mk-10042", ["Kovács Ágnes"]),
        ("mk004217", ["Kovács Ágnes"]),
        ("agnes haene", []),
        ("zoltan", []),
        ("", []),
        ("  %_ ", []),
    ],
)
def test_one_box_finds_people(searchable: Ledger, text: str, names: list[str]) -> None:
    assert found(searchable, text) == names


def test_a_refresh_removes_words_that_no_longer_apply_and_keeps_orders(
    searchable: Ledger,
) -> None:
    ledger = searchable
    resolve(ledger, seen("crm_contact:1", name="Nagy Ágnes", minutes=9))
    refreshed(ledger)
    assert found(ledger, "kovacs agnes") == []
    assert found(ledger, "agnes.kovacs") == ["Nagy Ágnes"]  # her e-mail is what it was
    assert found(ledger, "nagy") == ["Nagy Ágnes"]
    assert found(ledger, "mk-10042") == ["Nagy Ágnes"]
    with ledger.read() as connection:
        terms = connection.execute(
            select(t.search_term.c.term).where(t.search_term.c.kind == "name")
        ).scalars()
        assert "kovacs agnes" not in set(terms)


def test_refreshing_writes_the_chosen_values_and_leaves_unknown_counts(searchable: Ledger) -> None:
    refreshed(searchable)
    profile_id = memberships(searchable)[atom("crm_contact:1")]
    with searchable.read() as connection:
        row = connection.execute(
            select(t.profile).where(t.profile.c.profile_id == profile_id)
        ).one()
    assert (row.name, row.email, row.country) == ("Kovács Ágnes", "agnes.kovacs@posta.hu", "HU")
    assert (row.touchpoint_count, row.order_count, row.revenue) == (4, 1, Decimal("12.5"))


def word(granted: bool) -> tuple[ConsentChange, ...]:
    return (ConsentChange(purpose="email_marketing", granted=granted),)


def test_the_latest_word_on_a_purpose_counts_over_all_records(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "user_id:1", consents=word(True), minutes=5),
        seen("user_id:1", consents=word(False), minutes=9),
        seen("user_id:1", consents=word(True), minutes=2),
    )
    (profile_id,) = set(memberships(ledger).values())
    with ledger.read() as connection:
        (state,) = consent_state(connection, [profile_id])[profile_id]
    assert not state.granted
    assert state.since == NOON + timedelta(minutes=9)


@pytest.mark.parametrize("first", [True, False])
def test_at_one_moment_the_withdrawal_counts_whoever_comes_first(
    ledger: Ledger, first: bool
) -> None:
    for granted in (first, not first):
        resolve(ledger, seen("user_id:1", consents=word(granted)))
    (profile_id,) = set(memberships(ledger).values())
    with ledger.read() as connection:
        assert not consent_state(connection, [profile_id])[profile_id][0].granted


def test_a_withdrawn_consent_survives_a_merge(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", consents=word(True)),
        seen("crm_contact:2", consents=word(False), minutes=1),
    )
    placed = memberships(ledger)
    with ledger.write() as connection:
        join_profiles(
            connection, ledger, placed[atom("crm_contact:1")], placed[atom("crm_contact:2")],
            author="eva", reason="", at=NOON + timedelta(days=1),
        )  # fmt: skip
        (profile_id,) = set(memberships_within(connection))
        assert not consent_state(connection, [profile_id])[profile_id][0].granted


def memberships_within(connection: Connection) -> list[str]:
    m = t.membership.c
    return list(connection.execute(select(m.profile_id).where(m.valid_to.is_(None))).scalars())


def test_an_explanation_names_links_refusals_and_blocked_values(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "phone:+3293334455", email="jan@mail.be", name="Jan Peeters"),
        seen("user_id:1", "email:jan@mail.be", "email:test@test.com", source="webshop"),
        seen("crm_contact:2", "phone:+3293334455", name="Els Peeters"),
    )
    placed = memberships(ledger)
    with ledger.read() as connection:
        told = explain(connection, placed[atom("crm_contact:1")])
        full = explain(connection, placed[atom("crm_contact:1")], reveal=True)
        with pytest.raises(NotFound):
            explain(connection, "p0")
    (link,) = told.links
    assert (link.kind, link.value, {link.a.source, link.b.source}) == (
        "email",
        "j…@mail.be",
        {"shop", "webshop"},
    )
    (refusal,) = told.refused
    assert (refusal.kind, refusal.why) == ("phone", "names_do_not_agree")
    assert placed[atom("crm_contact:2")] in {refusal.a.profile_id, refusal.b.profile_id}
    assert [(v.kind, v.why) for v in told.set_aside] == [("email", "placeholder")]
    assert full.links[0].value == "jan@mail.be"
    assert "jan@mail.be" not in repr(told)
