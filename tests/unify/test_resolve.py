"""Named cases: who is one person and who is not."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from rapport.engines.ledger import Ledger
from rapport.vocabulary import ledger_tables as t
from tests.unify.sightings import atom, groups, memberships, people, resolve, seen


def test_records_that_share_an_email_are_one_person(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="Jan.Peeters@mail.be", name="Jan Peeters"),
        seen("loyalty_card:77", "email:jan.peeters@mail.be"),
    )
    people(ledger, ["crm_contact:1", "loyalty_card:77"])


def test_profiles_sharing_only_a_household_phone_are_not_merged(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "phone:+3293334455", name="Jan Peeters"),
        seen("crm_contact:2", "phone:+3293334455", name="Els Peeters"),
        seen("crm_contact:3", "phone:+3293334455"),
    )
    people(ledger, ["crm_contact:1"], ["crm_contact:2"], ["crm_contact:3"])


def test_the_same_phone_and_name_in_another_order_are_one_person(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "phone:+36301234560", name="Kovács Ágnes"),
        seen("user_id:9", "phone:+36301234560", first_name="Agnes", last_name="KOVACS"),
    )
    people(ledger, ["crm_contact:1", "user_id:9"])


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Sofie van den Berghe", "Vandenberghe Sofie"),
        ("Mme Jeanne-Marie D'Haene", "Jeanne Marie Dhaene"),
        ("dr. Nagy Béla", "Bela Nagy"),
        ("Thomas de la Fontaine", "Fontaine Thomas"),
        ("Nico Dubois", "Dubois Nicolas"),  # what he is called at home
        ("Kovács Pisti", "Kovács István"),
    ],
)
def test_titles_prefixes_and_accents_do_not_part_a_person(
    ledger: Ledger, one: str, two: str
) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "phone:+3293334455", name=one),
        seen("user_id:2", "phone:+3293334455", name=two),
    )
    people(ledger, ["crm_contact:1", "user_id:2"])


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Kovács János", "Kovács Jánosné"),  # husband and wife
        ("David Dobbins", "David Dobbins Jr"),
        ("ifj. Tóth Péter", "id. Tóth Péter"),
        ("Daniel Maes", "Daniela Maes"),
        ("Marie Dubois", "Maria Dubois"),  # forms of one name, and both are given at the font
        ("Jan Maes", "Johan Maes"),
        ("Bert Maes", "Rob Maes"),  # short forms of Robert, of which each may be another's
        ("Nico Dubois", "Nicolas Maes"),
        ("J. Peeters", "Jan Peeters"),  # an initial does not suffice for a phone
        ("Peeters", "Jan Peeters"),
    ],
)
def test_a_phone_does_not_link_names_that_may_be_two_persons(
    ledger: Ledger, one: str, two: str
) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "phone:+3293334455", name=one),
        seen("user_id:2", "phone:+3293334455", name=two),
    )
    people(ledger, ["crm_contact:1"], ["user_id:2"])


def test_junior_and_senior_sharing_an_email_stay_two_persons(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="dobbins@mail.com", name="David Dobbins Sr"),
        seen("crm_contact:2", email="dobbins@mail.com", name="David Dobbins Jr"),
    )
    people(ledger, ["crm_contact:1"], ["crm_contact:2"])


def test_father_and_son_of_one_name_are_told_apart_by_their_birthdays(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="claes@mail.be", name="Luc Claes", birthday="1951-02-03"),
        seen("crm_contact:2", email="claes@mail.be", name="Luc Claes", birthday="1979-08-14"),
    )
    people(ledger, ["crm_contact:1"], ["crm_contact:2"])


def test_a_swapped_day_and_month_does_not_part_a_person(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="claes@mail.be", name="Luc Claes", birthday="1951-02-03"),
        seen("crm_contact:2", email="claes@mail.be", name="Luc Claes", birthday="1951-03-02"),
    )
    people(ledger, ["crm_contact:1", "crm_contact:2"])


def test_twins_at_one_address_phone_and_email_stay_two_persons(ledger: Ledger) -> None:
    shared = {"email": "maes@mail.be", "birthday": "2001-05-06", "phone": "+3293334455"}
    resolve(
        ledger,
        seen("crm_contact:1", first_name="Lotte", last_name="Maes", **shared),
        seen("crm_contact:2", first_name="Fien", last_name="Maes", **shared),
    )
    people(ledger, ["crm_contact:1"], ["crm_contact:2"])


def test_an_email_of_one_person_under_two_forms_of_a_name_is_not_a_households(
    ledger: Ledger,
) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="dubois@mail.be", name="Nicolas Dubois"),
        seen("crm_contact:2", email="dubois@mail.be", name="Nico Dubois"),
        seen("user_id:3", email="dubois@mail.be"),
    )
    people(ledger, ["crm_contact:1", "crm_contact:2", "user_id:3"])


def test_a_household_email_still_links_the_records_of_one_name(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="peeters@mail.be", name="Jan Peeters"),
        seen("crm_contact:2", email="peeters@mail.be", name="Els Peeters"),
        seen("user_id:3", email="peeters@mail.be", name="Peeters Els"),
        seen("user_id:4", email="peeters@mail.be"),
    )
    people(ledger, ["crm_contact:1"], ["crm_contact:2", "user_id:3"], ["user_id:4"])


def test_a_nameless_record_is_no_bridge_between_two_persons(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="jan@mail.be", name="Jan Peeters"),
        seen("crm_contact:2", email="els@mail.be", name="Els Peeters"),
        seen("user_id:3", "email:jan@mail.be", "email:els@mail.be"),
    )
    placed = memberships(ledger)
    assert placed[atom("crm_contact:1")] != placed[atom("crm_contact:2")]


def test_a_second_name_on_an_email_takes_apart_what_it_had_joined(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="peeters@mail.be", name="Jan Peeters"),
        seen("user_id:4", email="peeters@mail.be"),
    )
    people(ledger, ["crm_contact:1", "user_id:4"])
    outcome = resolve(ledger, seen("crm_contact:2", email="peeters@mail.be", name="Els Peeters"))
    people(ledger, ["crm_contact:1"], ["crm_contact:2"], ["user_id:4"])
    assert len(outcome.split) == 1
    assert len(outcome.created) == 1


def test_two_accounts_of_one_shop_are_not_merged_by_an_email(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("user_id:1", "email:jan@mail.be"),
        seen("user_id:2", "email:jan@mail.be"),
    )
    people(ledger, ["user_id:1"], ["user_id:2"])


def test_accounts_of_two_shops_are_merged_by_an_email(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("user_id:1", "email:jan@mail.be", source="shop"),
        seen("user_id:1", "email:jan@mail.be", source="outlet"),
    )
    assert len(set(memberships(ledger).values())) == 1


def test_an_alias_joins_the_old_account_to_the_new(ledger: Ledger) -> None:
    resolve(ledger, seen("user_id:old"), seen("user_id:new"))
    people(ledger, ["user_id:old"], ["user_id:new"])
    outcome = resolve(ledger, seen("user_id:new", "user_id:old", minutes=5))
    people(ledger, ["user_id:old", "user_id:new"])
    assert len(outcome.merged) == 1
    assert len(outcome.retired) == 1


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "at once"])
def test_an_account_that_everybody_is_an_alias_of_joins_nobody(
    ledger: Ledger, together: bool
) -> None:
    names = ("Anna Peeters", "Bert Maes", "Chloe Janssens", "Dirk Claes", "Els Jacobs")
    told = [
        sighting
        for n, name in enumerate(names)
        for sighting in (
            seen(f"user_id:{n}", f"email:p{n}@mail.be", name=name, minutes=n),
            seen("user_id:hub", f"user_id:{n}", minutes=n),
        )
    ]
    for batch in [told] if together else [[sighting] for sighting in told]:
        resolve(ledger, *batch)
    people(ledger, ["user_id:hub"], *([f"user_id:{n}"] for n in range(len(names))))


def test_two_old_accounts_may_become_one_new_one(ledger: Ledger) -> None:
    resolve(ledger, seen("user_id:a"), seen("user_id:b"), seen("user_id:new", "user_id:a"))
    resolve(ledger, seen("user_id:new", "user_id:b", minutes=5))
    people(ledger, ["user_id:a", "user_id:b", "user_id:new"])


def test_a_number_given_to_one_after_the_other_makes_nobody_one_person(ledger: Ledger) -> None:
    """Namesakes, of whom each once had the customer number 7 and now has an account."""
    resolve(
        ledger,
        *(seen("crm_contact:7", f"email:p{n}@mail.be", name="Jan Peeters") for n in range(12)),
        *(seen(f"user_id:{n}", f"email:p{n}@mail.be", name="Jan Peeters") for n in range(12)),
    )
    people(ledger, ["crm_contact:7"], *([f"user_id:{n}"] for n in range(12)))


@pytest.mark.parametrize("late", [False, True])
def test_an_anonymous_browser_joins_whoever_signs_in_on_it(ledger: Ledger, late: bool) -> None:
    browsing = seen("anonymous_id:b1")
    signing_in = seen("user_id:7", "anonymous_id:b1", "email:jan@mail.be", minutes=3)
    for sighting in (signing_in, browsing) if late else (browsing, signing_in):
        resolve(ledger, sighting)
    people(ledger, ["anonymous_id:b1", "user_id:7"])


def test_a_shared_tablet_joins_nobody_and_merges_nobody(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("device_id:tablet"),
        seen("user_id:jan", "device_id:tablet", "email:jan@mail.be"),
    )
    people(ledger, ["device_id:tablet", "user_id:jan"])
    resolve(ledger, seen("user_id:els", "device_id:tablet", "email:els@mail.be"))
    people(ledger, ["device_id:tablet"], ["user_id:jan"], ["user_id:els"])


def test_a_device_on_which_two_people_signed_in_merges_nobody(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("user_id:jan", "email:jan@mail.be"),
        seen("user_id:els", "email:els@mail.be"),
        seen("anonymous_id:b", "user_id:jan"),
        seen("anonymous_id:b", "user_id:els", minutes=9),
    )
    people(ledger, ["user_id:jan"], ["user_id:els"], ["anonymous_id:b"])


def test_two_browsers_of_one_account_are_one_person(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("anonymous_id:b1", "user_id:jan"),
        seen("anonymous_id:b2", "user_id:jan"),
    )
    people(ledger, ["anonymous_id:b1", "anonymous_id:b2"])


def test_a_browser_with_one_persons_account_and_anothers_email_merges_nobody(
    ledger: Ledger,
) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "user_id:jan"),
        seen("crm_contact:2", "email:els@mail.be"),
        seen("anonymous_id:b", "user_id:jan", "email:els@mail.be"),
    )
    people(ledger, ["crm_contact:1", "anonymous_id:b"], ["crm_contact:2"])


def test_a_caller_without_a_name_is_the_only_person_with_that_number(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", "phone:+3293334455", name="Jan Peeters"),
        seen("phone:+3293334455"),
    )
    people(ledger, ["crm_contact:1", "phone:+3293334455"])
    resolve(ledger, seen("crm_contact:2", "phone:+3293334455", name="Els Peeters"))
    people(ledger, ["crm_contact:1"], ["crm_contact:2"], ["phone:+3293334455"])


@pytest.mark.parametrize(
    "email", ["test@test.com", "noreply@shop.be", "geen@gmail.com", "nincs@nincs.hu", "info@x.be"]
)
def test_a_placeholder_email_links_nobody(ledger: Ledger, email: str) -> None:
    resolve(ledger, *(seen(f"crm_contact:{n}", email=email) for n in range(3)))
    people(ledger, ["crm_contact:0"], ["crm_contact:1"], ["crm_contact:2"])


@pytest.mark.parametrize("phone", ["+320000000", "+3612345678", "+32999999999"])
def test_a_placeholder_phone_links_nobody(ledger: Ledger, phone: str) -> None:
    resolve(
        ledger,
        *(seen(f"crm_contact:{n}", f"phone:{phone}", name="Jan Peeters") for n in range(2)),
    )
    people(ledger, ["crm_contact:0"], ["crm_contact:1"])


def test_a_placeholder_that_no_list_knows_makes_no_wrong_merge(ledger: Ledger) -> None:
    names = [f"{first} {last}" for first in ("Jan", "Els", "Luc", "Ann") for last in ABC]
    records = [
        seen(f"crm_contact:{n}", "email:kassa7@winkel.be", name=names[n % len(names)] + f" X{n}")
        for n in range(1_000)
    ]
    for start in range(0, 1_000, 125):
        resolve(ledger, *records[start : start + 125])
    assert len(set(memberships(ledger).values())) == 1_000


ABC = [f"{a}{b}osch" for a in "bdklmprst" for b in "aeiou"]


def test_a_nameless_placeholder_joins_few_and_then_lets_them_go(ledger: Ledger) -> None:
    records = [seen(f"loyalty_card:{n}", "email:kassa7@winkel.be") for n in range(1_000, 1_260)]
    for record in records[:40]:
        resolve(ledger, record)
    resolve(ledger, *records[40:])
    assert len(set(memberships(ledger).values())) == len(records)


def test_limits_hold_for_a_chain_of_emails(ledger: Ledger) -> None:
    resolve(
        ledger,
        *(seen(f"crm_contact:{n}", f"email:a{n}@m.be", f"email:a{n + 1}@m.be") for n in range(12)),
    )
    for members in groups(memberships(ledger)):
        assert len(members) <= 4  # crm_contact's limit


def test_resolving_twice_changes_nothing(ledger: Ledger) -> None:
    batch = [
        seen("crm_contact:1", "phone:+3293334455", email="jan@mail.be", name="Jan Peeters"),
        seen("user_id:2", "email:jan@mail.be", "anonymous_id:b1"),
        seen("anonymous_id:b1"),
    ]
    first = resolve(ledger, *batch)
    again = resolve(ledger, *batch)
    assert len(first.created) == 1
    assert again.moved == {}
    assert again.profiles == first.profiles
    with ledger.read() as connection:
        count = connection.execute(select(func.count()).select_from(t.decision)).scalar_one()
    assert count == 1


def test_the_id_stays_with_the_profile_that_has_most_touchpoints(ledger: Ledger) -> None:
    resolve(ledger, seen("crm_contact:1", "email:a@m.be"))
    resolve(ledger, seen("crm_contact:2", "email:b@m.be"), seen("user_id:2", "email:b@m.be"))
    small = memberships(ledger)[atom("crm_contact:1")]
    with ledger.write() as connection:
        connection.execute(
            t.profile.update().where(t.profile.c.profile_id == small).values(touchpoint_count=90)
        )
    outcome = resolve(ledger, seen("crm_contact:3", "email:a@m.be", "email:b@m.be"))
    assert set(memberships(ledger).values()) == {small}
    assert set(outcome.retired.values()) == {small}


def test_every_record_has_exactly_one_open_membership_with_its_decision(ledger: Ledger) -> None:
    resolve(ledger, seen("user_id:old"), seen("user_id:new"))
    resolve(ledger, seen("user_id:new", "user_id:old", minutes=5))
    m, d = t.membership.c, t.decision.c
    with ledger.read() as connection:
        rows = connection.execute(
            select(m.atom_id, d.kind, m.valid_to).join(t.decision, d.decision_id == m.decision_id)
        ).all()
    still_open = [row[0] for row in rows if row[2] is None]
    assert sorted(still_open) == sorted({atom("user_id:old"), atom("user_id:new")})
    assert sorted(row[1] for row in rows) == ["create", "create", "merge"]


def test_a_mailbox_that_names_a_family_links_only_agreeing_names(ledger: Ledger) -> None:
    resolve(
        ledger,
        seen("crm_contact:1", email="familie.maes@mail.be", name="Jan Maes"),
        seen("user_id:2", email="familie.maes@mail.be", name="Maes Jan"),
        seen("user_id:3", email="familie.maes@mail.be", source="outlet"),
    )
    assert len(set(memberships(ledger).values())) == 2


def test_a_component_too_large_to_judge_is_reported_and_left_as_it_stands(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapport.unify.stored_evidence.MAX_COMPONENT", 20)
    pair = [seen("loyalty_card:A0", "email:a0@m.be"), seen("loyalty_card:A1", "email:a0@m.be")]
    resolve(ledger, *pair)
    together = memberships(ledger)
    chain = [
        seen(f"loyalty_card:A{n}", f"email:a{n}@m.be", f"email:a{n + 1}@m.be") for n in range(25)
    ]
    outcome = resolve(ledger, *chain)
    placed = memberships(ledger)
    assert outcome.oversized == (25,)
    assert {record: placed[record] for record in together} == together
    assert len(placed) == 25
    assert len(set(placed.values())) == 24
    people_before = dict(placed)
    resolve(ledger, seen("user_id:far", "email:elsewhere@m.be"))
    assert {record: memberships(ledger)[record] for record in people_before} == people_before
