"""GS1 keys: what identifies an article or a place, in the ways events write it."""

from __future__ import annotations

import re

_SGTIN = re.compile(r"urn:epc:(?:id:sgtin|class:lgtin|idpat:sgtin):(\d{6,12})\.(\d)(\d*)\.?.*")
_PLACE = re.compile(r"urn:epc:id:(?:sgln|pgln):(\d{6,12})\.(\d*)\.?.*")
_LINK = re.compile(r"https?://[^/\s]+/(?:[^?]*/)?(01|414|417)/(\d{8,14})(?:[/?].*)?")


def check_digit(digits: str) -> str:
    """The digit that follows ``digits`` in a GTIN or GLN (GS1 General Specifications, 7.9).

    Examples
    --------
    >>> check_digit("629104150021")
    '3'
    """
    total = sum(int(d) * (3 if n % 2 == 0 else 1) for n, d in enumerate(reversed(digits)))
    return str(-total % 10)


def gtin(text: str) -> str | None:
    """The article's number of 14 digits; None where the text names none.

    Examples
    --------
    >>> gtin("urn:epc:id:sgtin:0614141.107346.2018"), gtin("https://id.gs1.org/01/10614141073464")
    ('10614141073464', '10614141073464')
    """
    if (found := _LINK.fullmatch(text)) is not None and found[1] == "01":
        return found[2].zfill(14)
    if (found := _SGTIN.fullmatch(text)) is not None:
        digits = found[2] + found[1] + found[3]
        return digits + check_digit(digits) if len(digits) == 13 else None
    return None


def gln(text: str) -> str | None:
    """The place's or party's number of 13 digits; None where the text names none.

    Examples
    --------
    >>> gln("urn:epc:id:sgln:0614141.00777.0"), gln("https://id.gs1.org/414/0614141007776/254/2")
    ('0614141007776', '0614141007776')
    """
    if (found := _LINK.fullmatch(text)) is not None and found[1] in ("414", "417"):
        return found[2].zfill(13)
    if (found := _PLACE.fullmatch(text)) is not None:
        digits = found[1] + found[2]
        return digits + check_digit(digits) if len(digits) == 12 else None
    return None
