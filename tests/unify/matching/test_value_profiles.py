import numpy as np
import pytest

from rapport.unify.matching.standardise import standardise
from rapport.unify.matching.value_profiles import profile_values, with_rarity
from tests.unify.matching.invented import stated
from tests.unify.matching.simple_comparisons import BIRTH, DEVICE, EMAIL, NAME, POSTCODE


def holder_of(table, value):
    _, profiles = profile_values(standardise(table, [NAME, EMAIL, DEVICE]))
    return {row["value"]: row["holder"] for row in profiles.table.to_pylist()}.get(value)


@pytest.mark.parametrize(
    ("names", "holder"),
    [
        (["Jan Maes", "J. Maes", "Jan Maas"], "personal"),
        (["Jan Maes", "Els Maes", "Lien Maes"], "household"),
        (["Jan Maes", "Els Peeters", "Bela Nagy", "Otto Brown"], "generic"),
        ([f"{a}{b} {b}{a}ov" for a in "klmnp" for b in "aeiou"], "junk"),
    ],
)
def test_a_mailbox_is_whose_the_names_under_it_show(names, holder):
    table = stated(name=names, email=["x1@mail.be"] * len(names))
    assert holder_of(table, "x1@mail.be") == holder


def test_a_placeholder_is_junk_however_few_hold_it():
    table = stated(name=["Jan Maes", "Jan Maes"], email=["null@mail.be"] * 2)
    assert holder_of(table, "null@mail.be") == "junk"


def test_what_is_junk_says_nothing_any_more():
    table = stated(name=["Jan Maes", "Els Nagy"], email=["null@mail.be", "els@mail.be"])
    standardised, _ = profile_values(standardise(table, [NAME, EMAIL]))
    assert [row["email"] for row in standardised.rows()] == [None, "els@mail.be"]


def test_a_company_may_block_values_of_its_own():
    table = stated(email=["kiosk7@mail.be", "els@mail.be"])
    standardised, _ = profile_values(
        standardise(table, [EMAIL]), blocked={("email", "kiosk7@mail.be")}
    )
    assert [row["email"] for row in standardised.rows()] == [None, "els@mail.be"]


def test_a_school_s_device_is_not_a_person_s():
    table = stated(device_id=["tablet"] * 150 + [f"own{i // 2}" for i in range(400)])
    assert holder_of(table, "tablet") == "generic"
    assert holder_of(table, "own1") == "personal"


def test_sources_and_records_of_a_value_are_counted():
    table = stated(source=["web", "web", "shop"], email=["a1@mail.be"] * 3)
    _, profiles = profile_values(standardise(table, [EMAIL]), table["source"])
    assert profiles.table.select(["records", "sources"]).to_pylist() == [
        {"records": 3, "sources": 2}
    ]


def test_common_values_have_the_greater_share():
    table = stated(postal_code=["1000"] * 50 + [str(2000 + i) for i in range(50)])
    rows = list(with_rarity(standardise(table, [POSTCODE])).rows())
    assert rows[0]["postcode_value_share"] == pytest.approx(0.48, abs=0.03)
    assert rows[99]["postcode_value_share"] <= 0.01


def test_the_share_of_a_name_is_that_of_its_words():
    names = [f"jan w{chr(97 + i)}" for i in range(20)] + ["piet rara"]
    rows = list(with_rarity(standardise(stated(name=names), [NAME])).rows())
    assert rows[0]["name_words_share"] > 10 * rows[-1]["name_words_share"]


def test_a_person_s_own_records_do_not_make_a_birthday_common():
    dates = [f"19{i:02}-0{1 + i % 9}-11" for i in range(100)]
    table = stated(birthday=dates + ["1950-05-05"] * 5)
    shares = [
        list(with_rarity(standardise(table, [BIRTH]), records_per_person=d).rows())[-1][
            "birth_share"
        ]
        for d in (1.0, 3.0)
    ]
    assert shares[1] < shares[0] / 3


def test_ten_thousand_holders_are_profiled_at_once():
    table = stated(
        name=[f"{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}a p{i % 997}o" for i in range(10_000)],
        email=["null@example.com"] * 10_000,
    )
    standardised, profiles = profile_values(standardise(table, [NAME, EMAIL]))
    assert profiles.table["holder"].to_pylist() == ["junk"]
    assert np.all(standardised.readings[1].codes == -1)
