"""What records say of where their person lives and works, kept as they say it.

Nothing is concluded here. A statement stays with its record from when it was first until when it
was last made, so that the order of arrival does not matter and a move does not wipe out where
somebody lived before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from rapport.engines.ledger import Ledger, among
from rapport.unify.blocked_values import blocked_reason
from rapport.unify.company_words import TRADES, is_provider, plain_words
from rapport.unify.many_rows import write_many
from rapport.unify.matching.comparisons.address import read_address
from rapport.unify.name_words import fold, fold_words
from rapport.unify.sighting import Sighting
from rapport.unify.stored_evidence import micros, rows_in
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.identifier import atom_id
from rapport.vocabulary.ledger_tables import to_micros
from rapport.vocabulary.touchpoint import Touchpoint

HOME = "home"
COMPANY = "company"
ACCOUNT = "account"
DOMAIN = "domain"
TITLE = "title"

_LONGEST = 200
#: Between a silo and the number by which it calls a company.
_OF = "/"
#: What follows the number of a house and tells one flat from another, in five languages.
_BOX = re.compile(
    r"\b(?:bus|box|bte|boite|bt|apt|appt?|appartement|apartment|flat|unit|"
    r"em|emelet|whg|wohnung|top|suite)\b[\s.:n°]*((?:\d+|[a-z])(?:[\s./-]*\w{1,4})?)\s*$"
)
#: "R. de la Chapelle" and "Lindeln.": short forms that stand or are glued where no other word is.
_RUE = re.compile(r"^(\d+[a-z]?[\s,]+)?r\.?\s+(?=[a-z])")
_LANE = re.compile(r"(?<![a-z])([a-z]{3,})ln\b\.?")
_TITLES = ("job_title", "jobtitle", "title", "function", "position", "role")
_ACCOUNT_IDS = ("account_id", "group_id", "company_id", "organization_id", "organisation_id")
_ACCOUNT_NAMES = ("account", "account_name", "company", "company_name", "organization")
#: What is said of somebody's company only there; elsewhere a title is a page's or a film's.
_OF_PEOPLE = frozenset({v.RECORD_SEEN, v.IDENTIFIED, v.GROUPED, v.DEAL_UPDATED})


class Statement(NamedTuple):
    """One thing that a record says: its kind, the standard form, and what it adds."""

    kind: str
    value: str
    detail: str


@lru_cache(maxsize=65_536)
def read_home(
    street: str, postal_code: str | None, city: str | None, country: str | None
) -> Statement | None:
    """The dwelling that an address names; None without a number or a place.

    Examples
    --------
    >>> read_home("Stationsstraat 12 bus 3", "2000", "Antwerpen", "BE")
    Statement(kind='home', value='2000|stationsstr|12', detail='3')
    >>> read_home("12, R. Haute", "1000", "Bruxelles", "BE").value
    '1000|ruehaute|12'
    """
    written = _LANE.sub(r"\1laan", _RUE.sub(r"\1rue ", fold(street)))
    key = read_address(written, None, postal_code, city, country)[5]
    if key is None or len(key) > _LONGEST:
        return None
    found = _BOX.search(written)
    return Statement(HOME, key, "" if found is None else re.sub(r"\W", "", found[1])[:20])


@lru_cache(maxsize=65_536)
def company_key(name: str) -> str | None:
    """A company's name without its form, accents and marks; None where it names no company.

    Examples
    --------
    >>> [company_key(n) for n in ("Studio Noord CommV", "SARL Atelier Vert", "n.v.t.", "B.V.")]
    ['studio noord', 'atelier vert', None, None]
    """
    words, _ = plain_words(name)
    while len(words) > 1 and TRADES.get(words[-1]) == "holding":
        words = words[:-1]
    return " ".join(words) or None


@lru_cache(maxsize=65_536)
def business_domain(email: str) -> str | None:
    """The domain of an e-mail address, unless anybody can have a mailbox there.

    Examples
    --------
    >>> business_domain("jonas@studionoord.be"), business_domain("jonas@gmail.com")
    ('studionoord.be', None)
    """
    domain = email.rpartition("@")[2].lower()
    if "." not in domain or is_provider(domain) or blocked_reason("email", email) == "placeholder":
        return None
    return domain[:_LONGEST]


def website_domain(address: str) -> str | None:
    """The domain of a web site's address."""
    host = re.sub(r"^\w+://", "", address.strip().lower()).split("/")[0].split(":")[0]
    host = host.removeprefix("www.")
    return host[:_LONGEST] if "." in host and not is_provider(host) else None


def account_value(namespace: str, number: str) -> str:
    """How a statement names the company that a silo calls ``number``."""
    return f"{namespace}{_OF}{number}"[:_LONGEST]


def statements_of(touchpoint: Touchpoint, sighting: Sighting) -> Iterator[Statement]:
    """What one touchpoint says of where its person lives and works."""
    traits = sighting.traits
    street = traits.get("street")
    if street:
        home = read_home(
            street,
            traits.get("postal_code"),
            traits.get("city"),
            traits.get("country") or touchpoint.country,
        )
        if home is not None:
            yield home
    for identifier in sighting.identifiers:
        if identifier.kind == "email":
            domain = business_domain(identifier.value)
            if domain is not None:
                yield Statement(DOMAIN, domain, domain)
        elif identifier.kind == "crm_account":
            value = account_value(identifier.namespace, identifier.value)
            yield Statement(ACCOUNT, value, identifier.value[:_LONGEST])
    company = traits.get("company")
    if touchpoint.type in _OF_PEOPLE:
        said = touchpoint.properties
        if (number := _text(said, _ACCOUNT_IDS)) is not None:
            value = account_value(sighting.record.namespace or sighting.source, number)
            yield Statement(ACCOUNT, value, number)
        title = _text({**said, **touchpoint.traits}, _TITLES)
        if title is not None:
            yield Statement(TITLE, " ".join(fold_words(title)) or title, title)
        if (website := _text(said, ("website",))) is not None and said.get("is_company"):
            domain = website_domain(website)
            if domain is not None:
                yield Statement(DOMAIN, domain, domain)
        company = company or _text(said, _ACCOUNT_NAMES)
    if company:
        key = company_key(company)
        if key is not None:
            yield Statement(COMPANY, key, company.strip()[:_LONGEST])


def _text(said: Any, names: tuple[str, ...]) -> str | None:
    for name in names:
        found = said.get(name)
        if isinstance(found, str | int) and not isinstance(found, bool) and str(found).strip():
            return str(found).strip()[:_LONGEST]
    return None


_KEYS = ("atom_id", "kind", "value")


def _spans(
    told: Iterable[tuple[Touchpoint, Sighting]],
) -> list[tuple[Touchpoint, Sighting, int, int]]:
    """Each that says something of its own, with when it was first and last said, in µs.

    Most touchpoints of a record repeat who it is, in the very same object (`sighting_of`); what
    they say of homes and companies is then read once. Touchpoints about people say more.
    """
    spans: dict[int | tuple[int, str | None], list[Any]] = {}
    for touchpoint, sighting in told:
        if not (sighting.traits or sighting.identifiers):
            continue
        at = sighting.occurred_at
        key: int | tuple[int, str | None] = (id(sighting.traits), touchpoint.country)
        if touchpoint.type in _OF_PEOPLE:
            key = len(spans)
        span = spans.get(key)
        if span is None:
            spans[key] = [touchpoint, sighting, at, at]
        elif at < span[2]:
            span[2] = at
        elif at > span[3]:
            span[3] = at
    return [(t, s, to_micros(first), to_micros(last)) for t, s, first, last in spans.values()]


def register_belonging(
    connection: Connection, ledger: Ledger, told: Iterable[tuple[Touchpoint, Sighting]]
) -> int:
    """Keep what touchpoints say of homes and companies; returns how many statements.

    Of one statement the earliest and the latest moment are kept, and how it was written last (of
    equal moments the greater text): the same in whatever order they arrive.
    """
    seen: dict[tuple[int, str, str], list[Any]] = {}
    for touchpoint, sighting, first, last in _spans(told):
        atom = None
        for statement in statements_of(touchpoint, sighting):
            if atom is None:
                atom = atom_id(sighting.record)
            key = (atom, statement.kind, statement.value)
            known = seen.get(key)
            if known is None:
                seen[key] = [first, last, statement.detail]
            else:
                known[0] = min(known[0], first)
                known[1], known[2] = max((known[1], known[2]), (last, statement.detail))
    if not seen:
        return 0
    b = t.belonging.c
    for row in rows_in(
        connection,
        lambda piece: select(
            b.atom_id, b.kind, b.value, micros(b.first_seen), micros(b.last_seen), b.detail
        ).where(among(b.atom_id, piece)),
        {key[0] for key in seen},
    ):
        key = (row[0], row[1], row[2])
        known = seen.get(key)
        if known is None:
            continue
        known[0] = min(known[0], row[3])
        known[1], known[2] = max((known[1], known[2]), (row[4], row[5]))
        if known == [row[3], row[4], row[5]]:
            del seen[key]  # nothing new: most records say the same again
    stating = ledger.insert(t.belonging)
    told_columns = ("first_seen", "last_seen", "detail")
    write_many(
        connection,
        stating.on_conflict_do_update(
            index_elements=list(_KEYS),
            set_={name: stating.excluded[name] for name in told_columns},
        ),
        (*_KEYS, *told_columns),
        [(*key, *said) for key, said in sorted(seen.items())],
    )
    return len(seen)
