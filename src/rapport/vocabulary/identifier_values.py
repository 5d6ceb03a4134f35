"""One written form for each identifier, so that equal values compare equal.

Values that cannot be brought to that form give None: they are no identifier. Whether a well-formed
value is *junk* (``test@test.com``) depends on who else uses it and is decided where identities are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

import msgspec
import phonenumbers

from rapport.vocabulary.identifier import Identifier

#: Characters that print nothing but make equal values differ: soft hyphen, zero-width ones,
#: direction marks and the byte-order mark. Address books copied from web pages are full of them.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_SPACES = re.compile(r"\s+")
#: RFC 5321 allows more, but mailboxes in customer data with quotes or spaces are slips.
_EMAIL = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W_][\w-]*")
#: Lengths of the IBAN registry for our neighbours: a wrong length may still pass the check digits.
_IBAN_LENGTHS = {
    "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26,
    "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15,
    "PL": 28, "PT": 25, "RO": 24, "RS": 22, "SE": 24, "SI": 19, "SK": 24, "TR": 26, "UA": 29,
}  # fmt: skip
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
#: Spreadsheets turn numbers into "32470123456.0".
_FLOAT_TAIL = re.compile(r"^(\+?\d{6,})\.0$")

#: Signs between digits that say nothing, in numbers that have no others.
_PUNCTUATION = re.compile(r"[ ./()-]+")
_PUNCTUATED = re.compile(r"[(]?\+?(?:[ ./()-]*[0-9]){6,20}")

#: Providers that ignore dots in the name, or what follows a plus sign; others do not all.
_DOTLESS = frozenset({"gmail.com"})
_PLUS_TAGS = frozenset({"gmail.com", "outlook.com", "hotmail.com", "icloud.com", "proton.me"})
_SAME_PROVIDER = {"googlemail.com": "gmail.com", "protonmail.com": "proton.me"}


#: Longer values are known by their digest: an index has no room for any length.
LONGEST_VALUE = 255


def clean_text(value: str) -> str:
    """``value`` as people read it: NFC, no invisible characters, single spaces, trimmed."""
    text = value
    if text.isascii():
        if text.isprintable() and "  " not in text:  # by far the most texts
            return text.strip(" ")
    else:  # removed first: a mark behind a zero-width space joins its letter
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    return _SPACES.sub(" ", text).strip()


def _compatible(value: str) -> str:
    """NFKC (full-width letters and ligatures become plain ones), without invisible characters."""
    text = _CONTROL.sub("", value)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    return text.strip()


@lru_cache(maxsize=65_536)
def normalise_email(value: str) -> str | None:
    """The address in lower case, with its domain in ASCII; None if it is no address.

    Lower case although RFC 5321 lets a mailbox name be case sensitive: no provider uses that.

    Examples
    --------
    >>> normalise_email("  Anna.Kovács@Példa.HU ")
    'anna.kovács@xn--plda-bpa.hu'
    >>> normalise_email("anna at example.com") is None
    True
    """
    text = _compatible(value).casefold().removeprefix("mailto:").strip("<>\"' .,;")
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        return None
    name, _, domain = text.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    if name.startswith(".") or name.endswith(".") or ".." in name:
        return None
    return f"{name}@{domain}"


def mailbox(email: str) -> str:
    """The mailbox behind a normalised address: provider rules for dots and plus tags applied.

    Two addresses of one mailbox are evidence of one person, but each stays the person's own
    spelling, so this is for comparing and never for writing to somebody.

    Examples
    --------
    >>> mailbox("anna.kovacs+shop@googlemail.com")
    'annakovacs@gmail.com'
    """
    name, _, domain = email.rpartition("@")
    domain = _SAME_PROVIDER.get(domain, domain)
    if domain in _PLUS_TAGS:
        name = name.partition("+")[0] or name
    if domain in _DOTLESS:
        name = name.replace(".", "")
    return f"{name}@{domain}"


@lru_cache(maxsize=65_536)  # reading a number costs 50 µs, and each is read many times
def normalise_phone(value: str, country: str | None) -> str | None:
    """The number in E.164, read as dialled in ``country``; None if it cannot be one.

    Parameters
    ----------
    value : str
        As written: ``06 30 123 4567``, ``+32 (0)470/12.34.56``, ``0032470123456``.
    country : str or None
        ISO 3166-1 alpha-2 of the record. Without it only international numbers can be read.

    Notes
    -----
    *Possible* is asked, not *valid*: numbering plans gain ranges sooner than libraries do.
    """
    text = _FLOAT_TAIL.sub(r"\1", _compatible(value))
    if not any(c.isdigit() for c in text):
        return None
    if country is None and text.startswith("00"):
        text = "+" + text[2:]
    if _PUNCTUATED.fullmatch(text):  # one number written in several ways is read once
        text = _PUNCTUATION.sub("", text)
    return _dialled(text, country)


@lru_cache(maxsize=65_536)
def _dialled(text: str, country: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=65_536)
def phone_parts(number: str) -> phonenumbers.PhoneNumber:
    """A number in E.164 in its parts; not to be changed, as it is shared.

    Raises
    ------
    phonenumbers.NumberParseException
        If it is no number.
    """
    return phonenumbers.parse(number)


@lru_cache(maxsize=65_536)
def readable_phone(value: str, country: str | None) -> str:
    """The number as people read it, with its country: ``+32 470 12 34 56``; else as it came."""
    number = normalise_phone(value, country)
    if number is None:
        return value
    return phonenumbers.format_number(
        phone_parts(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL
    )


def normalise_loyalty_card(value: str) -> str | None:
    """The card number's letters and digits in upper case: ``mk-0042 17`` is ``MK004217``."""
    text = _FLOAT_TAIL.sub(r"\1", _compatible(value))
    return indexable("".join(c for c in text.upper() if c.isalnum())) or None


def normalise_iban(value: str) -> str | None:
    """The account number without spaces; None where its check digits (ISO 7064) are wrong.

    Examples
    --------
    >>> normalise_iban("be68 5390 0754 7034")
    'BE68539007547034'
    >>> normalise_iban("BE68 5390 0754 7035") is None
    True
    """
    text = "".join(c for c in _compatible(value).upper() if c.isalnum())
    if not _IBAN.fullmatch(text) or _IBAN_LENGTHS.get(text[:2], len(text)) != len(text):
        return None
    digits = "".join(str(int(c, 36)) for c in text[4:] + text[:4])
    return text if int(digits) % 97 == 1 else None


def normalise_business_id(value: str) -> str | None:
    """A company's VAT or register number without spaces, dots and strokes, in upper case.

    Examples
    --------
    >>> normalise_business_id("BE 0403.170.701")
    'BE0403170701'
    """
    kept = "".join(c for c in _compatible(value).upper() if c.isalnum() or c == ":")
    return kept if any(c.isdigit() for c in kept) else None


def normalise_social_handle(value: str) -> str | None:
    """A name on a network, without the sign before it; networks ignore case."""
    return _compatible(value).casefold().lstrip("@").strip() or None


def normalise_opaque(value: str) -> str | None:
    """A number or key of a system, untouched but for spaces around it: case may matter."""
    return indexable(_compatible(value)) or None


def indexable(value: str) -> str:
    """``value``, or where it is too long to be indexed its digest, which is as good a key.

    Examples
    --------
    >>> indexable("u1")
    'u1'
    >>> len(indexable("u" * 100_000))
    69
    """
    if len(value) <= LONGEST_VALUE:
        return value
    return "long-" + sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


_NORMALISERS: dict[str, Callable[[str, str | None], str | None]] = {
    "business_id": lambda value, _: normalise_business_id(value),
    "email": lambda value, _: normalise_email(value),
    "iban": lambda value, _: normalise_iban(value),
    "phone": normalise_phone,
    "social_handle": lambda value, _: normalise_social_handle(value),
    "loyalty_card": lambda value, _: normalise_loyalty_card(value),
}


def normalise_identifier(identifier: Identifier, country: str | None = None) -> Identifier | None:
    """``identifier`` with its value in the one written form of its kind; None if it has none."""
    normalise = _NORMALISERS.get(identifier.kind)
    value = (
        normalise_opaque(identifier.value)
        if normalise is None
        else normalise(identifier.value, country)
    )
    if value is None:
        return None
    return (
        identifier
        if value == identifier.value
        else msgspec.structs.replace(identifier, value=value)
    )
