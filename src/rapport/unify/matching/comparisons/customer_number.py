"""Customer numbers: a source's own, so that number 17 of two sources is two numbers."""

from __future__ import annotations

from rapport.unify.matching.comparison import Column, Comparison, Level, Row
from rapport.unify.matching.comparisons.likeness import same_level, storable
from rapport.vocabulary.identifier_values import normalise_opaque


def read_customer_number(
    source: str | None, number: str | None
) -> tuple[str | None, str | None, str | None]:
    """The number within its source, the source, and the number alone.

    Examples
    --------
    >>> read_customer_number("webshop", " C-17 ")
    ('webshop:C-17', 'webshop', 'C-17')
    """
    value = storable(normalise_opaque(number)) if number else None
    if value is None:
        return (None, None, None)
    silo = storable(source) or ""
    return (f"{silo}:{value}", silo, value)


def _other_source(a: Row, b: Row) -> bool:
    return bool(a["customer_number_source"] != b["customer_number_source"])


COMPARISON = Comparison(
    name="customer_number",
    inputs=("source", "customer_number"),
    columns=(
        Column(name="customer_number"),
        Column(name="customer_number_source"),
        Column(name="customer_number_alone"),
    ),
    read=read_customer_number,
    said=("customer_number",),
    levels=(
        same_level("same_number", "customer_number"),
        # Silos that copy each other's numbers exist; training shows whether these do.
        same_level("same_number_elsewhere", "customer_number_alone"),
        Level(
            key="other_source",  # says nothing: each source has numbers of its own
            sql="l.customer_number_source <> r.customer_number_source",
            holds=_other_source,
        ),
    ),
    of=None,
)
