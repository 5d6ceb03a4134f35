"""Rewriting what is derived: the columns of a profile's row, and the words that find it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import phonenumbers
from msgspec import Struct
from sqlalchemy import Connection, bindparam, select, tuple_, update

from rapport.engines.ledger import Ledger, among
from rapport.unify.conflicts import derive_conflicts, forget_conflicts
from rapport.unify.many_rows import write_many
from rapport.unify.matching.comparisons.gender import read_gender
from rapport.unify.name_words import fold, fold_words
from rapport.unify.stored_evidence import atoms_of, chunks, rows_in
from rapport.unify.survivorship import ProfileFacts, facts_of
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.conflict import OrderFindings
from rapport.vocabulary.identifier_values import (
    normalise_email,
    normalise_phone,
    phone_parts,
    readable_phone,
)
from rapport.vocabulary.ledger_tables import to_micros, to_ten_thousandths

_TERM_KEYS = ("term", "kind", "profile_id")
_COLUMNS = (
    "name", "email", "phone", "birthday", "gender", "language", "country", "city", "postal_code",
)  # fmt: skip
_DERIVED = (*_COLUMNS, "conflict_count")
_ACTIVITY = (
    "first_seen",
    "last_seen",
    "touchpoint_count",
    "order_count",
    "revenue",
    "last_order_at",
)


class ProfileActivity(Struct, frozen=True, kw_only=True, gc=False):
    """What a profile did, as the caller counted it over all its records.

    Attributes
    ----------
    revenue : Decimal, in the reporting currency
    order_numbers : tuple of str or None
        All order numbers of the profile; None leaves those known as they are.
    added_order_numbers : tuple of str
        Order numbers to find the profile by from now on, besides those known.
    """

    first_seen: datetime | None = None
    last_seen: datetime | None = None
    touchpoint_count: int = 0
    order_count: int = 0
    revenue: Decimal = Decimal(0)
    last_order_at: datetime | None = None
    order_numbers: tuple[str, ...] | None = None
    added_order_numbers: tuple[str, ...] = ()


Term = tuple[str, str]  # kind, term
#: Longer words are found by their beginning; PostgreSQL has no room in an index for any length.
LONGEST_TERM = 100


def refresh_profiles(
    connection: Connection,
    ledger: Ledger,
    profile_ids: Collection[str],
    activity: Mapping[str, ProfileActivity],
    orders: Mapping[str, OrderFindings] | None = None,
) -> None:
    """Derive the rows, search terms and contradictions of these profiles anew.

    Parameters
    ----------
    profile_ids : collection of str
        Profiles whose records or facts changed. Unknown and retired ones are passed by.
    activity : mapping
        Counts by profile; a profile that is absent keeps the counts it has.
    orders : mapping, optional
        What silos say of their orders; without it what was known of orders stays.
    """
    p = t.profile.c
    living = {
        row[0]
        for row in rows_in(
            connection,
            lambda piece: select(p.profile_id).where(
                among(p.profile_id, piece), p.merged_into.is_(None)
            ),
            set(profile_ids),
        )
    }
    known = facts_of(connection, living)
    plain: list[tuple[Any, ...]] = []
    counted: list[tuple[Any, ...]] = []
    for profile_id in sorted(living):
        row = _derived(known[profile_id])
        done = activity.get(profile_id)
        if done is None:
            plain.append((*row, profile_id))
        else:
            counted.append((*row, *_counts(done), profile_id))
    for names, rows in ((_DERIVED, plain), ((*_DERIVED, *_ACTIVITY), counted)):
        write_many(
            connection,
            update(t.profile)
            .where(p.profile_id == bindparam("b_profile_id"))
            .values({name: bindparam(name) for name in names}),
            (*names, "b_profile_id"),
            rows,
        )
    _rewrite_terms(connection, ledger, known, activity)
    derive_conflicts(connection, ledger, known, orders)
    forget_conflicts(connection, ledger, set(profile_ids) - living)


def _derived(facts: ProfileFacts) -> tuple[str | int | None, ...]:
    """The values of `_DERIVED`."""
    row: dict[str, str | None] = {name: fact.value for name, fact in facts.shown.items()}
    # Lists and messages need one form; what each silo wrote stays in its fact.
    if row.get("email"):
        row["email"] = normalise_email(row["email"]) or row["email"]
    if row.get("phone"):
        row["phone"] = readable_phone(row["phone"], row.get("country"))
    if row.get("gender"):
        (row["gender"],) = read_gender(row["gender"], row.get("country"))
    return (*map(row.get, _COLUMNS), len(facts.conflicts))


def _counts(done: ProfileActivity) -> tuple[int | None, ...]:
    """The values of `_ACTIVITY`, as stored."""
    return (
        None if done.first_seen is None else to_micros(done.first_seen),
        None if done.last_seen is None else to_micros(done.last_seen),
        done.touchpoint_count,
        done.order_count,
        to_ten_thousandths(done.revenue),
        None if done.last_order_at is None else to_micros(done.last_order_at),
    )


def _rewrite_terms(
    connection: Connection,
    ledger: Ledger,
    known: Mapping[str, ProfileFacts],
    activity: Mapping[str, ProfileActivity],
) -> None:
    values = _identifier_values(connection, known)
    s = t.search_term.c
    stored: defaultdict[str, set[Term]] = defaultdict(set)
    for row in rows_in(
        connection,
        lambda piece: select(s.profile_id, s.kind, s.term).where(among(s.profile_id, piece)),
        known,
    ):
        stored[row[0]].add((row[1], row[2]))
    gone: list[tuple[str, str, str]] = []
    new: list[tuple[str, str, str]] = []
    for profile_id, facts in known.items():
        before = stored[profile_id]
        wanted = search_terms(facts, values.get(profile_id, ()))
        done = activity.get(profile_id)
        if done is None or done.order_numbers is None:
            wanted |= {term for term in before if term[0] == "order"}
        else:
            wanted |= {("order", plain_code(number)) for number in done.order_numbers}
        if done is not None:
            wanted |= {("order", plain_code(number)) for number in done.added_order_numbers}
        wanted = {(kind, term[:LONGEST_TERM]) for kind, term in wanted if term}
        # Only what differs is written: most profiles change a count and no word.
        gone += [(term, kind, profile_id) for kind, term in before - wanted]
        new += [(term, kind, profile_id) for kind, term in wanted - before]
    for piece in chunks(gone, 300):  # three parameters each
        connection.execute(
            t.search_term.delete().where(tuple_(s.term, s.kind, s.profile_id).in_(piece))
        )
    write_many(
        connection,
        ledger.insert(t.search_term).on_conflict_do_nothing(index_elements=_TERM_KEYS),
        _TERM_KEYS,
        sorted(new),
    )


def _identifier_values(
    connection: Connection, profile_ids: Collection[str]
) -> dict[str, list[tuple[str, str]]]:
    """E-mails, phones, cards and order numbers that the records hold, besides stated facts."""
    members = atoms_of(connection, profile_ids)
    profile_of = {a: p for p, atoms in members.items() for a in atoms}
    i = t.identifier.c
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in rows_in(
        connection,
        lambda piece: select(i.atom_id, i.kind, i.value).where(
            among(i.atom_id, piece),
            i.kind.in_(("email", "phone", "loyalty_card", "customer_number")),
        ),
        profile_of,
    ):
        found[profile_of[row[0]]].append((row[1], row[2]))
    return dict(found)


def search_terms(facts: ProfileFacts, values: Collection[tuple[str, str]]) -> set[Term]:
    """The folded words by which a profile is found; pure.

    Every stated name and address counts, not only the shown ones: people ask under the name that
    the other silo knows.
    """
    terms: set[Term] = set()
    for fact in (*facts.all, *facts.shown.values()):
        if fact.name in ("name", "first_name", "last_name"):
            words = fold_words(fact.value)
            terms |= {("name", word) for word in words}
            if fact.name == "name":
                terms.add(("name", " ".join(words)))
        elif fact.name == "email":
            terms |= _email_terms(fold(fact.value))
        elif fact.name == "phone":
            country = facts.shown.get("country")
            number = normalise_phone(fact.value, country.value if country else None)
            terms |= _phone_terms(number or fact.value)
        elif fact.name == "loyalty_card":
            terms.add(("card", plain_code(fact.value)))
    for kind, value in values:
        if kind == "email":
            terms |= _email_terms(fold(value))
        elif kind == "phone":
            terms |= _phone_terms(value)
        else:
            terms.add(("card", plain_code(value)))
    return terms


def plain_code(value: str) -> str:
    """An order or card number as it is searched: small letters and digits, nothing else."""
    return "".join(c for c in fold(value) if c.isalnum())


def _email_terms(email: str) -> set[Term]:
    name, at, _ = email.partition("@")
    return {("email", email), ("email", name)} if at else set()


@lru_cache(maxsize=65_536)
def _phone_terms(phone: str) -> frozenset[Term]:
    """All digits with and without the country's code, and the last four."""
    digits = "".join(c for c in phone if c.isdigit())
    if len(digits) < 4:
        return frozenset()
    terms = {("phone", digits), ("phone_end", digits[-4:])}
    if phone.startswith("+"):
        try:
            number = phone_parts(phone)
        except phonenumbers.NumberParseException:
            return frozenset(terms)
        terms.add(("phone", phonenumbers.national_significant_number(number)))
    return frozenset(terms)
