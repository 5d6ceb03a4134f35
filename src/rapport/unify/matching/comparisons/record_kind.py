"""Whose record it is: a person's or a company's. The two are never one.

Few records are companies', so that two of them are one more often than any two records are: that is
what this matter weighs.
"""

from __future__ import annotations

from rapport.unify.matching.comparison import Column, Comparison, Level, RecordKind, Row
from rapport.unify.matching.comparisons.likeness import same_level


def read_record_kind(kind: str | None) -> tuple[str | None, str | None, str | None]:
    """The kind, and a column for each of the two.

    Examples
    --------
    >>> read_record_kind("company")
    ('company', None, 'company')
    """
    if kind is None or kind not in set(RecordKind):
        return (None, None, None)
    return (
        kind,
        kind if kind == RecordKind.PERSON else None,
        kind if kind == RecordKind.COMPANY else None,
    )


def _company_and_person(a: Row, b: Row) -> bool:
    return bool(a["record_kind"] != b["record_kind"])


COMPARISON = Comparison(
    name="record_kind",
    inputs=("kind",),
    columns=(
        Column(name="record_kind"),
        Column(name="record_kind_person"),
        Column(name="record_kind_company"),
    ),
    read=read_record_kind,
    said=("record_kind",),
    levels=(
        same_level("two_people", "record_kind_person", rarity=False),
        same_level("two_companies", "record_kind_company", rarity=False),
        Level(
            key="company_and_person",
            sql="l.record_kind <> r.record_kind",
            holds=_company_and_person,
        ),
    ),
    of=None,
    household="relative",
)
