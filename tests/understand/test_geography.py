"""Where customers live, against tables that others published, and the map that it is drawn on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from rapport.understand.geography.distances import distance_km
from rapport.understand.geography.folding import folded, spellings
from rapport.understand.geography.gazetteer import Located, find_place, locate
from rapport.understand.geography.outlines import WIDTH, draw, drawable, outlines, projected
from rapport.understand.geography.postcodes import region_of_postcode
from rapport.understand.geography.whereabouts import WHEREABOUTS, whereabouts
from rapport.vocabulary.shop import Shop

#: Capitals of provinces, counties, departments and states, as their countries publish them.
CAPITALS: dict[str, str] = {
    "BE Brugge": "BE-VWV", "BE Gent": "BE-VOV", "BE Antwerpen": "BE-VAN", "BE Hasselt": "BE-VLI",
    "BE Leuven": "BE-VBR", "BE Wavre": "BE-WBR", "BE Mons": "BE-WHT", "BE Namur": "BE-WNA",
    "BE Liège": "BE-WLG", "BE Arlon": "BE-WLX", "BE Bruxelles": "BE-BRU",
    "HU Budapest": "HU-BU", "HU Pécs": "HU-BA", "HU Kecskemét": "HU-BK", "HU Békéscsaba": "HU-BE",
    "HU Miskolc": "HU-BZ", "HU Szeged": "HU-CS", "HU Székesfehérvár": "HU-FE", "HU Győr": "HU-GS",
    "HU Debrecen": "HU-HB", "HU Eger": "HU-HE", "HU Szolnok": "HU-JN", "HU Tatabánya": "HU-KE",
    "HU Salgótarján": "HU-NO", "HU Kaposvár": "HU-SO", "HU Nyíregyháza": "HU-SZ",
    "HU Szekszárd": "HU-TO", "HU Szombathely": "HU-VA", "HU Veszprém": "HU-VE",
    "HU Zalaegerszeg": "HU-ZA",
    "NL Assen": "NL-DR", "NL Lelystad": "NL-FL", "NL Leeuwarden": "NL-FR", "NL Arnhem": "NL-GE",
    "NL Groningen": "NL-GR", "NL Maastricht": "NL-LI", "NL 's-Hertogenbosch": "NL-NB",
    "NL Haarlem": "NL-NH", "NL Zwolle": "NL-OV", "NL Utrecht": "NL-UT", "NL Middelburg": "NL-ZE",
    "NL Den Haag": "NL-ZH",
    "DE München": "DE-BY", "DE Stuttgart": "DE-BW", "DE Mainz": "DE-RP", "DE Kiel": "DE-SH",
    "DE Erfurt": "DE-TH", "DE Hamburg": "DE-HH", "DE Potsdam": "DE-BB", "DE Düsseldorf": "DE-NW",
    "FR Lille": "FR-59", "FR Ajaccio": "FR-2A", "FR Bastia": "FR-2B", "FR Strasbourg": "FR-67",
    "FR Bourg-en-Bresse": "FR-01", "FR Paris": "FR-75", "FR Nanterre": "FR-92",
}  # fmt: skip


@pytest.mark.parametrize("town", CAPITALS)
def test_a_capital_lies_in_its_region(town: str) -> None:
    country, _, name = town.partition(" ")
    place = find_place(country, name)
    assert place is not None
    assert place.region == CAPITALS[town]


@pytest.mark.parametrize(
    ("country", "postcode", "region"),
    [
        # bpost: the borders of each range of numbers.
        ("BE", "1299", "BE-BRU"), ("BE", "1300", "BE-WBR"), ("BE", "1499", "BE-WBR"),
        ("BE", "1500", "BE-VBR"), ("BE", "1999", "BE-VBR"), ("BE", "2000", "BE-VAN"),
        ("BE", "3499", "BE-VBR"), ("BE", "3500", "BE-VLI"), ("BE", "4990", "BE-WLG"),
        ("BE", "5680", "BE-WNA"), ("BE", "6599", "BE-WHT"), ("BE", "6600", "BE-WLX"),
        ("BE", "7000", "BE-WHT"), ("BE", "8999", "BE-VWV"), ("BE", "B-9000", "BE-VOV"),
        # La Poste: Corsica, overseas, and a number that is no department.
        ("FR", "01000", "FR-01"), ("FR", "20090", "FR-2A"), ("FR", "20600", "FR-2B"),
        ("FR", "97400", "FR-RE"), ("FR", "95880", "FR-95"), ("FR", "96000", None),
        ("HU", "1117", "HU-BU"), ("HU", "7621", None), ("BE", "999", None), ("NL", "1011", None),
    ],
)  # fmt: skip
def test_a_postcode_says_its_region_where_it_can(
    country: str, postcode: str, region: str | None
) -> None:
    assert region_of_postcode(country, postcode) == region


@pytest.mark.parametrize(
    ("country", "town", "postcode", "region"),
    [
        ("BE", "BRUXELLES/BRUSSEL", "1000", "BE-BRU"),
        ("BE", "Elsene", "1050", "BE-BRU"),
        ("BE", "Gand", None, "BE-VOV"),
        ("BE", "Luik", None, "BE-WLG"),
        ("HU", "Fünfkirchen", None, "HU-BA"),
        ("HU", "PECS", None, "HU-BA"),
        ("HU", "Budapest XI. kerület", None, "HU-BU"),
        ("FR", "ST ETIENNE CEDEX 1", "42000", "FR-42"),
        ("FR", "Paris 11e", "75011", "FR-75"),
        ("FR", "Saint-Denis", "93200", "FR-93"),
    ],
)
def test_a_town_is_found_however_people_write_it(
    country: str, town: str, postcode: str | None, region: str
) -> None:
    found = locate([(country, town, postcode)])[country, town, postcode]
    assert (found.precision, found.region) == ("city", region)


def test_what_cannot_be_told_is_said_so() -> None:
    unknown = (None, "Gent", "9000")
    nowhere = ("BE", "Nergenshuizen", "9000")
    plain = ("DE", "Neuenkirchen", None)  # dozens of that name, none far the largest
    found = locate([unknown, nowhere, plain])
    assert found[unknown] == Located()
    assert found[nowhere] == Located(precision="region", region="BE-VOV")
    assert found[plain] == Located(precision="country")


def test_a_town_that_contradicts_its_postcode_is_not_measured_from() -> None:
    asked = ("BE", "Liège", "9000")
    assert locate([asked])[asked] == Located(precision="region", region="BE-VOV")


def test_one_name_has_one_spelling() -> None:
    assert folded("SAINT-ÉTIENNE") == folded("st. Etienne")
    assert folded("Őrség") == "orseg"
    assert next(spellings("Lyon 3")) == "lyon 3"
    assert list(spellings("")) == []


@pytest.mark.parametrize(
    ("points", "km", "within"),
    [
        # Veness, Movable Type Scripts: Land's End to John o'Groats, 968.9 km.
        ((50.0664, -5.7147, 58.6439, -3.07), 968.9, 0.1),
        # Rosetta Code, Haversine formula: BNA to LAX, 2886.44 km with a radius of 6371 km.
        ((36.12, -86.67, 33.94, -118.40), 2886.44, 0.1),
        ((51.05, 3.72, 51.05, 3.72), 0.0, 0.0),
        ((0.0, 0.0, 0.0, 180.0), 20015.1, 0.1),
    ],
)
def test_distances_are_those_that_others_published(
    points: tuple[float, float, float, float], km: float, within: float
) -> None:
    assert distance_km(*points) == pytest.approx(km, abs=within)


def test_each_profile_has_its_region_and_its_nearest_shop() -> None:
    profiles = pa.table(
        {
            "country": ["BE", "BE", None, "BE", "FR"],
            "city": ["Gent", "Gent", None, None, "Atlantis"],
            "postal_code": ["9000", "9000", None, "8000", "67000"],
        }
    )
    shops = [
        Shop(name="Gent", latitude=51.0517, longitude=3.7217),
        Shop(name="Brugge", latitude=51.2075, longitude=3.2235),
    ]
    found = whereabouts(profiles, shops)
    assert found.schema == WHEREABOUTS
    assert found["region"].to_pylist() == ["BE-VOV", "BE-VOV", None, "BE-VWV", "FR-67"]
    assert found["location_precision"].to_pylist() == ["city", "city", None, "region", "region"]
    assert found["nearest_shop"].to_pylist() == ["Gent", "Gent", None, None, None]
    assert found["nearest_shop_km"][0].as_py() < 1
    assert whereabouts(profiles, [])["nearest_shop"].null_count == 5
    assert whereabouts(profiles.slice(0, 0), shops).num_rows == 0


# ── the map ────────────────────────────────────────────────────────────────────────────────────


def inside(code: str, longitude: float, latitude: float) -> bool:
    """Whether the drawn outline of a region holds a point."""
    found = outlines()
    odd = False
    for ring in found.regions[code].rings:
        parts = [found.lines[n] if n >= 0 else found.lines[-1 - n][::-1] for n in ring]
        points = np.concatenate(parts)
        for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
            if (y0 > latitude) != (y1 > latitude):
                odd ^= longitude < (x1 - x0) * (latitude - y0) / (y1 - y0) + x0
    return odd


def test_outlines_hold_the_capitals_of_their_regions() -> None:
    inland = {town: region for town, region in CAPITALS.items() if town != "FR Ajaccio"}  # a port
    for town, region in inland.items():
        country, _, name = town.partition(" ")
        place = find_place(country, name)
        assert place is not None
        assert inside(region, place.longitude, place.latitude), town
        assert not inside("FR-23", place.longitude, place.latitude)


def test_every_country_has_the_regions_that_its_people_know() -> None:
    counted: dict[str, int] = {}
    for code in outlines().regions:
        counted[code[:2]] = counted.get(code[:2], 0) + 1
    expected = {"BE": 11, "FR": 96, "HU": 20, "NL": 12, "DE": 16, "AT": 9, "PL": 16, "CH": 26}
    assert {country: counted[country] for country in expected} == expected


def test_a_map_is_small_and_its_neighbours_touch() -> None:
    drawing = draw(("BE", "FR", "HU"))
    paths = "".join(path for _, path in drawing.regions)
    assert len(drawing.regions) == 11 + 96 + 20
    assert len(paths) < 40_000
    assert len(drawing.around) < 40_000
    # Brussels is a hole in Flemish Brabant: drawn from one and the same line.
    lines = outlines()
    brussels, brabant = (
        {n if n >= 0 else -1 - n for ring in lines.regions[code].rings for n in ring}
        for code in ("BE-BRU", "BE-VBR")
    )
    assert brussels <= brabant


def test_north_is_up_and_areas_are_true() -> None:
    frame = draw(("BE",)).frame
    gent, arlon, brugge = projected(
        frame, np.array([[3.7217, 51.0517], [5.8167, 49.6833], [3.2235, 51.2075]])
    )
    assert brugge[0] < gent[0] < arlon[0]
    assert brugge[1] < gent[1] < arlon[1]
    # One scale in both directions: 100 km north and 100 km east are as long in the drawing.
    here, north, east = projected(
        frame, np.array([[4.5, 50.5], [4.5, 50.5 + 0.8993], [4.5 + 1.4138, 50.5]])
    )
    assert np.hypot(*(north - here)) == pytest.approx(np.hypot(*(east - here)), rel=0.01)
    assert 0 <= here[0] <= WIDTH


def test_only_countries_with_outlines_are_drawn() -> None:
    assert drawable(["BE-VAN", "US-CA", "HU-BA"]) == ("BE", "HU")
