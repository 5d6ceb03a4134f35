"""Names as registers, shops and spreadsheets of five languages write them."""

from __future__ import annotations

import pytest

from rapport.unify.matching.comparison import RecordKind
from rapport.unify.matching.comparisons.name import COMPARISON, read_name
from rapport.unify.matching.standardise import kind_of_record
from rapport.unify.name_words import names_organisation
from tests.unify.matching.comparisons.readings import level, read

#: A name in one field, or given and family in two.
Stated = str | tuple[str, str]


def _stated(name: Stated) -> dict[str, str | None]:
    if isinstance(name, str):
        return {"name": name}
    return {"first_name": name[0], "last_name": name[1]}


def _level(one: Stated, other: Stated) -> str | None:
    return level(COMPARISON, _stated(one), _stated(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Hungarian: family first, accents lost, titles
        ("Kovács Ágnes", ("Ágnes", "Kovács")),
        ("KOVACS AGNES", "Ágnes Kovács"),
        ("dr. Szűcs Béla", ("Béla", "Szucs")),
        ("Kovácsné Nagy Ágnes", "KOVACSNE NAGY AGNES"),
        ("Kovács Jánosné", ("Jánosné", "Kovács")),
        ("Kovács Jánosné", "KOVACS JANOSNE"),
        ("Őry Győző", "Ôry Gyõzõ"),  # ő and ű in the wrong code page
        # Dutch: prefixes written, dropped, glued, put behind a comma
        ("Victor van den Brink", ("Victor", "Brink")),
        (("Victor", "van den Brink"), "Brink, Victor van den"),
        (("Els", "Vandenberghe"), "Els Van den Berghe"),
        (("Els", "De Smet"), ("Els", "Desmet")),
        (("Els", "Vanden Berghe"), ("Els", "van den Berghe")),
        (("Merel", "vanderHorst"), "Merel van der Horst"),
        ("Piet v.d. Berg", ("Piet", "van den Berg")),
        (("Jordi", "DeMey"), "De Mey Jordi"),
        (("Jan", "Vanhove"), ("Jan", "van Hove")),
        (("Karel", "van Dijck"), ("Karel", "van Dyck")),
        (("Evelijne", "Joris"), "Joris Evelyne"),
        ("Mevr. Ann Peeters", ("Ann", "Peeters")),
        # French: compounds, articles, capitals
        ("Jean-Pierre Dupont", ("Jean Pierre", "Dupont")),
        ("DUPONT Jean-Pierre", ("Jean-Pierre", "Dupont")),
        (("Marie", "Dupont-Martin"), ("Marie", "Martin Dupont")),
        (("Gabriel", "Le Bon"), "Lebon Gabriel"),
        (("Hélène", "d'Hondt"), ("Helene", "D’Hondt")),
        ("Mme Marie Dupont née Martin", ("Marie", "Dupont Martin")),
        # German and English
        (("Jörg", "Weiß"), "Joerg Weiss".replace("oe", "o")),
        ("O'Hare Ellie", ("Ellie", "Ohare")),
        ("Dr. John Smith PhD", ("John", "Smith")),
        (("Shaw", "Daniella"), ("Daniella", "Shaw")),  # swapped fields
        ("ROBERT MCDONALD", ("Robert", "Mc Donald")),
    ],
)
def test_one_name_in_two_spellings_is_the_same_words(one: Stated, other: Stated) -> None:
    assert _level(one, other) == "same_words"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # one says more than the other
        ("Kovácsné Nagy Ágnes", "Nagy Ágnes", "more_words"),
        (("Anna Mária", "Nagy"), "Nagy Anna", "more_words"),
        (("Marie", "Dupont-Martin"), "Marie Dupont", "more_words"),
        (("Lies", "Peeters"), "Peeters Janssens Lies", "more_words"),
        ("Dobbins David Jr.", "David Dobbins", "more_words"),
        # slips of the hand
        (("Ágnes", "Kovács"), ("Ágnes", "Kovásc"), "slips"),
        (("Benny", "Verhelst"), "Verhhelst Bennny", "slips"),
        ("Pieter Janssens", "Pietre Janssens", "alike"),  # its last letter differs
        ("Stefan Müller", "Stefan Mueller", "slips"),
        (("Jürgen", "Schröder"), ("Juergen", "Schröder"), "given_slip"),
        ("Szilvássy Réka", "Réka Szilvásy", "slips"),
        (("Carla", "Janssens"), ("Caarla", "Janssens"), "given_slip"),
        ("Michel Breton", "Brteon Micheq", "alike"),
        (("Christof", "Dobbelaere"), ("Khristof", "Dobbelaere"), "alike"),
        # initials
        ("J. Peeters", ("Jan", "Peeters"), "initial"),
        ("Peeters J.", "J Peeters", "initial"),
        ("J.-P. Dupont", ("Jean-Pierre", "Dupont"), "initial"),
        ("Dupont, J.P.", "Jean-Pierre Dupont", "initial"),
        ("k. Van Goethem", ("Koen", "Goethem"), "initial"),
        ("B. Verhhelst", ("Benny", "Verhelst"), "initial_alike"),
        ("J. Geudens", "Geudens Jhon", "initial_alike"),  # which is which, nobody knows
        # what people are called at home
        (("Bob", "Smith"), ("Robert", "Smith"), "nickname"),
        ("Kovács Kata", ("Katalin", "Kovács"), "nickname"),
        (("Els", "Peeters"), ("Elisabeth", "Peeters"), "nickname"),
        (("Nico", "Lefèvre"), "Nicolas LEFEVRE", "nickname"),
        (("Sepp", "Huber"), ("Josef", "Huber"), "nickname"),
        (("Bill", "Kelly"), ("Liam", "Kelly"), "nickname"),
        (("Manu", "Colyn"), ("Emmanuel", "Colin"), "alike"),  # and a slip in the family
        # too little said
        ("Peeters", "Jan Peeters", "one_word"),
        ({"name": "Andreasson"}["name"], "ANDREASSON", "same_single_word"),
        # somebody else
        (("Jan", "Peeters"), ("Els", "Peeters"), "same_family"),
        ("Kovács Péter", "Kovács Ágnes", "same_family"),
        (("Els", "Peeters"), ("Els", "Janssens"), "same_given"),
        ("Lou Beyens", "Lou Janssens", "same_given"),
        (("Daniel", "Smith"), ("Daniela", "Jones"), "else"),
        ("Nagy Béla", "Jan Peeters", "else"),
        ("John A. Smith", "John B. Smith", "alike"),  # another middle initial
        ("J. Peeters", "K. Peeters", "same_family"),
        ("J. Peeters", ("Karel", "Peeters"), "same_family"),
    ],
)
def test_names_stand_on_the_level_that_a_clerk_would_say(
    one: Stated, other: Stated, expected: str
) -> None:
    assert _level(one, other) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Daniel", "Smith"), ("Daniela", "Smith")),
        (("Jean", "Dupont"), ("Jeanne", "Dupont")),
        (("Paul", "Peeters"), ("Paula", "Peeters")),
        (("Louis", "Martin"), ("Louise", "Martin")),
        (("Andrea", "Nagy"), ("Andreas", "Nagy")),
        (("Jan", "Peeters"), ("Jen", "Peeters")),
    ],
)
def test_sisters_and_brothers_with_like_names_are_no_slip(one: Stated, other: Stated) -> None:
    assert _level(one, other) not in {"same_words", "given_slip", "slips", "nickname"}


@pytest.mark.parametrize(
    ("wife", "husband"),
    [
        ("Kovács Jánosné", "Kovács János"),
        ("KOVACS JANOSNE", ("János", "Kovács")),
        (("Istvánné", "Tóth"), "Tóth István"),
        ("dr. Nagy Lászlóné", "Nagy László"),
    ],
)
def test_a_wife_called_after_her_husband_is_not_he(wife: Stated, husband: Stated) -> None:
    assert _level(wife, husband) == "husband_and_wife"


def test_a_wife_with_a_name_of_her_own_is_not_taken_for_her_husband() -> None:
    assert _level("Kovácsné Nagy Ágnes", "Kovács János") in {"same_family", "shared_word", "else"}
    assert _level("Kovácsné Nagy Ágnes", "Nagy Ágnes") == "more_words"


@pytest.mark.parametrize("name", ["Simone", "Anne", "Etienne", "Corinne", "Marine", "Jeanne"])
def test_french_names_in_ne_are_no_hungarian_wives(name: str) -> None:
    assert read(COMPARISON, {"first_name": name, "last_name": "Martin"})["name_husband"] is None
    assert read(COMPARISON, {"first_name": name, "last_name": "Martin"})["name_words"] == sorted(
        [name.lower(), "martin"]
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ifj. Nagy Béla", "id. Nagy Béla"),
        ("Nagy Béla ifj", ("idősb Béla", "Nagy")),
        (("David", "Dobbins Jr"), ("David", "Dobbins Sr.")),
        ("Jean Dupont fils", "Jean Dupont père"),
        (("Morris I", "Klein"), ("Morris II", "Klein")),
    ],
)
def test_a_parent_and_a_child_of_one_name_are_told_apart(one: Stated, other: Stated) -> None:
    assert _level(one, other) == "other_generation"


def test_a_given_name_that_goes_on_is_no_slip_of_the_shorter_one() -> None:
    assert _level(("Anna", "Anderson"), ("Annabelle", "Anderson")) == "same_family"
    assert _level(("Christophe", "Maes"), ("Christopher", "Maes")) == "alike"


@pytest.mark.parametrize(
    "organisation",
    [
        "Peeters bvba", "Peeters B.V.B.A.", "Kovács Kft.", "Kovács és Társa Zrt", "SARL Dupont",
        "Dupont SA", "Müller GmbH", "Smith & Sons Ltd.", "Jansen B.V.", "VZW De Vrienden",
        "Stichting Het Gooi",
    ],
)  # fmt: skip
def test_an_organisation_is_no_person(organisation: str) -> None:
    assert names_organisation(organisation)
    assert kind_of_record({"name": organisation}) is RecordKind.COMPANY
    assert kind_of_record({"first_name": "Jan", "last_name": organisation}) is RecordKind.PERSON


@pytest.mark.parametrize(
    "person", ["Sa Anna", "Maria de Sá", "Jansen, B.V.", "Co Adriaanse", "Se-ri Park", "Ag Nes"]
)
def test_a_person_is_no_organisation(person: str) -> None:
    assert kind_of_record({"name": person}) is RecordKind.PERSON
    assert read(COMPARISON, {"name": person})["name_key"]


@pytest.mark.parametrize(
    ("name", "given", "family"),
    [
        ("Victor van de Brink", "victor", "brink"),
        ("van den Brink Victor", "victor", "brink"),
        ("Kovács Ágnes", "agnes", "kovacs"),
        ("DUPONT Marie Louise", "marie louise", "dupont"),
        ("Nagy Anna Mária", "anna maria", "nagy"),
        ("Peeters, Jan", "jan", "peeters"),
        ("Yılmaz Victoria", "victoria", "yilmaz"),
        ("Xanthe Verbeeck", "xanthe", "verbeeck"),  # unknown: the given name comes first
        ("J. Peeters", None, "peeters"),
        ("Peeters", None, "peeters"),
        ("Anna", "anna", None),
    ],
)
def test_a_name_in_one_field_is_cut_where_a_reader_would(
    name: str, given: str | None, family: str | None
) -> None:
    row = read(COMPARISON, {"name": name})
    assert (row["name_given"], row["name_family"]) == (given, family)


@pytest.mark.parametrize(
    "nobody", ["", " ", "🎉", "N/A", "onbekend", "Test Test", "J.", "Dr.", "null", "---", "van de"]
)
def test_what_is_no_name_says_nothing(nobody: str) -> None:
    assert read(COMPARISON, {"name": nobody})["name_key"] is None


def test_a_family_called_null_or_guest_keeps_its_name() -> None:
    assert read(COMPARISON, {"first_name": "Jennifer", "last_name": "Null"})["name_key"] == (
        "jennifer null"
    )


def test_a_name_stated_three_times_is_read_from_its_own_fields() -> None:
    assert read_name("Peeters Jan (klant)", "Jan", "Peeters") == read_name(None, "Jan", "Peeters")


def test_a_first_name_alone_is_known_to_be_given() -> None:
    assert read(COMPARISON, {"first_name": "Xanthe"})["name_given"] == "xanthe"
    assert read(COMPARISON, {"last_name": "Anna"})["name_family"] == "anna"


def test_names_in_two_scripts_neither_agree_nor_differ() -> None:
    # 王杰 is how Wang Jie writes himself; nobody can tell from the letters.
    assert level(COMPARISON, {"name": "王杰"}, {"name": "Wang Jie"}) == "not_comparable"
    assert level(COMPARISON, {"name": "Иван Петров"}, {"name": "Ivan Petrov"}) == "not_comparable"
    assert level(COMPARISON, {"name": "王杰"}, {"name": "李秀英"}) == "else"
    assert level(COMPARISON, {"name": "Łukasz Żółć"}, {"name": "Ærøe Ørsted"}) == "else"
