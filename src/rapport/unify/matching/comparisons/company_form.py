"""Forms of companies: those of one law are one, whatever the language."""

from __future__ import annotations

from rapport.unify.company_words import company_name
from rapport.unify.matching.comparison import Column, Comparison, RecordKind
from rapport.unify.matching.comparisons.likeness import same_level, storable


def read_company_form(*names: str | None) -> tuple[str | None]:
    """The form of the first name that is stated.

    Examples
    --------
    >>> read_company_form("Peeters BVBA", None), read_company_form(None, "Peeters SRL")
    (('private',), ('private',))
    """
    name = storable(next((name for name in names if name), None))
    found = company_name(name) if name else None
    return (found.form if found else None,)


COMPARISON = Comparison(
    name="company_form",
    inputs=("company", "name", "last_name", "first_name"),
    columns=(Column(name="company_form"),),
    read=read_company_form,
    said=("company_form",),
    levels=(same_level("same_form", "company_form", rarity=False),),
    of=RecordKind.COMPANY,
)
