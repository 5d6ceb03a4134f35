"""How many came into a shop within an interval, as door counters export it; nobody is named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from rapport.collect.connector import Connector
from rapport.collect.mapping import Mapping
from rapport.collect.rows import PLACE_FIELDS, Row, RowError
from rapport.vocabulary.touchpoint import FOOTFALL_COUNTED, Touchpoint

_IN = frozenset({"in", "entry", "entered", "ingang", "binnen", "entrée", "be", "belépő", "ein"})
_OUT = frozenset({"out", "exit", "left", "uitgang", "buiten", "sortie", "ki", "kilépő", "aus"})


def read_count(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one count.

    Its id is its place, door and time: a second count of the same interval in one file is refused
    rather than added.
    """
    (row,) = rows
    began_at = row.required_moment("occurred_at")
    until = row.moment("until")
    entered, left = _count(row, "entered"), _count(row, "left")
    direction = row.text("direction")
    if direction is not None:
        word = direction.casefold()
        if word not in _IN | _OUT:
            raise RowError(
                "wrong_type", "`direction` is not in or out; add the word to [values.direction]"
            )
        entered, left = (entered, left) if word in _IN else (None, entered)
    if entered is None and left is None:
        raise RowError("missing_field", "the row counts nobody: `entered` is empty")
    minutes = row.number("minutes")
    if until is not None:
        if until < began_at:
            raise RowError("invalid_timestamp", "`until` is before `occurred_at`")
        minutes = (until - began_at).total_seconds() / 60
    place, door = row.text("place"), row.text("door")
    key = (place, door, began_at, direction and direction.casefold(), until)
    if row.reading.twin(key) != row.reading.twin((key, entered, left)):
        raise RowError("duplicate_key", "this interval was counted before, with another count")
    yield row.touchpoint(
        f"footfall:{sha256(repr(key).encode()).hexdigest()[:24]}",
        type=FOOTFALL_COUNTED,
        channel="store",
        occurred_at=began_at,
        identifiers=(),
        properties={"entered": entered, "left": left, "door": door, "minutes": minutes},
    )


def _count(row: Row, field: str) -> int | None:
    number = row.number(field)
    if number is None:
        return None
    if number < 0 or number != int(number):
        raise RowError("wrong_type", f"`{field}` is not a whole number of people")
    return int(number)


def mapping_mistakes(mapping: Mapping) -> list[str]:
    """Counts of nowhere are of no use."""
    if not {"place", "door"} & {*mapping.columns, *mapping.constants}:
        return ["footfall needs a `place`: map its column, or state it under [constants]"]
    return []


CONNECTOR = Connector(
    kind="footfall",
    label="Visitor counts of shops",
    required=("occurred_at", "entered"),
    optional=("left", "direction", "door", "minutes", "until", *PLACE_FIELDS),
    read=read_count,
    mapping_mistakes=mapping_mistakes,
    file_words=("footfall", "traffic", "visitors", "bezoekers", "fréquentation", "látogató"),
    not_with=("email", "first_name", "name"),
    synonyms={
        "occurred_at": (
            *("date", "datetime", "time", "hour", "start", "interval start", "from", "begin"),
            *("datum", "tijdstip", "uur", "heure", "dátum", "időpont", "zeit", "stunde", "moment"),
        ),
        "until": ("end", "interval end", "to", "until", "tot", "fin", "vége", "bis"),
        "entered": (
            *("in", "entries", "entered", "visitors", "count", "footfall", "people in", "visits"),
            *("ingang", "bezoekers", "aantal bezoekers", "entrées", "visiteurs", "látogatók"),
            *("belépők", "besucher", "eintritte", "walk-ins"),
        ),
        "left": ("out", "exits", "people out", "uitgang", "sorties", "kilépők", "austritte"),
        "door": ("door", "entrance", "sensor", "camera", "deur", "porte", "ajtó", "tür", "gate"),
        "minutes": ("minutes", "interval", "interval minutes", "minuten", "perc"),
        "direction": ("direction", "richting", "sens", "irány", "richtung"),
    },
)
