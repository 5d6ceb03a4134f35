"""Where silos contradict each other over the whole company: found with each profile, ranked, kept.

A profile's contradictions are derived with its row, whenever anything about it changed, and only
what differs is written. Sums by kind and silos are moved in the same transaction, so that no page
counts rows. Nothing here holds a value of a person: those are read again for what is shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, delete, insert, select, tuple_, update

from rapport.engines.ledger import Ledger, among
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.unify.many_rows import write_many
from rapport.unify.stored_evidence import chunks, rows_in
from rapport.unify.survivorship import ProfileFacts, lineage_of
from rapport.unify.value_rules import WHOLE
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.conflict import (
    ATTRIBUTE,
    CONSENT,
    CONTACT,
    DETAIL,
    ORDER,
    PERSON,
    PIN,
    RULE,
    WORD,
    Contradiction,
    OrderFindings,
)
from rapport.vocabulary.ledger_tables import to_micros, to_ten_thousandths
from rapport.vocabulary.profile import ConsentState, Fact

#: How bad it is that silos differ on an attribute, before what makes it worse.
_TIERS: Mapping[str, int] = {
    "name": PERSON,
    "email": PERSON,
    "phone": PERSON,
    "birthday": PERSON,
    "address": PERSON,
    "loyalty_tier": PERSON,
    "loyalty_card": PERSON,
}
#: `Fact.source` of a value that a colleague chose begins with this.
CHOSEN = "user:"
#: Larger sums count as this one; harm is tier and money in one number.
_MOST_MONEY = 10**16
_KEY = ("profile_id", "kind", "name", "item", "loser")
_SUMS = ("kind", "name", "winner", "loser", "settled", "tier")
_COLUMNS = (
    *_KEY, "winner", "why", "tier", "value", "harm", "since", "settled", "verified",
    "urgent_until",
)  # fmt: skip

_Key = tuple[str, str, str, str, str]
_Row = tuple[Any, ...]


# ── what contradicts ───────────────────────────────────────────────────────────────────────────


def attribute_contradictions(
    known: ProfileFacts, *, revenue: Decimal, delivery_until: datetime | None
) -> list[Contradiction]:
    """What silos state differently about one person; pure.

    The parts of an address are one contradiction, and so are those of a name.

    Parameters
    ----------
    revenue : Decimal
        What the person bought so far.
    delivery_until : datetime or None
        Until when something may be on its way: an address that differs is then worse.
    """
    parts: defaultdict[tuple[str, str], list[Contradiction]] = defaultdict(list)
    for conflict in known.conflicts:
        sides = known.sides[conflict.name]
        name = WHOLE.get(conflict.name, conflict.name)
        if name == "name" and conflict.name != name:
            continue  # the full name, put together from its parts, speaks for them
        by_source: defaultdict[str, list[Fact]] = defaultdict(list)
        for fact in sides.wrong:
            by_source[fact.source].append(fact)
        winner = conflict.shown.source
        if winner.startswith(CHOSEN):
            winner = min((f.source for f in sides.right), default=CHOSEN)
        began = min((f.observed_at for f in sides.right), default=conflict.shown.observed_at)
        for loser, facts in by_source.items():
            decided = all(f.atom_id in sides.decided for f in facts)
            standings = [_standing(known, conflict.name, f.value) for f in facts]
            own = _standing(known, conflict.name, conflict.shown.value)
            bounced = -1 in (*standings, own)
            urgent = name == "address" and delivery_until is not None
            parts[name, loser].append(
                Contradiction(
                    kind=ATTRIBUTE,
                    name=name,
                    winner=winner,
                    loser=loser,
                    why=conflict.rule,
                    tier=CONTACT if bounced or urgent else _TIERS.get(name, DETAIL),
                    value=max(revenue, Decimal(0)),
                    since=max(began, min(f.observed_at for f in facts)),
                    settled=(PIN if conflict.rule == "pinned" else RULE) if decided else "",
                    verified=all(
                        is_proven_against(known, conflict.name, conflict.shown.value, f.value)
                        for f in facts
                    ),
                    urgent_until=delivery_until if urgent else None,
                )
            )
    return [_whole(each) for each in parts.values()]


def is_proven_against(known: ProfileFacts, name: str, shown: str, other: str) -> bool:
    """Whether something happened that shows that ``shown`` works better than ``other``."""
    return _standing(known, name, other) < _standing(known, name, shown)


def _standing(known: ProfileFacts, name: str, value: str) -> int:
    proof = known.proven.get(name, {}).get(value)
    return 0 if proof is None else proof.standing


def _whole(parts: Sequence[Contradiction]) -> Contradiction:
    """The parts of an address or a name as one; the worst of them speaks for all."""
    if len(parts) == 1:
        return parts[0]
    settled = {part.settled for part in parts}
    return msgspec.structs.replace(
        parts[0],
        tier=min(part.tier for part in parts),
        since=max(part.since for part in parts),
        settled="" if "" in settled else PIN if PIN in settled else RULE,
        verified=any(part.verified for part in parts),
    )


def consent_contradictions(
    words: Iterable[ConsentState], *, revenue: Decimal
) -> list[Contradiction]:
    """Silos whose latest word on a purpose is not the one that counts; pure.

    A silo that still thinks it may write, to somebody who said no elsewhere, does harm; one that
    still thinks it may not only misses something.
    """
    by_purpose: defaultdict[str, dict[str, ConsentState]] = defaultdict(dict)
    for word in words:
        known = by_purpose[word.purpose].get(word.source)
        if known is None or _rank(word) > _rank(known):
            by_purpose[word.purpose][word.source] = word
    found = []
    for purpose, by_source in by_purpose.items():
        last = max(by_source.values(), key=_rank)
        found += [
            Contradiction(
                kind=CONSENT,
                name=purpose,
                winner=last.source,
                loser=source,
                why="latest_word",
                tier=DETAIL if last.granted else CONTACT,
                value=max(revenue, Decimal(0)),
                since=last.since,
                verified=True,
            )
            for source, word in by_source.items()
            if word.granted is not last.granted
        ]
    return found


def _rank(word: ConsentState) -> tuple[datetime, bool, str, str]:
    return (word.since, not word.granted, word.source, word.legal_basis)


def words_by_source(
    connection: Connection, profile_ids: Collection[str]
) -> dict[str, list[tuple[int, ConsentState]]]:
    """Every record's words on every purpose, by profile."""
    m, c = t.membership.c, t.consent.c
    found: defaultdict[str, list[tuple[int, ConsentState]]] = defaultdict(list)
    for row in rows_in(
        connection,
        lambda piece: (
            select(
                m.profile_id, c.purpose, c.granted, c.legal_basis, c.occurred_at, c.source,
                c.atom_id,
            )
            .join(t.consent, and_(c.atom_id == m.atom_id, m.valid_to.is_(None)))
            .where(among(m.profile_id, piece))
        ),
        profile_ids,
    ):  # fmt: skip
        word = ConsentState(
            purpose=row[1], granted=row[2], legal_basis=row[3], since=row[4], source=row[5]
        )
        found[row[0]].append((row[6], word))
    return dict(found)


# ── keeping them ───────────────────────────────────────────────────────────────────────────────


def derive_conflicts(
    connection: Connection,
    ledger: Ledger,
    known: Mapping[str, ProfileFacts],
    orders: Mapping[str, OrderFindings] | None,
) -> None:
    """Write the contradictions of these profiles anew, where they differ from what is kept.

    Parameters
    ----------
    known : mapping
        All that is known of each profile, whose row was just written.
    orders : mapping or None
        What their orders say; None leaves what was known of orders as it is.
    """
    p = t.profile.c
    revenue = {
        row[0]: row[1]
        for row in rows_in(
            connection,
            lambda piece: select(p.profile_id, p.revenue).where(among(p.profile_id, piece)),
            known,
        )
    }
    said = words_by_source(connection, known)
    settled = settlements_of(connection, known)
    wanted: dict[_Key, _Row] = {}
    for profile_id, facts in known.items():
        own = None if orders is None else orders.get(profile_id, OrderFindings())
        worth = revenue.get(profile_id, Decimal(0))
        found = attribute_contradictions(
            facts, revenue=worth, delivery_until=None if own is None else own.delivery_until
        )
        found += consent_contradictions(
            (word for _, word in said.get(profile_id, ())), revenue=worth
        )
        found += [] if own is None else own.contradictions
        for each in found:
            word = settled.get((profile_id, each.kind, each.name, each.item))
            row = _row(profile_id, each if word is None else _judged(each, word))
            wanted[row[:5]] = row
    _rewrite(connection, ledger, known, wanted, keep_orders=orders is None)


def _judged(each: Contradiction, word: Any) -> Contradiction:
    """With a colleague's word on it, unless the silos said something new since."""
    if word.at < each.since:
        return each
    if word.right_source == each.loser:
        return msgspec.structs.replace(
            each, winner=each.loser, loser=each.winner, settled=WORD, why="word_other"
        )
    return msgspec.structs.replace(each, settled=WORD, why="word")


def _row(profile_id: str, each: Contradiction) -> _Row:
    """The values of `_COLUMNS` as stored."""
    value = to_ten_thousandths(each.value)
    return (
        profile_id, each.kind, each.name, each.item, each.loser, each.winner, each.why, each.tier,
        value, each.tier * _MOST_MONEY - min(value, _MOST_MONEY - 1), to_micros(each.since),
        each.settled, int(each.verified),
        None if each.urgent_until is None else to_micros(each.urgent_until),
    )  # fmt: skip


def _stored(connection: Connection, profile_ids: Iterable[str]) -> dict[_Key, _Row]:
    c = t.conflict.c
    found: dict[_Key, _Row] = {}
    for row in rows_in(
        connection,
        lambda piece: select(*(c[name] for name in _COLUMNS)).where(among(c.profile_id, piece)),
        profile_ids,
    ):
        key = (row[0], row[1], row[2], row[3], row[4])
        found[key] = (
            *key, row[5], row[6], row[7], to_ten_thousandths(row[8]), row[9], to_micros(row[10]),
            row[11], int(row[12]), None if row[13] is None else to_micros(row[13]),
        )  # fmt: skip
    return found


def _rewrite(
    connection: Connection,
    ledger: Ledger,
    profile_ids: Iterable[str],
    wanted: Mapping[_Key, _Row],
    *,
    keep_orders: bool = False,
) -> None:
    before = _stored(connection, profile_ids)
    if keep_orders:
        before = {key: row for key, row in before.items() if key[1] != ORDER}
    gone = [key for key, row in before.items() if wanted.get(key) != row]
    new = [row for key, row in wanted.items() if before.get(key) != row]
    if not gone and not new:
        return
    c = t.conflict.c
    for piece in chunks(gone, 150):  # five parameters each
        connection.execute(delete(t.conflict).where(tuple_(*(c[name] for name in _KEY)).in_(piece)))
    write_many(connection, insert(t.conflict).inline(), _COLUMNS, _as_stored(connection, new))
    _move_sums(connection, ledger, [before[key] for key in gone], new)


def _as_stored(connection: Connection, rows: Sequence[_Row]) -> list[_Row]:
    """Sorted by key; PostgreSQL takes truth values only as such."""
    place = _COLUMNS.index("verified")
    truth = bool if connection.dialect.name == "postgresql" else int
    return sorted(
        ((*row[:place], truth(row[place]), *row[place + 1 :]) for row in rows),
        key=itemgetter(0, 1, 2, 3, 4),
    )


def _move_sums(
    connection: Connection, ledger: Ledger, gone: Sequence[_Row], new: Sequence[_Row]
) -> None:
    places = [_COLUMNS.index(name) for name in _SUMS]
    value, verified = _COLUMNS.index("value"), _COLUMNS.index("verified")
    moved: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for sign, rows in ((-1, gone), (1, new)):
        for row in rows:
            sums = moved[tuple(row[place] for place in places)]
            sums[0] += sign
            sums[1] += sign * row[verified]
            sums[2] += sign * row[value]
    total = t.conflict_total.c
    adding = ledger.insert(t.conflict_total)
    counted = ("people", "verified", "value")
    write_many(
        connection,
        adding.on_conflict_do_update(
            index_elements=list(_SUMS),
            set_={name: total[name] + adding.excluded[name] for name in counted},
        ),
        (*_SUMS, *counted),
        sorted((*key, *sums) for key, sums in moved.items() if any(sums)),
    )
    connection.execute(delete(t.conflict_total).where(total.people <= 0))


def forget_conflicts(connection: Connection, ledger: Ledger, profile_ids: Collection[str]) -> None:
    """Take out the contradictions of profiles that are no more."""
    _rewrite(connection, ledger, profile_ids, {})


def no_longer_urgent(connection: Connection, now: datetime) -> list[str]:
    """Profiles of which something was worse for a time that is over: to be derived anew."""
    c = t.conflict.c
    # Told apart here: asked to do so, SQLite walks all rows by their key instead of the index.
    return sorted(set(connection.scalars(select(c.profile_id).where(c.urgent_until <= now))))


# ── words of colleagues ────────────────────────────────────────────────────────────────────────


def settlements_of(
    connection: Connection, profile_ids: Collection[str]
) -> dict[tuple[str, str, str, str], Any]:
    """The latest word on each contradiction that is no attribute, of merged profiles too."""
    s = t.settlement.c
    if connection.execute(select(s.settlement_id).limit(1)).first() is None:
        return {}
    heirs = {
        old: heir for heir, family in lineage_of(connection, profile_ids).items() for old in family
    }
    rows = rows_in(
        connection,
        lambda piece: select(t.settlement).where(among(s.profile_id, piece), s.undone_at.is_(None)),
        heirs,
    )
    found: dict[tuple[str, str, str, str], Any] = {}
    for row in sorted(rows, key=lambda each: (each.at, each.settlement_id)):
        found[heirs[row.profile_id], row.kind, row.name, row.item] = row
    return found


def settle(
    connection: Connection,
    profile_id: str,
    *,
    kind: str,
    name: str,
    item: str,
    right_source: str,
    author: str,
    reason: str,
    at: datetime,
) -> int:
    """Say which silo is right about an order or a consent; returns the word's number.

    Raises
    ------
    InvalidInput
        If it is an attribute, whose value is chosen instead, or the silo is no party to it; or if
        of a consent it is not the one with the person's latest word.
    NotFound
        If there is no such contradiction any more.
    """
    if kind not in (ORDER, CONSENT):
        raise InvalidInput(f"Of {kind!r} the right value is chosen, not the right silo")
    c = t.conflict.c
    sides = connection.execute(
        select(c.winner, c.loser).where(
            c.profile_id == profile_id, c.kind == kind, c.name == name, c.item == item
        )
    ).all()
    if not sides:
        raise NotFound("Silos do not contradict each other there any more; look at it again")
    parties = sorted({source for row in sides for source in row})
    if right_source not in parties:
        raise InvalidInput(
            f"{right_source[:80]!r} says nothing there; choose {' or '.join(parties)}"
        )
    if kind == CONSENT and right_source != sides[0].winner:
        raise InvalidInput(
            "Of a consent the person's latest word counts, and nobody else's; when it changed, "
            "import or record the new word"
        )
    result = connection.execute(
        insert(t.settlement).values(
            profile_id=profile_id, kind=kind, name=name, item=item, right_source=right_source,
            author=author, reason=reason, at=at,
        )
    )  # fmt: skip
    [number] = result.inserted_primary_key or (0,)
    return int(number)


def take_back(connection: Connection, settlement_id: int, *, author: str, at: datetime) -> str:
    """Take a word back; returns the profile it was about.

    Raises
    ------
    NotFound, Conflict
        If there is none, or it was taken back already.
    """
    s = t.settlement.c
    row = connection.execute(
        select(s.profile_id, s.undone_at).where(s.settlement_id == settlement_id)
    ).first()
    if row is None:
        raise NotFound(f"There is no word {settlement_id} on a contradiction")
    if row.undone_at is not None:
        raise Conflict(f"Word {settlement_id} was taken back already")
    connection.execute(
        update(t.settlement)
        .where(s.settlement_id == settlement_id)
        .values(undone_at=at, undone_by=author)
    )
    return str(row.profile_id)
