"""Postal addresses of Belgium, the Netherlands, France, Hungary, Britain and Germany."""

from __future__ import annotations

import pytest

from rapport.unify.matching.comparisons.address import COMPARISON, read_city, read_postcode
from tests.unify.matching.comparisons.readings import level, read

#: Street, house number, postcode, town, country.
Stated = tuple[str | None, str | None, str | None, str | None, str | None]


def _stated(address: Stated) -> dict[str, str | None]:
    return dict(zip(COMPARISON.inputs, address, strict=True))


def _level(one: Stated, other: Stated) -> str | None:
    return level(COMPARISON, _stated(one), _stated(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            ("Stationsstraat 12 bus 3", None, "2000", "Antwerpen", "BE"),
            ("Stationsstr.", "12", "B-2000", "Anvers", "BE"),
        ),
        (
            ("Stations straat", "12 bus 0301", "2000", "Antwerpen", "BE"),
            ("STATIONSSTRAAT 12", None, "2000", None, "BE"),
        ),
        (
            ("Brusselsesteenweg 101", None, "9090", "Melle", "BE"),
            ("Brusselse Stwg.", "101", "9090", "MELLE", "BE"),
        ),
        (
            ("12, rue de l'Église", None, "1000", "Bruxelles", "BE"),
            ("Rue de l’Eglise", "12 bte 4", "1000", "Brussel", "BE"),
        ),
        (
            ("Av. du Général de Gaulle 5", None, "75001", "PARIS 1er", "FR"),
            ("5 avenue du general De Gaulle", None, "75001", "Paris", "FR"),
        ),
        (
            ("12 bis, bd Voltaire", None, "59000", "Lille", "FR"),
            ("Boulevard Voltaire", "12", "59000", "Rijsel", "FR"),
        ),
        (
            ("12 rue du 8 Mai 1945", None, "59000", "Lille", "FR"),
            ("Rue du 8 mai 1945", "12", "59000", "LILLE CEDEX", "FR"),
        ),
        (
            ("10 rue de la Gare", None, "1000", "Bourg-en-Bresse", "FR"),  # a zero lost in a sheet
            ("rue de la gare", "10", "01000", "Bourg en Bresse", "FR"),
        ),
        (
            ("Kossuth Lajos u. 5. 2. em. 3.", None, "1053", "Budapest", "HU"),
            ("Kossuth Lajos utca", "5", "H-1053", "Budapest V. ker.", "HU"),
        ),
        (
            ("Széchenyi tér 7", None, "6720", "Szeged", "HU"),
            ("Szechenyi ter", "7.", "6720", "SZEGED", "HU"),
        ),
        (
            ("Teréz krt. 12", None, "1066", "Budapest", "HU"),
            ("Teréz körút 12. fszt. 2", None, "1066", "Budapest", "HU"),
        ),
        (
            ("Kerkstraat 7-2", None, "1234 AB", "Amsterdam", "NL"),
            ("Kerkstr", "7", "1234ab", "AMSTERDAM", "NL"),
        ),
        (
            ("Prins Hendriklaan", "23a", "2584 AA", "'s-Gravenhage", "NL"),
            ("Prins Hendrik laan 23 A", None, "2584AA", "Den Haag", "NL"),
        ),
        (
            ("Flat 3, 10 Downing Street", None, "SW1A 2AA", "London", "GB"),
            ("10 Downing St", None, "sw1a2aa", "LONDON", "GB"),
        ),
        (
            ("1515 Adela Lane", None, "89132", "Las Vegas", "US"),
            ("1515 Adela Ln", None, "89132-0001", "Las Vegas", "US"),
        ),
        (
            ("Ansbacher Straße 23", None, "10787", "Berlin", "DE"),
            ("Ansbacherstr. 23", None, "D-10787", "Berlin", "DE"),
        ),
        (
            ("Ansbacher Strasse 23, 56422 Wirges", None, None, None, None),
            ("Ansbacher Str.", "23", "56422", "Wirges", "DE"),
        ),
        (  # a building, a farm or who receives the post before the street
            ("Résidence Les Lilas 12 rue de la Paix", None, "75002", "Paris", "FR"),
            ("12 rue de la Paix", None, "75002", "Paris", "FR"),
        ),
        (
            ("Bât. B, 12 bis rue Victor Hugo", None, "69002", "Lyon", "FR"),
            ("12 rue Victor-Hugo", None, "69002", "LYON", "FR"),
        ),
        (
            ("c/o Dupont, 5 avenue Foch", None, "54000", "Nancy", "FR"),
            ("Avenue Foch", "5", "54000", "Nancy", "FR"),
        ),
        (
            ("Adventura Apartments 638 Downey St, Salem, OR", None, None, None, "US"),
            ("638 Downey Street", None, None, "Salem", "US"),
        ),
        (  # the place within the line, with or without its postcode
            ("329 Leatherwood Street, Las Vegas, 89117", None, None, None, "US"),
            ("329 Leatherwood St", None, "89117", "Las Vegas", "US"),
        ),
        (
            ("173 John Lane, Camden, NJ 08030", None, None, None, None),
            ("173 John Lane, 08030", None, None, None, None),
        ),
        (
            ("1053 Budapest, Kossuth Lajos u. 5.", None, None, None, "HU"),
            ("Kossuth Lajos utca", "5", "1053", "Budapest", "HU"),
        ),
        (
            ("Rue Haute 12, boîte 3, 1000 Bruxelles", None, None, None, "BE"),
            ("Rue Haute", "12", "1000", "Brussel", "BE"),
        ),
    ],
)
def test_one_house_in_two_spellings_is_the_same_address(one: Stated, other: Stated) -> None:
    assert _level(one, other) == "same_address"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (
            ("Stationsstraat", "12", "2000", "Antwerpen", "BE"),
            ("Statiosntraat", "12", "2000", "Antwerpen", "BE"),
            "address_slip",
        ),
        (
            ("Stationsstraat", "12", "2000", "Antwerpen", "BE"),
            ("Stationsstraat", "12", "2001", None, "BE"),
            "address_slip",
        ),
        (
            ("Kossuth Lajos utca", "5", "1053", "Budapest", "HU"),
            ("Kossuth L. u. 5", None, "1053", "Budapest", "HU"),
            "address_slip",
        ),
        (
            ("Stationsstraat", "12", "2000", "Antwerpen", "BE"),
            ("Stationsstraat", "12", "9000", "Gent", "BE"),
            "same_street_and_number",
        ),
        (
            (None, "7", "1234AB", "Amsterdam", "NL"),
            ("Kerkstraat", "7", "1234AB", "Amsterdam", "NL"),
            "same_door",
        ),
        (
            ("Stationsstraat", "12", "2000", "Antwerpen", "BE"),
            ("Stationsstraat", "14", "2000", "Antwerpen", "BE"),
            "same_street",
        ),
        (
            ("Stationsstraat", "12", "2000", "Antwerpen", "BE"),
            ("Meir", "1", "2000", "Antwerpen", "BE"),
            "same_postcode",
        ),
        (
            ("Kerkstraat", "7", "1234AB", None, "NL"),
            ("Dorpsweg", "3", "1234XY", None, "NL"),
            "same_area",
        ),
        (
            ("High Road", "56", "BS1 7JJ", None, "GB"),
            ("Main Street", "1", "BS1 4AB", None, "GB"),
            "same_area",
        ),
        (
            (None, None, "2018", "Antwerpen", "BE"),
            (None, None, "2060", "Anvers", "BE"),
            "same_city",
        ),
        (
            (None, None, None, "Kecskemét", "HU"),
            (None, None, None, "Kecksemet", "HU"),
            "near_place",
        ),
        (
            (None, None, "3600", "Genk", "BE"),
            (None, None, "9000", "Gent", "BE"),
            "else",  # one letter apart, and the postcodes are not
        ),
        ((None, None, "2000", None, "BE"), (None, None, None, "Gent", "BE"), "not_comparable"),
        (
            ("Kerkstraat", "7", "9000", "Gent", "BE"),
            ("Meir", "1", "2000", "Antwerpen", "BE"),
            "else",
        ),
        ((None, None, None, None, "BE"), ("Meir", "1", "2000", "Antwerpen", "BE"), None),
        ((None, "12", None, None, "BE"), ("Meir", "1", "2000", "Antwerpen", "BE"), None),
    ],
)
def test_addresses_stand_on_the_level_that_a_clerk_would_say(
    one: Stated, other: Stated, expected: str | None
) -> None:
    assert _level(one, other) == expected


@pytest.mark.parametrize(
    ("street", "expected"),
    [
        ("Stationsstraat 12", "12"),
        ("Stationsstraat 12A", "12a"),
        ("Stationsstraat 12 b 3", "12"),
        ("12 b 3", "12"),
        ("12 rue de la Gare", "12"),
        ("123 E Main St", "123"),
        ("12a High Street", "12a"),
        ("9304 W. 15th St", "9304"),
        ("2e Dwarsstraat 4", "4"),
        ("Rue du 8 Mai 1945, 12", "12"),
        ("1 place du 11 Novembre", "1"),
        ("Kossuth Lajos u. 5/b", "5b"),
        ("Flat 3, 10 Downing Street", "10"),
        ("Apartment 4B 22 High Road", "22"),
        ("Meir", None),
    ],
)
def test_the_number_is_found_wherever_it_stands(street: str, expected: str | None) -> None:
    assert read(COMPARISON, {"street": street, "city": "X"})["address_number"] == expected


@pytest.mark.parametrize(
    ("street", "expected"),
    [
        ("Damrak 12 bus 3", ("damrak", "12", None)),  # the rest is inside the house
        ("Damrak 12 ter", ("damrak", "12", None)),
        ("Rue du 8 Mai 1945, 12", ("rue8mai1945", "12", None)),
        ("12, rue de l'Église", ("rueeglise", "12", None)),
        ("Kossuth u. 5, 2. em. 3", ("kossuthstr", "5", None)),
        ("1450 N City Rd, Suite 900", ("ncityrd", "1450", None)),
        ("Dorpsstraat 3, Gent", ("dorpsstr", "3", "gent")),
        ("12 rue Haute, bâtiment B", ("ruehautebatimentb", "12", None)),  # no town
    ],
)
def test_what_follows_a_house_is_no_street_and_seldom_a_town(
    street: str, expected: tuple[str, str, str | None]
) -> None:
    found = read(COMPARISON, {"street": street})
    names = ("address_street", "address_number", "address_city")
    assert tuple(found[name] for name in names) == expected


def test_another_kind_of_street_is_another_street() -> None:
    one = ("Kossuth utca", "5", "1053", "Budapest", "HU")
    other = ("Kossuth tér", "5", "1053", "Budapest", "HU")
    assert _level(one, other) not in {"same_address", "same_street"}


@pytest.mark.parametrize(
    ("postcode", "country", "expected"),
    [
        ("B-1000", "BE", "1000"),
        ("1000.0", "BE", "1000"),
        ("F-75001", "FR", "75001"),
        ("1400", "FR", "01400"),
        ("1234 ab", "NL", "1234AB"),
        ("NL-1234 AB", "NL", "1234AB"),
        ("sw1a 1aa", "GB", "SW1A1AA"),
        ("L-1234", "LU", "1234"),
        ("43004-1234", "US", "43004"),
        ("0000", "BE", None),
        ("n/a", "BE", None),
        ("", "BE", None),
    ],
)
def test_postcodes_lose_spaces_and_country_letters(
    postcode: str, country: str, expected: str | None
) -> None:
    assert read_postcode(postcode, country) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bruxelles", "BRUSSEL"),
        ("Antwerpen", "Anvers"),
        ("Gent", "Gand"),
        ("Liège", "Luik"),
        ("Namur", "Namen"),
        ("Mons", "Bergen"),
        ("Uccle", "Ukkel"),
        ("Saint-Gilles", "Sint-Gillis"),
        ("Molenbeek-Saint-Jean", "Sint-Jans-Molenbeek"),
        ("Den Haag", "'s-Gravenhage"),
        ("La Haye", "The Hague"),
        ("Den Bosch", "'s-Hertogenbosch"),
        ("Lille", "Rijsel"),
        ("Köln", "Keulen"),
        ("Wien", "Bécs"),
        ("London", "Londres"),
        ("Budapest XI.", "budapest"),
        ("PARIS 15e", "Paris"),
        ("St. Ives", "Saint Ives"),
    ],
)
def test_a_town_has_one_name_in_all_languages(one: str, other: str) -> None:
    assert read_city(one) == read_city(other)
