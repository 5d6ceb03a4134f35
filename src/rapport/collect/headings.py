"""Which of a table's headings a message may repeat: its first line may be a person's row."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapport.collect.cell_values import read_decimal
from rapport.collect.column_names import NAMES, plain_name
from rapport.collect.connectors import KINDS, connector_of

DATE_LIKE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{8}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PHONE = re.compile(r"\+?[\d\s()./-]{8,20}")


def is_value(cell: str) -> bool:
    """Whether a cell of the first line is data; column names are words."""
    if DATE_LIKE.fullmatch(cell) or EMAIL.fullmatch(cell):
        return True
    try:
        read_decimal(cell)
    except ValueError:
        return False
    return True


def headings_told(names: Sequence[str]) -> str:
    """A table's headings for a message; of those that may be a person's data only their number.

    All are told where most are names that columns have and none is a value. Else only such names
    are: the first line of a table without headings is somebody's row.
    """
    known_names = _known_names()
    known = [name for name in names if plain_name(name) in known_names]
    values = any(is_value(name.strip()) or PHONE.fullmatch(name.strip()) for name in names)
    if not values and 2 * len(known) >= len(names):
        return ", ".join(names)
    if values:
        return (
            f"{len(names)} columns without headings, as its first line holds values; "
            "state `column_names` under [file]"
        )
    if not known:
        return f"{len(names)} columns with other headings"
    return f"{', '.join(known)} and {len(names) - len(known)} other columns"


def _known_names() -> frozenset[str]:
    meant = {name for field, names in NAMES.items() for name in (field, *names)}
    for kind in KINDS:
        connector = connector_of(kind)
        meant.update(connector.required, connector.optional)
        meant.update(name for names in connector.synonyms.values() for name in names)
    return frozenset(map(plain_name, meant))
