"""How healthy identity is: match rates, sizes, shared values, drift, and whether to believe it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, func, select

from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.unify.explain import mask
from rapport.unify.identity_figures import (
    SIZES,
    Decided,
    GroupFigures,
    IdentityFigures,
    Overfull,
    SharedCount,
    SourceMatched,
    value_key,
)
from rapport.unify.identity_figures import measure_identity as measure
from rapport.unify.marks import STALE_PROFILES
from rapport.unify.stewardship import block_value, unblock_value
from rapport.vocabulary.ledger_tables import (
    blocked_value,
    decision,
    identifier,
    identity_day,
    profile,
    review_verdict,
)
from rapport.workflows.company import Company
from rapport.workflows.customer_timeline import source_labels
from rapport.workflows.identity_approval import note, tidy_reason
from rapport.workflows.identity_review import Counts, counts_of
from rapport.workflows.refresh import refresh_profiles

#: Days that are kept, and that a chart shows.
KEPT_DAYS, SHOWN_DAYS, SHOWN_WEEKS = 400, 90, 13
#: Figures are compared with those of so many days ago.
COMPARED_DAYS = 30
#: Below so many verdicts nothing is said of how far matching can be believed.
FEWEST_VERDICTS = 20
#: Lower ends of what was said of a pair; the last holds the surest.
BANDS: tuple[float, ...] = (0.0, 0.6, 0.7, 0.8, 0.9)
#: More records than anybody leaves: somebody should look.
LARGE = SIZES[-1]
_MOST_BLOCKED = 100


class BigProfile(Struct, frozen=True, kw_only=True):
    """Somebody with very many records."""

    profile_id: str
    name: str | None
    records: int


class SharedShown(Struct, frozen=True, kw_only=True):
    """A value that several people hold.

    Attributes
    ----------
    value_class : str
        household, generic, junk or blocked.
    ref : str
        Names it in a form: the value itself is masked.
    """

    kind: str
    value: str
    value_class: str
    records: int
    persons: int
    ref: str


class Blocked(Struct, frozen=True, kw_only=True):
    """A value that the company itself blocked."""

    kind: str
    value: str
    ref: str
    reason: str
    author: str
    at: datetime


class DayPoint(Struct, frozen=True, kw_only=True):
    """The main figures of one day."""

    day: date
    matched_share: float | None
    people: int
    suggestions: int
    largest: int
    records: int
    groups: GroupFigures | None


class Week(Struct, frozen=True, kw_only=True):
    """Decisions of the week that begins on ``day``, a Monday."""

    day: date
    merged: int = 0
    split: int = 0
    said_same: int = 0
    said_different: int = 0
    undone: int = 0


class Band(Struct, frozen=True, kw_only=True):
    """What stewards made of pairs that were said to be so likely.

    Attributes
    ----------
    low, high : float
        Probability said, from and below.
    asked, confirmed : int
        Verdicts, and those that said "one person".
    is_enough : bool
        Whether there are `FEWEST_VERDICTS`.
    """

    low: float
    high: float
    asked: int
    confirmed: int
    is_enough: bool


class Health(Struct, frozen=True, kw_only=True):
    """All figures; None where nothing was measured yet.

    Attributes
    ----------
    before, groups_before : DayPoint or None
        What they are compared with: a month ago, or the first day that was measured since; of
        groups the first on which they were. None on that day itself.
    """

    measured_at: datetime | None
    records: int
    people: int
    matched: int
    sources: tuple[SourceMatched, ...]
    labels: dict[str, str]
    sizes: tuple[int, ...]
    large: tuple[BigProfile, ...]
    shared: tuple[SharedCount, ...]
    examples: tuple[SharedShown, ...]
    overfull: tuple[Overfull, ...]
    blocked: tuple[Blocked, ...]
    groups: GroupFigures | None
    days: tuple[DayPoint, ...]
    before: DayPoint | None
    groups_before: DayPoint | None
    weeks: tuple[Week, ...]
    bands: tuple[Band, ...]
    counts: Counts


# ── measuring ──────────────────────────────────────────────────────────────────────────────────


def identity_is_due(company: Company) -> bool:
    """Whether there is anything to measure today that was not measured yet."""
    today = company.clock().astimezone(UTC).date()
    with company.ledger.read() as connection:
        newest = connection.execute(
            select(identity_day.c.day, identity_day.c.last_decision)
            .order_by(identity_day.c.day.desc())
            .limit(1)
        ).first()
        last = int(connection.scalar(select(func.max(decision.c.decision_id))) or 0)
    return last > 0 and (newest is None or newest.day < today)


def measure_identity(company: Company) -> IdentityFigures:
    """Measure, and keep the figures as today's."""
    now = company.clock()
    today = now.astimezone(UTC).date()
    c = identity_day.c
    with company.ledger.read() as connection:
        since = connection.scalar(
            select(c.last_decision).where(c.day < today).order_by(c.day.desc()).limit(1)
        )
        figures = measure(connection, since_decision=int(since or 0))
    with company.ledger.write() as connection:
        company.ledger.upsert(
            connection,
            identity_day,
            [
                {
                    "day": today,
                    "measured_at": now,
                    "last_decision": figures.last_decision,
                    "figures": msgspec.to_builtins(figures),
                }
            ],
            ["day"],
            ["measured_at", "last_decision", "figures"],
        )
        connection.execute(identity_day.delete().where(c.day < today - timedelta(days=KEPT_DAYS)))
    return figures


# ── showing ────────────────────────────────────────────────────────────────────────────────────


def identity_health(company: Company, *, reveal: bool = False) -> Health:
    """The figures measured last, with what can be said without a walk through all records."""
    today = company.clock().astimezone(UTC).date()
    c, p = identity_day.c, profile.c
    with company.ledger.read() as connection:
        kept = connection.execute(
            select(identity_day)
            .where(c.day > today - timedelta(days=SHOWN_DAYS + 7))
            .order_by(c.day)
        ).all()
        if not kept:  # measured long ago: still more than nothing
            kept = connection.execute(select(identity_day).order_by(c.day.desc()).limit(1)).all()
        history = [(row, msgspec.convert(row.figures, IdentityFigures)) for row in kept]
        newest = history[-1][1] if history else None
        names = {}
        if newest is not None:
            ids = [each.profile_id for each in newest.largest]
            names = {
                row.profile_id: row.name
                for row in connection.execute(
                    select(p.profile_id, p.name).where(p.profile_id.in_(ids))
                )
            }
        examples = []
        # What is blocked already asks for nothing.
        shared = () if newest is None else newest.examples
        for each in sorted(shared, key=lambda each: each.value_class == "blocked"):
            value = _resolved(connection, each.kind, each.namespace, int(each.atom_id), each.key)
            if value is not None:
                examples.append(
                    SharedShown(
                        kind=each.kind,
                        value=value if reveal else mask(each.kind, value),
                        value_class=each.value_class,
                        records=each.records,
                        persons=each.persons,
                        ref=f"{each.kind}:{each.namespace}:{each.atom_id}:{each.key}",
                    )
                )
        b = blocked_value.c
        blocked = tuple(
            Blocked(
                kind=row.kind,
                value=row.value if reveal else mask(row.kind, row.value),
                ref=f"{row.kind}:{value_key(row.value)}",
                reason=row.reason,
                author=row.author,
                at=row.at,
            )
            for row in connection.execute(
                select(blocked_value).order_by(b.at.desc(), b.kind, b.value).limit(_MOST_BLOCKED)
            )
        )
        bands = tuple(
            _band(connection, low, high)
            for low, high in zip(BANDS, (*BANDS[1:], 1.000001), strict=True)
        )
        labels = source_labels(connection)
        counts = counts_of(connection)
    empty = newest is None
    days = tuple(
        DayPoint(
            day=row.day,
            matched_share=figures.matched / figures.records if figures.records else None,
            people=figures.people,
            suggestions=figures.suggestions,
            largest=figures.largest[0].records if figures.largest else 0,
            records=figures.records,
            groups=figures.groups,
        )
        for row, figures in history
    )
    return Health(
        measured_at=None if empty else kept[-1].measured_at,
        records=0 if newest is None else newest.records,
        people=0 if newest is None else newest.people,
        matched=0 if newest is None else newest.matched,
        sources=() if newest is None else newest.sources,
        labels=labels,
        sizes=() if newest is None else newest.sizes,
        large=()
        if newest is None
        else tuple(
            BigProfile(
                profile_id=each.profile_id, name=names[each.profile_id], records=each.records
            )
            for each in newest.largest
            if each.profile_id in names
        ),
        shared=() if newest is None else newest.shared,
        examples=tuple(examples),
        overfull=() if newest is None else newest.overfull,
        blocked=blocked,
        groups=None if newest is None else newest.groups,
        days=days,
        before=_before(days),
        groups_before=_before([day for day in days if day.groups is not None]),
        weeks=_weeks([each for _, figures in history for each in figures.decided], today),
        bands=bands,
        counts=counts,
    )


def _before(days: Sequence[DayPoint]) -> DayPoint | None:
    """The day with which the newest is compared."""
    if len(days) < 2:
        return None
    month_ago = days[-1].day - timedelta(days=COMPARED_DAYS)
    return next((day for day in reversed(days) if day.day <= month_ago), days[0])


def _weeks(decided: list[Decided], today: date) -> tuple[Week, ...]:
    """The last weeks, also those without a decision."""
    sums: dict[date, Counter[str]] = {}
    for each in decided:
        monday = each.day - timedelta(days=each.day.weekday())
        week = sums.setdefault(monday, Counter())
        for name in ("merged", "split", "said_same", "said_different", "undone"):
            week[name] += getattr(each, name)
    this = today - timedelta(days=today.weekday())
    mondays = [this - timedelta(weeks=n) for n in reversed(range(SHOWN_WEEKS))]
    return tuple(Week(day=monday, **sums.get(monday, Counter())) for monday in mondays)


def _band(connection: Connection, low: float, high: float) -> Band:
    v = review_verdict.c
    here = (
        v.undone.is_(False),
        v.decision_id.is_not(None),
        v.probability >= low,
        v.probability < high,
    )
    asked = int(
        connection.scalar(select(func.count()).select_from(review_verdict).where(*here)) or 0
    )
    confirmed = int(
        connection.scalar(
            select(func.count()).select_from(review_verdict).where(*here, v.same.is_(True))
        )
        or 0
    )
    return Band(
        low=low,
        high=min(high, 1.0),
        asked=asked,
        confirmed=confirmed,
        is_enough=asked >= FEWEST_VERDICTS,
    )


def _resolved(
    connection: Connection, kind: str, namespace: str, atom_id: int, key: str
) -> str | None:
    """The value that a digest names, by one of its holders; None where it is gone."""
    i = identifier.c
    values = connection.scalars(
        select(i.value).where(i.atom_id == atom_id, i.kind == kind, i.namespace == namespace)
    )
    return next((value for value in values if value_key(value) == key), None)


# ── blocking ───────────────────────────────────────────────────────────────────────────────────


class BlockedNow(Struct, frozen=True, kw_only=True):
    """What blocking or unblocking a value changed."""

    kind: str
    split: int
    merged: int
    profiles: int


def block(company: Company, ref: str, *, author: str, reason: str = "") -> BlockedNow:
    """Say that a shared value is nobody's; ``ref`` is that of a `SharedShown`.

    Raises
    ------
    NotFound
        If the value is gone.
    Conflict
        If it is blocked already.
    """
    kind, _, rest = ref.partition(":")
    namespace, _, tail = rest.rpartition(":")
    namespace, _, atom = namespace.rpartition(":")
    with company.ledger.read() as connection:
        value = (
            _resolved(connection, kind, namespace, int(atom), tail)
            if atom.isascii() and atom.isdecimal() and len(atom) <= 19
            else None
        )
    if value is None:
        raise NotFound("No record holds that value any more; look at the list again")
    return block_stated(company, kind, value, author=author, reason=reason)


def block_stated(
    company: Company, kind: str, value: str, *, author: str, reason: str = ""
) -> BlockedNow:
    """Say that a value, given as it is, is nobody's.

    Raises
    ------
    InvalidInput
        If it is empty or too long.
    Conflict
        If it is blocked already.
    """
    if not value.strip() or len(value) > 500 or "\0" in value:
        raise InvalidInput("A value to block has 1 to 500 characters")
    text = tidy_reason(reason)
    now = company.clock()
    b = blocked_value.c
    with company.ledger.write() as connection:
        if connection.execute(select(b.kind).where(b.kind == kind, b.value == value)).first():
            raise Conflict("That value is blocked already")
        done = block_value(
            connection, company.ledger, kind, value, reason=text, author=author, at=now
        )
        STALE_PROFILES.put(connection, done.touched)
        note(
            connection, author, "identity.blocked", f"{kind}:{value_key(value)}",
            {"reason": text}, now,
        )  # fmt: skip
    refresh_profiles(company)
    return BlockedNow(
        kind=kind, split=len(done.split), merged=len(done.merged), profiles=len(done.touched)
    )


def unblock(company: Company, ref: str, *, author: str) -> BlockedNow:
    """Let a value count again; ``ref`` is that of a `Blocked`.

    Raises
    ------
    NotFound
        If it is not blocked.
    """
    kind, _, key = ref.partition(":")
    now = company.clock()
    b = blocked_value.c
    with company.ledger.write() as connection:
        values = connection.scalars(select(b.value).where(b.kind == kind)).all()
        value = next((each for each in values if value_key(each) == key), None)
        if value is None:
            raise NotFound("That value is not blocked any more; look at the list again")
        done = unblock_value(connection, company.ledger, kind, value, at=now)
        STALE_PROFILES.put(connection, done.touched)
        note(connection, author, "identity.unblocked", ref, None, now)
    refresh_profiles(company)
    return BlockedNow(
        kind=kind, split=len(done.split), merged=len(done.merged), profiles=len(done.touched)
    )
