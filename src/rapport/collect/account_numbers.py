"""Numbers of accounts and cards in texts: what may be kept of them, and references of payments."""

from __future__ import annotations

import re

from rapport.vocabulary.identifier_values import normalise_iban

_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_BELGIAN = re.compile(r"(?:\+{3}|\*{3})?\s*(\d{3})/?(\d{4})/?(\d{5})\s*(?:\+{3}|\*{3})?")
_BELGIAN_IN_TEXT = re.compile(
    r"(?:\+{3}|\*{3})\s*(\d{3})\s*/\s*(\d{4})\s*/\s*(\d{5})\s*(?:\+{3}|\*{3})"
)


def masked(number: str) -> str:
    """The last four characters, which suffice to recognise an account one knows."""
    return f"…{number[-4:]}"


def without_accounts(text: str) -> str:
    """``text`` with account and card numbers masked.

    Only numbers whose check digits are right: an order number of sixteen digits stays.

    Examples
    --------
    >>> without_accounts("van BE68 5390 0754 7034, kaart 4111 1111 1111 1111")
    'van …7034, kaart …1111'
    """
    text = _IBAN.sub(_mask_iban, text)
    return _CARD.sub(_mask_card, text)


def _mask_iban(found: re.Match[str]) -> str:
    # The pattern takes a word too many where capitals follow; the number is what checks.
    words = found.group().split(" ")
    for end in range(len(words), 0, -1):
        if (number := normalise_iban("".join(words[:end]))) is not None:
            return " ".join([masked(number), *words[end:]])
    return found.group()


def _mask_card(found: re.Match[str]) -> str:
    digits = [int(c) for c in found.group() if c.isdigit()]
    doubled = [d * 2 - 9 * (d > 4) for d in digits[-2::-2]]
    return (
        masked("".join(map(str, digits)))
        if (sum(digits[::-2]) + sum(doubled)) % 10 == 0
        else (found.group())
    )


def belgian_reference(text: str, *, whole: bool = False) -> str | None:
    """A Belgian structured communication in its printed form, if its check digits are right.

    Parameters
    ----------
    whole : bool
        The text is said to be one; else one is looked for between its signs.

    Examples
    --------
    >>> belgian_reference("betaling ***090/9337/55493*** dank u")
    '+++090/9337/55493+++'
    >>> belgian_reference("090933755493", whole=True)
    '+++090/9337/55493+++'
    """
    pattern = _BELGIAN.fullmatch if whole else _BELGIAN_IN_TEXT.search
    found = pattern(text.strip())
    if found is None:
        return None
    digits = "".join(found.groups())
    check = int(digits[:10]) % 97 or 97
    return "+++{}/{}/{}+++".format(*found.groups()) if check == int(digits[10:]) else None
