"""E-mail addresses: the mailbox behind them, slips in the provider's name, and the local part."""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz.distance import DamerauLevenshtein

from rapport.unify.matching.comparison import Column, Comparison, Level, Row
from rapport.unify.matching.comparisons.likeness import (
    edits,
    is_near,
    is_near_sql,
    same_level,
    storable,
)
from rapport.unify.matching.comparisons.word_list import words
from rapport.vocabulary.identifier_values import mailbox, normalise_email

#: Where most people of our countries have their mailbox. A domain one slip away from one of these
#: is that slip: nobody receives mail at gmial.com.
_PROVIDERS = words(
    """
    gmail.com googlemail.com outlook.com outlook.be outlook.fr outlook.hu outlook.de hotmail.com
    hotmail.be hotmail.fr hotmail.nl hotmail.de hotmail.co.uk live.com live.be live.nl live.fr
    live.co.uk msn.com yahoo.com yahoo.fr yahoo.de yahoo.co.uk ymail.com icloud.com me.com mac.com
    aol.com proton.me protonmail.com gmx.de gmx.net gmx.at gmx.com web.de t-online.de freenet.de
    telenet.be skynet.be proximus.be scarlet.be voo.be pandora.be belgacom.net
    ziggo.nl kpnmail.nl planet.nl xs4all.nl home.nl upcmail.nl casema.nl chello.nl hetnet.nl
    orange.fr wanadoo.fr free.fr sfr.fr laposte.net bbox.fr neuf.fr numericable.fr
    freemail.hu citromail.hu t-online.hu upcmail.hu indamail.hu vipmail.hu mailbox.hu
    btinternet.com sky.com talktalk.net virginmedia.com ntlworld.com blueyonder.co.uk
    """
)
#: Providers with one ending only, whatever people type after the dot.
_ONE_ENDING = {
    "gmail": "gmail.com", "googlemail": "gmail.com", "icloud": "icloud.com",
    "citromail": "citromail.hu", "freemail": "freemail.hu", "telenet": "telenet.be",
    "skynet": "skynet.be", "proximus": "proximus.be", "ziggo": "ziggo.nl", "wanadoo": "wanadoo.fr",
    "laposte": "laposte.net",
}  # fmt: skip
#: Real domains that look like a slip in a provider's name.
_REAL = words(
    "mail.com email.com ymail.com gmx.com gmx.net gmx.at gmx.ch gmx.fr web.com me.com live.com "
    "live.be live.nl live.fr live.de live.it live.se live.dk live.ca home.com sky.be free.com "
    "planet.com yahoo.es yahoo.it yahoo.ca yahoo.se hotmail.it hotmail.es hotmail.se hotmail.ca "
    "outlook.it outlook.es outlook.at orange.be t-online.com hushmail.com fastmail.com mail.hu "
    "wanadoo.be wanadoo.nl wanadoo.es freemail.nl freemail.it ziggo.com"
)
_ENDING_SLIPS = {
    "con": "com", "cpm": "com", "cmo": "com", "comm": "com", "vom": "com", "xom": "com",
    "ocm": "com", "om": "com", "coom": "com", "c0m": "com",
}  # fmt: skip

#: Local parts that belong to a desk and not to a person.
_ROLES = words(
    """
    info contact admin sales support service office mail webmaster hello bonjour team hr noreply
    donotreply postmaster administrator administratie boekhouding facturen facture factures
    comptabilite secretariaat secretariat accueil receptie reception verkoop klantendienst
    klantenservice
    ugyfelszolgalat iroda titkarsag penzugy szamla rendeles kontakt buero vertrieb bestellung
    marketing invoice invoices accounts accounting billing enquiries orders order shop winkel
    unknown nobody anonymous example username customer client klant email nomail geenmail
    """
)
_SHORTEST_LOCAL = 6
_NEAR_LOCAL = 0.9
_IN_BRACKETS = re.compile(r"<([^<>]*@[^<>]*)>")
#: By far the most addresses: they are their own normal form but for capitals.
_PLAIN = re.compile(
    r"(?=.{6,100}\Z)[A-Za-z0-9_+-]{1,40}(?:\.[A-Za-z0-9_+-]{1,40}){0,4}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?\.){1,4}[A-Za-z]{2,20}"
)
_DOTS = re.compile(r"\.\.+")
_LONGEST = 1_000
_WORDS = re.compile(r"[^\W\d_]{2,}")
_JOINTS = str.maketrans("", "", "._-")


@lru_cache(maxsize=65_536)  # some thousand domains carry millions of addresses
def intended_domain(domain: str) -> str:
    """The provider meant by ``domain``, or ``domain`` itself.

    Examples
    --------
    >>> [intended_domain(d) for d in ("gmial.com", "hotnail.com", "gmail.hu", "telenet.con")]
    ['gmail.com', 'hotmail.com', 'gmail.com', 'telenet.be']
    >>> intended_domain("mail.com"), intended_domain("peeters.be")
    ('mail.com', 'peeters.be')
    """
    if domain in _PROVIDERS or domain in _REAL or len(domain) > 40:
        return domain
    name, _, ending = domain.rpartition(".")
    mended = f"{name}.{_ENDING_SLIPS.get(ending, ending)}"
    if mended in _PROVIDERS or mended in _REAL:
        return mended
    if (known := _ONE_ENDING.get(name)) is not None:
        return known
    if len(name) < 4:  # "sfr.fr" has too many neighbours of its own
        return mended
    near = [
        provider
        for provider in _PROVIDERS
        if provider[0] == mended[0]
        and DamerauLevenshtein.distance(mended, provider, score_cutoff=1) <= 1
    ]
    return min(near) if near else mended


def _address(email: str) -> str | None:
    """The normalised address in ``email``; what slips break is mended where only one is meant."""
    if (address := normalise_email(email)) is not None:
        return address
    if len(email) > _LONGEST:
        return None
    if (inside := _IN_BRACKETS.search(email)) is not None:  # Anna Kovács <anna@example.hu>
        email = inside[1]
    return normalise_email(_DOTS.sub(".", email.replace(",", ".").replace(" ", "")).strip("."))


Standard = tuple[str | None, str | None, str | None, str | None]
_NOTHING = (None, None, None, None)


def read_email(email: str | None) -> Standard:
    """The mailbox, the mailbox at the provider that was meant, and the local part if distinctive.

    Last come the local part's words in the order of the alphabet, where it has more than one.

    Examples
    --------
    >>> read_email("Anna.Kovacs+shop@gmial.com")
    ('anna.kovacs+shop@gmial.com', 'annakovacs@gmail.com', 'annakovacs', 'anna kovacs')
    >>> read_email("info@peeters.be")
    ('info@peeters.be', 'info@peeters.be', None, None)
    """
    if not email:
        return _NOTHING
    address = email.lower() if _PLAIN.fullmatch(email) else storable(_address(email))
    if address is None:
        return _NOTHING
    exact = mailbox(address)
    name, _, domain = exact.rpartition("@")
    intended = intended_domain(domain)
    meant = exact if intended == domain else mailbox(f"{name}@{intended}")
    local = meant.rpartition("@")[0].partition("+")[0].translate(_JOINTS)
    distinctive = len(local) >= _SHORTEST_LOCAL and local not in _ROLES and not local.isdecimal()
    if not distinctive:
        return (exact, meant, None, None)
    parts = _WORDS.findall(address.partition("@")[0].partition("+")[0])
    return (exact, meant, local, " ".join(sorted(parts)) if len(parts) > 1 else None)


def _domain(meant: str) -> str:
    return meant.rpartition("@")[2]


def _local_typo(a: Row, b: Row) -> bool:
    one, two = a["email_local"], b["email_local"]
    return (
        is_near(one, two, _NEAR_LOCAL)
        and edits(one, two) <= 1
        and one.translate(_NO_LETTERS) != two.translate(_NO_LETTERS)
        and _domain(a["email_meant"]) == _domain(b["email_meant"])
    )


def _local_close(a: Row, b: Row) -> bool:
    return is_near(a["email_local"], b["email_local"], _NEAR_LOCAL)


#: Of a mailbox's name, what is no letter.
_SIGNS = "0123456789._-+"
_NO_LETTERS = str.maketrans("", "", _SIGNS)
_LETTERS_SQL = f"translate({{}}.email_local, '{_SIGNS}', '')"
_NEAR_SQL = is_near_sql("l.email_local", "r.email_local", _NEAR_LOCAL)

COMPARISON = Comparison(
    name="email",
    inputs=("email",),
    columns=(
        Column(name="email"),
        Column(name="email_meant"),
        Column(name="email_local"),
        Column(name="email_words"),
    ),
    read=read_email,
    said=("email",),
    levels=(
        same_level("same_mailbox", "email"),
        same_level("same_mailbox_domain_typo", "email_meant"),
        Level(
            # One slip in the letters, at the same provider. Two people of one name are told apart
            # by a dot or a number: sophie.bastin and sophie.bastin2.
            key="local_typo",
            sql=(
                f"coalesce(case when {_NEAR_SQL}"
                " then damerau_levenshtein(l.email_local, r.email_local) <= 1"
                f" and {_LETTERS_SQL.format('l')} <> {_LETTERS_SQL.format('r')}"
                " and split_part(l.email_meant, '@', 2) = split_part(r.email_meant, '@', 2)"
                " else false end, false)"
            ),
            holds=_local_typo,
        ),
        same_level("same_local_part", "email_local"),
        same_level("same_local_words", "email_words"),  # anna.kovacs84 and kovacs.anna
        Level(
            key="local_part_close",
            sql=f"coalesce({_NEAR_SQL}, false)",
            holds=_local_close,
        ),
    ),
)
