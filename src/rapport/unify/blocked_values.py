"""Values that people and tills type when they have none: never evidence of identity.

The list is data, by language; a company's own values stand in the ledger's table `blocked_value`.
"""

from __future__ import annotations

import re

#: Mailbox names that are nobody's, whatever the domain.
_NOBODY = {
    "any": "noreply no-reply no.reply donotreply do-not-reply mailer-daemon postmaster abuse "
    "null none na n.a nobody nomail noemail no-email no.email nothing unknown anonymous undefined "
    "test tester testing test1 test2 test123 demo example dummy fake asdf asd qwerty abc 123 1234 "
    "12345",
    "nl": "geen geenmail geen-mail geenemail geen.email onbekend nvt n.v.t anoniem niemand "
    "klant winkel kassa",
    "fr": "aucun aucune pasdemail pas-de-mail sansmail sans-mail sans inconnu anonyme personne "
    "nomail client caisse magasin",
    "hu": "nincs nincsemail nincs-email nincs.email nincsmail ismeretlen nemtudom "
    "teszt vevo penztar",
    "de": "keine keinemail kein unbekannt niemand kunde kasse",
}
_MAILBOXES = frozenset(word for words in _NOBODY.values() for word in words.split())

#: Role mailboxes: real, but of a company and not of a person.
_ROLE_WORDS = (
    "info contact sales support admin office hello help service webmaster marketing billing "
    "accounts accounting hr jobs reception verkoop boekhouding administratie klantendienst "
    "comptabilite accueil secretariat ventes iroda ugyfelszolgalat titkarsag szamlazas"
)
_ROLES = frozenset(_ROLE_WORDS.split())
#: Domains typed as filler. Not `example.com` and its like: they are reserved for invented people,
#: and invented people deserve profiles in demonstrations.
_DOMAINS = re.compile(
    r"(?:^|\.)(?:invalid|localhost)$"
    r"|^(?:test|teszt|nomail|noemail|none|no|null|geen|nincs|aucun|fake|dummy|asdf|xxx|aaa|abc)"
    r"\.[a-z]{2,}$"
)
#: Words by which a mailbox names itself a family's: nl, fr, en, hu, de.
_FAMILY = re.compile(r"famil(?:ie|le|y|ia)|(?:^|[._-])fam[._-]|gezin|csalad|család")

_RISING = "01234567890123456789"
_FALLING = _RISING[::-1]


def names_household(kind: str, value: str) -> bool:
    """Whether a value says of itself that a family shares it: ``familie.maes@…``.

    Examples
    --------
    >>> names_household("email", "famille.dubois@mail.fr"), names_household("email", "fama@mail.fr")
    (True, False)
    """
    return kind == "email" and _FAMILY.search(value.partition("@")[0]) is not None


def blocked_reason(kind: str, value: str) -> str | None:
    """Why ``value`` is nobody's, or None. ``value`` is normalised.

    Returns
    -------
    str or None
        ``placeholder`` (typed to fill a field) or ``role`` (a department's mailbox).

    Examples
    --------
    >>> blocked_reason("email", "geen@gmail.com"), blocked_reason("phone", "+320000000")
    ('placeholder', 'placeholder')
    """
    if kind == "email":
        name, _, domain = value.partition("@")
        if _DOMAINS.search(domain) or name in _MAILBOXES or (len(name) > 2 and len(set(name)) == 1):
            return "placeholder"
        return "role" if name in _ROLES else None
    if kind == "phone":
        digits = value.lstrip("+")
        # Equal or counting digits to the end: 0000000, 12345678. Shorter runs are real.
        counting = digits[-8:] in _RISING or digits[-8:] in _FALLING
        if len(digits) < 7 or len(set(digits[-7:])) == 1 or counting:
            return "placeholder"
        return None
    if kind in _CARD_LIKE:
        bare = value.strip("0")
        filler = len(value) >= 4 and (len(set(value)) == 1 or value in _RISING)
        return "placeholder" if not bare or filler else None
    return None


_CARD_LIKE = frozenset({"loyalty_card", "customer_number"})
