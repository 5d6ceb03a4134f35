"""The register's and the tax office's numbers of companies, by who gave them.

One company writes BE0403.170.701, 0403170701 and BE 403 170 701; France numbers the company (SIREN)
and each place of it (SIRET); Hungary puts VAT group and county behind the number.
"""

from __future__ import annotations

import re

from rapport.unify.matching.comparison import Column, Comparison, Level, RecordKind, Row
from rapport.unify.matching.comparisons.likeness import one_edit_level, same_level, storable
from rapport.vocabulary.identifier_values import normalise_business_id

_LONGEST = 40
_SHORTEST = 7
_COUNTRY = re.compile(r"([A-Z]{2})(?=\w*\d)(.+)")


def read_business_id(number: str | None, country: str | None) -> tuple[str | None, str | None]:
    """The number with the register that gave it before it, and the register.

    Examples
    --------
    >>> read_business_id("BE 0403.170.701", None), read_business_id("403170701", "BE")
    (('BE:0403170701', 'BE'), ('BE:0403170701', 'BE'))
    >>> read_business_id("732 829 320 00074", "FR"), read_business_id("FR44732829320", None)
    (('FR:732829320', 'FR'), ('FR:732829320', 'FR'))
    >>> read_business_id("12345676-2-42", "HU"), read_business_id("HU12345676", "HU")
    (('HU:12345676', 'HU'), ('HU:12345676', 'HU'))
    >>> read_business_id("n/a", "BE")
    (None, None)
    """
    text = storable(normalise_business_id(number)) if number else None
    if text is None or len(text) > _LONGEST or not text.isascii():
        return (None, None)
    found = _COUNTRY.fullmatch(text)
    register = found[1] if found else (country or "").upper()
    rest = found[2] if found else text
    if register == "BE" and rest.isdecimal() and len(rest) in (9, 10):
        rest = rest.zfill(10)
    elif register == "FR" and len(rest) == 11:  # VAT: two signs before the SIREN
        rest = rest[2:]
    elif register == "FR" and rest.isdecimal() and len(rest) == 14:
        rest = rest[:9]
    elif register == "HU" and rest.isdecimal() and len(rest) == 11:
        rest = rest[:8]
    elif register == "NL":  # KvK and VAT are two registers
        register = "NL VAT" if "B" in rest else "NL"
    digits = [c for c in rest if c.isdecimal()]
    if len(digits) < _SHORTEST or len(set(digits)) == 1:
        return (None, None)
    return (f"{register}:{rest}", register)


def _other_register(a: Row, b: Row) -> bool:
    return bool(a["business_id_register"] != b["business_id_register"])


COMPARISON = Comparison(
    name="business_id",
    inputs=("business_id", "country"),
    columns=(Column(name="business_id"), Column(name="business_id_register")),
    read=read_business_id,
    said=("business_id",),
    levels=(
        same_level("same_number", "business_id"),
        Level(
            key="not_comparable",  # a register's number and a tax office's: no evidence
            sql="l.business_id_register <> r.business_id_register",
            holds=_other_register,
        ),
        one_edit_level("number_typo", "business_id", shortest=_SHORTEST),
    ),
    of=RecordKind.COMPANY,
    household="known",
)
