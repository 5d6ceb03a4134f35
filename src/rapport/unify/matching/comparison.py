"""The interface of `comparisons/`: how one matter is read from a record, and how alike two are.

A comparison is written once and used three ways: its levels are SQL for batches (DuckDB, Spark) and
Python for one record at a time, and both must give the same level for the same two records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct

#: What a record may state, as text and as it was written. A source that says less leaves columns
#: out. The values of `IDENTIFIER_KINDS` that have a comparison of their own are among them.
STATED = (
    "source",  # the silo: system, file or channel
    "kind",  # "person" or "company", where the source knows; else it is read from the rest
    "name",  # in one field, in whatever order
    "first_name",
    "last_name",
    "company",
    "business_id",  # the register's or the tax office's number of a company
    "birthday",
    "gender",
    "email",
    "phone",
    "street",  # with or without the number
    "house_number",
    "postal_code",
    "city",
    "country",  # ISO 3166-1 alpha-2
    "loyalty_card",
    "national_id",  # passport, tax or social security number: one per person
    "iban",
    "customer_number",
    "device_id",
)

#: A record as comparisons see it: standardised column → value, None where nothing usable is said.
Row = Mapping[str, Any]


class Column(Struct, frozen=True, kw_only=True):
    """One standardised column. ``words`` is a sorted list of distinct words."""

    name: str
    type: Literal["text", "date", "words", "number"] = "text"


class Level(Struct, frozen=True, kw_only=True):
    """One degree of likeness.

    Attributes
    ----------
    key : str
        Names the level in weights, explanations and words, such as ``same_mailbox``.
    sql : str
        A condition over `l.<column>` and `r.<column>` in the restricted DuckDB dialect; symmetric,
        and never NULL where both records say something.
    holds : callable
        The same in Python.
    rarity : str
        A standardised column: agreeing on a rare value of it proves more than on a common one.
        Only for levels on which both records have the same value there.
    """

    key: str
    sql: str
    holds: Callable[[Row, Row], bool]
    rarity: str = ""


class RecordKind(StrEnum):
    """Whose record it is."""

    PERSON = "person"
    COMPANY = "company"


class Comparison(Struct, frozen=True, kw_only=True):
    """How one matter is read and compared.

    Attributes
    ----------
    name : str
        The matter: ``name``, ``birth``, ``email`` …
    inputs : tuple of str
        Columns of `STATED` that `read` takes, in its order.
    columns : tuple of Column
        What `read` gives, in its order; names begin with the comparison's own.
    read : callable
        Stated values (text or None) → standardised values. Pure and cheap: it is called once per
        distinct combination of inputs, and by itself for a caller who waits.
    said : tuple of str
        Columns without which a record says nothing of this matter. Where either record says
        nothing, the comparison weighs 0 bits.
    levels : tuple of Level
        From the strongest; the first that holds counts, and if none does the level is ``else``.
    of : RecordKind or None
        Whose records it reads; None: everybody's.
    household : str
        What two of a household, or of a group, agree on: "anchored", learnt from the records but
        near how the weights begin; "known", as the weights begin, as of a number that by law no two
        of them share; or "relative", as often as one person's records, times what it was at first:
        how many companies there are is each company's own.
    """

    name: str
    inputs: tuple[str, ...]
    columns: tuple[Column, ...]
    read: Callable[..., tuple[Any, ...]]
    said: tuple[str, ...]
    levels: tuple[Level, ...]
    of: RecordKind | None = RecordKind.PERSON
    household: Literal["anchored", "known", "relative"] = "anchored"


ELSE = "else"


def level_of(comparison: Comparison, a: Row, b: Row) -> str | None:
    """The key of the level on which two records stand; None where one of them says nothing."""
    if any(a[name] is None or b[name] is None for name in comparison.said):
        return None
    for level in comparison.levels:
        if level.holds(a, b):
            return level.key
    return ELSE


class Holder(StrEnum):
    """Whose a value is, as its holders show; the value's profile."""

    PERSONAL = "personal"
    HOUSEHOLD = "household"
    GENERIC = "generic"  # a company's, a school's, a shop's
    JUNK = "junk"  # a placeholder
