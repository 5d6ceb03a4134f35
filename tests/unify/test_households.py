"""Households: people who live together, whom nothing merges."""

from __future__ import annotations

import random
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from rapport.engines.ledger import Ledger, open_ledger
from rapport.unify.group_words import (
    HOUSEHOLD,
    InHousehold,
    account_role,
    household_roles,
    oldest_records,
    said_roles,
    say_role,
    say_word,
    standing_words,
    take_word_back,
)
from rapport.vocabulary import ledger_tables as t
from tests.unify.sightings import NOON
from tests.unify.told import (
    at_home,
    full_households,
    households,
    in_pieces,
    profile_with,
    records_of,
    rederive,
    said,
    tell,
)


def test_one_address_and_family_name_make_a_household_and_merge_nobody(ledger: Ledger) -> None:
    tell(
        ledger, at_home(1, "Jan Maes"), at_home(2, "Els Maes"), at_home(3, "Tom Wouters", "Kaai 9")
    )
    assert households(ledger) == {frozenset({"1", "2"})}
    assert len(records_of(ledger)) == 3
    with ledger.read() as connection:
        row = connection.execute(select(t.household)).one()
    assert (row.name, row.members, row.city) == ("Maes", 2, "Gent")
    assert row.confidence == pytest.approx(0.95)


def test_a_family_name_in_common_makes_an_address_say_more(ledger: Ledger) -> None:
    tell(
        ledger,
        at_home(1, "Jan Maes"), at_home(2, "Els Maes"),
        at_home(3, "Tom Wouters", "Kaai 9"), at_home(4, "An Claes", "Kaai 9"),
    )  # fmt: skip
    found = {tuple(members): why for _, members, why in full_households(ledger)}
    with_name, without = found["1", "2"], found["3", "4"]
    assert with_name[0][2] > without[0][2] >= 0.6


def test_spellings_of_one_address_are_one_home(ledger: Ledger) -> None:
    tell(
        ledger,
        at_home(1, "Marie Petit", "12, R. Haute", city="Bruxelles", postal_code="1000"),
        at_home(2, "Luc Petit", "Rue Haute 12", city="Brussel", postal_code="B-1000"),
        at_home(3, "Kiss Anna", "Kossuth L. u. 5.", city="Pécs", postal_code="7621", country="HU"),
        at_home(4, "Kiss Béla", "Kossuth L. utca 5", city="PÉCS", postal_code="7621", country="HU"),
    )
    assert households(ledger) == {frozenset({"1", "2"}), frozenset({"3", "4"})}


def test_a_block_of_flats_is_no_household_but_families_in_it_are(ledger: Ledger) -> None:
    families = ("Maes", "Claes", "Wouters", "Peeters", "Jacobs", "Mertens", "Willems", "Goossens")
    flats = [at_home(n, f"Jan {family}", "Torenplein 1") for n, family in enumerate(families)]
    tell(ledger, *flats, at_home(90, "Els Maes", "Torenplein 1"))
    assert households(ledger) == {frozenset({"0", "90"})}


def test_boxes_tell_flats_apart(ledger: Ledger) -> None:
    tell(
        ledger,
        at_home(1, "Jan Maes", "Kaai 9 bus 1"), at_home(2, "Els Claes", "Kaai 9 bus 1"),
        at_home(3, "Tom Wouters", "Kaai 9 bus 2"), at_home(4, "An Peeters", "Kaai 9 bus 2"),
    )  # fmt: skip
    assert households(ledger) == {frozenset({"1", "2"}), frozenset({"3", "4"})}


def test_a_school_s_address_is_nobody_s_home(ledger: Ledger) -> None:
    school = "Schoolstraat 1"
    tell(ledger, *(at_home(n, f"Jan Familie{chr(97 + n % 26)}{n}", school) for n in range(70)))
    tell(ledger, at_home(100, "Els Maes", school), at_home(101, "Tom Maes", school))
    assert households(ledger) == set()


def test_colleagues_at_a_company_s_address_live_apart(ledger: Ledger) -> None:
    office = {"street": "Industrieweg 4", "postal_code": "9000", "city": "Gent", "country": "BE"}
    tell(
        ledger,
        said("crm_account:K1", name="Acme BV", company="Acme BV", **office),
        at_home(1, "Jan Maes", "Industrieweg 4"), at_home(2, "Els Claes", "Industrieweg 4"),
    )  # fmt: skip
    assert households(ledger) == set()


@pytest.mark.parametrize("shared", ["phone:+3293334455", "iban:BE68539007547034"])
def test_a_shared_number_joins_people_without_address(ledger: Ledger, shared: str) -> None:
    tell(
        ledger,
        said("crm_contact:1", shared, name="Jan Maes"),
        said("crm_contact:2", shared, name="Els Maes"),
    )
    assert households(ledger) == {frozenset({"1", "2"})}
    assert len(records_of(ledger)) == 2


def test_a_number_of_five_people_is_no_household_s(ledger: Ledger) -> None:
    names = ("Jan Maes", "Els Claes", "Tom Wouters", "An Peeters", "Luc Jacobs")
    tell(
        ledger,
        *(said(f"crm_contact:{n}", "phone:+3293334455", name=name) for n, name in enumerate(names)),
    )
    assert households(ledger) == set()


def test_people_who_live_elsewhere_by_now_are_not_joined_by_a_number(ledger: Ledger) -> None:
    shared = "phone:+3293334455"
    tell(
        ledger,
        at_home(1, "Jan Maes", "Dorpsstraat 12", shared),
        at_home(2, "Els Maes", "Kerkstraat 3", shared),
    )
    assert households(ledger) == set()


def test_the_latest_address_decides_and_a_move_is_remembered(ledger: Ledger) -> None:
    tell(ledger, at_home(1, "Jan Maes"), at_home(2, "Els Maes"), at_home(3, "Tom Claes", "Kaai 9"))
    tell(ledger, at_home(2, "Els Maes", "Kaai 9", days=30))
    assert households(ledger) == {frozenset({"2", "3"})}
    with ledger.read() as connection:
        homes = connection.execute(
            select(t.belonging.c.value, t.belonging.c.first_seen)
            .join(t.atom, t.atom.c.atom_id == t.belonging.c.atom_id)
            .where(t.atom.c.value == "2", t.belonging.c.kind == "home")
            .order_by(t.belonging.c.first_seen)
        ).all()
    assert len(homes) == 2
    assert homes[0].first_seen < homes[1].first_seen


def test_one_person_whom_silos_spell_in_two_ways_is_no_household(ledger: Ledger) -> None:
    tell(ledger, at_home(1, "Zsuzsanna Maes"), at_home(2, "Zsuzsa Maess"))
    assert len(records_of(ledger)) == 2
    assert households(ledger) == set()


def test_words_outrank_what_is_derived_and_are_taken_back(ledger: Ledger) -> None:
    tell(ledger, at_home(1, "Jan Maes"), at_home(2, "Els Maes"), at_home(3, "Tom Claes", "Kaai 9"))
    people = [profile_with(ledger, record) for record in ("1", "2", "3")]

    def say(a: str, b: str, *, together: bool) -> int:
        with ledger.write() as connection:
            records = oldest_records(connection, people)
            number = say_word(
                connection, "household", records[a], records[b], together=together,
                author="els@kadar.example", reason="", at=NOON,
            )  # fmt: skip
            rederive(connection, ledger, {a, b})
        return number

    say(people[0], people[1], together=False)
    assert households(ledger) == set()
    number = say(people[0], people[2], together=True)  # although they state other addresses
    assert households(ledger) == {frozenset({"1", "3"})}
    with ledger.write() as connection:
        touched = take_word_back(connection, HOUSEHOLD, number, author="els@kadar.example", at=NOON)
        rederive(connection, ledger, set(touched))
        atoms = oldest_records(connection, people).values()
        assert [word.together for word in standing_words(connection, "household", atoms)] == [False]
    assert households(ledger) == set()
    say(people[1], people[0], together=True)  # the later word of two replaces the earlier
    assert households(ledger) == {frozenset({"1", "2"})}


def test_a_household_s_id_leads_to_its_oldest_record(ledger: Ledger) -> None:
    tell(ledger, at_home(1, "Jan Maes"), at_home(2, "Els Maes", days=1))
    [(before, _, _)] = full_households(ledger)
    tell(ledger, at_home(3, "Tom Maes", days=2))
    [(after, members, _)] = full_households(ledger)
    assert (before, members) == (after, ["1", "2", "3"])


def test_deriving_again_changes_nothing(ledger: Ledger) -> None:
    tell(ledger, at_home(1, "Jan Maes"), at_home(2, "Els Maes"))
    before = full_households(ledger)
    with ledger.write() as connection:
        changes = connection.execute(select(func.count()).select_from(t.household)).scalar()
        rederive(connection, ledger, set(records_of(ledger)))
    assert (full_households(ledger), changes) == (before, 1)


# ── roles ──────────────────────────────────────────────────────────────────────────────────────


def test_roles_follow_birthdays_and_payments() -> None:
    roles = household_roles(
        [
            InHousehold(profile_id="mother", birthday="1980-05-01", revenue=Decimal(10),
                        touchpoint_count=40, reachable=True),
            InHousehold(profile_id="father", birthday="1978-05-01", revenue=Decimal(90),
                        touchpoint_count=9, reachable=True),
            InHousehold(profile_id="daughter", birthday="2012-05-01", revenue=Decimal(500)),
            InHousehold(profile_id="student", birthday="2004-05-01"),
            InHousehold(profile_id="aunt"),
        ],
        date(2026, 3, 1),
    )  # fmt: skip
    assert roles == {
        "mother": ("contact_person",), "father": ("payer",), "daughter": ("child",),
        "student": ("child",), "aunt": ("adult",),
    }  # fmt: skip


def test_a_said_role_holds_until_it_is_given_back(ledger: Ledger) -> None:
    tell(ledger, at_home(1, "Jan Maes"))
    jan = profile_with(ledger, "1")
    with ledger.write() as connection:
        [record] = oldest_records(connection, [jan]).values()
        author = "els@kadar.example"
        say_role(connection, ledger, "household", record, "payer", author=author, at=NOON)
        assert said_roles(connection, "household", [jan]) == {jan: ("payer", author)}
        say_role(connection, ledger, "household", record, None, author=author, at=NOON)
        assert said_roles(connection, "household", [jan]) == {}


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("Ügyvezető igazgató", "decision_maker"), ("Aankoper", "buyer"),
        ("Responsable comptabilité", "invoice_contact"), ("Beszerzési vezető", "user"),
        ("Intern", "user"), (None, "contact"),
    ],
)  # fmt: skip
def test_titles_in_our_languages_tell_a_role(title: str | None, role: str) -> None:
    assert account_role(title, "jan@acme.be") == role


# ── the order of arrival ───────────────────────────────────────────────────────────────────────

_NAMES = ("Jan Maes", "Els Maes", "Tom Claes", "An Claes", "Luc Petit", "Zoë Petit", "Jan Wouters")
_STREETS = ("Dorpsstraat 12", "Kaai 9 bus 1", "Kaai 9 bus 2", "Kaai 9", "Torenplein 1")
_SHARED = ("phone:+3293334455", "phone:+3293334466", "email:familie.maes@mail.be", "device_id:d",
           "email:els@mail.be")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_arrival_does_not_matter(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)  # noqa: S311
    story = []
    for n in range(22):
        name = _NAMES[n % len(_NAMES)]
        record = n if random_.random() < 0.8 else n // 2
        others = random_.sample(_SHARED, random_.randint(0, 1))
        if random_.random() < 0.75:
            story.append(at_home(record, name, random_.choice(_STREETS), *others, days=n))
        else:
            story.append(said(f"crm_contact:{record}", *others, name=name, days=n))
    template = tmp_path / "empty.sqlite"
    open_ledger(f"sqlite:///{template}").close()
    answers = []
    for attempt in range(4):
        path = tmp_path / f"{attempt}.sqlite"
        shutil.copy(template, path)
        ledger = open_ledger(f"sqlite:///{path}", migrate=False)
        try:
            in_pieces(ledger, story, (len(story), 1, 5, 3)[attempt])
            answers.append(full_households(ledger))
        finally:
            ledger.close()
        random_.shuffle(story)
    assert answers[0]
    assert all(answer == answers[0] for answer in answers[1:])
