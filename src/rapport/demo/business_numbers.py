"""Numbers of businesses in five countries, whose check digits are right, and how silos write them.

A business has one serial number here; from it follow the numbers of its country:

| country | register | tax |
|---|---|---|
| BE | the enterprise number, 10 digits, the last two 97 less the remainder by 97 | the same |
| NL | KvK, 8 digits, no check | btw-id: RSIN with the test of eleven, `B`, 01 |
| FR | SIREN with Luhn's digit; SIRET: and five of the establishment | a key by 97, then the SIREN |
| HU | the first eight digits of the adószám, weights 9 7 3 1 | and VAT kind and county |
| DE | (the register court's, which no silo here keeps) | USt-IdNr, ISO 7064 MOD 11,10 |
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.demo.dirty_columns import Numbers

#: How many businesses of one country have numbers of their own.
MOST = 4_000_000
#: What clerks type where a number is asked for and nobody has one.
PLACEHOLDERS = ("0", "BE0000000000", "00000000", "nvt", "N/A", "-", "x")


def _digits(number: Numbers, length: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(number).cast(pa.string()), length, "0")


def _digit_columns(number: Numbers, length: int) -> Numbers:
    """Digits from the left, shape (n, length)."""
    digits: Numbers = (number[:, None] // 10 ** np.arange(length - 1, -1, -1)) % 10
    return digits


def enterprise_numbers(serial: Numbers) -> pa.Array:
    """Belgian enterprise numbers: 0, seven digits and two that check them."""
    first = 4_000_000 + serial  # 0400.xxx.xxx and higher; older numbers are rare
    return _digits(first * 100 + 97 - first % 97, 10)


def with_luhn(number: Numbers, length: int) -> Numbers:
    """The number with one digit more, by which Luhn's sum is a multiple of ten."""
    digits = _digit_columns(number, length)
    doubled = digits[:, ::-1].copy()
    doubled[:, ::2] *= 2
    total = (doubled // 10 + doubled % 10).sum(axis=1)
    checked: Numbers = number * 10 + (-total) % 10
    return checked


def sirens(serial: Numbers) -> Numbers:
    """French company numbers: nine digits."""
    return with_luhn(30_000_000 + 13 * serial, 8)


def sirets(serial: Numbers, establishment: Numbers) -> pa.Array:
    """French establishment numbers: the SIREN and five digits; the seat is mostly 00011 or so."""
    return _digits(with_luhn(sirens(serial) * 10_000 + establishment, 13), 14)


def french_vat_numbers(serial: Numbers) -> pa.Array:
    """FR, a key of two digits, and the SIREN."""
    siren = sirens(serial)
    key = _digits((12 + 3 * (siren % 97)) % 97, 2)
    return pc.binary_join_element_wise("FR", key, _digits(siren, 9), "")


def hungarian_tax_numbers(serial: Numbers) -> pa.Array:
    """The first eight digits of the adószám, which are the number in the European system too."""
    first = 1_000_000 + 2 * serial
    total = (_digit_columns(first, 7) * np.array([9, 7, 3, 1, 9, 7, 3])).sum(axis=1)
    return _digits(first * 10 + (-total) % 10, 8)


def chamber_numbers(serial: Numbers) -> pa.Array:
    """Numbers of the Dutch chamber of commerce (KvK): eight digits, none of which checks."""
    return _digits(30_000_000 + 11 * serial, 8)


def dutch_vat_numbers(serial: Numbers) -> pa.Array:
    """NL, an RSIN of nine digits by the test of eleven, B01."""
    weights = np.arange(9, 1, -1)
    first = 80_000_000 + 2 * serial
    check = (_digit_columns(first, 8) * weights).sum(axis=1) % 11
    # No digit stands for ten; the next number up has a remainder of one (its last weight is 2).
    odd = first + (check == 10)
    check = (_digit_columns(odd, 8) * weights).sum(axis=1) % 11
    return pc.binary_join_element_wise("NL", _digits(odd * 10 + check, 9), "B01", "")


def german_vat_numbers(serial: Numbers) -> pa.Array:
    """DE and nine digits, the last by ISO 7064 MOD 11,10."""
    first = 11_000_000 + 17 * serial
    product = np.full(len(serial), 10, dtype=np.int64)
    for digit in _digit_columns(first, 8).T:
        total = (digit + product) % 10
        product = np.where(total == 0, 10, total) * 2 % 11
    check = (11 - product) % 10
    return pc.binary_join_element_wise("DE", _digits(first * 10 + check, 9), "")


def tax_numbers(country: str, serial: Numbers, county: Numbers) -> pa.Array:
    """As finance keeps it for bills: with the country, and of Hungary with VAT kind and county."""
    if country == "BE":
        return pc.binary_join_element_wise("BE", enterprise_numbers(serial), "")
    if country == "HU":
        return pc.binary_join_element_wise(
            hungarian_tax_numbers(serial), "2", _digits(2 + county % 43, 2), "-"
        )
    return {"NL": dutch_vat_numbers, "FR": french_vat_numbers, "DE": german_vat_numbers}[country](
        serial
    )


def register_numbers(country: str, serial: Numbers, establishment: Numbers) -> pa.Array:
    """As a sales office copies it from the register; of Germany null."""
    if country == "BE":
        return enterprise_numbers(serial)
    if country == "NL":
        return chamber_numbers(serial)
    if country == "FR":
        return sirets(serial, establishment)
    if country == "HU":
        return hungarian_tax_numbers(serial)
    return pa.nulls(len(serial), pa.string())


#: By country, ways to write a number that is digits only: pattern and replacement.
_GROUPED: dict[str, Sequence[tuple[str, str]]] = {
    "BE": (
        (r"^(BE)?(\d{4})(\d{3})(\d{3})$", r"\1 \2.\3.\4"),
        (r"^(BE)?(\d{4})(\d{3})(\d{3})$", r"BE \2 \3 \4"),
        (r"^(BE)?0(\d{9})$", r"BE\2"),  # nine digits, as before 2008
    ),
    "NL": ((r"^NL(\d{9})(B\d\d)$", r"NL \1 \2"), (r"^NL(\d{4})(\d{2})(\d{3})", r"NL\1.\2.\3.")),
    "FR": (
        (r"^(\d{3})(\d{3})(\d{3})(\d{5})$", r"\1 \2 \3 \4"),
        (r"^(\d{9})\d{5}$", r"\1"),
        (r"^FR(\d\d)(\d{3})(\d{3})(\d{3})$", r"FR \1 \2 \3 \4"),
    ),
    "HU": ((r"^(\d{8})-?.*$", r"HU\1"), (r"^(\d{8})-(\d)-(\d\d)$", r"\1\2\3")),
    "DE": (
        (r"^DE(\d{3})(\d{3})(\d{3})$", r"DE \1 \2 \3"),
        (r"^DE(\d{9})$", r"\1"),
    ),
}  # fmt: skip


def as_written(country: str, numbers: pa.Array, rng: np.random.Generator) -> pa.Array:
    """Half as they are, the others grouped, with or without the country, or the older way."""
    style = rng.random(len(numbers))
    ways = _GROUPED[country]
    for number, (pattern, replacement) in enumerate(ways):
        low, high = (0.5 * part / len(ways) for part in (number, number + 1))
        mine = pa.array((style >= low) & (style < high))
        other = pc.utf8_trim_whitespace(pc.replace_substring_regex(numbers, pattern, replacement))
        numbers = pc.if_else(mine, other, numbers)
    return numbers
