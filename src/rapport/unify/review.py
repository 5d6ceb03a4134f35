"""The worklist of stewards: pairs of people that matching suggests to be one.

A row is the most alike pair of records of two people. It is derived from the pairs that matching
keeps, anew around whatever a decision moved; between times a row can be out of date, which whoever
reads the list notices and passes over. So nothing is asked that was answered, and reading costs the
same for ten people and for a million.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from math import log10
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Connection, and_, bindparam, delete, func, select, tuple_, update

from rapport.engines.ledger import Ledger, among
from rapport.unify.cluster import cluster
from rapport.unify.evidence import Likeness, with_likeness
from rapport.unify.many_rows import write_many
from rapport.unify.stored_evidence import atoms_of, gather, open_memberships, rows_in
from rapport.vocabulary import ledger_tables as t

State = Literal["open", "later"]
OPEN: State = "open"
LATER: State = "later"
#: Rows looked at together in search of one that still stands.
_LOOK = 25
#: So many rows out of date in a row mean that the list must be derived anew.
_MOST_LOOKS = 40
#: Counting ends here: "1,000+".
MOST_COUNTED = 1_000


class Suggestion(Struct, frozen=True, kw_only=True, order=True):
    """Two people who may be one, by their most alike records (``a`` is the smaller number)."""

    a: int
    b: int
    probability: float
    joined: bool
    rank: float
    state: str = OPEN

    @property
    def key(self) -> str:
        """Names it in an address."""
        return f"{self.a}-{self.b}"


class QueueChanges(Struct, frozen=True, kw_only=True):
    """What to write so that the list is up to date."""

    written: tuple[Suggestion, ...]
    gone: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.written) + len(self.gone)

    def parts(self, size: int) -> Iterator[QueueChanges]:
        """The same in parts of at most ``size`` rows."""
        for start in range(0, len(self.gone), size):
            yield QueueChanges(written=(), gone=self.gone[start : start + size])
        for start in range(0, len(self.written), size):
            yield QueueChanges(written=self.written[start : start + size], gone=())


# ── deriving ───────────────────────────────────────────────────────────────────────────────────


def queue_changes(connection: Connection, atom_ids: Collection[int] | None = None) -> QueueChanges:
    """What is suggested now beside what the list says, of all records or of the people of some."""
    if atom_ids is None:
        scored = _scored(connection)
        known = [_suggestion(row) for row in connection.execute(select(t.review_pair))]
    else:
        people = set(open_memberships(connection, atom_ids).values())
        around = {a for atoms in atoms_of(connection, people).values() for a in atoms}
        around |= set(atom_ids)
        scored = _scored(connection, around)
        known = _rows_around(connection, around)
    apart = _kept_apart(connection, {p for pair in scored for p in pair})
    best = {pair: min(rows) for pair, rows in scored.items() if pair not in apart}
    p = t.profile.c
    revenue: dict[str, Decimal] = {
        row[0]: row[1]
        for row in rows_in(
            connection,
            lambda piece: select(p.profile_id, p.revenue).where(among(p.profile_id, piece)),
            {profile for pair in best for profile in pair},
        )
    }
    speaking = _speaking(connection, {profile for pair in best for profile in pair})
    # Somebody who put it off is not asked again because another of the records is now most alike.
    put_off = {(row.a, row.b) for row in known if row.state == LATER}
    placed = open_memberships(connection, {a for pair in put_off for a in pair})
    later = {tuple(sorted((placed.get(a, ""), placed.get(b, "")))) for a, b in put_off}
    wanted = {
        (a, b): Suggestion(
            a=a,
            b=b,
            probability=-likely,
            joined=joined,
            rank=rank_of(
                # What is said of two that were left apart has heard all their records already.
                -likely
                * (min(1.0, len(scored[pair]) / _across(speaking, pair)) if joined else 1.0),
                sum((revenue.get(one, Decimal(0)) for one in pair), Decimal(0)),
            ),
            state=LATER if pair in later else OPEN,
        )
        for pair, (likely, _, a, b, joined) in best.items()
        if _across(speaking, pair)
    }
    now = {(row.a, row.b): row for row in known}
    return QueueChanges(
        written=tuple(row for key, row in sorted(wanted.items()) if now.get(key) != row),
        gone=tuple(sorted(now.keys() - wanted.keys())),
    )


#: What a record must state of which to be somebody. Who is nothing but a telephone number belongs
#: to whoever alone has it, and is nobody's as soon as there are two: nothing a steward could tell.
_STATED = ("name", "first_name", "last_name", "birthday", "email", "street", "loyalty_card")


def _speaking(connection: Connection, profile_ids: Collection[str]) -> dict[str, int]:
    """How many records of each person say something of a person."""
    members = atoms_of(connection, profile_ids)
    f = t.attribute.c
    said = {
        row[0]
        for row in rows_in(
            connection,
            lambda piece: (
                select(f.atom_id).where(among(f.atom_id, piece), f.name.in_(_STATED)).distinct()
            ),
            {a for atoms in members.values() for a in atoms},
        )
    }
    return {one: len(said.intersection(atoms)) for one, atoms in members.items()}


def _across(speaking: Mapping[str, int], pair: tuple[str, str]) -> int:
    return speaking.get(pair[0], 0) * speaking.get(pair[1], 0)


def support_of(
    connection: Connection, left: Collection[int], right: Collection[int]
) -> tuple[int, int]:
    """Of the pairs of records across two people that say something, how many are alike."""
    f, p = t.attribute.c, t.pair_score.c
    said = [
        {
            row[0]
            for row in rows_in(
                connection,
                lambda piece: (
                    select(f.atom_id).where(among(f.atom_id, piece), f.name.in_(_STATED)).distinct()
                ),
                side,
            )
        }
        for side in (left, right)
    ]
    across = {0: set(left), 1: set(right)}
    alike = sum(
        1
        for row in rows_in(
            connection,
            lambda piece: select(p.atom_a, p.atom_b).where(among(p.atom_a, piece)),
            {*left, *right},
        )
        if (row[0] in across[0] and row[1] in across[1])
        or (row[0] in across[1] and row[1] in across[0])
    )
    return alike, max(len(said[0]) * len(said[1]), alike)


class Resembling(Struct, frozen=True, kw_only=True):
    """Somebody who looks like ``like``, by their two most alike records."""

    profile_id: str
    like: str
    probability: float


def rivals_of(
    connection: Connection, left: Collection[int], right: Collection[int]
) -> tuple[Resembling, ...]:
    """Other people who look like one of two people, given by their records; the likeliest first.

    Of whom somebody said that he is neither is left out: he is no answer any more.
    """
    p = t.pair_score.c
    own = {*left, *right}
    rows = {
        tuple(row)
        for mine in (p.atom_a, p.atom_b)
        for row in rows_in(
            connection,
            lambda piece, mine=mine: (  # type: ignore[misc]
                select(p.atom_a, p.atom_b, p.probability).where(among(mine, piece))
            ),
            own,
        )
    }
    placed = open_memberships(connection, {*own, *(atom for row in rows for atom in row[:2])})
    two = {placed[atom] for atom in own if atom in placed}
    alike: dict[tuple[str, str], float] = {}
    for a, b, probability in rows:
        x, y = placed.get(a), placed.get(b)
        if x is None or y is None or (x in two) == (y in two):
            continue
        pair = (x, y) if x in two else (y, x)
        alike[pair] = max(alike.get(pair, 0.0), probability)
    apart = _kept_apart(connection, two)
    likest: dict[str, Resembling] = {}
    for (mine, other), probability in sorted(alike.items(), key=lambda each: (-each[1], each[0])):
        if (min(mine, other), max(mine, other)) not in apart:
            likest.setdefault(
                other, Resembling(profile_id=other, like=mine, probability=probability)
            )
    return tuple(likest.values())


#: Minus the probability and minus the bits, so that the least is the likeliest and most alike; the
#: records; whether linkage joined.
_Scored = tuple[float, float, int, int, bool]


def _scored(
    connection: Connection, around: Collection[int] | None = None
) -> dict[tuple[str, str], list[_Scored]]:
    """Pairs of records of different people, by those people."""
    p = t.pair_score.c
    one, two = t.membership.alias(), t.membership.alias()
    asked = (
        select(
            p.probability, p.bits, p.atom_a, p.atom_b, p.joined, one.c.profile_id, two.c.profile_id
        )
        .join(one, and_(one.c.atom_id == p.atom_a, one.c.valid_to.is_(None)))
        .join(two, and_(two.c.atom_id == p.atom_b, two.c.valid_to.is_(None)))
        .where(one.c.profile_id != two.c.profile_id)
    )
    rows: list[Any] = []
    if around is None:
        rows += connection.execute(asked).all()
    else:
        for column in (p.atom_a, p.atom_b):
            rows += rows_in(
                connection,
                lambda piece, column=column: asked.where(among(column, piece)),  # type: ignore[misc]
                around,
            )
    found: defaultdict[tuple[str, str], list[_Scored]] = defaultdict(list)
    for probability, bits, a, b, joined, x, y in rows:
        pair = (x, y) if x < y else (y, x)
        found[pair].append((-round(probability, 6), -bits, a, b, joined))
    return found


def _kept_apart(connection: Connection, profile_ids: Collection[str]) -> set[tuple[str, str]]:
    """Of these, the pairs of people of whom somebody said that they are different."""
    c = t.link_constraint.c
    one, two = t.membership.alias(), t.membership.alias()
    said = (
        select(one.c.profile_id, two.c.profile_id)
        .select_from(t.link_constraint)
        .join(one, and_(one.c.atom_id == c.atom_a, one.c.valid_to.is_(None)))
        .join(two, and_(two.c.atom_id == c.atom_b, two.c.valid_to.is_(None)))
        .where(c.kind == "cannot", c.revoked_by.is_(None))
        .distinct()
    )
    # Records of the people first: their words are found by an index, of however many there are.
    atoms = {a for members in atoms_of(connection, profile_ids).values() for a in members}
    return {
        (x, y) if x < y else (y, x)
        for column in (c.atom_a, c.atom_b)
        for x, y in rows_in(
            connection,
            lambda piece, column=column: said.where(among(column, piece)),  # type: ignore[misc]
            atoms,
        )
    }


def rank_of(likelihood: float, revenue: Decimal) -> float:
    """Likely first; of equally likely ones those that are worth more.

    ``likelihood`` is the probability that they are one: by all their records, or, where those were
    joined and something else parts them, of the most alike times the share that is alike.

    Examples
    --------
    >>> rank_of(0.9, Decimal(0)), rank_of(0.9, Decimal(999))
    (0.9, 3.6)
    """
    return round(likelihood * (1 + log10(1 + max(float(revenue), 0.0))), 4)


def write_queue(connection: Connection, ledger: Ledger, changes: QueueChanges) -> None:
    """Write what changed."""
    r = t.review_pair.c
    write_many(
        connection,
        delete(t.review_pair).where(
            and_(r.atom_a == bindparam("b_a"), r.atom_b == bindparam("b_b"))
        ),
        ("b_a", "b_b"),
        changes.gone,
    )
    names = ("atom_a", "atom_b", "probability", "joined", "rank", "state")
    insert = ledger.insert(t.review_pair)
    write_many(
        connection,
        insert.on_conflict_do_update(
            index_elements=["atom_a", "atom_b"],
            set_={name: insert.excluded[name] for name in names[2:]},
        ),
        names,
        [(s.a, s.b, s.probability, s.joined, s.rank, s.state) for s in changes.written],
    )


def requeue(connection: Connection, ledger: Ledger, atom_ids: Collection[int]) -> None:
    """Derive the list anew around some records, whose people a decision changed."""
    write_queue(connection, ledger, queue_changes(connection, atom_ids))


def put_off(connection: Connection, a: int, b: int) -> None:
    """Ask about the people of two records later, after all others."""
    people = atoms_of(connection, open_memberships(connection, (a, b)).values())
    side = {x: n for n, atoms in enumerate(people.values()) for x in atoms}
    r = t.review_pair.c
    for row in _rows_around(connection, side):
        if {side.get(row.a), side.get(row.b)} == {0, 1}:
            connection.execute(
                update(t.review_pair)
                .where(r.atom_a == row.a, r.atom_b == row.b)
                .values(state=LATER)
            )


def _rows_around(connection: Connection, atom_ids: Collection[int]) -> list[Suggestion]:
    """What the list says of these records, whether it still stands or not."""
    r = t.review_pair.c
    # One index each: a condition on either column would walk the table.
    rows = {
        _suggestion(row)
        for column in (r.atom_a, r.atom_b)
        for row in rows_in(
            connection,
            lambda piece, column=column: select(t.review_pair).where(  # type: ignore[misc]
                among(column, piece)
            ),
            atom_ids,
        )
    }
    return sorted(rows)


# ── reading ────────────────────────────────────────────────────────────────────────────────────


def _suggestion(row: Any) -> Suggestion:
    return Suggestion(
        a=row.atom_a,
        b=row.atom_b,
        probability=row.probability,
        joined=row.joined,
        rank=row.rank,
        state=row.state,
    )


def count_suggestions(connection: Connection, state: State = OPEN) -> int:
    """How many wait, counted to `MOST_COUNTED` and no further."""
    r = t.review_pair.c
    some = select(r.rank).where(r.state == state).limit(MOST_COUNTED + 1).subquery()
    return int(connection.scalar(select(func.count()).select_from(some)) or 0)


def suggestion(connection: Connection, a: int, b: int) -> Suggestion | None:
    """The suggestion of these records, if it still stands."""
    r = t.review_pair.c
    row = connection.execute(
        select(t.review_pair).where(r.atom_a == a, r.atom_b == b)
    ).one_or_none()
    if row is None:
        return None
    standing = _standing(connection, [_suggestion(row)])
    return standing[0] if standing else None


def suggestion_between(
    connection: Connection, left: Collection[int], right: Collection[int]
) -> Suggestion | None:
    """The suggestion that two people, given by their records, are one; also one put off."""
    sides = dict.fromkeys(left, 0) | dict.fromkeys(right, 1)
    rows = [
        row
        for row in _rows_around(connection, sides)
        if {sides.get(row.a), sides.get(row.b)} == {0, 1}
    ]
    standing = _standing(connection, rows)
    return standing[0] if standing else None


def next_suggestion(
    connection: Connection,
    state: State = OPEN,
    *,
    after: Suggestion | None = None,
    before: Suggestion | None = None,
) -> Suggestion | None:
    """The first that still stands, or the one after or before another, in the order of rank."""
    at = after or before
    forward = before is None
    for _ in range(_MOST_LOOKS):
        rows = _rows_from(connection, state, at, forward=forward)
        standing = _standing(connection, rows)
        if standing:
            return standing[0]
        if len(rows) < _LOOK:
            return None
        at = rows[-1]
    return None


def some_suggestions(
    connection: Connection, state: State = OPEN, *, limit: int
) -> tuple[Suggestion, ...]:
    """The first ``limit`` that still stand."""
    found: list[Suggestion] = []
    at: Suggestion | None = None
    for _ in range(_MOST_LOOKS):
        rows = _rows_from(connection, state, at, forward=True)
        found += _standing(connection, rows)
        if len(rows) < _LOOK or len(found) >= limit:
            break
        at = rows[-1]
    return tuple(found[:limit])


def _rows_from(
    connection: Connection, state: State, at: Suggestion | None, *, forward: bool
) -> list[Suggestion]:
    r = t.review_pair.c
    asked = select(t.review_pair).where(r.state == state).limit(_LOOK)
    place = tuple_(r.rank, r.atom_a, r.atom_b)
    if at is not None:
        here = tuple_(at.rank, at.a, at.b)
        asked = asked.where(place < here if forward else place > here)
    order = (r.rank, r.atom_a, r.atom_b)
    asked = asked.order_by(*(column.desc() if forward else column for column in order))
    return [_suggestion(row) for row in connection.execute(asked)]


def _standing(connection: Connection, rows: Sequence[Suggestion]) -> list[Suggestion]:
    """Those whose records are still of two people, whom nobody said to be different."""
    placed = open_memberships(connection, {x for row in rows for x in (row.a, row.b)})
    pairs = {
        row.key: tuple(sorted((placed[row.a], placed[row.b])))
        for row in rows
        if row.a in placed and row.b in placed and placed[row.a] != placed[row.b]
    }
    apart = _kept_apart(connection, {p for pair in pairs.values() for p in pair})
    return [row for row in rows if row.key in pairs and pairs[row.key] not in apart]


# ── what speaks for and against ────────────────────────────────────────────────────────────────


class Step(Struct, frozen=True, kw_only=True):
    """What one matter says of two records: for their being one person above 0 bits."""

    comparison: str
    level: str
    bits: float


class Scored(Struct, frozen=True, kw_only=True):
    """How alike matching found two records."""

    probability: float
    bits: float
    steps: tuple[Step, ...]


def scores_of(
    connection: Connection, pairs: Collection[tuple[int, int]]
) -> Mapping[tuple[int, int], Scored]:
    """What matching keeps of these pairs (the smaller number first), the weightiest step first."""
    p = t.pair_score.c
    wanted = set(pairs)
    return {
        (row.atom_a, row.atom_b): Scored(
            probability=row.probability,
            bits=row.bits,
            steps=tuple(
                sorted(
                    (Step(comparison=c, level=level, bits=bits) for c, level, bits in row.fields),
                    key=lambda step: (-abs(step.bits), step.comparison),
                )
            ),
        )
        for row in rows_in(
            connection,
            lambda piece: select(t.pair_score).where(among(p.atom_a, piece)),
            {a for a, _ in wanted},
        )
        if (row.atom_a, row.atom_b) in wanted
    }


def objections_to(connection: Connection, a: int, b: int) -> tuple[str, ...]:
    """What keeps the people of two records apart, as codes of `cluster.OBJECTIONS`; computed anew.

    Nothing is written: the two records are taken to be alike, and the clusterer says why it does
    not follow.
    """
    evidence = gather(connection, (a, b)).evidence
    if a not in evidence.atoms or b not in evidence.atoms:
        return ()
    partition = cluster(with_likeness(evidence, [Likeness(a, b, 0.0)]))
    side = {x: n for n, members in enumerate(partition.clusters) for x in members}
    sides = {side[a], side[b]}
    if len(sides) == 1:
        return ()
    found = [
        refused.why
        for refused in partition.refused
        if {side.get(refused.a), side.get(refused.b)} == sides and refused.why != "kept_apart"
    ]
    return tuple(dict.fromkeys(found))
