"""Records of businesses as somebody prepares them who compares them with plain tools.

What a careful analyst does before Splink or recordlinkage see the records: contacts apart from
businesses, names without legal forms and marks, the domain of a mailbox where it is no provider's,
telephone numbers without their prefix, business numbers without country and marks.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rapport.unify.blocked_values import blocked_reason

_FORMS = (
    r"\b(?:b ?v ?b ?a|s ?p ?r ?l|s ?a ?r ?l|e ?u ?r ?l|b ?v|n ?v|s ?r ?l|s ?a ?s|s ?a|v ?o ?f|"
    r"v ?z ?w|a ?s ?b ?l|s ?n ?c|kft|bt|zrt|nyrt|e ?v|g ?m ?b ?h(?: co kg)?|a ?g|u ?g|e ?k|gbr)\b"
)
#: A value on more records is nobody's: a provider's domain, a reception's telephone.
_MOST_HOLDERS = 40
#: As many digits at the end of a telephone number say whose it is.
_PHONE_DIGITS = 8


def name_people(stated: pa.Table) -> NDArray[np.bool_]:
    """Which records name a person: in two fields, or in one beside the name of a company."""
    said = {name: stated[name].is_valid().to_numpy() for name in stated.column_names}
    none = np.zeros(stated.num_rows, dtype=bool)
    of = [said.get(name, none) for name in ("first_name", "last_name", "name", "company")]
    people: NDArray[np.bool_] = (of[0] & of[1]) | (of[2] & of[3])
    return people


def business_columns(columns: pa.Table) -> pa.Table:
    """What plain tools compare businesses by, in lower case; null where nothing is stated.

    Columns: ``name``, ``email``, ``domain``, ``phone``, ``street``, ``postal_code``, ``city`` and
    ``number``.
    """
    empty = pa.nulls(columns.num_rows, pa.string())
    lower = {
        name: pc.utf8_lower(columns[name].combine_chunks())
        if name in columns.column_names
        else empty
        for name in ("name", "company", "email", "phone", "street", "postal_code", "city",
                     "business_id")
    }  # fmt: skip
    named = pc.coalesce(lower["company"], lower["name"])
    plain = pc.replace_substring_regex(named, r"[^\p{L}\p{N}]+", " ")
    bare = pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, _FORMS, " "))
    domain = pc.replace_substring_regex(lower["email"], "^.*@", "")
    digits = pc.replace_substring_regex(lower["phone"], "[^0-9]", "")
    number = pc.replace_substring_regex(lower["business_id"], "[^0-9]", "")
    return pa.table(
        {
            "name": _or_null(pc.replace_substring_regex(bare, " +", " ")),
            "email": _of_few(_without_placeholders(lower["email"])),
            "domain": _of_few(domain),
            "phone": _of_few(_or_null(pc.utf8_slice_codeunits(digits, -_PHONE_DIGITS, None))),
            "street": lower["street"],
            "postal_code": lower["postal_code"],
            "city": lower["city"],
            # Eight digits are the fewest that any of the five countries has.
            "number": pc.if_else(
                pc.greater_equal(pc.utf8_length(number), 8), number, pa.scalar(None, pa.string())
            ),
        }
    )


def _without_placeholders(mailbox: pa.Array) -> pa.Array:
    """Without mailboxes that are typed to fill a field; `info@` of a domain is a business's own."""
    coded = mailbox.dictionary_encode()
    kept = [
        None if blocked_reason("email", value) == "placeholder" else value
        for value in coded.dictionary.to_pylist()
    ]
    return pa.array(kept, pa.string()).take(coded.indices)


def _of_few(column: pa.Array) -> pa.Array:
    counted = pc.value_counts(column.drop_null())
    many = counted.field("values").filter(
        pc.greater(counted.field("counts"), pa.scalar(_MOST_HOLDERS, pa.int64()))
    )
    return pc.if_else(pc.is_in(column, many), pa.scalar(None, pa.string()), column)


def _or_null(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
