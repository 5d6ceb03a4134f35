"""Postal addresses of our countries: street, number, box, postcode and town, in any order.

Sharing an address says little of one person (households do): that is the model's business. Here it
is only said how alike two addresses are.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rapport.unify.matching.comparison import Column, Comparison, Level, Row
from rapport.unify.matching.comparisons.likeness import (
    edits,
    is_near,
    is_near_sql,
    is_slip,
    is_slip_sql,
    same,
    same_level,
)
from rapport.unify.matching.comparisons.word_list import words
from rapport.unify.name_words import fold

_LONGEST = 200

#: Kinds of street as people shorten them, in five languages; the short form is kept.
_KINDS = {
    word: kind
    for kind, words in {
        "str": "str straat strasse st street utca u utcza",  # "u." and "utca", "St" and "Street"
        "laan": "ln laan lane",
        "stwg": "stwg stw steenweg stg ch chee chaussee",
        "pl": "pl place plein pln platz ter tere sq square",
        "av": "av ave aven avenue avn",
        "bd": "bd bld blvd boul boulevard bvd boulv krt korut",
        "rue": "rue",
        "chemin": "chem chemin che",
        "imp": "imp impasse",
        "all": "all allee aly alley",
        "rte": "rte route",
        "fbg": "fbg faubourg",
        "quai": "quai kade kaai rkp rakpart",
        "rd": "rd road",
        "dr": "dr drive drv dreef drf",
        "ct": "ct court crt",
        "cres": "cres crescent cr",
        "close": "cl close",
        "gdns": "gdns gardens gdn",
        "grove": "gr grv grove",
        "terr": "terr terrace tce",
        "hwy": "hwy highway",
        "cct": "cct circuit cir circle",
        "pde": "pde parade",
        "ut": "ut utja",
        "setany": "stny setany",
        "fasor": "fsor fasor",
        "ltp": "ltp lakotelep",
        "weg": "weg wg way",
        "sint": "sint saint ste sainte szt szent",
        "dokter": "dokter doctor doktor docteur",
        "gen": "gen generaal general",
    }.items()
    for word in words.split()
}
#: Written or left out at will.
_SMALL_WORDS = words("de du des la le les l d van der den het t the of et en aan a")
#: Dutch and German write the kind as the end of the word.
_GLUED_KIND = re.compile(r"(?<=\w{3})(?:straat|strasse|str|steenweg|stwg|plein|pln|platz)$")
_AFTER_NUMBER = words(
    """
    bus box bte boite b bt apt appt app appartement apartment flat unit suite em emelet ajto fszt
    foldszint lph lepcsohaz etage verdieping vd whg wohnung top stiege kamer room floor
    """
)
#: Words that say that a street is named, and not a building, a farm or who receives the post.
_STREET_KINDS = frozenset(
    word for word, kind in _KINDS.items() if kind not in {"sint", "dokter", "gen"}
) - {"u", "ch", "ter", "all", "gr", "st"}
_MONTHS = words("mai may mei majus november novembre oktober octobre juillet aout mars")
#: "15th", "2e" and "3rd" are words of a street's name.
_TOKEN = re.compile(r"\d+(?:st|nd|rd|th|e|er|ere|eme|de|ste)\b|[^\W\d_]+|\d+")
_NUMBER_AND_LETTER = re.compile(r"(\d+)[\s./-]*([a-z])?(?![a-z])")

_POSTCODE_PREFIX = re.compile(r"^(?:BE|NL|FR|HU|DE|LU|AT|CH|[BFHDLA])\s?-\s?(?=\d)")
_POSTCODE_AT_END = re.compile(
    r"\b(\d{4} ?[A-Z]{2}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|\d{4,5})\b", re.IGNORECASE
)
_UK = re.compile(r"[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}")
_NL = re.compile(r"\d{4}[A-Z]{2}")
#: Digits of a postcode; spreadsheets drop its leading zero.
_POSTCODE_DIGITS = {"BE": 4, "FR": 5, "DE": 5, "HU": 4, "AT": 4, "LU": 4, "US": 5}

#: One name for towns that have several.
_TOWNS = {
    word: town
    for town, words in {
        "brussel": "bruxelles brussels brussel brussels bruessel brusszel",
        "antwerpen": "anvers antwerp antwerpen",
        "gent": "gand ghent gent",
        "brugge": "bruges brugge",
        "leuven": "louvain leuven",
        "mechelen": "malines mechelen",
        "kortrijk": "courtrai kortrijk",
        "ieper": "ypres ieper",
        "oostende": "ostende ostend oostende",
        "aalst": "alost aalst",
        "dendermonde": "termonde",
        "doornik": "tournai",
        "bergen": "mons",
        "luik": "liege luttich luettich",
        "namen": "namur",
        "nijvel": "nivelles",
        "waver": "wavre",
        "ukkel": "uccle",
        "elsene": "ixelles",
        "schaarbeek": "schaerbeek",
        "vorst": "forest",
        "etterbeek": "etterbeek",
        "anderlecht": "anderlecht",
        "sint jans molenbeek": "molenbeek",
        "halle": "hal",
        "tienen": "tirlemont",
        "tongeren": "tongres",
        "roeselare": "roulers",
        "ronse": "renaix",
        "veurne": "furnes",
        "vilvoorde": "vilvorde",
        "aarlen": "arlon",
        "moeskroen": "mouscron",
        "komen": "comines",
        "geldenaken": "jodoigne",
        "edingen": "enghien",
        "den haag": "gravenhage haye hague",
        "s hertogenbosch": "bosch hertogenbosch",
        "vlissingen": "flushing",
        "lille": "rijsel",
        "dunkerque": "duinkerke dunkirk",
        "parijs": "paris",
        "lyon": "lyons",
        "marseille": "marseilles",
        "strasbourg": "strassburg straatsburg",
        "londen": "london londres londra",
        "keulen": "koln cologne koeln",
        "munchen": "munich muenchen",
        "wien": "vienna vienne wenen becs",
        "aachen": "aken aix",
        "luxembourg": "luxemburg letzebuerg",
        "gyor": "raab",
        "pecs": "funfkirchen",
        "szeged": "szegedin",
        "sopron": "odenburg",
    }.items()
    for word in words.split(" ")
}
_TOWNS |= {
    "saint gilles": "sint gillis", "la haye": "den haag", "the hague": "den haag",
    "s gravenhage": "den haag", "den bosch": "s hertogenbosch", "aix la chapelle": "aachen",
    "molenbeek saint jean": "sint jans molenbeek",
}  # fmt: skip
_CITY_WORD = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=65_536)  # towns are few
def read_city(city: str) -> str | None:
    """The town under one name.

    Examples
    --------
    >>> [read_city(c) for c in ("Bruxelles", "'s-Gravenhage", "PARIS 15e", "Budapest XI. ker.")]
    ['brussel', 'den haag', 'parijs', 'budapest']
    """
    found = _CITY_WORD.findall(fold(city[:_LONGEST]).replace("st.", "saint"))
    words = [w for w in found if w not in {"cedex", "ker", "kerulet", "e", "er", "eme"}]
    while len(words) > 1 and re.fullmatch(r"[ivx]+", words[-1]):  # districts of Budapest
        words.pop()
    text = " ".join(words)
    return _TOWNS.get(text, text) or None


def read_postcode(postcode: str, country: str | None) -> str | None:
    """The postcode without spaces and country letters.

    Examples
    --------
    >>> read_postcode("3565 db", "NL"), read_postcode("B-1000", "BE"), read_postcode("1400", "FR")
    ('3565DB', '1000', '01400')
    """
    text = postcode.strip().upper()
    if len(text) > 20:
        return None
    text = _POSTCODE_PREFIX.sub("", text)
    if text.endswith(".0"):
        text = text[:-2]
    if "-" in text and text[:5].isdecimal() and len(text) == 10:  # US ZIP+4
        text = text[:5]
    text = "".join(c for c in text if c.isalnum() and c.isascii())
    if not text or not any(c.isdigit() for c in text):
        return None
    length = _POSTCODE_DIGITS.get(country or "")
    if length == 5 and text.isdecimal():
        text = text.zfill(5) if len(text) == 4 else text[:5]
    return None if set(text) <= {"0"} else text


def _area(postcode: str) -> str:
    """The part of a postcode that is a district: NL four digits, UK the outward code."""
    if postcode.isdecimal():
        return postcode
    if _NL.fullmatch(postcode):
        return postcode[:4]
    return postcode[:-3] if _UK.fullmatch(postcode) else postcode


@lru_cache(maxsize=65_536)
def _street_word(word: str) -> str:
    if word in _SMALL_WORDS:
        return ""
    kind = _KINDS.get(word)
    return kind or _GLUED_KIND.sub(lambda end: _KINDS[end[0]], word)


def _street_and_number(text: str) -> tuple[list[str], str | None]:
    """The words of a street line, and its number wherever it stands."""
    tokens = _TOKEN.findall(fold(text))
    if len(tokens) > 3 and tokens[0] in _AFTER_NUMBER and tokens[1].isdecimal():
        # "Flat 3, 10 Downing Street": the house's own number follows, if there is another.
        rest = tokens[3:] if len(tokens[2]) == 1 else tokens[2:]
        if any(token.isdecimal() for token in rest):
            tokens = rest
    start = number_at = None
    for i, token in enumerate(tokens):
        if not token.isdecimal():
            continue
        following = tokens[i + 1] if i + 1 < len(tokens) else ""
        if following in _MONTHS:
            continue  # "rue du 8 Mai 1945"
        if i > 0 and tokens[i - 1] in _MONTHS and len(token) == 4:
            continue  # the 1945 of "8 Mai 1945"
        number_at = i
        break
    if number_at is None:
        return tokens, None
    number = tokens[number_at]
    start = number_at + 1
    following = tokens[start] if start < len(tokens) else ""
    if number_at > 0 and not _follows_building(
        tokens[:number_at], tokens[start:]
    ):  # Stationsstraat 12 bus 3: the rest is inside the house
        letter = following if len(following) == 1 and following.isalpha() else ""
        after = tokens[start + 1] if start + 1 < len(tokens) else ""
        if letter and following in _AFTER_NUMBER and after.isdecimal():
            letter = ""  # "12 b 3" is box 3
        return tokens[:number_at], number.lstrip("0") + letter
    if following in {"bis", "ter"}:
        start += 1
    letter = ""
    words = tokens[start:]
    if len(words) > 1 and len(words[0]) == 1 and re.search(rf"\b{number}{words[0]}\b", fold(text)):
        letter, words = words[0], words[1:]  # "12a Main Street", but not "123 E Main St"
    for i, word in enumerate(words):
        if i > 0 and word in _AFTER_NUMBER and i + 1 < len(words) and words[i + 1].isdecimal():
            words = words[:i]
            break
    return words, number.lstrip("0") + letter


def _names_street(token: str) -> bool:
    return token in _STREET_KINDS or _GLUED_KIND.search(token) is not None


def _follows_building(before: list[str], after: list[str]) -> bool:
    """Whether a number begins the street after a building: "Résidence Les Lilas 12 rue Hugo"."""
    if before[-1] == "st" or any(_names_street(token) for token in before):
        return False
    words = after[1:] if after[:1] in (["bis"], ["ter"]) else after
    named = [token for token in words[:5] if not token.isdecimal()]
    if len(named) < 2 or named[0] in _AFTER_NUMBER:
        return False
    return any(_names_street(token) for token in named) or "st" in named[1:]


def _house_number(text: str) -> str | None:
    found = _NUMBER_AND_LETTER.search(text[:40].lower())
    if found is None:
        return None
    letter = found[2] or ""
    if letter == "b" and re.match(r"\s*[./]?\s*\d", text[found.end() :]):
        letter = ""  # "12 b 3" is box 3
    return (found[1].lstrip("0") + letter) or None


_NOTHING = (None,) * 9
Standard = tuple[
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
    str | None,
]


def read_address(
    street: str | None,
    house_number: str | None,
    postal_code: str | None,
    city: str | None,
    country: str | None,
) -> Standard:
    """Postcode, its area, street, number, town; key, door and line; and what was said at all.

    The *key* is place, street and number; the *door* postcode and number; the *line* street and
    number.

    Examples
    --------
    >>> read_address("Stationsstr. 12 bus 3", None, "B-2000", "Anvers", "BE")[:5]
    ('2000', '2000', 'stationsstr', '12', 'antwerpen')
    >>> read_address("Kossuth Lajos u.", "5/b", "1053", "Budapest", "HU")[5]
    '1053|kossuthlajosstr|5b'
    """
    postcode = read_postcode(postal_code, country) if postal_code else None
    town = read_city(city) if city else None
    lane = number = None
    if street:
        text = street[:_LONGEST]
        if postcode is None and town is None and "," in text:
            text, postcode, town = _whole_address(text, country)
        words, number = _street_and_number(text)
        lane = "".join(map(_street_word, words)) or None
    if house_number and (stated := _house_number(house_number)) is not None:
        number = stated
    number = number or None
    if postcode is None and town is None and lane is None:
        return _NOTHING
    place = postcode or town
    line = f"{lane}|{number}" if lane and number else None
    return (
        postcode,
        _area(postcode) if postcode else None,
        lane,
        number,
        town,
        f"{place}|{line}" if place and line else None,
        f"{postcode}|{number}" if postcode and number else None,
        line,
        "said",
    )


def _whole_address(text: str, country: str | None) -> tuple[str, str | None, str | None]:
    """A street line that says the place too, cut at its commas: street, postcode and town.

    Examples
    --------
    >>> _whole_address("Ansbacher Strasse 23, 56422 Düsseldorf", "DE")
    ('Ansbacher Strasse 23', '56422', 'dusseldorf')
    >>> _whole_address("329 Leatherwood Street, Las Vegas, NV", "US")
    ('329 Leatherwood Street', None, 'las vegas')
    >>> _whole_address("1053 Budapest, Kossuth Lajos u. 5", "HU")
    ('Kossuth Lajos u. 5', '1053', 'budapest')
    """
    first, *others = [piece.strip() for piece in text.split(",")]
    if _is_place(first) and any(map(_has_street, others)):  # Hungary puts the place first
        return ", ".join(others), *_place(first, country)
    pieces = [first, *others]
    at = next((n for n, piece in enumerate(pieces) if _HOUSE.search(piece)), None)
    if at is None or at == len(pieces) - 1:
        return text, None, None
    places = [piece for piece in pieces[at + 1 :] if _says_place(piece)]
    postcode = town = None
    for piece in places:
        code, name = _place(piece, country)
        postcode, town = postcode or code, town or name
    if postcode is None and town is None:
        return text, None, None
    return ", ".join(piece for piece in pieces if piece not in places), postcode, town


#: A number that may be a house's: not "15th".
_HOUSE = re.compile(r"\b\d{1,5}(?:[a-zA-Z]|/\w+)?(?=\W|$)")
_PLACE = re.compile(r"(?:[A-Z]{1,2}-?)?\d{4,5}\s+[^\d,]{2,40}")
#: What follows a street and is no town: a part of the house, or who receives the post.
_NO_TOWN = _AFTER_NUMBER | words(
    """
    batiment bat residence res immeuble escalier building bldg block blok gebouw toren tower co po
    pobox bp postbus postfiok attn tav suite entree entrance ingang
    """
)


def _is_place(piece: str) -> bool:
    return _PLACE.fullmatch(piece) is not None and not _has_street(piece)


def _has_street(piece: str) -> bool:
    return any(_names_street(word) or word in {"u"} for word in _TOKEN.findall(fold(piece)))


def _says_place(piece: str) -> bool:
    """A town, with or without its postcode; also a state that stands alone, which is dropped."""
    tokens = _TOKEN.findall(fold(piece))
    if not tokens or not _NO_TOWN.isdisjoint(tokens):
        return False
    rest = _POSTCODE_AT_END.sub(" ", piece)
    return not any(c.isdigit() for c in rest) and not _has_street(rest)


def _place(piece: str, country: str | None) -> tuple[str | None, str | None]:
    """Postcode and town of a piece such as "56422 Düsseldorf" and "Camden NJ 08030"."""
    found = _POSTCODE_AT_END.search(piece)
    rest = piece if found is None else piece[: found.start()] + " " + piece[found.end() :]
    # States of the US, and countries before a postcode.
    named = [w for w in rest.split() if not (len(w) <= 2 and w.strip("-").isupper())]
    code = read_postcode(found[1], country) if found else None
    return code, read_city(" ".join(named)) if named else None


# --- the levels ----------------------------------------------------------------------------------

_STREET_ALIKE = 0.88


def _street_near(a: Row, b: Row) -> bool:
    one, two = a["address_street"], b["address_street"]
    return is_slip(one, two) or is_near(one, two, _STREET_ALIKE)


def _place_near(a: Row, b: Row) -> bool:
    """The same postcode or town but for a slip; a slip in one is believed if the other agrees.

    Genk and Gent differ in one letter, and in their postcodes.
    """
    one, two = a["address_postcode"], b["address_postcode"]
    if one is not None and one == two:
        return True
    town, other = a["address_city"], b["address_city"]
    if town is not None and other is not None:
        return is_slip(town, other) and (one is None or two is None or edits(one, two) <= 1)
    return one is not None and two is not None and edits(one, two) <= 1


def _address_slip(a: Row, b: Row) -> bool:
    return (
        a["address_number"] is not None
        and bool(a["address_number"] == b["address_number"])
        and _street_near(a, b)
        and _place_near(a, b)
    )


def _same_door(a: Row, b: Row) -> bool:
    """Postcode and number agree, and no street denies it."""
    return (a["address_street"] is None or b["address_street"] is None) and same("address_door")(
        a, b
    )


def _same_street(a: Row, b: Row) -> bool:
    return _street_near(a, b) and _place_near(a, b)


def _near_town(a: Row, b: Row) -> bool:
    return _place_near(a, b)


def _not_comparable(a: Row, b: Row) -> bool:
    return all(
        a[column] is None or b[column] is None for column in ("address_postcode", "address_city")
    )


_STREET_NEAR = (
    f"({is_slip_sql('l.address_street', 'r.address_street')}"
    f" or {is_near_sql('l.address_street', 'r.address_street', _STREET_ALIKE)})"
)
_PLACE_NEAR = (
    "coalesce(case when l.address_postcode = r.address_postcode then true"
    " when l.address_city is not null and r.address_city is not null"
    f" then {is_slip_sql('l.address_city', 'r.address_city')}"
    " and coalesce(damerau_levenshtein(l.address_postcode, r.address_postcode) <= 1, true)"
    " when abs(length(l.address_postcode) - length(r.address_postcode)) > 1 then false"
    " else damerau_levenshtein(l.address_postcode, r.address_postcode) <= 1 end, false)"
)

COMPARISON = Comparison(
    name="address",
    inputs=("street", "house_number", "postal_code", "city", "country"),
    columns=(
        Column(name="address_postcode"),
        Column(name="address_area"),
        Column(name="address_street"),
        Column(name="address_number"),
        Column(name="address_city"),
        Column(name="address_key"),
        Column(name="address_door"),
        Column(name="address_line"),
        Column(name="address_said"),
    ),
    read=read_address,
    said=("address_said",),
    levels=(
        same_level("same_address", "address_key"),
        Level(
            key="address_slip",
            sql=(
                "coalesce(case when l.address_number = r.address_number"
                f" then {_STREET_NEAR} and {_PLACE_NEAR} else false end, false)"
            ),
            holds=_address_slip,
        ),
        same_level("same_street_and_number", "address_line"),  # the place is missing or another
        Level(
            key="same_door",
            sql=(
                "coalesce(l.address_door = r.address_door"
                " and (l.address_street is null or r.address_street is null), false)"
            ),
            holds=_same_door,
            rarity="address_door",
        ),
        Level(
            key="same_street",
            sql=(f"coalesce(case when {_STREET_NEAR} then {_PLACE_NEAR} else false end, false)"),
            holds=_same_street,
        ),
        same_level("same_postcode", "address_postcode"),
        same_level("same_area", "address_area"),
        same_level("same_city", "address_city"),
        Level(key="near_place", sql=_PLACE_NEAR, holds=_near_town),
        Level(
            key="not_comparable",  # one says a postcode and the other a town: no evidence
            sql=(
                "(l.address_postcode is null or r.address_postcode is null)"
                " and (l.address_city is null or r.address_city is null)"
            ),
            holds=_not_comparable,
        ),
    ),
)
